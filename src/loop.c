/* SPDX-License-Identifier: MIT
 *
 * loop: see loop.h.
 *
 * Order at the end, after curl_multi_cleanup(3): read the result, remove the
 * easy handle, clean the easy handles, clean the multi handle, then the share.
 */
#include "loop.h"

#include "agenda.h"
#include "clock.h"
#include "handle.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#define HANDLES_KEPT 64   /* idle ones; 6 KB each */
#define BREATH_MS 10      /* between tries while there is no memory */

/* First in, first out; linked by `next`. */
struct queue {
  struct transfer *first, *last;
};

struct loop {
  CURLM *multi;
  struct handle_defaults defaults;
  struct handle *idle;
  int idle_count;
  struct handle *running;
  int places;                    /* left */
  struct agenda agenda;          /* whose time has not come yet */
  struct queue line;             /* who waits for a place */
  struct queue finished;
  bool failing;                  /* the last step had no memory */
  uint64_t steps;
  int64_t stall_ms;              /* when to look for stalls, in clock_ms */
};

/* {=== birth and death */

static bool loop_open(struct loop *loop, const struct loop_options *o)
{
  loop->multi = curl_multi_init();
  /* without descriptors it comes without the pipe that wakes a waiting
     thread: better no loop than one that is deaf */
  return handle_defaults_init(&loop->defaults, o->base, o->key_header,
                              o->user_agent, o->ca_file, o->ca_path) &&
         loop->multi && curl_multi_wakeup(loop->multi) == CURLM_OK &&
         curl_multi_setopt(loop->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                           o->connections) == CURLM_OK &&
         curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS,
                           o->connections) == CURLM_OK;
}

struct loop *loop_new(const struct loop_options *options)
{
  struct loop *loop = calloc(1, sizeof *loop);

  if (!loop)
    return NULL;
  loop->stall_ms = CLOCK_NEVER;
  loop->places = options->places;
  if (!loop_open(loop, options)) {
    loop_free(loop);
    return NULL;
  }
  return loop;
}

void loop_free(struct loop *loop)
{
  struct handle *h;

  if (!loop)
    return;
  while ((h = loop->idle)) {
    loop->idle = h->next;
    handle_free(h);
  }
  if (loop->multi)
    (void)curl_multi_cleanup(loop->multi);
  handle_defaults_free(&loop->defaults);
  agenda_free(&loop->agenda);
  free(loop);
}

/* ===} */

/* {=== transfers that do not run */

static void queue_add(struct queue *q, struct transfer *t)
{
  t->next = NULL;
  if (q->last)
    q->last->next = t;
  else
    q->first = t;
  q->last = t;
}

static struct transfer *queue_take(struct queue *q)
{
  struct transfer *t = q->first;

  if (t) {
    q->first = t->next;
    if (!q->first)
      q->last = NULL;
    t->next = NULL;
  }
  return t;
}

struct transfer *loop_finished(struct loop *loop)
{
  return queue_take(&loop->finished);
}

/* Ends a transfer that has no handle. */
static void loop_end(struct loop *loop, struct transfer *t,
                     enum transfer_end end)
{
  transfer_abort(t, end);
  queue_add(&loop->finished, t);
}

/* ===} */

/* {=== running transfers */

static struct handle *handle_take(struct loop *loop)
{
  struct handle *h = loop->idle;

  if (!h)
    return handle_new(&loop->defaults);
  loop->idle = h->next;
  loop->idle_count--;
  return h;
}

static void handle_give_back(struct loop *loop, struct handle *h)
{
  h->transfer = NULL;
  if (loop->idle_count >= HANDLES_KEPT) {
    handle_free(h);
    return;
  }
  h->next = loop->idle;
  loop->idle = h;
  loop->idle_count++;
}

/* Takes a handle whose result was read, or never will be, out of the multi
   handle.  Its transfer is the caller's. */
static struct transfer *handle_stop(struct loop *loop, struct handle *h)
{
  struct transfer *t = h->transfer;

  (void)curl_multi_remove_handle(loop->multi, h->easy);
  if (h->previous)
    h->previous->next = h->next;
  else
    loop->running = h->next;
  if (h->next)
    h->next->previous = h->previous;
  if (!t->beside)
    loop->places++;
  t->easy = NULL;
  handle_give_back(loop, h);
  return t;
}

static void handle_abort(struct loop *loop, struct handle *h,
                         enum transfer_end end)
{
  if (h->added_step == loop->steps)
    h->transfer->easy = NULL; /* what it knows is of its last use */
  transfer_abort(h->transfer, end);
  queue_add(&loop->finished, handle_stop(loop, h));
}

/* Begins a transfer, or ends it at once. */
static void loop_begin(struct loop *loop, struct transfer *t)
{
  enum transfer_end end = END_CANCELLED;
  struct handle *h;

  atomic_store(&t->begun, true); /* first this, see transfer_has_begun */
  if (!atomic_load(&t->cancelled))
    end = transfer_begin(t);
  if (end != END_NONE) {
    loop_end(loop, t, end);
    return;
  }
  h = handle_take(loop);
  if (!h || !handle_prepare(h, &loop->defaults, t) ||
      curl_multi_add_handle(loop->multi, h->easy) != CURLM_OK) {
    handle_free(h); /* its settings are in doubt */
    loop_end(loop, t, END_MEMORY);
    return;
  }
  t->easy = h->easy;
  t->touched_ms = clock_ms();
  h->transfer = t;
  h->added_step = loop->steps;
  h->previous = NULL;
  h->next = loop->running;
  if (h->next)
    h->next->previous = h;
  loop->running = h;
  if (!t->beside)
    loop->places--;
}

