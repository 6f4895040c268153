/* SPDX-License-Identifier: MIT
 *
 * process: the state that a process has once, whatever the number of clients.
 *
 * Initializes libcurl, counts forks, and stops threads before the process
 * exits: exit(3) frees OpenSSL's tables while a running thread still uses
 * them.  It knows no Lua.
 */
#ifndef JOGG_PROCESS_H
#define JOGG_PROCESS_H

#include <stdbool.h>

/* Embedded in an object that must be stopped at exit. */
struct process_exit {
  struct process_exit *next, *previous;
  void (*stop)(struct process_exit *self);
  unsigned generation; /* a forked child does not have its threads */
  bool known;
};

/* Initializes libcurl, once for the process.  False: that failed. */
bool process_init(void);

/* The number of forks between the first process and this one.  getpid would
   cost a system call each time. */
unsigned process_generation(void);

/* Has `stop` called at exit, unless process_forget is called before. */
void process_stop_at_exit(struct process_exit *e);

/* May be called any number of times.  Waits while `stop` runs. */
void process_forget(struct process_exit *e);

#endif
