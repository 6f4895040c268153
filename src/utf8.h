/* SPDX-License-Identifier: MIT
 *
 * utf8: may these bytes go into JSON text?
 *
 * lua-cjson passes invalid UTF-8 on, and a service that receives it answers
 * with something unhelpful or worse.  It knows neither Lua nor libcurl.
 */
#ifndef JOGG_UTF8_H
#define JOGG_UTF8_H

#include <stddef.h>

/* The length of the well-formed sequence that begins at `text`, or 0; n is at
   least 1. */
size_t utf8_sequence_length(const char *text, size_t n);

/* The offset of the first byte that is not part of well-formed UTF-8
   (Unicode 15, table 3-7: no overlong form, no surrogate), or n. */
size_t utf8_valid_length(const char *text, size_t n);

#endif