/* Begins those in line, while there are places. */
static void loop_admit(struct loop *loop)
{
  while (loop->line.first && loop->places > 0)
    loop_begin(loop, queue_take(&loop->line));
}

/* Its time has come. */
static void loop_enter(struct loop *loop, struct transfer *t)
{
  if (t->beside || t->work != TRANSFER_EXCHANGE)
    loop_begin(loop, t);
  else
    queue_add(&loop->line, t);
}

static void loop_postpone(struct loop *loop, struct transfer *t)
{
  atomic_store(&t->begun, false);
  if (atomic_load(&t->cancelled))
    loop_end(loop, t, END_CANCELLED);
  else if (!agenda_add(&loop->agenda, t))
    loop_end(loop, t, END_MEMORY);
}

void loop_add(struct loop *loop, struct transfer *t)
{
  if (t->schedule.due_ms > clock_ms()) {
    loop_postpone(loop, t);
    return;
  }
  loop_enter(loop, t);
  loop_admit(loop);
}

static void line_sweep(struct loop *loop)
{
  struct queue line = loop->line;
  struct transfer *t;

  loop->line = (struct queue){ NULL, NULL };
  while ((t = queue_take(&line))) {
    if (atomic_load(&t->cancelled))
      loop_end(loop, t, END_CANCELLED);
    else
      queue_add(&loop->line, t);
  }
}

void loop_sweep(struct loop *loop)
{
  struct handle *h, *next;
  struct transfer *t, *after;

  line_sweep(loop);
  for (t = agenda_sweep(&loop->agenda); t; t = after) {
    after = t->next;
    loop_end(loop, t, END_CANCELLED);
  }
  for (h = loop->running; h; h = next) {
    next = h->next;
    if (atomic_load(&h->transfer->cancelled))
      handle_abort(loop, h, END_CANCELLED);
  }
  loop_admit(loop);
}

/* Ends the transfers that were silent for too long at `now`, after what had
   come by then was read: the disk may have held us up meanwhile. */
static void loop_stalls(struct loop *loop, int64_t now)
{
  struct handle *h, *next;

  loop->stall_ms = CLOCK_NEVER;
  for (h = loop->running; h; h = next) {
    int64_t deadline = transfer_stall_ms(h->transfer, now);
    next = h->next;
    if (deadline <= now)
      handle_abort(loop, h, END_STALL_TIMEOUT);
    else if (deadline < loop->stall_ms)
      loop->stall_ms = deadline;
  }
}

/* Without transfers as well: connections that are being shut down are served
   in newer versions of libcurl, and keep curl_multi_poll awake till then. */
void loop_step(struct loop *loop)
{
  int64_t now = clock_ms();
  int running, queued;
  CURLMsg *message;
  struct transfer *t;

  loop->steps++;
  /* what goes wrong with one transfer is in its message, not here */
  loop->failing = curl_multi_perform(loop->multi, &running) != CURLM_OK;
  while ((message = curl_multi_info_read(loop->multi, &queued))) {
    struct handle *h = NULL;
    char *private = NULL;
    if (message->msg != CURLMSG_DONE)
      continue;
    (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
    h = (struct handle *)(void *)private;
    /* the message dies with the removal: curl_multi_info_read(3) */
    transfer_conclude(h->transfer, message->data.result, h->error);
    t = handle_stop(loop, h);
    if (transfer_repeats(t))
      loop_postpone(loop, t);
    else
      queue_add(&loop->finished, t);
  }
  loop_stalls(loop, now);
  while (agenda_due(&loop->agenda) <= now)
    loop_enter(loop, agenda_take(&loop->agenda));
  loop_admit(loop);
}

int loop_wait(struct loop *loop, int64_t milliseconds)
{
  int64_t due = agenda_due(&loop->agenda);
  int64_t left = (due < loop->stall_ms ? due : loop->stall_ms) - clock_ms();
  int descriptors = 0;

  if (left < milliseconds)
    milliseconds = left;
  if (milliseconds < 0)
    milliseconds = 0; /* poll(2) would wait for ever */
  if (milliseconds > INT32_MAX)
    milliseconds = INT32_MAX;
  errno = 0;
  if (curl_multi_poll(loop->multi, NULL, 0, (int)milliseconds,
                      &descriptors) != CURLM_OK || loop->failing) {
    (void)poll(NULL, 0, milliseconds < BREATH_MS ? (int)milliseconds
                                                 : BREATH_MS);
  }
  return errno == EINTR ? -1 : descriptors;
}

void loop_wake(struct loop *loop)
{
  (void)curl_multi_wakeup(loop->multi); /* a full pipe will wake it as well */
}

void loop_stop(struct loop *loop)
{
  struct handle *h, *next;
  struct transfer *t;

  for (h = loop->running; h; h = next) {
    next = h->next;
    handle_abort(loop, h, END_CLOSED);
  }
  while ((t = queue_take(&loop->line)))
    loop_end(loop, t, END_CLOSED);
  while ((t = agenda_take(&loop->agenda)))
    loop_end(loop, t, END_CLOSED);
}

/* ===} */
