/* SPDX-License-Identifier: MIT
 *
 * body: see body.h.
 */
#include "body.h"

#include <errno.h>
#include <string.h>

#define REFUSAL_MAXIMUM 16384 /* of the text that comes in place of a video */

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
    t->validator[0] == '"' ? t->reply->headers.etag
                           : t->reply->headers.modified;

  return t->reply->headers.range_start == t->offset &&
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
    if (t->reply->headers.range_total >= 0)
      whole = t->reply->headers.range_total;
    else if (whole >= 0)
      whole += t->offset;
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
  if (t->file || announced_length(t) <= BODY_ANSWER_MAXIMUM)
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

size_t body_receive(char *bytes, size_t size, size_t n, void *user)
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

void body_conclude(struct transfer *t)
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
