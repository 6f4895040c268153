/* SPDX-License-Identifier: MIT
 *
 * loop: see loop.h.
 *
 * Order at the end, after curl_multi_cleanup(3): read the result, remove the
 * easy handle, clean the easy handles, clean the multi handle, then the share.
 */
#define _POSIX_C_SOURCE 200809L
#include "loop.h"

#include "body.h"
#include "clock.h"
#include "disk_work.h"
#include "easy.h"
#include "failure.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define EASIES_KEPT 64       /* idle easy handles; 6 KB each */
#define CONNECTIONS_KEPT 8   /* idle connections */
#define IDLE_MS 60000        /* until all of them are closed */
#define RETRY_MS 10          /* between tries while there is no memory */

struct loop {
  CURLM *multi;
  struct easy_defaults defaults;
  struct easy *idle;
  int idle_count;
  struct easy *running;
  int running_count;
  int peak;                       /* of running_count, of a minute or so */
  int64_t peak_ms;                /* when it was noted, in clock_ms */
  int slots;                      /* that are free */
  struct transfer_list waiting;   /* for a slot, or a name to be resolved */
  struct transfer_list beside;    /* for a name to be resolved */
  struct transfer_list completed;
  bool failing;                   /* the last step had no memory */
  uint64_t steps;
  int64_t check_ms;               /* when the next one may be too late, in
                                     clock_ms */
  int64_t last_ms;                /* when something ran last; CLOCK_NEVER:
                                     nothing did, with this multi handle */
};

/* {=== birth and death */

static CURLM *multi_new(void)
{
  CURLM *multi = curl_multi_init();

#if LIBCURL_VERSION_NUM >= 0x081400
  /* closing does not wait for a name look-up */
  if (multi &&
      curl_multi_setopt(multi, CURLMOPT_QUICK_EXIT, 1L) != CURLM_OK) {
    (void)curl_multi_cleanup(multi);
    multi = NULL;
  }
#endif
  return multi;
}

struct loop *loop_new(const struct loop_options *o)
{
  struct loop *loop = calloc(1, sizeof *loop);

  if (!loop)
    return NULL;
  loop->check_ms = loop->last_ms = CLOCK_NEVER;
  loop->slots = o->slots;
  loop->multi = multi_new();
  if (easy_defaults_init(&loop->defaults, o->base, o->key_header,
                         o->user_agent, o->ca_file, o->ca_path) &&
      loop->multi)
    return loop;
  loop_free(loop);
  return NULL;
}

static void idle_free(struct loop *loop)
{
  struct easy *e;

  while ((e = loop->idle)) {
    loop->idle = e->next;
    easy_free(e);
  }
  loop->idle_count = 0;
}

void loop_free(struct loop *loop)
{
  if (!loop)
    return;
  idle_free(loop);
  if (loop->multi)
    (void)curl_multi_cleanup(loop->multi);
  easy_defaults_free(&loop->defaults);
  free(loop);
}

/* Closes the connections of a loop that had nothing to do for a minute: with
   its multi handle.  Where there is no memory for a new one, later. */
static void idle_close(struct loop *loop)
{
  CURLM *multi;

  if (loop->running || loop->last_ms == CLOCK_NEVER ||
      clock_ms() - loop->last_ms < IDLE_MS)
    return;
  multi = multi_new();
  if (!multi)
    return;
  idle_free(loop); /* the idle easy handles know the old one's connections */
  (void)curl_multi_cleanup(loop->multi);
  loop->multi = multi;
  loop->peak = 0; /* the new one has no limit yet */
  loop->last_ms = CLOCK_NEVER;
}

/* ===} */

/* {=== running transfers */

static void loop_end(struct loop *loop, struct transfer *t)
{
  transfer_release(t);
  transfer_list_add(&loop->completed, t);
}

/* Ends a transfer that does not run. */
static void loop_fail(struct loop *loop, struct transfer *t,
                      enum failure failure)
{
  t->failure = failure;
  loop_end(loop, t);
}

struct transfer *loop_completed(struct loop *loop)
{
  return transfer_list_take(&loop->completed);
}

/* Whenever a connection becomes idle, libcurl compares this limit with the
   number of all connections, those in use included.  So the limit is at least
   the number that was in use at once a moment ago. */
