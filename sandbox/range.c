/* SPDX-License-Identifier: MIT
 *
 * range: see range.h.  What is not one well-formed range of bytes is
 * ignored, as the RFC allows.
 */
#include "range.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Reads digits at *text; false if there are none.  What is too large for
 * *value is its largest, which is beyond any file as well. */
static bool number(const char **text, unsigned long long *value)
{
  char *end;

  if (!isdigit((unsigned char)**text)) return false;
  *value = strtoull(*text, &end, 10);
  *text = end;
  return true;
}

enum range_result range_parse(const char *header, unsigned long long size,
                              unsigned long long *first,
                              unsigned long long *last)
{
  unsigned long long from = 0, to = 0;
  bool has_from, has_to = false;

  if (!header || strncmp(header, "bytes=", 6) != 0) return RANGE_WHOLE;
  header += 6;
  has_from = number(&header, &from);
  if (*header++ != '-') return RANGE_WHOLE;
  if (*header) has_to = number(&header, &to);
  if (*header || (!has_from && !has_to)) return RANGE_WHOLE;
  if (!has_from) { /* the last `to` bytes */
    if (to == 0 || size == 0) return RANGE_UNSATISFIABLE;
    *first = to < size ? size - to : 0;
    *last = size - 1;
    return RANGE_PART;
  }
  if (has_to && to < from) return RANGE_WHOLE;
  if (from >= size) return RANGE_UNSATISFIABLE;
  *first = from;
  *last = has_to && to < size ? to : size - 1;
  return RANGE_PART;
}
