/* SPDX-License-Identifier: MIT
 *
 * json_scan: JSON text before lua-cjson reads it.
 *
 * Finds where strings and numbers end, and rewrites what lua-cjson would
 * refuse or spoil.  What strings and numbers mean is left to lua-cjson.  It
 * knows neither Lua nor libcurl.
 */
#ifndef JOGG_JSON_SCAN_H
#define JOGG_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/* The offset of the closing quote of the string that begins at i, or n. */
size_t json_scan_string(const char *text, size_t n, size_t i);

/* The length of what may be a number. */
size_t json_scan_number(const char *text, size_t n);

struct json_repair {
  char *to;      /* where the repaired text goes; NULL: only count it */
  size_t length; /* of the repaired text, less than 8 * n */
  bool needed;   /* the repaired text is not the text */
  bool marked;   /* some strings are marked with U+0001 */
};

/* Repairs text:
   - in strings, a surrogate without its other half and each byte of invalid
     UTF-8 become U+FFFD, raw control characters become escapes;
   - NaN, Infinity and -Infinity become null;
   - an integer of more than 15 digits, which a double may not hold, becomes a
     string: U+0001 and the digits;
   - a value that is a string and begins with U+0001 gets another U+0001 in
     front, so that it is not taken for such an integer.
   `r` is zero but for `to`. */
void json_repair(struct json_repair *r, const char *text, size_t n);

#endif
