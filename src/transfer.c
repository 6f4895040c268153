/* SPDX-License-Identifier: MIT
 *
 * transfer: see transfer.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "transfer.h"

#include "clock.h"
#include "ending.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MAXIMUM 256 /* handle_address counts on it */
#define QUERY_MAXIMUM 16384
#define ANSWER_MAXIMUM (4 * 1024 * 1024)
#define REFUSAL_MAXIMUM 16384 /* of the text that comes in place of a video */
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
  atomic_init(&t->received, 0);
  atomic_init(&t->expected, -1);
  buf_init(&t->path, PATH_MAXIMUM);
  buf_init(&t->query, QUERY_MAXIMUM);
  buf_init(&t->body, TRANSFER_BODY_MAXIMUM);
  buf_init(&t->answer, ANSWER_MAXIMUM);
  headers_clear(&t->headers);
  return t;
}

static void transfer_forget(struct transfer *t)
{
  file_release(t->file);
  t->file = NULL;
  curl_url_cleanup(t->url); /* NULL is allowed */
  t->url = NULL;
}

void transfer_reset(struct transfer *t)
{
  transfer_forget(t);
  buf_reset(&t->path, KEPT_MEMORY);
  buf_reset(&t->query, KEPT_MEMORY);
  buf_reset(&t->body, KEPT_MEMORY);
  buf_reset(&t->answer, KEPT_MEMORY);
  t->next = NULL;
  t->work = TRANSFER_EXCHANGE;
  t->method = TRANSFER_GET;
  t->validator[0] = t->detail[0] = '\0';
  t->connect_timeout_ms = t->stall_timeout_ms = t->total_timeout_ms = 0;
  t->patient = t->body_begun = t->headers_whole = t->sent = false;
  t->submitted = t->finished = t->unannounced = t->abandoned = false;
  atomic_store_explicit(&t->cancelled, false, memory_order_relaxed);
  atomic_store_explicit(&t->received, 0, memory_order_relaxed);
  atomic_store_explicit(&t->expected, -1, memory_order_relaxed);
  t->easy = NULL;
  t->header_bytes = 0;
  t->heard = false;
  t->offset = t->touched_ms = t->retry_after = 0;
  t->failure = t->end = END_NONE;
  t->code = CURLE_OK;
  t->os_error = t->status = 0;
  headers_clear(&t->headers);
  t->verdict = MP4_WHOLE;
  t->file_error = 0;
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
  free(t);
}

/* ===} */

/* {=== the begin */

enum transfer_end transfer_begin(struct transfer *t)
{
  if (t->work == TRANSFER_RELEASE)
    return END_RELEASED;
  t->file_error = t->file ? file_create(t->file) : 0;
  if (t->file_error)
    return END_FILE;
  return t->work == TRANSFER_CREATE ? END_CREATED : END_NONE;
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
    headers_clear(&t->headers); /* a 1xx answer came before */
    t->headers_whole = false;
  } else if (n > 0 && (bytes[0] == '\r' || bytes[0] == '\n')) {
    t->headers_whole = true; /* and stays so: trailers may follow */
  } else {
    headers_read(&t->headers, bytes, n);
  }
  return n;
}

/* ===} */

/* {=== body */

/* Is the body a video, or part of one?  Otherwise it explains a refusal. */
static bool transfer_stores(const struct transfer *t)
{
  return t->file && (t->status == 200 || t->status == 206);
}

static int64_t announced_length(const struct transfer *t)
{
  curl_off_t length = -1;

  (void)curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
                          &length);
  return length;
}

/* Does a part go on where the file ends, and is it of the same file?  Not
   every server that knows Range knows If-Range. */
static bool part_fits(const struct transfer *t)
{
  const char *now =
    t->validator[0] == '"' ? t->headers.etag : t->headers.modified;

  return t->headers.range_start == t->offset &&
         (!now[0] || !t->validator[0] || strcmp(now, t->validator) == 0);
}

