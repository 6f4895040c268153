/* SPDX-License-Identifier: MIT
 *
 * body: see body.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "body.h"

#include "failure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define REFUSAL_MAXIMUM 16384 /* bytes of an answer that matters little */

static bool fail(struct transfer *t, enum failure failure)
{
  t->failure = failure;
  return false;
}

/* Is the body a file, or part of one?  Otherwise it explains a refusal. */
static bool goes_to_file(const struct transfer *t)
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

/* {=== files */

/* Does a part begin where the file ends, and is it of the same file?  Not
   every server that knows Range knows If-Range. */
static bool part_fits(const struct transfer *t)
{
  const char *now = t->validator[0] == '"' ? t->headers.etag
                                           : t->headers.modified;

  return t->headers.range_start == t->offset &&
         (!now[0] || !t->validator[0] || strcmp(now, t->validator) == 0);
}

/* The server sends the whole file again. */
static bool file_restart(struct transfer *t)
{
  t->system_error = file_rewind(t->file);
  if (t->system_error)
    return fail(t, failure_of_disk(t->system_error));
  t->offset = 0;
  atomic_store(&t->moved, 0);
  return true;
}

/* Before the first byte of a file. */
static bool file_begin(struct transfer *t)
{
  int64_t whole = announced_length(t);

  if (t->status == 206) {
    if (!part_fits(t))
      return fail(t, FAILURE_RANGE);
    if (t->headers.range_total >= 0)
      whole = t->headers.range_total;
    else if (whole >= 0)
      whole += t->offset;
  } else if (t->offset > 0 && !file_restart(t)) {
    return false;
  }
  atomic_store(&t->expected, whole);
  switch (file_expect(t->file, whole)) {
  case FILE_EXPECTED:
    return true;
  case FILE_TOO_LARGE:
    return fail(t, FAILURE_TOO_LARGE);
  case FILE_CHANGED:
    break;
  }
  return fail(t, FAILURE_RANGE);
}

static bool file_add(struct transfer *t, const char *bytes, size_t n)
{
  t->system_error = file_write(t->file, bytes, n);
  if (t->system_error == EOVERFLOW)
    return fail(t, FAILURE_TOO_LARGE);
  if (t->system_error)
    return fail(t, failure_of_disk(t->system_error));
  atomic_store_explicit(&t->moved, file_length(t->file),
                        memory_order_relaxed);
  return true;
}

static void file_finish(struct transfer *t)
{
  int64_t expected;

  if (!t->body_begun && !file_begin(t)) /* an answer without a body */
    return;
  expected = atomic_load(&t->expected);
  if (expected >= 0 && file_length(t->file) != expected) {
    t->failure = FAILURE_BROKEN; /* a 206 with less than was asked for */
    return;
  }
  t->verdict = file_judge(t->file, &t->system_error);
  if (t->verdict == MP4_UNREADABLE)
    t->failure = failure_of_disk(t->system_error);
  else if (t->verdict != MP4_WHOLE)
    t->failure = FAILURE_NOT_WHOLE;
  t->stored = t->failure == FAILURE_NONE;
}

/* ===} */

/* {=== sources */

bool body_begin_sending(struct transfer *t)
{
  int error = source_check(t->source);

  if (error) {
    failure_note_source(t, error);
    return false;
  }
  atomic_store(&t->expected, source_size(t->source));
  return true;
}

size_t body_send(char *bytes, size_t size, size_t n, void *user)
{
  struct transfer *t = user;
  int64_t left = source_size(t->source) - t->offset;
  int error;

  n *= size;
  if ((uint64_t)left < (uint64_t)n)
    n = (size_t)left;
  if (n == 0)
    return 0; /* not every version knows by itself that this is the end */
  error = source_read(t->source, t->offset, bytes, n);
  if (error) {
    failure_note_source(t, error);
    return CURL_READFUNC_ABORT;
  }
  t->offset += (int64_t)n;
  return n;
}

/* libcurl sends a body again on another connection, from its start. */
int body_seek(void *user, curl_off_t offset, int origin)
{
  struct transfer *t = user;

  if (origin != SEEK_SET || offset < 0 || offset > source_size(t->source))
    return CURL_SEEKFUNC_FAIL;
  t->offset = offset;
  return CURL_SEEKFUNC_OK;
}

/* Fails if the server answered with success before it had received the whole
   source: it stored something else. */
static void source_finish(struct transfer *t)
{
  if (t->status < 300 && atomic_load(&t->moved) < source_size(t->source))
    t->failure = FAILURE_BROKEN;
}

/* ===} */

void body_finish(struct transfer *t)
{
  if (t->source)
    source_finish(t);
  else if (goes_to_file(t)) /* a refusal's text is in `answer` */
    file_finish(t);
}

/* {=== text */

/* Is nothing lost with the rest of the text? */
static bool text_matters_little(const struct transfer *t)
{
  return t->file || t->source;
}

static bool text_begin(struct transfer *t)
{
  if (text_matters_little(t) || announced_length(t) <= TRANSFER_ANSWER_MAXIMUM)
    return true;
  return fail(t, FAILURE_TOO_LARGE);
}

static bool text_add(struct transfer *t, const char *bytes, size_t n)
{
  size_t room = REFUSAL_MAXIMUM - t->answer.length;

  if (text_matters_little(t) && n > room) { /* it may have no end */
    (void)buf_add(&t->answer, bytes, room);
    t->answer_cut = true;
    return false;
  }
  switch (buf_add(&t->answer, bytes, n)) {
  case BUF_OK:
    return true;
  case BUF_FULL:
    return fail(t, FAILURE_TOO_LARGE);
  case BUF_NO_MEMORY:
    break;
  }
  return fail(t, FAILURE_MEMORY);
}

/* ===} */

/* Has the body a Content-Encoding?  The request asks for none, so such a body
   cannot be read.  An answer about a source need not be read. */
static bool is_encoded(struct transfer *t)
{
  const char *encoding = t->headers.content_encoding;

  if (t->source || !encoding[0] || strcasecmp(encoding, "identity") == 0)
    return false;
  (void)snprintf(t->detail, sizeof t->detail, "%s", encoding);
  t->failure = FAILURE_ENCODING;
  return true;
}

static bool body_begin(struct transfer *t)
{
  t->body_begun = true;
  if (is_encoded(t))
    return false;
  return goes_to_file(t) ? file_begin(t) : text_begin(t);
}

size_t body_receive(char *bytes, size_t size, size_t n, void *user)
{
  struct transfer *t = user;
  bool ok = true;

  n *= size;
  t->heard = true; /* to read the clock for each part would cost too much */
  if (!t->body_begun)
    ok = body_begin(t);
  if (ok)
    ok = goes_to_file(t) ? file_add(t, bytes, n) : text_add(t, bytes, n);
  return ok ? n : 0; /* anything but n: libcurl aborts */
}
