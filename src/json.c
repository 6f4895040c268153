/* SPDX-License-Identifier: MIT
 *
 * json: see json.h.
 */

/*** @module jogg.core */
#include "json.h"

#include "lua_util.h"
#include "json_scan.h"
#include "transfer.h"
#include "utf8.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAXIMUM 64         /* tables within tables */
#define EXACT 9007199254740992.0 /* 2^53: doubles count up to here */

/* {=== lua-cjson */

enum codec { ENCODE, DECODE };

static char places[2]; /* their addresses are keys of the registry */

/* lua-cjson's function, of our instance.  [-0, +1, -] */
static void push_codec(lua_State *L, enum codec codec)
{
  lua_pushlightuserdata(L, &places[codec]);
  lua_rawget(L, LUA_REGISTRYINDEX);
}

/* [-0, +0, e] keeps a function of the instance on the top */
static void keep(lua_State *L, const char *name, enum codec codec)
{
  lua_pushlightuserdata(L, &places[codec]);
  lua_getfield(L, -2, name);
  lua_rawset(L, LUA_REGISTRYINDEX);
}

/* Calls cjson.NAME(value) on the instance on the top, if there is such a
   setting.  [-0, +0, e] */
static void configure(lua_State *L, const char *name, int value)
{
  lua_getfield(L, -1, name);
  if (!lua_isfunction(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  if (value > 1)
    lua_pushinteger(L, value);
  else
    lua_pushboolean(L, value);
  lua_call(L, 1, 0);
}

/* [-0, +0, e] */
static void cjson_load(lua_State *L)
{
  lua_getglobal(L, "require");
  lua_pushliteral(L, "cjson");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "new");
  lua_call(L, 0, 1);
  configure(L, "decode_max_depth", DEPTH_MAXIMUM);
  configure(L, "decode_invalid_numbers", false);
  configure(L, "encode_invalid_numbers", false);
  /* lua_pushlstring of 5.1, 5.2 and LuaJIT may run a finalizer before it copies
     the text.  If that encodes as well, it overwrites a kept buffer. */
  configure(L, "encode_keep_buffer", false);
  keep(L, "encode", ENCODE);
  keep(L, "decode", DECODE);
  lua_pop(L, 2);
}

/* ===} */

/* {=== decoding */

/* Is the number on the top whole, and not an integer yet? */
static bool becomes_integer(lua_State *L, lua_Integer *value)
{
#if LUA_UTIL_INTEGERS
  lua_Number number;

  if (lua_isinteger(L, -1))
    return false;
  number = lua_tonumber(L, -1);
  if (!(fabs(number) <= EXACT))
    return false;
  *value = (lua_Integer)number;
  return (lua_Number)*value == number;
#else
  (void)L;
  (void)value;
  return false;
#endif
}

/* Takes the mark from the string on the top, if it has one (see json_repair).
   [-0, +0|1, m] if so, pushes what the string stands for */
static bool push_unmarked(lua_State *L)
{
  const char *text = lua_tostring(L, -1);
#if LUA_UTIL_INTEGERS
  lua_Integer value;
  int is_integer;
#endif

  if (text[0] != '\1')
    return false;
  if (text[1] == '\1') {
    size_t n;
    text = lua_tolstring(L, -1, &n);
    lua_pushlstring(L, text + 1, n - 1);
    return true;
  }
  lua_pushstring(L, text + 1);
#if LUA_UTIL_INTEGERS
  value = lua_tointegerx(L, -1, &is_integer);
  if (is_integer) {
    lua_pop(L, 1);
    lua_pushinteger(L, value);
  }
#endif
  return true;
}

/* Must lua-cjson's value on the top, which is not a table, be replaced?
   [-0, +0|1, m] if so, pushes the right value */
static bool push_tidied(lua_State *L, bool marked)
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
    return marked && push_unmarked(L);
  default:
    return false;
  }
}

/* Tidies the fields of the table on the top.  Its depth is bounded by
   lua-cjson's.  [-0, +0, m] */
static void tidy_table(lua_State *L, bool marked)
{
  luaL_checkstack(L, 6, "JSON is too deep");
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (lua_type(L, -1) == LUA_TTABLE) {
      tidy_table(L, marked);
    } else if (push_tidied(L, marked)) { /* table, key, value, tidied */
      lua_pushvalue(L, -3);
      lua_insert(L, -2);
      lua_rawset(L, -5); /* an existing field: lua_next may go on */
    }
    lua_pop(L, 1);
  }
}

