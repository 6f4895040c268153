/* SPDX-License-Identifier: MIT
 *
 * io_thread: see io_thread.h.
 *
 * Two lists of transfers connect the threads, each pushed to by one side and
 * taken whole by the other.  A side is woken only when its list was empty
 * before, so a thousand results cost one system call.
 */
#define _POSIX_C_SOURCE 200809L
#include "io_thread.h"

#include "clock.h"
#include "disk_work.h"
#include "process.h"
#include "signals.h"
#include "waker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#define SLEEP_MAXIMUM_MS 60000

struct io_thread {
  struct loop *loop;   /* the driving thread's, once there is one */
  struct secret *key;
  unsigned generation; /* of processes: see process.h */
  struct process_exit at_exit;
  struct io_thread *next; /* once it is abandoned */
  bool started;
  pthread_t thread;
  struct waker host;   /* wakes the host, */
  struct waker driver; /* and the thread */

  /* Shared. */
  _Atomic(struct transfer *) submissions; /* newest first */
  _Atomic(struct transfer *) completions; /* newest first */
  atomic_bool cancelling;                 /* some transfer is cancelled */
  atomic_bool stopping;
  _Atomic int64_t wake_ms;
};

/* {=== lists */

/* Adds to a list.  True: it was empty. */
static bool push(_Atomic(struct transfer *) *list, struct transfer *t)
{
  struct transfer *head = atomic_load_explicit(list, memory_order_relaxed);

  do {
    t->next = head;
  } while (!atomic_compare_exchange_weak(list, &head, t));
  return head == NULL;
}

/* Takes a list whole, oldest first. */
static struct transfer *take(_Atomic(struct transfer *) *list)
{
  struct transfer *t, *next, *oldest = NULL;

  if (!atomic_load(list)) /* not earlier than what the caller stored before */
    return NULL;
  for (t = atomic_exchange(list, NULL); t; t = next) {
    next = t->next;
    t->next = oldest;
    oldest = t;
  }
  return oldest;
}

/* ===} */

/* {=== driving: by whichever thread has the loop */

/* Takes over the submitted transfers, and ends the cancelled ones. */
static void admit(struct io_thread *io)
{
  struct transfer *t, *next;

  for (t = take(&io->submissions); t; t = next) {
    next = t->next;
    loop_add(io->loop, t);
  }
  if (atomic_exchange(&io->cancelling, false))
    loop_sweep(io->loop);
  loop_admit(io->loop);
}

static void hand_back(struct io_thread *io)
{
  struct transfer *t;
  bool was_empty = false;

  while ((t = loop_completed(io->loop)))
    was_empty |= push(&io->completions, t);
  if (was_empty)
    waker_wake(&io->host);
}

static void drive(struct io_thread *io)
{
  admit(io);
  loop_step(io->loop);
  hand_back(io);
}

/* Drives the loop on the host's thread, whose signals are held meanwhile:
   threads that libcurl starts inherit the mask, and a SIGPIPE or SIGXFSZ that
   libcurl or the disk raises does not end the process. */
static void drive_inline(struct io_thread *io)
{
  struct signals held;

  signals_hold(&held);
  drive(io);
  signals_release(&held);
}

/* Wakes the host when the wake time has come, once: the host sets the next
   one.  How long the thread may sleep then. */
static int64_t host_wake(struct io_thread *io)
{
  int64_t now = clock_ms(), wake = atomic_load(&io->wake_ms);

  while (wake <= now) {
    if (atomic_compare_exchange_strong(&io->wake_ms, &wake, CLOCK_NEVER)) {
      waker_wake(&io->host);
      return SLEEP_MAXIMUM_MS;
    }
  }
  return wake - now < SLEEP_MAXIMUM_MS ? wake - now : SLEEP_MAXIMUM_MS;
}

static void *run(void *user)
{
  struct io_thread *io = user;

  while (!atomic_load(&io->stopping)) {
    drive(io);
    (void)loop_wait(io->loop, &io->driver, host_wake(io));
    waker_clear(&io->driver);
  }
  return NULL;
}

/* ===} */

/* {=== birth and death */

struct io_thread *io_thread_new(const struct loop_options *options,
                                struct secret *key)
{
  struct io_thread *io = calloc(1, sizeof *io);

  if (!io)
    return NULL;
  io->generation = process_generation();
  waker_init(&io->host);
  waker_init(&io->driver);
  atomic_init(&io->submissions, NULL);
  atomic_init(&io->completions, NULL);
  atomic_init(&io->cancelling, false);
  atomic_init(&io->stopping, false);
  atomic_init(&io->wake_ms, CLOCK_NEVER);
  io->loop = loop_new(options);
  if (!io->loop) {
    free(io);
    return NULL;
  }
  io->key = key;
  return io;
}

