/* SPDX-License-Identifier: MIT
 *
 * json: see json.h.  The two directions are in decode.c and encode.c.
 */

/*** @module jogg.core */
#include "json.h"

#include "jogg.h"
#include "utf8.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static char places[2]; /* their addresses are keys of the registry */

void json_push_codec(lua_State *L, enum json_codec codec)
{
  lua_pushlightuserdata(L, &places[codec]);
  lua_rawget(L, LUA_REGISTRYINDEX);
}

/***
Is this text fit for JSON?
@function text_fault
@tparam string text
@tparam ?number maximum bytes
@treturn[1] nil it is
@treturn[2] integer the position of the first bad byte, from 1; or behind the
maximum, if it is longer; or 0, if it is no string
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
    jogg_push_count(L, (int64_t)maximum + 1);
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

/* Calls cjson.NAME(value) on the instance at the top, if there is such a
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

/* [-0, +0, e] keeps a function of the instance at the top */
static void keep(lua_State *L, const char *name, enum json_codec codec)
{
  lua_pushlightuserdata(L, &places[codec]);
  lua_getfield(L, -2, name);
  lua_rawset(L, LUA_REGISTRYINDEX);
}

void json_register(lua_State *L)
{
  static const luaL_Reg FUNCTIONS[] = {
    { "decode", json_decode_text },
    { "encode", json_encode_value },
    { "text_fault", text_fault },
    { NULL, NULL }
  };

  jogg_functions(L, FUNCTIONS);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "cjson");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "new");
  lua_call(L, 0, 1);
  configure(L, "decode_max_depth", JSON_DEPTH);
  configure(L, "decode_invalid_numbers", false);
  configure(L, "encode_invalid_numbers", false);
  /* A kept buffer is overwritten by a finalizer that encodes between the end of
     a text and its copy, in lua_pushlstring of 5.1, 5.2 and LuaJIT. */
  configure(L, "encode_keep_buffer", false);
  keep(L, "encode", JSON_ENCODE);
  keep(L, "decode", JSON_DECODE);
  lua_pop(L, 2);
}
