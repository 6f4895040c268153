/* SPDX-License-Identifier: MIT
 *
 * utf8: see utf8.h.
 */
#include "utf8.h"

#include <stdbool.h>

static bool between(unsigned char byte, unsigned low, unsigned high)
{
  return byte >= low && byte <= high;
}

size_t utf8_sequence_length(const char *text, size_t n)
{
  const unsigned char *p = (const unsigned char *)text;
  unsigned low = 0x80, high = 0xBF; /* of the second byte */
  size_t length, i;

  if (p[0] < 0x80)
    return 1;
  if (between(p[0], 0xC2, 0xDF))
    length = 2;
  else if (between(p[0], 0xE0, 0xEF))
    length = 3;
  else if (between(p[0], 0xF0, 0xF4))
    length = 4;
  else
    return 0;
  if (p[0] == 0xE0)
    low = 0xA0; /* no overlong form */
  else if (p[0] == 0xED)
    high = 0x9F; /* no surrogate */
  else if (p[0] == 0xF0)
    low = 0x90;
  else if (p[0] == 0xF4)
    high = 0x8F; /* nothing above U+10FFFF */
  if (length > n || !between(p[1], low, high))
    return 0;
  for (i = 2; i < length; i++) {
    if (!between(p[i], 0x80, 0xBF))
      return 0;
  }
  return length;
}

size_t utf8_valid_length(const char *text, size_t n)
{
  size_t i = 0;

  while (i < n) {
    size_t length = utf8_sequence_length(text + i, n - i);
    if (length == 0)
      break;
    i += length;
  }
  return i;
}
