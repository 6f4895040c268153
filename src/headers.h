/* SPDX-License-Identifier: MIT
 *
 * headers: the headers of an answer that jogg uses.
 *
 * Reads lines as they come from the network.  Nothing that it keeps has a
 * control character, so all of it may go into a message or a request.  It
 * knows neither Lua nor libcurl.
 */
#ifndef JOGG_HEADERS_H
#define JOGG_HEADERS_H

#include <stddef.h>
#include <stdint.h>

/* The headers that jogg uses.  A value that does not fit, or has a control
   character, is dropped: none of them is worth a failure. */
struct headers {
  char content_type[64];
  char content_encoding[32]; /* "unknown" where it does not fit */
  char etag[128];
  char modified[64]; /* Last-Modified */
  char location[4096]; /* signed addresses are long */
  char request_id[128];
  char rate_remaining[16];
  char rate_reset[24];
  int64_t range_start; /* of Content-Range; -1: none */
  int64_t range_total; /* -1: unknown */
};

/* None of them came yet. */
void headers_clear(struct headers *h);

/* Reads a line "Name: value", not NUL-terminated; anything else is skipped. */
void headers_read(struct headers *h, const char *bytes, size_t n);

#endif
