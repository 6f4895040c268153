/* SPDX-License-Identifier: MIT
 *
 * encode: Lua values to JSON text; see json.h.
 *
 * lua-cjson encodes every scalar; only the brackets are put here, because it
 * cannot tell an empty list from an empty object.  The text grows in a buffer
 * that is kept from one call to the next.
 */

/*** @module jogg.core */
#include "buf.h"
#include "json.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TEXT_TYPE "jogg.core.text"
#define TEXT_MAXIMUM (64 * 1024 * 1024)
#define KEPT_MEMORY (16 * 1024)

/* Stack while encoding: 1 value, 2 set of list fields, 3 text, 4 encoder. */
enum { FIELDS = 2, TEXT = 3, ENCODER = 4 };

/* {=== the text */

static char text_place; /* its address is a key of the registry */

static int text_free(lua_State *L)
{
  buf_free(luaL_checkudata(L, 1, TEXT_TYPE));
  return 0;
}

/* The kept buffer, which is nobody else's meanwhile: a finalizer may encode in
   the middle of this, and then has one of its own.  [-0, +1, m] */
static void text_take(lua_State *L)
{
  struct buf *text;

  lua_pushlightuserdata(L, &text_place);
  lua_rawget(L, LUA_REGISTRYINDEX);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    text = lua_newuserdatauv(L, sizeof *text, 0);
    buf_init(text, TEXT_MAXIMUM);
    luaL_setmetatable(L, TEXT_TYPE);
    return;
  }
  lua_pushlightuserdata(L, &text_place);
  lua_pushnil(L);
  lua_rawset(L, LUA_REGISTRYINDEX);
}

/* [-0, +0, m] */
static void text_keep(lua_State *L, struct buf *text)
{
  buf_reset(text, KEPT_MEMORY);
  lua_pushlightuserdata(L, &text_place);
  lua_pushvalue(L, TEXT);
  lua_rawset(L, LUA_REGISTRYINDEX);
}

/* [-0, +0, e] */
static void add(lua_State *L, const char *bytes, size_t n)
{
  switch (buf_add(lua_touserdata(L, TEXT), bytes, n)) {
  case BUF_OK:
    break;
  case BUF_FULL:
    luaL_error(L, "value is too large for JSON");
    break;
  case BUF_NO_MEMORY:
    luaL_error(L, "not enough memory");
  }
}

static void add_text(lua_State *L, const char *text)
{
  add(L, text, strlen(text));
}

/* [-1, +0, e] */
static void encode_with_cjson(lua_State *L)
{
  const char *text;
  size_t n;

  lua_pushvalue(L, ENCODER);
  lua_insert(L, -2);
  lua_call(L, 1, 1);
  text = luaL_checklstring(L, -1, &n);
  add(L, text, n);
  lua_pop(L, 1);
}

/* ===} */

/* [-1, +0, e] */
static void encode_number(lua_State *L)
{
  lua_Number number = lua_tonumber(L, -1);
  char digits[40];

#if COMPAT_INTEGERS
  if (lua_isinteger(L, -1)) {
    (void)snprintf(digits, sizeof digits, LUA_INTEGER_FMT,
                   (LUAI_UACINT)lua_tointeger(L, -1));
    lua_pop(L, 1);
    add_text(L, digits);
    return;
  }
#endif
  if (number == floor(number) && fabs(number) <= JSON_EXACT) {
    (void)snprintf(digits, sizeof digits, "%.0f", number);
    lua_pop(L, 1);
    add_text(L, digits);
    return;
  }
  encode_with_cjson(L);
}

static void encode_value(lua_State *L, bool list, int depth);

/* A list has the keys 1 to n and no other.  [-0, +0, e] */
static void check_list(lua_State *L, int n)
{
  int keys = 0;

  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pop(L, 1);
    keys++;
  }
  if (keys != n)
    luaL_error(L, "a list with holes or with fields cannot be JSON");
}

/* [-1, +0, e] the table on the top, n items */
static void encode_list(lua_State *L, int n, int depth)
{
  int i;

  check_list(L, n);
  add_text(L, "[");
  for (i = 1; i <= n; i++) {
    if (i > 1)
      add_text(L, ",");
    lua_rawgeti(L, -1, i);
    encode_value(L, false, depth);
  }
  add_text(L, "]");
  lua_pop(L, 1);
}

/* [-1, +0, e] the table on the top */
static void encode_object(lua_State *L, int depth)
{
  bool first = true;

  add_text(L, "{");
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    bool list;
    if (lua_type(L, -2) != LUA_TSTRING)
      luaL_error(L, "a table with both a list and fields cannot be JSON");
    if (!first)
      add_text(L, ",");
    first = false;
    lua_pushvalue(L, -2);
    encode_with_cjson(L);
    add_text(L, ":");
    lua_pushvalue(L, -2);
    lua_rawget(L, FIELDS);
    list = lua_toboolean(L, -1);
    lua_pop(L, 1);
    encode_value(L, list, depth);
  }
  add_text(L, "}");
  lua_pop(L, 1);
}

/* [-1, +0, e] the value on the top; `list`: an empty table is [] */
static void encode_value(lua_State *L, bool list, int depth)
{
  luaL_checkstack(L, 8, "value is too deep for JSON");
  switch (lua_type(L, -1)) {
  case LUA_TTABLE:
    if (depth >= JSON_DEPTH)
      luaL_error(L, "value is too deep for JSON (or contains itself)");
    if (list || lua_rawlen(L, -1) > 0)
      encode_list(L, (int)lua_rawlen(L, -1), depth + 1);
    else
      encode_object(L, depth + 1);
    break;
  case LUA_TNUMBER:
    encode_number(L);
    break;
  case LUA_TSTRING:
  case LUA_TBOOLEAN:
    encode_with_cjson(L);
    break;
  default:
    luaL_error(L, "a %s cannot be JSON", luaL_typename(L, -1));
  }
}

/***
Encodes a value as JSON text.
@function encode
@tparam table value strings, numbers, booleans and tables of them
@tparam table lists names of the fields that are lists: `{intro_medias=true}`.
An empty table is `[]` there and `{}` elsewhere.
@treturn string
@raise when the value cannot be JSON
*/
int json_encode_value(lua_State *L)
{
  struct buf *text;

  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  text_take(L);
  text = lua_touserdata(L, TEXT);
  json_push_codec(L, JSON_ENCODE);
  lua_pushvalue(L, 1);
  encode_value(L, false, 0);
  lua_pushlstring(L, text->data, text->length); /* at least the brackets */
  text_keep(L, text);
  return 1;
}

void json_register_text(lua_State *L)
{
  (void)luaL_newmetatable(L, TEXT_TYPE);
  lua_pushcfunction(L, text_free);
  lua_setfield(L, -2, "__gc");
  lua_pushliteral(L, TEXT_TYPE);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}
