/* SPDX-License-Identifier: MIT
 *
 * buf: growable bytes with a mandatory maximum.
 *
 * Owns one heap block.  A buffer cannot exist without a maximum, so nothing
 * that arrives from the network can grow without end.  It knows neither Lua
 * nor libcurl.
 */
#ifndef JOGG_BUF_H
#define JOGG_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
  char *data;     /* NULL until the first byte; not NUL-terminated */
  size_t length;  /* bytes in use */
  size_t size;    /* bytes allocated */
  size_t maximum; /* length never exceeds this */
};

/* Why an addition did not happen. */
enum buf_result {
  BUF_OK,
  BUF_FULL,     /* the maximum would be exceeded */
  BUF_NO_MEMORY
};

/* An empty buffer; allocates nothing, cannot fail. */
void buf_init(struct buf *b, size_t maximum);

/* Appends n bytes, or changes nothing. */
enum buf_result buf_add(struct buf *b, const void *bytes, size_t n);

/* Appends a NUL-terminated string without its NUL. */
enum buf_result buf_add_string(struct buf *b, const char *text);

/* Forgets the content but keeps the memory, unless it is more than `keep`. */
void buf_reset(struct buf *b, size_t keep);

/* Releases the memory.  May be called any number of times. */
void buf_free(struct buf *b);

#endif
