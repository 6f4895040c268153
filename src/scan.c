/* SPDX-License-Identifier: MIT
 *
 * scan: see scan.h.
 */
#include "scan.h"

#include <stdbool.h>
#include <string.h>

size_t scan_string(const char *text, size_t n, size_t i)
{
  size_t start = i + 1, end, slashes;
  const char *quote;

  for (i = start; i < n; i = end + 1) {
    quote = memchr(text + i, '"', n - i);
    if (!quote)
      return n;
    end = (size_t)(quote - text);
    for (slashes = 0; end - slashes > start; slashes++) {
      if (text[end - slashes - 1] != '\\')
        break;
    }
    if (slashes % 2 == 0)
      return end; /* else it is escaped */
  }
  return n;
}

static bool is_of_number(char c)
{
  return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' ||
         c == 'e' || c == 'E';
}

size_t scan_number(const char *text, size_t n)
{
  size_t i = 0;

  while (i < n && is_of_number(text[i]))
    i++;
  return i;
}