/* Pushes the text for lua-cjson.  [-0, +1, m] */
static void push_repaired(lua_State *L, const char *text, size_t n,
                          struct json_repair *r)
{
  *r = (struct json_repair){ .to = NULL };
  json_repair(r, text, n);
  if (!r->needed) {
    lua_pushlstring(L, text, n);
    return;
  }
  *r = (struct json_repair){ .to = lua_newuserdatauv(L, r->length, 0) };
  json_repair(r, text, n);
  lua_pushlstring(L, r->to, r->length);
  lua_remove(L, -2);
}

int json_decode(lua_State *L, const char *text, size_t n)
{
  struct json_repair r;

  if (n > SIZE_MAX / 8) {
    lua_pushnil(L);
    lua_pushliteral(L, "JSON is too large");
    return 2;
  }
  if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
    text += 3; /* a byte order mark */
    n -= 3;
  }
  push_codec(L, DECODE);
  push_repaired(L, text, n, &r);
  if (lua_pcall(L, 1, 1, 0) != 0) {
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
  }
  if (lua_type(L, -1) == LUA_TTABLE)
    tidy_table(L, r.marked);
  else if (push_tidied(L, r.marked))
    lua_remove(L, -2);
  return 1;
}

/***
Decodes JSON text.  Whole numbers are integers where Lua has them, `null` is
absent, integers of more than 15 digits keep every digit (as a string where
the Lua in use has no such integer).  Servers write more than JSON allows: a
byte order mark is skipped, `NaN` and `Infinity` are absent, and invalid
Unicode in a string becomes U+FFFD.
@function decode
@tparam string text JSON text
@treturn[1] value
@treturn[2] nil
@treturn[2] string what is wrong, with the position
*/
static int decode(lua_State *L)
{
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);

  return json_decode(L, text, n);
}

/* ===} */

/* {=== encoding */

/* Stack while encoding: 1 value, 2 set of list fields, 3 pieces of the text in
   their order, 4 lua-cjson's encode. */
enum { FIELDS = 2, PIECES = 3, ENCODER = 4 };

struct encoding {
  lua_State *L;
  int pieces;
  size_t length; /* of all pieces; beyond the maximum they are only counted */
};

/* Moves the string on the top to the pieces.  [-1, +0, m] */
static void add_top(struct encoding *e)
{
  e->length += lua_rawlen(e->L, -1);
  if (e->length > TRANSFER_BODY_MAXIMUM)
    lua_pop(e->L, 1);
  else
    lua_rawseti(e->L, PIECES, ++e->pieces);
}

/* [-0, +0, m] */
static void add(struct encoding *e, const char *text)
{
  lua_pushstring(e->L, text);
  add_top(e);
}

/* [-1, +0, e] a string, or a number that is not whole */
static void encode_with_cjson(struct encoding *e)
{
  lua_pushvalue(e->L, ENCODER);
  lua_insert(e->L, -2);
  lua_call(e->L, 1, 1);
  (void)luaL_checkstring(e->L, -1);
  add_top(e);
}

/* [-1, +0, e] */
static void encode_number(struct encoding *e)
{
  lua_Number number = lua_tonumber(e->L, -1);
  char digits[40];

#if LUA_UTIL_INTEGERS
  if (lua_isinteger(e->L, -1)) {
    (void)snprintf(digits, sizeof digits, LUA_INTEGER_FMT,
                   (LUAI_UACINT)lua_tointeger(e->L, -1));
    lua_pop(e->L, 1);
    add(e, digits);
    return;
  }
#endif
  if (number == floor(number) && fabs(number) <= EXACT) {
    (void)snprintf(digits, sizeof digits, "%.0f", number);
    lua_pop(e->L, 1);
    add(e, digits);
    return;
  }
  encode_with_cjson(e);
}

static void encode_value(struct encoding *e, bool list, int depth);

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
static void encode_list(struct encoding *e, int n, int depth)
{
  int i;

  check_list(e->L, n);
  add(e, "[");
  for (i = 1; i <= n; i++) {
    if (i > 1)
      add(e, ",");
    lua_rawgeti(e->L, -1, i);
    encode_value(e, false, depth);
  }
  add(e, "]");
  lua_pop(e->L, 1);
}

