/* SPDX-License-Identifier: MIT
 *
 * process: what there is once in a process, whatever the number of clients.
 *
 * Initializes libcurl, counts forks, and stops threads before the process
 * exits: exit(3) frees OpenSSL's tables while a running thread still uses
 * them.  It knows no Lua.
 */
#ifndef JOGG_PROCESS_H
#define JOGG_PROCESS_H

#include <stdbool.h>

/* Something to be stopped at exit; part of what it stops. */
struct process_exit {
  struct process_exit *next, *previous;
  void (*stop)(struct process_exit *self);
  unsigned generation; /* a forked child does not have its threads */
  bool known;
};

/* Initializes libcurl, once for the process.  False: that failed. */
bool process_init(void);

/* How many forks there are between this process and the first one.  getpid
   would cost each call a system call. */
unsigned process_generation(void);

/* Has it stopped at exit, until it is forgotten. */
void process_stop_at_exit(struct process_exit *e);

/* May be called any number of times.  Waits while it is being stopped. */
void process_forget(struct process_exit *e);

#endif