static void connections_limit(struct loop *loop, int64_t now)
{
  if (loop->running_count < loop->peak && now - loop->peak_ms < IDLE_MS)
    return;
  loop->peak = loop->running_count;
  loop->peak_ms = now;
  (void)curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS,
                          (long)loop->peak + CONNECTIONS_KEPT);
}

static struct easy *easy_take(struct loop *loop)
{
  struct easy *e = loop->idle;

  if (!e)
    return easy_new(&loop->defaults);
  loop->idle = e->next;
  loop->idle_count--;
  return e;
}

static void easy_give_back(struct loop *loop, struct easy *e)
{
  e->transfer = NULL;
  if (loop->idle_count >= EASIES_KEPT) {
    easy_free(e);
    return;
  }
  e->next = loop->idle;
  loop->idle = e;
  loop->idle_count++;
}

static void running_add(struct loop *loop, struct easy *e)
{
  struct transfer *t = e->transfer;

  t->easy = e->curl;
  t->begun_ms = t->touched_ms = loop->last_ms = clock_ms();
  e->begun_step = loop->steps;
  e->previous = NULL;
  e->next = loop->running;
  if (e->next)
    e->next->previous = e;
  loop->running = e;
  loop->running_count++;
  if (!t->beside)
    loop->slots--;
  connections_limit(loop, t->begun_ms);
}

/* Takes an easy handle whose result was read out of the multi handle. */
static void running_end(struct loop *loop, struct easy *e)
{
  struct transfer *t = e->transfer;

  (void)curl_multi_remove_handle(loop->multi, e->curl);
  if (e->previous)
    e->previous->next = e->next;
  else
    loop->running = e->next;
  if (e->next)
    e->next->previous = e->previous;
  loop->running_count--;
  if (!t->beside)
    loop->slots++;
  t->easy = NULL;
  loop->last_ms = clock_ms();
  connections_limit(loop, loop->last_ms);
  easy_give_back(loop, e);
  loop_end(loop, t);
}

static void running_abort(struct loop *loop, struct easy *e,
                          enum failure failure)
{
  if (e->begun_step != loop->steps) /* else it knows of its last use alone */
    easy_abort(e);
  e->transfer->failure = failure;
  running_end(loop, e);
}

/* Begins an exchange, or ends it at once. */
static void loop_begin(struct loop *loop, struct transfer *t)
{
  struct easy *e;

  atomic_store(&t->begun, true); /* before `cancelled` is read: then either
                                    side knows of the other */
  if (atomic_load(&t->cancelled)) {
    loop_fail(loop, t, FAILURE_CANCELLED);
    return;
  }
  t->system_error = t->file ? file_create(t->file) : 0;
  if (t->system_error) {
    loop_fail(loop, t, failure_of_disk(t->system_error));
    return;
  }
  if (t->source && !body_begin_sending(t)) {
    loop_end(loop, t);
    return;
  }
  e = easy_take(loop);
  if (!e || !easy_prepare(e, t) ||
      curl_multi_add_handle(loop->multi, e->curl) != CURLM_OK) {
    easy_free(e); /* its settings are in doubt */
    loop_fail(loop, t, FAILURE_MEMORY);
    return;
  }
  running_add(loop, e);
}

/* ===} */

/* {=== waiting transfers */

static bool hosts_equal(const struct transfer *a, const struct transfer *b)
{
  if (!a->host || !b->host)
    return a->host == b->host;
  return strcasecmp(a->host, b->host) == 0;
}

/* Is the name of its host being looked up for another transfer?  A name server
   that does not answer takes a thread for each look-up, and libcurl has a
   limited number of them for all names. */
static bool name_is_pending(const struct loop *loop, const struct transfer *t)
{
  const struct easy *e;
  bool pending = false;

  for (e = loop->running; e; e = e->next) {
    if (!hosts_equal(e->transfer, t))
      continue;
    if (e->resolved)
      return false;
    pending = true;
  }
  return pending;
}

/* The time for which a transfer was held counts. */
static void held_count(struct transfer *t, int64_t now)
{
  int64_t held = now - t->held_ms;

  if (t->held_ms == 0)
    return;
  if (t->connect_timeout_ms > 0)
    t->connect_timeout_ms = t->connect_timeout_ms > held
                              ? t->connect_timeout_ms - held : 1;
  if (t->total_timeout_ms > 0)
    t->total_timeout_ms = t->total_timeout_ms > held
                            ? t->total_timeout_ms - held : 1;
}

