/* SPDX-License-Identifier: MIT
 *
 * decode: JSON text to Lua values; see json.h.
 */

/*** @module jogg.core */
#include "json.h"

#include "scan.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define EXACT_DIGITS 15 /* a double holds any integer of so many */

/* What the text holds that lua-cjson would spoil. */
struct scan {
  bool null;        /* a null, perhaps inside another word */
  size_t long_integers;
};

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

static struct scan scan_text(const char *text, size_t n)
{
  struct scan scan = { false, 0 };
  size_t i;

  for (i = 0; i < n; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c == '"') {
      i = scan_string(text, n, i);
    } else if (c == 'n') {
      scan.null = true;
    } else if (c >= '0' && c <= '9') {
      size_t length = scan_number(text + i, n - i);
      if (is_long_integer(text + i, length))
        scan.long_integers++;
      i += length - 1;
    }
  }
  return scan;
}

/* Integers too long for a double become strings, so that no digit is lost.
   [-0, +1, m] pushes the text */
static void push_with_long_integers(lua_State *L, const char *text, size_t n)
{
  luaL_Buffer b;
  size_t i, start;

  luaL_buffinit(L, &b);
  for (i = 0; i < n; i++) {
    start = i;
    if (text[i] == '"') {
      i = scan_string(text, n, i);
      if (i >= n)
        i = n - 1;
      luaL_addlstring(&b, text + start, i - start + 1);
    } else if ((text[i] >= '0' && text[i] <= '9') || text[i] == '-') {
      size_t length = scan_number(text + i, n - i);
      bool quote = is_long_integer(text + i, length);
      if (quote)
        luaL_addlstring(&b, "\"\\u0001", 7);
      luaL_addlstring(&b, text + i, length);
      if (quote)
        luaL_addchar(&b, '"');
      i += length - 1;
    } else {
      luaL_addchar(&b, text[i]);
    }
  }
  luaL_pushresult(&b);
}

/* Is the number at the top whole, and not an integer yet? */
static bool becomes_integer(lua_State *L, lua_Integer *value)
{
#if COMPAT_INTEGERS
  lua_Number number;

  if (lua_isinteger(L, -1))
    return false;
  number = lua_tonumber(L, -1);
  if (!(fabs(number) <= JSON_EXACT))
    return false;
  *value = (lua_Integer)number;
  return (lua_Number)*value == number;
#else
  (void)L;
  (void)value;
  return false;
#endif
}

/* Is the string at the top one of ours, a long integer?  [-0, +0|1, m] if so,
   pushes what it stands for */
static bool push_long_integer(lua_State *L)
{
  size_t n;
  const char *text = lua_tolstring(L, -1, &n);
#if COMPAT_INTEGERS
  lua_Integer value;
  int whole;
#endif

  if (text[0] != '\1' || !is_long_integer(text + 1, n - 1))
    return false;
  lua_pushstring(L, text + 1);
#if COMPAT_INTEGERS
  value = lua_tointegerx(L, -1, &whole);
  if (whole) {
    lua_pop(L, 1);
    lua_pushinteger(L, value);
  }
#endif
  return true;
}

/* Is the value at the top, no table, not what it should be?  [-0, +0|1, m] if
   so, pushes what it should be */
static bool push_tidied(lua_State *L, const struct scan *scan)
{
  lua_Integer value;

  switch (lua_type(L, -1)) {
  case LUA_TLIGHTUSERDATA: /* null */
    lua_pushnil(L);
    return true;
  case LUA_TNUMBER:
    if (!becomes_integer(L, &value))
      return false;
    lua_pushinteger(L, value);
    return true;
  case LUA_TSTRING:
    return scan->long_integers > 0 && push_long_integer(L);
  default:
    return false;
  }
}

/* Tidies the fields of the table on the top.  Its depth is bounded by
   lua-cjson's.  [-0, +0, m] */
static void tidy_table(lua_State *L, const struct scan *scan)
{
  luaL_checkstack(L, 6, "JSON is too deep");
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (lua_type(L, -1) == LUA_TTABLE) {
      tidy_table(L, scan);
    } else if (push_tidied(L, scan)) { /* table, key, value, tidied */
      lua_pushvalue(L, -3);
      lua_insert(L, -2);
      lua_rawset(L, -5); /* an existing field: lua_next may go on */
    }
    lua_pop(L, 1);
  }
}

int json_decode(lua_State *L, const char *text, size_t n)
{
  struct scan scan = scan_text(text, n);

  json_push_codec(L, JSON_DECODE);
  if (scan.long_integers > 0)
    push_with_long_integers(L, text, n);
  else
    lua_pushlstring(L, text, n);
  if (lua_pcall(L, 1, 1, 0) != 0) {
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
  }
  if (lua_type(L, -1) == LUA_TTABLE) {
    if (COMPAT_INTEGERS || scan.null || scan.long_integers > 0)
      tidy_table(L, &scan);
  } else if (push_tidied(L, &scan)) {
    lua_remove(L, -2);
  }
  return 1;
}

/***
Decodes JSON text.  Whole numbers are integers where Lua has them, `null` is
absent, integers of more than 15 digits keep every digit (as a string where
the Lua in use has no such integer).
@function decode
@tparam string text JSON text
@treturn[1] value
@treturn[2] nil
@treturn[2] string what is wrong, with the position
*/
int json_decode_text(lua_State *L)
{
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);

  return json_decode(L, text, n);
}