/* [-1, +0, e] the table on the top */
static void encode_object(struct encoding *e, int depth)
{
  lua_State *L = e->L;
  const char *before = "{";

  lua_pushnil(L);
  while (lua_next(L, -2)) {
    bool list;
    if (lua_type(L, -2) != LUA_TSTRING)
      luaL_error(L, "a table with both a list and fields cannot be JSON");
    add(e, before);
    before = ",";
    lua_pushvalue(L, -2);
    encode_with_cjson(e);
    add(e, ":");
    lua_pushvalue(L, -2);
    lua_rawget(L, FIELDS);
    list = lua_toboolean(L, -1);
    lua_pop(L, 1);
    encode_value(e, list, depth);
  }
  add(e, before[0] == '{' ? "{}" : "}");
  lua_pop(L, 1);
}

/* [-1, +0, e] the value on the top; `list`: an empty table is [] */
static void encode_value(struct encoding *e, bool list, int depth)
{
  lua_State *L = e->L;

  luaL_checkstack(L, 8, "value is too deep for JSON");
  switch (lua_type(L, -1)) {
  case LUA_TTABLE:
    if (depth >= DEPTH_MAXIMUM)
      luaL_error(L, "value is too deep for JSON (or contains itself)");
    if (list || lua_rawlen(L, -1) > 0)
      encode_list(e, (int)lua_rawlen(L, -1), depth + 1);
    else
      encode_object(e, depth + 1);
    break;
  case LUA_TNUMBER:
    encode_number(e);
    break;
  case LUA_TSTRING:
    encode_with_cjson(e);
    break;
  case LUA_TBOOLEAN:
    add(e, lua_toboolean(L, -1) ? "true" : "false");
    lua_pop(L, 1);
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
@treturn[2] integer its length in bytes
@raise when the value cannot be JSON
*/
static int encode(lua_State *L)
{
  struct encoding e = { .L = L };
  luaL_Buffer text;
  int i;

  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  lua_newtable(L);
  push_codec(L, ENCODE);
  lua_pushvalue(L, 1);
  encode_value(&e, false, 0);
  if (e.length > TRANSFER_BODY_MAXIMUM) {
    lua_pushnil(L);
    lua_util_push_count(L, (int64_t)e.length);
    return 2;
  }
  luaL_buffinit(L, &text);
  for (i = 1; i <= e.pieces; i++) {
    lua_rawgeti(L, PIECES, i);
    luaL_addvalue(&text);
  }
  luaL_pushresult(&text);
  return 1;
}

/* ===} */

/***
Checks that a string is fit for JSON: UTF-8 without NUL.
@function text_fault
@tparam string text
@tparam ?number maximum bytes
@treturn[1] nil the string is fit
@treturn[2] integer the position of the first bad byte, from 1; of the first
byte beyond the maximum, if the string is longer; 0, if it is not a string
@treturn[2] string what is wrong with it
*/
static int text_fault(lua_State *L)
{
  size_t n, valid;
  const char *text, *nul;
  lua_Number maximum = luaL_optnumber(L, 2, HUGE_VAL);

  if (lua_type(L, 1) != LUA_TSTRING) {
    lua_pushinteger(L, 0);
    lua_pushliteral(L, "is not text");
    return 2;
  }
  text = lua_tolstring(L, 1, &n);
  if ((lua_Number)n > maximum) {
    lua_util_push_count(L, (int64_t)maximum + 1);
    lua_pushliteral(L, "is too much");
    return 2;
  }
  nul = memchr(text, '\0', n);
  valid = utf8_valid_length(text, n);
  if (nul && (size_t)(nul - text) <= valid) {
    lua_pushinteger(L, (lua_Integer)(nul - text) + 1);
    lua_pushliteral(L, "is a NUL");
    return 2;
  }
  if (valid < n) {
    lua_pushinteger(L, (lua_Integer)valid + 1);
    lua_pushliteral(L, "is not UTF-8");
    return 2;
  }
  return 0;
}

void json_register(lua_State *L)
{
  static const luaL_Reg FUNCTIONS[] = {
    { "decode", decode },
    { "encode", encode },
    { "text_fault", text_fault },
    { NULL, NULL }
  };

  luaL_setfuncs(L, FUNCTIONS, 0);
  cjson_load(L);
}
