/* SPDX-License-Identifier: MIT
 *
 * thread: see thread.h.
 */
#define _GNU_SOURCE /* SCHED_BATCH */
#include "thread.h"

#include <sched.h>
#include <signal.h>

#define STACK_SIZE (1024 * 1024) /* musl's default is too small for OpenSSL */

/* A host that has a policy of its own keeps it.  Where this fails, nothing is
   lost. */
static void thread_give_way(pthread_t thread)
{
#ifdef SCHED_BATCH
  struct sched_param parameters;
  int policy;

  if (pthread_getschedparam(thread, &policy, &parameters) == 0 &&
      policy == SCHED_OTHER)
    (void)pthread_setschedparam(thread, SCHED_BATCH, &parameters);
#else
  (void)thread;
#endif
}

/* The thread inherits a mask that blocks every signal. */
int thread_start(pthread_t *thread, void *(*run)(void *user), void *user)
{
  pthread_attr_t attributes;
  sigset_t all, old;
  int error = pthread_attr_init(&attributes);

  if (error)
    return error;
  (void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
  (void)sigfillset(&all);
  error = pthread_sigmask(SIG_SETMASK, &all, &old);
  if (!error) {
    error = pthread_create(thread, &attributes, run, user);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
  }
  (void)pthread_attr_destroy(&attributes);
  if (!error)
    thread_give_way(*thread);
  return error;
}
