/* SPDX-License-Identifier: MIT
 *
 * signals: keeps the host's signals and the core's work apart.
 *
 * A write can raise two signals that end a process which does not expect
 * them: SIGPIPE, when the peer has closed the connection, and SIGXFSZ, when
 * the file would exceed the process's limit (ulimit -f).  While signals are
 * held, such a write fails with EPIPE or EFBIG instead.  All other signals are
 * held as well: they stay pending, and threads that libcurl starts meanwhile
 * inherit the mask and never run a handler of the host.  It knows neither Lua
 * nor libcurl.
 */
#ifndef JOGG_SIGNALS_H
#define JOGG_SIGNALS_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

struct signals {
  bool held;
  bool pipe_was_pending; /* SIGPIPE was pending before: it is the host's */
  bool size_was_pending; /* so was SIGXFSZ */
  sigset_t before;       /* the thread's mask */
};

/* Blocks all signals for the calling thread. */
void signals_hold(struct signals *s);

/* Discards a SIGPIPE or SIGXFSZ that was raised since signals_hold and
   restores the mask. */
void signals_release(const struct signals *s);

/* Starts a thread, to be joined or detached, whose signals are held for its
   whole life.  On Linux it has the policy SCHED_BATCH, unless the host chose
   one: waking it never preempts the waker.  0, or an errno. */
int thread_start(pthread_t *thread, void *(*run)(void *user), void *user);

#endif
