/* SPDX-License-Identifier: MIT
 *
 * transfer: see transfer.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "transfer.h"

#include "body.h"
#include "clock.h"
#include "ending.h"
#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MAXIMUM 256 /* handle_address counts on it */
#define QUERY_MAXIMUM 16384
#define HEADERS_MAXIMUM (64 * 1024)
#define KEPT_MEMORY (16 * 1024) /* a buffer's, from one use to the next */

/* {=== birth and death */

struct transfer *transfer_new(void)
{
  struct transfer *t = malloc(sizeof *t);

  if (!t)
    return NULL;
  memset(t, 0, sizeof *t);
  atomic_init(&t->cancelled, false);
  atomic_init(&t->begun, false);
  atomic_init(&t->received, 0);
  atomic_init(&t->expected, -1);
  buf_init(&t->path, PATH_MAXIMUM);
  buf_init(&t->query, QUERY_MAXIMUM);
  buf_init(&t->body, TRANSFER_BODY_MAXIMUM);
  buf_init(&t->answer, BODY_ANSWER_MAXIMUM);
  return t;
}

static void reply_clear(struct reply *reply)
{
  headers_clear(&reply->headers);
  reply->detail[0] = '\0';
}

static void transfer_forget(struct transfer *t)
{
  file_release(t->file);
  t->file = NULL;
  curl_url_cleanup(t->url); /* NULL is allowed */
  t->url = NULL;
}

/* What was learned by doing it. */
static void result_reset(struct transfer *t)
{
  t->easy = NULL;
  t->touched_ms = t->offset = t->retry_after = 0;
  t->header_bytes = 0;
  t->heard = t->headers_whole = t->body_begun = t->sent = t->accepted = false;
  t->failure = t->end = END_NONE;
  t->code = CURLE_OK;
  t->os_error = t->status = 0;
  t->verdict = MP4_WHOLE;
  t->refused = URL_OK;
  t->file_error = 0;
}

void transfer_reset(struct transfer *t)
{
  transfer_forget(t);
  result_reset(t);
  buf_reset(&t->path, KEPT_MEMORY);
  buf_reset(&t->query, KEPT_MEMORY);
  buf_reset(&t->body, KEPT_MEMORY);
  buf_reset(&t->answer, KEPT_MEMORY);
  t->next = NULL;
  t->work = TRANSFER_EXCHANGE;
  t->method = TRANSFER_GET;
  t->validator[0] = '\0';
  t->connect_timeout_ms = t->stall_timeout_ms = t->total_timeout_ms = 0;
  t->patient = t->beside = t->local = false;
  t->schedule = (struct schedule){ 0 };
  t->submitted = t->finished = t->unannounced = t->abandoned = false;
  atomic_store_explicit(&t->cancelled, false, memory_order_relaxed);
  atomic_store_explicit(&t->begun, false, memory_order_relaxed);
  atomic_store_explicit(&t->received, 0, memory_order_relaxed);
  atomic_store_explicit(&t->expected, -1, memory_order_relaxed);
  if (t->reply)
    reply_clear(t->reply);
}

void transfer_slim(struct transfer *t)
{
  buf_free(&t->answer);
  free(t->reply);
  t->reply = NULL;
}

void transfer_free(struct transfer *t)
{
  if (!t)
    return;
  transfer_forget(t);
  buf_free(&t->path);
  buf_free(&t->query);
  buf_free(&t->body);
  buf_free(&t->answer);
  free(t->reply);
  free(t);
}

/* ===} */

/* {=== the begin, and the next one */

/* At its deadline it is at its end, even if nothing was heard yet. */
static void timeout_limit(struct transfer *t)
{
  int64_t left = t->schedule.deadline_ms - clock_ms();

  if (t->schedule.deadline_ms == 0)
    return;
  if (left < 1)
    left = 1;
  if (t->total_timeout_ms == 0 || t->total_timeout_ms > left)
    t->total_timeout_ms = left;
}

enum transfer_end transfer_begin(struct transfer *t)
{
  if (t->work == TRANSFER_RELEASE)
    return END_RELEASED;
  if (t->work == TRANSFER_EXCHANGE && !t->reply) {
    t->reply = malloc(sizeof *t->reply);
    if (!t->reply)
      return END_MEMORY;
    reply_clear(t->reply);
  }
  if (t->work == TRANSFER_EXCHANGE && t->file) {
    t->refused = url_parse(t->body.data, t->local, &t->url);
    if (t->refused != URL_OK)
      return END_URL;
  }
  timeout_limit(t);
  t->file_error = t->file ? file_create(t->file) : 0;
  if (t->file_error)
    return END_FILE;
  return t->work == TRANSFER_CREATE ? END_CREATED : END_NONE;
}

