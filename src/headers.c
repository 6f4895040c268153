/* SPDX-License-Identifier: MIT
 *
 * headers: see headers.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "headers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void headers_clear(struct headers *h)
{
  h->content_type[0] = h->content_encoding[0] = '\0';
  h->etag[0] = h->modified[0] = '\0';
  h->location[0] = h->request_id[0] = '\0';
  h->rate_remaining[0] = h->rate_reset[0] = '\0';
  h->range_start = h->range_total = -1;
}

/* A header line: "Name: value\r\n", not NUL-terminated. */
struct line {
  const char *name, *value;
  size_t name_length, value_length;
};

static bool line_split(struct line *line, const char *bytes, size_t n)
{
  const char *colon = memchr(bytes, ':', n);
  const char *end = bytes + n;

  if (!colon)
    return false;
  line->name = bytes;
  line->name_length = (size_t)(colon - bytes);
  line->value = colon + 1;
  while (line->value < end && (*line->value == ' ' || *line->value == '\t'))
    line->value++;
  while (end > line->value && strchr(" \t\r\n", end[-1]))
    end--;
  line->value_length = (size_t)(end - line->value);
  return true;
}

static bool line_is(const struct line *line, const char *name)
{
  return strlen(name) == line->name_length &&
         strncasecmp(line->name, name, line->name_length) == 0;
}

static void line_copy(const struct line *line, char *to, size_t size)
{
  size_t i;

  to[0] = '\0';
  if (line->value_length >= size)
    return;
  for (i = 0; i < line->value_length; i++) {
    unsigned char byte = (unsigned char)line->value[i];
    if (byte < 0x20 || byte == 0x7F)
      return; /* would end up in a message or in a request */
  }
  memcpy(to, line->value, line->value_length);
  to[line->value_length] = '\0';
}

/* The number at *text; moves *text behind it.  -1: no number, or one that does
   not fit. */
static int64_t number_read(const char **text)
{
  char *end;
  long long number;

  if (**text < '0' || **text > '9')
    return -1;
  errno = 0;
  number = strtoll(*text, &end, 10);
  *text = end;
  return errno == 0 ? number : -1;
}

/* A body with an encoding that cannot be named is encoded all the same. */
static void encoding_read(const struct line *line, struct headers *h)
{
  static const char unknown[] = "unknown";

  line_copy(line, h->content_encoding, sizeof h->content_encoding);
  if (!h->content_encoding[0] && line->value_length > 0)
    memcpy(h->content_encoding, unknown, sizeof unknown);
}

/* "bytes 100-199/200" or "bytes 100-199/" followed by an asterisk. */
static void range_read(const struct line *line, struct headers *h)
{
  char value[80] = "";
  const char *text = value + 6;
  int64_t start;

  h->range_start = h->range_total = -1;
  line_copy(line, value, sizeof value);
  if (strncasecmp(value, "bytes ", 6) != 0)
    return;
  start = number_read(&text);
  if (start < 0 || *text++ != '-' || number_read(&text) < start ||
      *text++ != '/')
    return;
  h->range_start = start;
  h->range_total = number_read(&text);
}

static void line_keep(const struct line *line, struct headers *h)
{
  switch (line->name[0] | 0x20) { /* most headers are not ours: decide early */
  case 'c':
    if (line_is(line, "content-type"))
      line_copy(line, h->content_type, sizeof h->content_type);
    else if (line_is(line, "content-encoding"))
      encoding_read(line, h);
    else if (line_is(line, "content-range"))
      range_read(line, h);
    break;
  case 'e':
    if (line_is(line, "etag"))
      line_copy(line, h->etag, sizeof h->etag);
    break;
  case 'l':
    if (line_is(line, "location"))
      line_copy(line, h->location, sizeof h->location);
    else if (line_is(line, "last-modified"))
      line_copy(line, h->modified, sizeof h->modified);
    break;
  case 'x':
    if (line_is(line, "x-request-id"))
      line_copy(line, h->request_id, sizeof h->request_id);
    else if (line_is(line, "x-ratelimit-remaining"))
      line_copy(line, h->rate_remaining, sizeof h->rate_remaining);
    else if (line_is(line, "x-ratelimit-reset"))
      line_copy(line, h->rate_reset, sizeof h->rate_reset);
    break;
  default:
    break;
  }
}

void headers_read(struct headers *h, const char *bytes, size_t n)
{
  struct line line;

  if (line_split(&line, bytes, n) && line.name_length > 0)
    line_keep(&line, h);
}
