/* SPDX-License-Identifier: MIT
 *
 * buf: see buf.h.  Growth doubles, is checked for overflow, and stops at the
 * maximum.
 */
#include "buf.h"

#include <stdlib.h>
#include <string.h>

#define BUF_FIRST_SIZE 64

void buf_init(struct buf *b, size_t maximum)
{
  *b = (struct buf){ .data = NULL, .maximum = maximum };
}

static enum buf_result buf_reserve(struct buf *b, size_t n)
{
  size_t size = b->size ? b->size : BUF_FIRST_SIZE;
  char *data;

  if (n > b->maximum - b->length)
    return BUF_FULL;
  if (b->length + n <= b->size)
    return BUF_OK;
  while (size < b->length + n) {
    if (size > b->maximum / 2) {
      size = b->maximum;
      break;
    }
    size *= 2;
  }
  data = realloc(b->data, size);
  if (!data)
    return BUF_NO_MEMORY;
  b->data = data;
  b->size = size;
  return BUF_OK;
}

enum buf_result buf_add(struct buf *b, const void *bytes, size_t n)
{
  enum buf_result result;

  if (n == 0)
    return BUF_OK;
  result = buf_reserve(b, n);
  if (result == BUF_OK) {
    memcpy(b->data + b->length, bytes, n);
    b->length += n;
  }
  return result;
}

enum buf_result buf_add_string(struct buf *b, const char *text)
{
  return buf_add(b, text, strlen(text));
}

void buf_reset(struct buf *b, size_t keep)
{
  if (b->size > keep)
    buf_free(b);
  b->length = 0;
}

void buf_free(struct buf *b)
{
  free(b->data);
  b->data = NULL;
  b->length = b->size = 0;
}