/* Before the first byte of a video. */
static bool file_begin(struct transfer *t)
{
  int64_t whole = announced_length(t);

  if (t->status == 206) {
    if (!part_fits(t)) {
      t->failure = END_RANGE;
      return false;
    }
    whole = t->headers.range_total >= 0 ? t->headers.range_total
            : whole >= 0                ? t->offset + whole
                                        : -1;
  } else if (t->offset > 0) { /* the whole file again, from its start */
    t->file_error = file_rewind(t->file);
    if (t->file_error) {
      t->failure = END_FILE;
      return false;
    }
    t->offset = 0;
    atomic_store(&t->received, 0);
  }
  atomic_store(&t->expected, whole);
  switch (file_expect(t->file, whole)) {
  case FILE_EXPECTED:
    return true;
  case FILE_TOO_LARGE:
    t->failure = END_TOO_LARGE;
    return false;
  case FILE_CHANGED:
    break;
  }
  t->failure = END_RANGE;
  return false;
}

static bool file_add(struct transfer *t, const char *bytes, size_t n)
{
  t->file_error = file_write(t->file, bytes, n);
  if (t->file_error) {
    t->failure = t->file_error == EOVERFLOW ? END_TOO_LARGE : END_FILE;
    return false;
  }
  atomic_store_explicit(&t->received, file_length(t->file),
                        memory_order_relaxed);
  return true;
}

static bool answer_begin(struct transfer *t)
{
  if (t->file || announced_length(t) <= ANSWER_MAXIMUM)
    return true;
  t->failure = END_TOO_LARGE;
  return false;
}

static bool answer_add(struct transfer *t, const char *bytes, size_t n)
{
  size_t room = REFUSAL_MAXIMUM - t->answer.length;

  if (t->file && n > room) { /* a page in place of a video may have no end */
    (void)buf_add(&t->answer, bytes, room);
    t->failure = END_ANSWERED;
    return false;
  }
  switch (buf_add(&t->answer, bytes, n)) {
  case BUF_OK:
    return true;
  case BUF_FULL:
    t->failure = END_TOO_LARGE;
    return false;
  case BUF_NO_MEMORY:
    break;
  }
  t->failure = END_MEMORY;
  return false;
}

size_t transfer_on_body(char *bytes, size_t size, size_t n, void *user)
{
  struct transfer *t = user;
  bool ok = true;

  n *= size;
  t->heard = true; /* the clock costs too much for every line */
  if (!t->body_begun) {
    t->body_begun = true;
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->status);
    ok = transfer_stores(t) ? file_begin(t) : answer_begin(t);
  }
  if (ok && transfer_stores(t))
    ok = file_add(t, bytes, n);
  else if (ok)
    ok = answer_add(t, bytes, n);
  return ok ? n : 0;
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

static void file_conclude(struct transfer *t)
{
  int64_t expected;

  if (!transfer_stores(t))
    return; /* a refusal: its text is in `answer` */
  if (!t->body_begun && !file_begin(t)) { /* an answer without a body */
    t->end = t->failure;
    return;
  }
  expected = atomic_load(&t->expected);
  if (expected >= 0 && file_length(t->file) != expected) {
    t->end = END_NETWORK; /* e.g. a 206 with less than was asked for */
    t->code = CURLE_PARTIAL_FILE;
    return;
  }
  switch (file_commit(t->file, &t->verdict, &t->file_error)) {
  case FILE_COMMITTED:
    t->end = END_STORED;
    break;
  case FILE_NOT_WHOLE:
    t->end = END_NOT_WHOLE;
    break;
  case FILE_FAILED:
    t->end = END_FILE;
    break;
  }
}

void transfer_conclude(struct transfer *t, CURLcode code, const char *detail)
{
  t->code = code;
  transfer_inquire(t);
  if (code != CURLE_OK) {
    (void)curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &t->os_error);
    (void)snprintf(t->detail, sizeof t->detail, "%s",
                   detail[0] ? detail : curl_easy_strerror(code));
  }
  t->end = t->failure != END_NONE ? t->failure : ending_of(t, code);
  if (t->end == END_ANSWERED && t->file)
    file_conclude(t);
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
