/* SPDX-License-Identifier: MIT
 *
 * signals: see signals.h.
 */
#define _GNU_SOURCE /* SCHED_BATCH */
#include "signals.h"

#include <sched.h>
#include <time.h>

#define STACK_SIZE (1024 * 1024) /* musl's default is too small for OpenSSL */

/* {=== holding */

static int block_all(sigset_t *before)
{
  sigset_t all;

  (void)sigfillset(&all);
  return pthread_sigmask(SIG_SETMASK, &all, before);
}

void signals_hold(struct signals *s)
{
  sigset_t pending;

  s->held = block_all(&s->before) == 0;
  (void)sigemptyset(&pending);
  (void)sigpending(&pending);
  s->pipe_was_pending = sigismember(&pending, SIGPIPE) == 1;
  s->size_was_pending = sigismember(&pending, SIGXFSZ) == 1;
}

/* Removes a pending signal; does not wait for one. */
static void discard(int number)
{
  sigset_t set;

  (void)sigemptyset(&set);
  (void)sigaddset(&set, number);
#ifdef __APPLE__ /* has no sigtimedwait */
  (void)sigwait(&set, &number);
#else
  (void)sigtimedwait(&set, NULL, &(struct timespec){ .tv_sec = 0 });
#endif
}

void signals_release(const struct signals *s)
{
  sigset_t pending;

  if (!s->held)
    return;
  if (sigpending(&pending) == 0) {
    if (!s->pipe_was_pending && sigismember(&pending, SIGPIPE) == 1)
      discard(SIGPIPE);
    if (!s->size_was_pending && sigismember(&pending, SIGXFSZ) == 1)
      discard(SIGXFSZ);
  }
  (void)pthread_sigmask(SIG_SETMASK, &s->before, NULL);
}

/* ===} */

/* {=== threads */

/* A failure costs nothing but the preemptions. */
static void make_batch(pthread_t thread)
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

/* The new thread inherits the mask that is set here. */
int thread_start(pthread_t *thread, void *(*run)(void *user), void *user)
{
  pthread_attr_t attributes;
  sigset_t before;
  int error = pthread_attr_init(&attributes);

  if (error)
    return error;
  (void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
  error = block_all(&before);
  if (!error) {
    error = pthread_create(thread, &attributes, run, user);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  }
  (void)pthread_attr_destroy(&attributes);
  if (!error)
    make_batch(*thread);
  return error;
}

/* ===} */
