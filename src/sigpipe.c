/* SPDX-License-Identifier: MIT
 *
 * sigpipe: see sigpipe.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "sigpipe.h"

#include <pthread.h>

static bool is_pending(void)
{
  sigset_t pending;

  return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

static void sigpipe_set(sigset_t *set)
{
  (void)sigemptyset(set);
  (void)sigaddset(set, SIGPIPE);
}

void sigpipe_hold(struct sigpipe *s, bool needed)
{
  sigset_t set;

  s->held = false;
  if (!needed)
    return;
  sigpipe_set(&set);
  s->foreign = is_pending();
  s->held = pthread_sigmask(SIG_BLOCK, &set, &s->before) == 0;
}

void sigpipe_release(const struct sigpipe *s)
{
  sigset_t set;
  int number;

  if (!s->held)
    return;
  sigpipe_set(&set);
  if (!s->foreign && is_pending())
    (void)sigwait(&set, &number);
  (void)pthread_sigmask(SIG_SETMASK, &s->before, NULL);
}
