/* SPDX-License-Identifier: MIT
 *
 * layer0_sigpipe: what is held back, and what must not be.
 */
#define _POSIX_C_SOURCE 200809L
#include "layer0.h"

#include "sigpipe.h"

#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t arrived;

static void on_sigpipe(int number)
{
  (void)number;
  arrived++;
}

/* Writes where nobody reads, while the signal is held. */
static void write_into_nothing(bool needed)
{
  struct sigpipe s;
  int ends[2];

  CHECK(pipe(ends) == 0 && close(ends[0]) == 0);
  sigpipe_hold(&s, needed);
  CHECK(write(ends[1], "x", 1) < 0);
  sigpipe_release(&s);
  CHECK(close(ends[1]) == 0);
}

void sigpipe_held(const char *folder)
{
  struct sigaction action = { .sa_flags = 0 };
  struct sigpipe s;
  sigset_t set, now;

  (void)folder;
  action.sa_handler = on_sigpipe;
  CHECK(sigaction(SIGPIPE, &action, NULL) == 0);
  write_into_nothing(false);
  CHECK(arrived == 1); /* as it would be without us */
  write_into_nothing(true);
  CHECK(arrived == 1 && sigpending(&now) == 0 && !sigismember(&now, SIGPIPE));
  CHECK(raise(SIGPIPE) == 0 && arrived == 2); /* the host's own get through */
  CHECK(sigemptyset(&set) == 0 && sigaddset(&set, SIGPIPE) == 0);
  CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && raise(SIGPIPE) == 0);
  write_into_nothing(true);
  CHECK(sigpending(&now) == 0 && sigismember(&now, SIGPIPE)); /* not ours */
  sigpipe_hold(&s, true);
  sigpipe_release(&s);
  CHECK(sigprocmask(SIG_UNBLOCK, &set, &now) == 0);
  CHECK(sigismember(&now, SIGPIPE) && arrived == 3);
}
