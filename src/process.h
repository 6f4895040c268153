/* SPDX-License-Identifier: MIT
 *
 * process: what there is once in a process, whatever the number of clients.
 *
 * Initializes libcurl, counts forks, and stops threads before the process
 * exits: exit(3) takes OpenSSL's tables away under a thread that still uses
 * them.  It knows no Lua.
 */
#ifndef JOGG_PROCESS_H
#define JOGG_PROCESS_H

#include <stdbool.h>

/* Something to be stopped at exit; part of what it stops. */
struct process_exit {
  struct process_exit *next, *previous;
  void (*stop)(struct process_exit *self);
  unsigned generation; /* a forked child has not got its threads */
  bool known;
};

/* libcurl, once for the process.  False: it could not be initialized. */
bool process_init(void);

/* How many forks there are between this process and the first one.  Asking
   the system who we are would cost each call of ours a system call. */
unsigned process_generation(void);

/* Does libcurl leave SIGPIPE to us?  See sigpipe.h. */
bool process_guards_sigpipe(void);

/* Has it stopped at exit, until it is forgotten. */
void process_stop_at_exit(struct process_exit *e);

/* May be called any number of times.  Waits if it is just being stopped. */
void process_forget(struct process_exit *e);

#endif