/* A transfer that waits for a DNS lookup counts as connecting.  True: that took
   too long. */
static bool hold(struct loop *loop, struct transfer *t, int64_t now)
{
  int64_t limit = t->connect_timeout_ms, total = t->total_timeout_ms;
  enum failure failure = FAILURE_CONNECT_TIMEOUT;

  if (t->held_ms == 0)
    t->held_ms = now;
  if (total > 0 && (limit == 0 || total <= limit)) {
    limit = total;
    failure = FAILURE_TIMEOUT;
  }
  if (limit == 0)
    return false;
  if (now - t->held_ms >= limit) {
    loop_fail(loop, t, failure);
    return true;
  }
  if (t->held_ms + limit < loop->check_ms)
    loop->check_ms = t->held_ms + limit;
  return false;
}

/* Begins the transfers of a list that may begin, in its order, while slots are
   free. */
static void list_admit(struct loop *loop, struct transfer_list *list,
                       bool takes_slot)
{
  struct transfer_list held = { NULL, NULL };
  int64_t now = list->first ? clock_ms() : 0;
  struct transfer *t;

  while ((!takes_slot || loop->slots > 0) && (t = transfer_list_take(list))) {
    if (!name_is_pending(loop, t)) {
      held_count(t, now);
      loop_begin(loop, t);
    } else if (!hold(loop, t, now)) {
      transfer_list_add(&held, t);
    }
  }
  if (!held.first)
    return;
  held.last->next = list->first; /* the transfers that were not examined */
  if (!list->last)
    list->last = held.last;
  list->first = held.first;
}

void loop_admit(struct loop *loop)
{
  idle_close(loop);
  list_admit(loop, &loop->beside, false);
  list_admit(loop, &loop->waiting, true);
}

void loop_add(struct loop *loop, struct transfer *t)
{
  if (t->disk)
    atomic_store(&t->begun, true); /* see loop_begin */
  if (atomic_load(&t->cancelled) && !t->certain) {
    loop_fail(loop, t, FAILURE_CANCELLED);
  } else if (t->refused != URL_OK) {
    loop_fail(loop, t, t->refused == URL_NO_MEMORY ? FAILURE_MEMORY
                                                   : FAILURE_URL);
  } else if (t->disk) {
    disk_work_do(t);
    loop_end(loop, t);
  } else {
    transfer_list_add(t->beside ? &loop->beside : &loop->waiting, t);
  }
}

static void list_sweep(struct loop *loop, struct transfer_list *list)
{
  struct transfer_list all = *list;
  struct transfer *t;

  *list = (struct transfer_list){ NULL, NULL };
  while ((t = transfer_list_take(&all))) {
    if (atomic_load(&t->cancelled))
      loop_fail(loop, t, FAILURE_CANCELLED);
    else
      transfer_list_add(list, t);
  }
}

void loop_sweep(struct loop *loop)
{
  struct easy *e, *next;

  list_sweep(loop, &loop->beside);
  list_sweep(loop, &loop->waiting);
  for (e = loop->running; e; e = next) {
    next = e->next;
    if (atomic_load(&e->transfer->cancelled))
      running_abort(loop, e, FAILURE_CANCELLED);
  }
}

void loop_stop(struct loop *loop)
{
  struct transfer *t;

  while (loop->running)
    running_abort(loop, loop->running, FAILURE_CLOSED);
  while ((t = transfer_list_take(&loop->beside)) ||
         (t = transfer_list_take(&loop->waiting)))
    loop_fail(loop, t, FAILURE_CLOSED);
}

/* ===} */

/* {=== silence */

/* Shuts down a silent connection, so that no other exchange uses it.  Exchanges
   that share it over HTTP/2 fail at once and may be repeated.  Does nothing if
   one of them received bytes over it since. */
static void connection_abandon(struct loop *loop, struct easy *e)
{
  struct easy *other;
  curl_socket_t fd;

  if (!easy_is_connected(e))
    return;
  fd = easy_socket(e);
  if (fd == CURL_SOCKET_BAD)
    return;
  for (other = loop->running; other; other = other->next) {
    if (other != e && easy_is_connected(other) &&
        other->transfer->touched_ms > e->transfer->touched_ms &&
        easy_socket(other) == fd)
      return;
  }
  (void)shutdown(fd, SHUT_RDWR);
}