bool transfer_has_begun(const struct transfer *t)
{
  return atomic_load(&t->begun);
}

bool transfer_repeats(struct transfer *t)
{
  struct schedule *s = &t->schedule;
  int64_t now = clock_ms();
  int state;

  if (s->every_ms == 0 || t->end != END_ANSWERED || t->status < 200 ||
      t->status > 299 || s->last_ms - now < s->every_ms)
    return false;
  state = state_read(t->answer.data, t->answer.length);
  if (state < 0 || !(s->going >> state & 1))
    return false;
  s->due_ms = now + s->every_ms + 1; /* not earlier */
  result_reset(t);
  transfer_slim(t); /* it may be one of very many */
  return true;
}

const struct headers *transfer_headers(const struct transfer *t)
{
  static const struct headers none = { .range_start = -1, .range_total = -1 };

  return t->reply ? &t->reply->headers : &none;
}

const char *transfer_detail(const struct transfer *t)
{
  return t->reply ? t->reply->detail : "";
}

/* ===} */

/* {=== headers */

size_t transfer_on_header(char *bytes, size_t size, size_t n, void *user)
{
  struct transfer *t = user;

  n *= size;
  t->heard = true; /* the clock costs too much for every line */
  t->header_bytes += n;
  if (t->header_bytes > HEADERS_MAXIMUM) {
    t->failure = END_TOO_LARGE;
    return 0; /* anything but n: libcurl aborts */
  }
  if (n > 5 && memcmp(bytes, "HTTP/", 5) == 0) {
    headers_clear(&t->reply->headers); /* a 1xx answer came before */
    t->headers_whole = false;
  } else if (n > 0 && (bytes[0] == '\r' || bytes[0] == '\n')) {
    t->headers_whole = true; /* and stays so: trailers may follow */
  } else {
    headers_read(&t->reply->headers, bytes, n);
  }
  return n;
}

/* ===} */

/* {=== the end */

int64_t transfer_stall_ms(struct transfer *t, int64_t now_ms)
{
  int64_t deadline;
  curl_off_t connected = 0; /* microseconds from the start */

  if (t->heard) {
    t->heard = false;
    t->touched_ms = now_ms;
  }
  deadline = t->touched_ms + t->stall_timeout_ms;
  if (t->stall_timeout_ms == 0)
    return CLOCK_NEVER;
  if (t->header_bytes > 0 || now_ms < deadline)
    return deadline;
  if (t->patient)
    return CLOCK_NEVER; /* the page is being read: only the total counts */
  (void)curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
  if (connected == 0) /* connecting is no silence, and has its own timeout */
    return now_ms + t->stall_timeout_ms;
  return deadline + connected / 1000;
}

/* Reads what libcurl knows.  curl_easy_getinfo cannot fail for these. */
static void transfer_inquire(struct transfer *t)
{
  long request_size = 0, proxy_status = 0;
  curl_off_t retry_after = 0;

  (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->status);
  (void)curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &request_size);
  (void)curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
  /* what a proxy refused to connect was sent to the proxy alone */
  t->sent = request_size > 0 && proxy_status < 300;
  if (t->status >= 300) { /* seconds or date: libcurl reads both */
    (void)curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &retry_after);
    t->retry_after = retry_after;
  }
}

void transfer_conclude(struct transfer *t, CURLcode code, const char *detail)
{
  t->code = code;
  transfer_inquire(t);
  if (code != CURLE_OK) {
    (void)curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &t->os_error);
    (void)snprintf(t->reply->detail, sizeof t->reply->detail, "%s",
                   detail[0] ? detail : curl_easy_strerror(code));
  }
  t->end = t->failure != END_NONE ? t->failure : ending_of(t, code);
  if (t->end == END_ANSWERED && t->file)
    body_conclude(t);
  if (t->method != TRANSFER_GET && t->end == END_ANSWERED && t->status >= 200 &&
      t->status < 300)
    t->accepted = state_is_accepted(t->answer.data, t->answer.length);
  file_release(t->file);
  t->file = NULL;
}

void transfer_abort(struct transfer *t, enum transfer_end end)
{
  if (t->easy)
    transfer_inquire(t);
  t->end = end;
  file_release(t->file);
  t->file = NULL;
}

/* ===} */
