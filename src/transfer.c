/* SPDX-License-Identifier: MIT
 *
 * transfer: see transfer.h.
 */
#include "transfer.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define QUERY_MAXIMUM 16384
#define TYPE_MAXIMUM 512
#define HEADERS_MAXIMUM (64 * 1024)

/* {=== birth and death */

struct transfer *transfer_new(void)
{
  struct transfer *t = malloc(sizeof *t);

  if (!t)
    return NULL;
  memset(t, 0, offsetof(struct transfer, detail));
  t->detail[0] = '\0';
  atomic_init(&t->cancelled, false);
  atomic_init(&t->begun, false);
  atomic_init(&t->moved, 0);
  atomic_init(&t->expected, -1);
  buf_init(&t->path, TRANSFER_PATH_MAXIMUM);
  buf_init(&t->query, QUERY_MAXIMUM);
  buf_init(&t->body, TRANSFER_BODY_MAXIMUM);
  buf_init(&t->type, TYPE_MAXIMUM);
  buf_init(&t->answer, TRANSFER_ANSWER_MAXIMUM);
  t->refused = URL_OK;
  t->failure = FAILURE_NONE;
  t->verdict = MP4_WHOLE;
  headers_clear(&t->headers);
  return t;
}

void transfer_free(struct transfer *t)
{
  if (!t)
    return;
  transfer_release(t);
  curl_url_cleanup(t->url); /* NULL is allowed, here and below */
  curl_free(t->host);
  buf_free(&t->path);
  buf_free(&t->query);
  buf_free(&t->body);
  buf_free(&t->type);
  buf_free(&t->answer);
  free(t->failed_path);
  free(t);
}

void transfer_release(struct transfer *t)
{
  file_release(t->file);
  t->file = NULL;
  record_release(t->record);
  t->record = NULL;
  source_release(t->source);
  t->source = NULL;
}

/* ===} */

/* {=== headers */

/* The status in a line such as "HTTP/1.1 200 OK"; -1: there is none.  Which
   lines libcurl takes, and what for, differs from version to version. */
static long status_read(const char *bytes, size_t n)
{
  const char *end = bytes + n, *at = memchr(bytes, ' ', n);
  long status = 0;
  int digits = 0;

  if (!at)
    return -1;
  while (at < end && *at == ' ')
    at++;
  for (; at < end && *at >= '0' && *at <= '9' && digits < 4; at++, digits++)
    status = status * 10 + (*at - '0');
  return digits == 3 && (at == end || strchr(" \r\n", *at)) ? status : -1;
}

/* A status line.  After an interim answer (100, 103, ...) the answer itself is
   still to come.  False: this is no HTTP. */
static bool answer_begins(struct transfer *t, const char *bytes, size_t n)
{
  long status = status_read(bytes, n);

  headers_clear(&t->headers);
  t->headers_whole = false;
  t->status = status >= 200 ? status : 0;
  if (status >= 100 && status <= 599)
    return true;
  t->status = 0;
  t->failure = FAILURE_REPLY;
  return false;
}

size_t transfer_on_header(char *bytes, size_t size, size_t n, void *user)
{
  struct transfer *t = user;

  n *= size;
  t->heard = true; /* to read the clock for each line would cost too much */
  t->header_bytes += n;
  if (t->header_bytes > HEADERS_MAXIMUM) {
    t->failure = FAILURE_TOO_LARGE;
    return 0; /* anything but n: libcurl aborts */
  }
  if (n > 5 && memcmp(bytes, "HTTP/", 5) == 0)
    return answer_begins(t, bytes, n) ? n : 0;
  if (n > 0 && (bytes[0] == '\r' || bytes[0] == '\n'))
    t->headers_whole = t->status > 0; /* and stays so: trailers may follow */
  else
    headers_read(&t->headers, bytes, n);
  return n;
}

/* ===} */

/* {=== lists */

void transfer_list_add(struct transfer_list *list, struct transfer *t)
{
  t->next = NULL;
  if (list->last)
    list->last->next = t;
  else
    list->first = t;
  list->last = t;
}

struct transfer *transfer_list_take(struct transfer_list *list)
{
  struct transfer *t = list->first;

  if (t) {
    list->first = t->next;
    if (!list->first)
      list->last = NULL;
    t->next = NULL;
  }
  return t;
}

/* ===} */