/* When its silence is too long, in clock_ms; CLOCK_NEVER if never. */
static int64_t stall_deadline(struct easy *e, int64_t now)
{
  const struct transfer *t = e->transfer;

  if (t->stall_timeout_ms == 0 || (t->slow_answer && t->status == 0))
    return CLOCK_NEVER;
  if (!easy_is_connected(e)) /* connecting has its own timeout */
    return now + t->stall_timeout_ms;
  return t->touched_ms + t->stall_timeout_ms;
}

/* Ends the exchanges that were silent for too long at `now`, after what had
   come by then was read: the disk may have held us up meanwhile. */
static void stalls_end(struct loop *loop, int64_t now)
{
  struct easy *e, *next;

  for (e = loop->running; e; e = next) {
    int64_t deadline = stall_deadline(e, now);
    next = e->next;
    if (deadline <= now && e->transfer->source && easy_socket_sends(e)) {
      e->transfer->touched_ms = now;
      deadline = stall_deadline(e, now);
    }
    if (deadline <= now) {
      connection_abandon(loop, e);
      running_abort(loop, e, FAILURE_STALL_TIMEOUT);
    } else if (deadline < loop->check_ms) {
      loop->check_ms = deadline;
    }
  }
}

/* ===} */

/* {=== steps */

static void heard_note(struct loop *loop, int64_t now)
{
  struct easy *e;

  for (e = loop->running; e; e = e->next) {
    if (e->transfer->source && easy_is_connected(e))
      easy_note_sent(e);
    if (e->transfer->heard) {
      e->transfer->heard = false;
      e->transfer->touched_ms = now;
    }
  }
}

/* Takes the exchanges that ended out of the multi handle. */
static void messages_take(struct loop *loop)
{
  CURLMsg *message;
  int queued;

  while ((message = curl_multi_info_read(loop->multi, &queued))) {
    char *private = NULL;
    struct easy *e;
    if (message->msg != CURLMSG_DONE)
      continue;
    (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
    e = (struct easy *)(void *)private;
    /* the message dies with the removal: curl_multi_info_read(3) */
    easy_finish(e, message->data.result);
    if (e->transfer->failure == FAILURE_TIMEOUT &&
        e->transfer->header_bytes == 0)
      connection_abandon(loop, e);
    running_end(loop, e);
  }
}

/* Without transfers as well: connections that are being shut down are served
   in newer versions of libcurl, and keep curl_multi_poll awake until then. */
void loop_step(struct loop *loop)
{
  int64_t now = clock_ms();
  int running;

  loop->steps++;
  /* the failure of one transfer is in its message, not in this code */
  loop->failing = curl_multi_perform(loop->multi, &running) != CURLM_OK;
  heard_note(loop, now);
  messages_take(loop);
  loop->check_ms = CLOCK_NEVER;
  stalls_end(loop, now);
  loop_admit(loop);
}

/* When there is something to do though no byte came, in clock_ms. */
static int64_t next_check(const struct loop *loop)
{
  int64_t idle_ms = CLOCK_NEVER;

  if (!loop->running && loop->last_ms != CLOCK_NEVER)
    idle_ms = loop->last_ms + IDLE_MS;
  return idle_ms < loop->check_ms ? idle_ms : loop->check_ms;
}

bool loop_wait(struct loop *loop, const struct waker *waker,
               int64_t milliseconds)
{
  struct curl_waitfd extra = { .events = CURL_WAIT_POLLIN };
  int64_t left = next_check(loop) - clock_ms();
  bool failing = loop->failing;

  if (left < milliseconds)
    milliseconds = left;
  if (milliseconds < 0)
    milliseconds = 0; /* poll(2) would wait for ever */
  if (milliseconds > INT32_MAX)
    milliseconds = INT32_MAX;
  if (waker)
    extra.fd = waker->fd[0];
  errno = 0;
  if (curl_multi_poll(loop->multi, &extra, waker ? 1 : 0, (int)milliseconds,
                      NULL) != CURLM_OK)
    failing = true;
  if (errno == EINTR)
    return false;
  if (failing)
    (void)poll(NULL, 0, milliseconds < RETRY_MS ? (int)milliseconds
                                                : RETRY_MS);
  return true;
}

/* ===} */
