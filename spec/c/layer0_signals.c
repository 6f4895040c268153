/* SPDX-License-Identifier: MIT
 *
 * layer0_signals: which signals are held, and which must not be.
 */
#define _GNU_SOURCE
#include "layer0.h"

#include "signals.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t arrived;

static void on_signal(int number)
{
  (void)number;
  arrived++;
}

static void handle(int number)
{
  struct sigaction action = { .sa_flags = 0 };

  action.sa_handler = on_signal;
  CHECK(sigaction(number, &action, NULL) == 0);
}

/* Raises SIGPIPE by a write while the signals are held. */
static void write_to_closed_pipe(void)
{
  struct signals s;
  int ends[2];

  CHECK(pipe(ends) == 0 && close(ends[0]) == 0);
  signals_hold(&s);
  CHECK(write(ends[1], "x", 1) < 0 && errno == EPIPE);
  signals_release(&s);
  CHECK(close(ends[1]) == 0);
}

/* Raises SIGXFSZ the same way. */
static void write_too_much(const char *folder)
{
  struct rlimit limit, none;
  struct signals s;
  FILE *file = fopen(in(folder, "x"), "wb");

  CHECK(file && getrlimit(RLIMIT_FSIZE, &limit) == 0);
  none = limit;
  none.rlim_cur = 0;
  CHECK(setrlimit(RLIMIT_FSIZE, &none) == 0);
  signals_hold(&s);
  CHECK(write(fileno(file), "x", 1) < 0 && errno == EFBIG);
  signals_release(&s);
  CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0 && fclose(file) == 0);
}

static bool is_pending(int number)
{
  sigset_t now;

  CHECK(sigpending(&now) == 0);
  return sigismember(&now, number) == 1;
}

static bool is_blocked(int number)
{
  sigset_t now;

  CHECK(pthread_sigmask(SIG_BLOCK, NULL, &now) == 0);
  return sigismember(&now, number) == 1;
}

/* One of the two: ours is discarded, the host's is delivered. */
static void held(int number, const char *folder)
{
  sigset_t set, before;
  int i;

  handle(number);
  arrived = 0;
  for (i = 0; i < 2; i++) {
    if (number == SIGPIPE)
      write_to_closed_pipe();
    else
      write_too_much(folder);
    CHECK(arrived == 0 && !is_pending(number) && !is_blocked(number));
  }
  CHECK(raise(number) == 0 && arrived == 1);
  CHECK(sigemptyset(&set) == 0 && sigaddset(&set, number) == 0);
  CHECK(sigprocmask(SIG_BLOCK, &set, &before) == 0 && raise(number) == 0);
  write_to_closed_pipe();
  write_too_much(folder);
  CHECK(is_pending(number) && is_blocked(number) && arrived == 1);
  CHECK(sigprocmask(SIG_SETMASK, &before, NULL) == 0 && arrived == 2);
}

void signals_held(const char *folder)
{
  struct signals s;

  held(SIGPIPE, folder);
  held(SIGXFSZ, folder);
  handle(SIGINT);
  arrived = 0;
  signals_hold(&s);
  CHECK(is_blocked(SIGINT) && is_blocked(SIGCHLD) && is_blocked(SIGALRM));
  CHECK(raise(SIGINT) == 0 && arrived == 0);
  signals_release(&s); /* any other signal comes late, and is not lost */
  CHECK(arrived == 1 && !is_blocked(SIGINT) && !is_blocked(SIGCHLD));
}

/* Waits until it has its policy, which it gets after its start. */
static void *look(void *user)
{
  static const struct timespec pause = { 0, 1000000 };
  struct sched_param parameters;
  int *policy = user, i;

  CHECK(is_blocked(SIGINT) && is_blocked(SIGTERM) && is_blocked(SIGPROF));
  CHECK(is_blocked(SIGPIPE) && is_blocked(SIGXFSZ));
  for (i = 0; i < 10000 && *policy != SCHED_BATCH; i++) {
    (void)nanosleep(&pause, NULL);
    CHECK(pthread_getschedparam(pthread_self(), policy, &parameters) == 0);
  }
  return policy;
}

/* A thread of ours has no signals; the one that starts it keeps its own. */
void signals_threads(const char *folder)
{
  int i, policy;
  pthread_t thread;
  void *result;

  (void)folder;
  for (i = 0; i < 20; i++) {
    policy = SCHED_OTHER;
    CHECK(thread_start(&thread, look, &policy) == 0);
    CHECK(!is_blocked(SIGINT) && !is_blocked(SIGPIPE));
    CHECK(pthread_join(thread, &result) == 0 && result == &policy);
    CHECK(policy == SCHED_BATCH);
  }
}
