/* SPDX-License-Identifier: MIT
 *
 * encode: Lua values to JSON text; see json.h.
 *
 * lua-cjson encodes what is not plain; the brackets are put here, because it
 * cannot tell an empty list from an empty object.  The text grows in a buffer
 * that is kept from one call to the next.
 */

/*** @module jogg.core */
#include "jogg.h"
#include "json.h"
#include "transfer.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define FIRST_SIZE 1024
#define KEPT_SIZE (16u * 1024)

/* A userdata: Lua's memory, so that its collector knows of it. */
struct text {
  size_t length; /* of it all; beyond the maximum it is only counted */
  size_t size;
  char data[];
};

/* Stack while encoding: 1 value, 2 set of list fields, 3 text, 4 encoder. */
enum { FIELDS = 2, TEXT = 3, ENCODER = 4 };

/* {=== the text */

static char text_place; /* its address is a key of the registry */

/* [-0, +1, m] */
static struct text *text_new(lua_State *L, size_t size)
{
  struct text *text = lua_newuserdatauv(L, sizeof *text + size, 0);

  text->length = 0;
  text->size = size;
  return text;
}

/* The kept text, which is nobody else's meanwhile: a finalizer may encode in
   the middle of this, and then has one of its own.  [-0, +1, m] */
static void text_take(lua_State *L)
{
  lua_pushlightuserdata(L, &text_place);
  lua_rawget(L, LUA_REGISTRYINDEX);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    (void)text_new(L, FIRST_SIZE);
    return;
  }
  lua_pushlightuserdata(L, &text_place);
  lua_pushnil(L);
  lua_rawset(L, LUA_REGISTRYINDEX);
}

/* [-0, +0, m] */
static void text_keep(lua_State *L)
{
  struct text *text = lua_touserdata(L, TEXT);

  if (text->size > KEPT_SIZE)
    return;
  text->length = 0;
  lua_pushlightuserdata(L, &text_place);
  lua_pushvalue(L, TEXT);
  lua_rawset(L, LUA_REGISTRYINDEX);
}

/* [-0, +0, m] */
static void add(lua_State *L, const char *bytes, size_t n)
{
  struct text *text = lua_touserdata(L, TEXT), *larger;
  size_t size = text->size, length = text->length + n;

  if (length > TRANSFER_BODY_MAXIMUM) {
    text->length = length;
    return;
  }
  while (size < length)
    size *= 2;
  if (size > text->size) {
    larger = text_new(L, size);
    memcpy(larger->data, text->data, text->length);
    lua_replace(L, TEXT);
    text = larger;
  }
  memcpy(text->data + length - n, bytes, n);
  text->length = length;
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

/* Does no byte of it have to be escaped?  lua-cjson escapes the slash. */
static bool is_plain(const char *text, size_t n)
{
  size_t i;

  for (i = 0; i < n; i++) {
    unsigned char byte = (unsigned char)text[i];
    if (byte < 0x20 || byte == 0x7F || byte == '"' || byte == '\\' ||
        byte == '/')
      return false;
  }
  return true;
}

/* Names and ids are copied as they are: with a call of lua-cjson for each, a
   small body took half as long again.  [-1, +0, e] */
static void encode_text(lua_State *L)
{
  size_t n;
  const char *text = lua_tolstring(L, -1, &n);

  if (!is_plain(text, n)) {
    encode_with_cjson(L);
    return;
  }
  add(L, "\"", 1);
  add(L, text, n);
  add(L, "\"", 1);
  lua_pop(L, 1);
}

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
    encode_text(L);
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
    encode_text(L);
    break;
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
@treturn[1] string
@treturn[2] nil it is larger than a body may be
@treturn[2] integer bytes that it has
@raise when the value cannot be JSON
*/
int json_encode_value(lua_State *L)
{
  struct text *text;

  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  text_take(L);
  json_push_codec(L, JSON_ENCODE);
  lua_pushvalue(L, 1);
  encode_value(L, false, 0);
  text = lua_touserdata(L, TEXT);
  if (text->length > TRANSFER_BODY_MAXIMUM) {
    lua_pushnil(L);
    jogg_push_count(L, (int64_t)text->length);
    return 2;
  }
  lua_pushlstring(L, text->data, text->length);
  text_keep(L);
  return 1;
}
