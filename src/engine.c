/* SPDX-License-Identifier: MIT
 *
 * engine: see engine.h.
 *
 * Two lists of transfers connect the threads, each pushed to by one side and
 * taken whole by the other.  A side is woken only when its list was empty
 * before, so a thousand results cost one system call.
 */
#define _POSIX_C_SOURCE 200809L
#include "engine.h"

#include "bell.h"
#include "clock.h"
#include "process.h"
#include "sigpipe.h"
#include "thread.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#define SLEEP_MS 60000    /* a thread without work still looks around */
#define DOZE_MS 1         /* one that just had some does so soon, then ever */
#define DOZE_MAXIMUM_MS 8 /* later: to wake it can cost a frame 0.2 ms */

struct engine {
  struct loop *loop;  /* the driving thread's, once there is one */
  struct secret *key;
  unsigned generation; /* of processes: see process.h */
  struct process_exit at_exit;
  struct engine *next; /* once it is abandoned */
  bool threaded;
  pthread_t thread;
  struct bell bell;   /* wakes the host */

  /* Shared. */
  _Atomic(struct transfer *) inbox;  /* submitted, newest first */
  _Atomic(struct transfer *) outbox; /* finished, newest first */
  atomic_bool cancelling;            /* some transfer is marked cancelled */
  atomic_bool stopping;
  atomic_bool asleep;                /* only loop_wake wakes the thread */
  atomic_bool watched;               /* the host waits for the bell, */
  atomic_bool waiting;               /* always, or just now */
  _Atomic int64_t alarm_ms;
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

  if (!atomic_load_explicit(list, memory_order_relaxed))
    return NULL;
  for (t = atomic_exchange(list, NULL); t; t = next) {
    next = t->next;
    t->next = oldest;
    oldest = t;
  }
  return oldest;
}

/* ===} */

/* {=== driving: on whichever thread has the loop */

/* Takes over what was submitted, and ends what was cancelled.  True: there was
   something. */
static bool admit(struct engine *e)
{
  struct transfer *t, *next, *first = take(&e->inbox);
  bool cancelling = atomic_exchange(&e->cancelling, false);

  for (t = first; t; t = next) {
    next = t->next;
    loop_add(e->loop, t);
  }
  if (cancelling)
    loop_sweep(e->loop);
  return first || cancelling;
}

/* Nobody has to answer a bell that nobody listens to.  Who begins to listen
   says so first, and then looks.  True: there was something. */
static bool hand_back(struct engine *e)
{
  struct transfer *t;
  bool first = false, some = false;

  while ((t = loop_finished(e->loop))) {
    some = true;
    first |= push(&e->outbox, t);
  }
  if (first && (atomic_load(&e->watched) || atomic_load(&e->waiting)))
    bell_ring(&e->bell);
  return some;
}

/* True: transfers came or went. */
static bool drive(struct engine *e)
{
  bool admitted = admit(e);

  loop_step(e->loop);
  return hand_back(e) || admitted;
}

/* Drives on the host's thread. */
static void drive_inline(struct engine *e)
{
  struct sigpipe held;

  sigpipe_hold(&held, process_guards_sigpipe());
  (void)drive(e);
  sigpipe_release(&held);
}

/* Rings when the alarm's time has come, once for each: the host sets the next
   one.  Until when the thread may sleep then. */
static int64_t alarm_keep(struct engine *e)
{
  int64_t alarm = atomic_load(&e->alarm_ms);

  while (alarm <= clock_ms()) {
    if (atomic_compare_exchange_strong(&e->alarm_ms, &alarm, CLOCK_NEVER)) {
      bell_ring(&e->bell);
      return CLOCK_NEVER;
    }
  }
  return alarm;
}

/* The host wakes who is asleep, and nobody else.  What it did before it could
   know is seen here: each side first says what it does, and then looks. */
static bool sleep_may(struct engine *e, int64_t alarm)
{
  atomic_store(&e->asleep, true);
  return !atomic_load(&e->inbox) && !atomic_load(&e->cancelling) &&
         !atomic_load(&e->stopping) && atomic_load(&e->alarm_ms) >= alarm;
}

static void *drive_until_stopped(void *user)
{
  struct engine *e = user;
  int64_t doze = DOZE_MS;
  bool busy = false, dozes;

  while (!atomic_load(&e->stopping)) {
    bool some = drive(e);
    int64_t alarm = alarm_keep(e);
    int64_t left = alarm - clock_ms();
    int64_t limit = left < SLEEP_MS ? left : SLEEP_MS;
    if (busy || some)
      doze = DOZE_MS;
    else if (doze <= DOZE_MAXIMUM_MS)
      doze *= 2;
    dozes = doze <= DOZE_MAXIMUM_MS && !atomic_load(&e->watched);
    if (dozes && limit > doze)
      limit = doze;
    busy = (dozes || sleep_may(e, alarm)) && loop_wait(e->loop, limit) > 0;
    atomic_store(&e->asleep, false);
  }
  return NULL;
}

/* ===} */

/* {=== birth and death */

struct engine *engine_new(const struct loop_options *options,
                          struct secret *key)
{
  struct engine *e = calloc(1, sizeof *e);

  if (!e)
    return NULL;
  e->generation = process_generation();
  bell_init(&e->bell);
  atomic_init(&e->inbox, NULL);
  atomic_init(&e->outbox, NULL);
  atomic_init(&e->cancelling, false);
  atomic_init(&e->stopping, false);
  atomic_init(&e->asleep, false);
  atomic_init(&e->watched, false);
  atomic_init(&e->waiting, false);
  atomic_init(&e->alarm_ms, CLOCK_NEVER);
  e->loop = loop_new(options);
  if (!e->loop) {
    free(e);
    return NULL;
  }
  e->key = key;
  return e;
}

