/* SPDX-License-Identifier: MIT
 *
 * state: see state.h.
 *
 * Reads the members of the outermost object and of its `data`, and steps over
 * all other values without looking into them.
 */
#include "state.h"

#include "scan.h"

#include <stdbool.h>
#include <string.h>

#define UNKNOWN (-1)
#define STATES 64
#define DEPTH_MAXIMUM 64

struct cursor {
  const char *text;
  size_t n, i;
};

static void blanks_skip(struct cursor *c)
{
  while (c->i < c->n && strchr(" \t\r\n", c->text[c->i]) && c->text[c->i])
    c->i++;
}

/* Is this the next character?  Then it is behind us. */
static bool next_is(struct cursor *c, char expected)
{
  blanks_skip(c);
  if (c->i >= c->n || c->text[c->i] != expected)
    return false;
  c->i++;
  return true;
}

/* A string without escapes, which is behind us then. */
static bool name_read(struct cursor *c, const char **name, size_t *length)
{
  size_t end;

  blanks_skip(c);
  if (c->i >= c->n || c->text[c->i] != '"')
    return false;
  end = scan_string(c->text, c->n, c->i);
  if (end >= c->n)
    return false;
  *name = c->text + c->i + 1;
  *length = end - c->i - 1;
  c->i = end + 1;
  return !memchr(*name, '\\', *length);
}

/* Objects and arrays, to their end. */
static bool nest_skip(struct cursor *c)
{
  char open[DEPTH_MAXIMUM];
  size_t depth = 0;

  for (; c->i < c->n; c->i++) {
    char byte = c->text[c->i];
    if (byte == '"') {
      c->i = scan_string(c->text, c->n, c->i);
    } else if (byte == '{' || byte == '[') {
      if (depth == DEPTH_MAXIMUM)
        return false;
      open[depth++] = byte;
    } else if (byte == '}' || byte == ']') {
      if (depth == 0 || open[--depth] != (byte == '}' ? '{' : '['))
        return false;
      if (depth == 0) {
        c->i++;
        return true;
      }
    }
  }
  return false;
}

static bool value_skip(struct cursor *c)
{
  size_t start;

  blanks_skip(c);
  if (c->i >= c->n)
    return false;
  if (c->text[c->i] == '{' || c->text[c->i] == '[')
    return nest_skip(c);
  if (c->text[c->i] == '"') {
    c->i = scan_string(c->text, c->n, c->i) + 1;
    return c->i <= c->n;
  }
  for (start = c->i; c->i < c->n; c->i++) {
    char byte = c->text[c->i];
    if (!((byte >= 'a' && byte <= 'z') || scan_number(&byte, 1) == 1))
      break;
  }
  return c->i > start;
}

/* A whole number below STATES, written plainly. */
static int number_read(struct cursor *c)
{
  size_t length;
  int number = 0;

  blanks_skip(c);
  length = scan_number(c->text + c->i, c->n - c->i);
  if (length < 1 || length > 2)
    return UNKNOWN;
  while (length-- > 0) {
    char byte = c->text[c->i++];
    if (byte < '0' || byte > '9')
      return UNKNOWN;
    number = 10 * number + (byte - '0');
  }
  return number < STATES ? number : UNKNOWN;
}

/* Reads the members of an object; of two with the same name nobody knows which
   one counts. */
static bool object_read(struct cursor *c,
                        bool (*member)(struct cursor *c, const char *name,
                                       size_t length, int *seen),
                        int *seen)
{
  const char *name;
  size_t length;

  if (!next_is(c, '{'))
    return false;
  if (next_is(c, '}'))
    return true;
  do {
    if (!name_read(c, &name, &length) || !next_is(c, ':') ||
        !member(c, name, length, seen))
      return false;
  } while (next_is(c, ','));
  return next_is(c, '}');
}

static bool is_named(const char *name, size_t length, const char *expected)
{
  return strlen(expected) == length && memcmp(name, expected, length) == 0;
}

static bool data_member(struct cursor *c, const char *name, size_t length,
                        int *seen)
{
  if (!is_named(name, length, "status"))
    return value_skip(c);
  if (*seen != UNKNOWN)
    return false;
  *seen = number_read(c);
  return *seen != UNKNOWN;
}

static bool code_member(struct cursor *c, const char *name, size_t length,
                        int *seen)
{
  if (!is_named(name, length, "code"))
    return value_skip(c);
  if (*seen != UNKNOWN)
    return false;
  *seen = number_read(c);
  return *seen == 0;
}

enum { CODE, STATUS, SEEN };

static bool answer_member(struct cursor *c, const char *name, size_t length,
                          int *seen)
{
  if (is_named(name, length, "data"))
    return seen[STATUS] == UNKNOWN &&
           object_read(c, data_member, &seen[STATUS]) &&
           seen[STATUS] != UNKNOWN;
  return code_member(c, name, length, &seen[CODE]);
}

bool state_is_accepted(const char *json, size_t n)
{
  struct cursor c = { .text = json, .n = n };
  int code = UNKNOWN;

  if (n == 0 || !object_read(&c, code_member, &code))
    return false;
  blanks_skip(&c);
  return c.i == n && code == 0;
}

int state_read(const char *json, size_t n)
{
  struct cursor c = { .text = json, .n = n };
  int seen[SEEN] = { UNKNOWN, UNKNOWN };

  if (n == 0 || !object_read(&c, answer_member, seen))
    return UNKNOWN;
  blanks_skip(&c);
  return c.i == n && seen[CODE] == 0 ? seen[STATUS] : UNKNOWN;
}
