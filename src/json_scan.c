/* SPDX-License-Identifier: MIT
 *
 * json_scan: see json_scan.h.
 */
#include "json_scan.h"

#include "utf8.h"

#include <stdio.h>
#include <string.h>

#define EXACT_DIGITS 15 /* a double holds any integer of so many */
#define MARK "\\u0001"
#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* {=== finding ends */

size_t json_scan_string(const char *text, size_t n, size_t i)
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
      return end; /* otherwise the quote is escaped */
  }
  return n;
}

static bool is_in_number(char c)
{
  return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' ||
         c == 'e' || c == 'E';
}

size_t json_scan_number(const char *text, size_t n)
{
  size_t i = 0;

  while (i < n && is_in_number(text[i]))
    i++;
  return i;
}

/* ===} */

/* {=== writing */

static void copy(struct json_repair *r, const char *bytes, size_t n)
{
  if (r->to)
    memcpy(r->to + r->length, bytes, n);
  r->length += n;
}

/* Writes something other than the text has. */
static void change(struct json_repair *r, const char *text)
{
  copy(r, text, strlen(text));
  r->needed = true;
}

/* ===} */

/* {=== strings */

/* The code unit of an escape \uXXXX, or -1. */
static int code_unit(const char *text, size_t n)
{
  int unit = 0, i;

  if (n < 6 || text[0] != '\\' || text[1] != 'u')
    return -1;
  for (i = 2; i < 6; i++) {
    char c = text[i];
    if (c >= '0' && c <= '9')
      unit = 16 * unit + (c - '0');
    else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
      unit = 16 * unit + ((c | 0x20) - 'a' + 10);
    else
      return -1;
  }
  return unit;
}

/* Repairs an escape, or a pair of them.  Returns the number of bytes read. */
static size_t repair_escape(struct json_repair *r, const char *text, size_t n)
{
  int unit = code_unit(text, n), next;
  size_t length = n < 2 ? n : 2; /* digits after \u are plain bytes */

  if (unit >= 0xD800 && unit <= 0xDFFF) {
    next = code_unit(text + 6, n - 6);
    length = unit < 0xDC00 && next >= 0xDC00 && next <= 0xDFFF ? 12 : 6;
    if (length == 6) {
      change(r, REPLACEMENT);
      return length;
    }
  }
  copy(r, text, length);
  return length;
}

/* Repairs a byte that is no plain ASCII character, or a UTF-8 sequence.
   Returns the number of bytes read. */
static size_t repair_bytes(struct json_repair *r, const char *text, size_t n)
{
  unsigned char byte = (unsigned char)text[0];
  size_t length = utf8_sequence_length(text, n);
  char escape[8];

  if (byte < 0x20) {
    (void)snprintf(escape, sizeof escape, "\\u%04x", byte);
    change(r, escape);
  } else if (length == 0) {
    change(r, REPLACEMENT);
    length = 1;
  } else {
    copy(r, text, length);
  }
  return length;
}

static size_t plain_length(const char *text, size_t n)
{
  size_t i = 0;

  while (i < n && (unsigned char)text[i] >= 0x20 &&
         (unsigned char)text[i] < 0x80 && text[i] != '\\')
    i++;
  return i;
}

/* Is the string that ends at `end` the name of a field? */
static bool is_name(const char *text, size_t n, size_t end)
{
  do
    end++;
  while (end < n && text[end] && strchr(" \t\r\n", text[end]));
  return end < n && text[end] == ':';
}

/* Repairs the string that begins at i.  Returns the offset after it. */
static size_t repair_string(struct json_repair *r, const char *text, size_t n,
                            size_t i)
{
  size_t end = json_scan_string(text, n, i), length;

  copy(r, text + i++, 1);
  if (i < end && (text[i] == '\1' || code_unit(text + i, end - i) == 1) &&
      !is_name(text, n, end)) {
    change(r, MARK);
    r->marked = true;
  }
  for (; i < end; i += length) {
    length = plain_length(text + i, end - i);
    if (length > 0)
      copy(r, text + i, length);
    else if (text[i] == '\\')
      length = repair_escape(r, text + i, end - i);
    else
      length = repair_bytes(r, text + i, end - i);
  }
  if (end == n)
    return n;
  copy(r, "\"", 1);
  return end + 1;
}

/* ===} */

/* {=== numbers */

/* Is this an integer, as JSON writes it, that a double may not hold? */
static bool is_long_integer(const char *text, size_t n)
{
  size_t i;

  if (n > 0 && text[0] == '-') {
    text++;
    n--;
  }
  if (n <= EXACT_DIGITS || text[0] == '0')
    return false;
  for (i = 0; i < n && text[i] >= '0' && text[i] <= '9'; i++)
    ;
  return i == n;
}

static size_t repair_number(struct json_repair *r, const char *text, size_t n)
{
  size_t length = json_scan_number(text, n);

  if (!is_long_integer(text, length)) {
    copy(r, text, length);
    return length;
  }
  change(r, "\"" MARK);
  copy(r, text, length);
  change(r, "\"");
  r->marked = true;
  return length;
}

/* The length of a word for something that is not a number, or 0. */
static size_t not_a_number(const char *text, size_t n)
{
  static const char *const WORDS[] = { "NaN", "Infinity", "-Infinity" };
  size_t i, length;

  for (i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
    length = strlen(WORDS[i]);
    if (n >= length && memcmp(text, WORDS[i], length) == 0)
      return length;
  }
  return 0;
}

/* ===} */

void json_repair(struct json_repair *r, const char *text, size_t n)
{
  size_t i = 0, length;

  while (i < n) {
    if (text[i] == '"') {
      i = repair_string(r, text, n, i);
    } else if ((length = not_a_number(text + i, n - i)) > 0) {
      change(r, "null");
      i += length;
    } else if (text[i] == '-' || (text[i] >= '0' && text[i] <= '9')) {
      i += repair_number(r, text + i, n - i);
    } else {
      copy(r, text + i++, 1);
    }
  }
}