/* Keeps an object that a forked child must not touch reachable, so that leak
   checkers do not report it. */
static void abandon(struct io_thread *io)
{
  static _Atomic(struct io_thread *) abandoned;

  io->next = atomic_load(&abandoned);
  while (!atomic_compare_exchange_weak(&abandoned, &io->next, io))
    continue;
}

bool io_thread_is_forked(const struct io_thread *io)
{
  return io->generation != process_generation();
}

static void stop(struct io_thread *io)
{
  if (!io->started)
    return;
  atomic_store(&io->stopping, true);
  waker_wake(&io->driver);
  (void)pthread_join(io->thread, NULL);
  io->started = false;
}

/* If the process does anything after that, it drives the loop inline. */
static void stop_at_exit(struct process_exit *at_exit)
{
  stop((struct io_thread *)(void *)((char *)at_exit -
                                    offsetof(struct io_thread, at_exit)));
}

void io_thread_free(struct io_thread *io, void (*collect)(struct transfer *t))
{
  struct transfer *t, *next;
  struct signals held;

  if (!io)
    return;
  if (io_thread_is_forked(io)) {
    abandon(io); /* sockets, thread and TLS sessions are the parent's */
    return;
  }
  process_forget(&io->at_exit);
  stop(io);
  signals_hold(&held); /* TLS says goodbye */
  for (t = take(&io->submissions); t; t = next) {
    next = t->next;
    if (t->certain)
      disk_work_do(t);
    else
      t->failure = FAILURE_CLOSED;
    transfer_release(t);
    (void)push(&io->completions, t);
  }
  loop_stop(io->loop);
  hand_back(io);
  loop_free(io->loop);
  signals_release(&held);
  for (t = take(&io->completions); t; t = next) {
    next = t->next;
    collect(t);
  }
  waker_close(&io->host);
  waker_close(&io->driver);
  secret_free(io->key); /* after the last connection that might use it */
  free(io);
}

/* ===} */

/* {=== the host's side */

void io_thread_submit(struct io_thread *io, struct transfer *t)
{
  if (push(&io->submissions, t))
    waker_wake(&io->driver);
}

void io_thread_cancel(struct io_thread *io, struct transfer *t)
{
  struct signals held;

  if (io_thread_is_forked(io))
    return; /* its transfers run in the parent, and stay there */
  atomic_store(&t->cancelled, true);
  atomic_store(&io->cancelling, true);
  if (io->started) {
    waker_wake(&io->driver);
  } else if (t->easy) { /* hang up now: the host may not wait for long */
    signals_hold(&held);
    admit(io);
    hand_back(io);
    signals_release(&held);
  }
}

struct transfer *io_thread_collect(struct io_thread *io)
{
  waker_clear(&io->host); /* before the list is taken */
  return take(&io->completions);
}

/* False: a signal came. */
static bool wait_for_thread(struct io_thread *io, int64_t milliseconds)
{
  struct pollfd host = { .fd = io->host.fd[0], .events = POLLIN };
  int timeout = milliseconds < INT32_MAX ? (int)milliseconds : INT32_MAX;

  return atomic_load(&io->completions) || poll(&host, 1, timeout) >= 0 ||
         errno != EINTR;
}

bool io_thread_wait(struct io_thread *io, int64_t milliseconds)
{
  if (io->started)
    return wait_for_thread(io, milliseconds);
  drive_inline(io);
  if (atomic_load(&io->completions) || milliseconds <= 0)
    return true;
  if (!loop_wait(io->loop, NULL, milliseconds))
    return false;
  drive_inline(io);
  return true;
}

int io_thread_start(struct io_thread *io)
{
  int error;

  if (io->started)
    return 0;
  error = waker_open(&io->host);
  if (!error)
    error = waker_open(&io->driver);
  if (!error)
    error = thread_start(&io->thread, run, io);
  if (error)
    return error == EAGAIN ? ENOMEM : error; /* the system has no thread */
  io->started = true;
  io->at_exit.stop = stop_at_exit;
  process_stop_at_exit(&io->at_exit);
  if (atomic_load(&io->completions))
    waker_wake(&io->host); /* they came before there was a descriptor */
  return 0;
}

bool io_thread_is_started(const struct io_thread *io)
{
  return io->started;
}

int io_thread_descriptor(const struct io_thread *io)
{
  return io->host.fd[0];
}

void io_thread_wake_at(struct io_thread *io, int64_t wake_ms)
{
  bool due = wake_ms != CLOCK_NEVER && wake_ms <= clock_ms();
  int64_t before = atomic_exchange(&io->wake_ms, due ? CLOCK_NEVER : wake_ms);

  if (due)
    waker_wake(&io->host);
  else if (wake_ms < before)
    waker_wake(&io->driver); /* it would sleep for too long */
}

/* ===} */