/* What a child must not touch stays within its reach: nobody who looks for
   memory that is lost shall find it. */
static void abandon(struct engine *e)
{
  static _Atomic(struct engine *) abandoned;

  e->next = atomic_load(&abandoned);
  while (!atomic_compare_exchange_weak(&abandoned, &e->next, e))
    continue;
}

bool engine_is_forked(const struct engine *e)
{
  return e->generation != process_generation();
}

static void thread_stop(struct engine *e)
{
  if (!e->threaded)
    return;
  atomic_store(&e->stopping, true);
  loop_wake(e->loop);
  (void)pthread_join(e->thread, NULL);
  e->threaded = false;
}

/* What remains of the process drives the loop inline, if anything does. */
static void stop_at_exit(struct process_exit *at_exit)
{
  thread_stop((struct engine *)(void *)((char *)at_exit -
                                        offsetof(struct engine, at_exit)));
}

void engine_free(struct engine *e,
                 void (*collect)(struct transfer *t, void *user), void *user)
{
  struct transfer *t, *next;
  struct sigpipe held;

  if (!e)
    return;
  if (engine_is_forked(e)) {
    abandon(e); /* sockets, thread and TLS sessions are the parent's */
    return;
  }
  process_forget(&e->at_exit);
  thread_stop(e);
  sigpipe_hold(&held, process_guards_sigpipe()); /* TLS says goodbye */
  for (t = take(&e->inbox); t; t = next) {
    next = t->next;
    transfer_abort(t, END_CLOSED);
    (void)push(&e->outbox, t);
  }
  loop_stop(e->loop);
  while ((t = loop_finished(e->loop)))
    (void)push(&e->outbox, t);
  for (t = take(&e->outbox); t; t = next) {
    next = t->next;
    collect(t, user);
  }
  loop_free(e->loop);
  sigpipe_release(&held);
  bell_close(&e->bell);
  secret_free(e->key); /* after the last connection that might use it */
  free(e);
}

/* ===} */

/* {=== the host's side */

/* Unless it will look by itself in a moment. */
static void thread_wake(struct engine *e)
{
  if (atomic_load(&e->asleep))
    loop_wake(e->loop);
}

void engine_submit(struct engine *e, struct transfer *t)
{
  if (push(&e->inbox, t) && e->threaded)
    thread_wake(e);
}

void engine_cancel(struct engine *e, struct transfer *t)
{
  struct sigpipe held;
  bool first;

  if (engine_is_forked(e))
    return; /* its transfers run in the parent, and stay there */
  atomic_store(&t->cancelled, true);
  first = !atomic_exchange(&e->cancelling, true);
  if (!e->threaded && t->easy) { /* nobody else would hang up in time */
    sigpipe_hold(&held, process_guards_sigpipe());
    admit(e);
    sigpipe_release(&held);
    hand_back(e);
  } else if (e->threaded && first) {
    thread_wake(e);
  }
}

struct transfer *engine_collect(struct engine *e)
{
  bell_clear(&e->bell); /* before the list is taken */
  return take(&e->outbox);
}

/* False: a signal came. */
static bool thread_wait(struct engine *e, int milliseconds)
{
  struct pollfd bell = { .fd = e->bell.fd[0], .events = POLLIN };
  bool quiet = true;

  atomic_store(&e->waiting, true);
  if (!atomic_load(&e->outbox)) {
    if (milliseconds > 0 &&
        (atomic_load(&e->inbox) || atomic_load(&e->cancelling)))
      loop_wake(e->loop); /* who waits has the time to wake who dozes */
    quiet = poll(&bell, 1, milliseconds) >= 0 || errno != EINTR;
  }
  atomic_store(&e->waiting, false);
  return quiet;
}

bool engine_wait(struct engine *e, int64_t milliseconds)
{
  if (e->threaded)
    return thread_wait(e, milliseconds < INT32_MAX ? (int)milliseconds
                                                   : INT32_MAX);
  drive_inline(e);
  if (atomic_load(&e->outbox) || milliseconds <= 0)
    return true;
  if (loop_wait(e->loop, milliseconds) < 0)
    return false;
  drive_inline(e);
  return true;
}

int engine_start(struct engine *e)
{
  int error;

  if (e->threaded)
    return 0;
  error = bell_open(&e->bell);
  if (!error)
    error = thread_start(&e->thread, drive_until_stopped, e);
  if (!error) {
    e->threaded = true;
    e->at_exit.stop = stop_at_exit;
    process_stop_at_exit(&e->at_exit);
  }
  return error;
}

bool engine_is_threaded(const struct engine *e)
{
  return e->threaded;
}

int engine_descriptor(struct engine *e, int *error)
{
  *error = engine_start(e);
  if (*error)
    return -1;
  atomic_store(&e->watched, true);
  loop_wake(e->loop); /* from now on it does not doze */
  if (atomic_load(&e->outbox))
    bell_ring(&e->bell); /* it came when nobody listened */
  return e->bell.fd[0];
}

void engine_set_alarm(struct engine *e, int64_t alarm_ms)
{
  bool due = alarm_ms != CLOCK_NEVER && alarm_ms <= clock_ms();
  int64_t before = atomic_exchange(&e->alarm_ms, due ? CLOCK_NEVER : alarm_ms);

  if (due)
    bell_ring(&e->bell);
  else if (alarm_ms < before && e->threaded)
    thread_wake(e); /* it would come too late */
}

/* ===} */
