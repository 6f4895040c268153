/* SPDX-License-Identifier: MIT
 *
 * lua_util: see lua_util.h.
 */
#include "lua_util.h"

#include "clock.h"

#include <math.h>
#include <string.h>

#define MOMENT_MAXIMUM 9e12 /* s; later is never, and milliseconds fit */

/* {=== types */

void lua_util_type(lua_State *L, const char *name, const luaL_Reg *methods,
                   lua_CFunction close, lua_CFunction tostring)
{
  (void)luaL_newmetatable(L, name);
  lua_newtable(L);
  luaL_setfuncs(L, methods, 0);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, close);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, close);
  lua_setfield(L, -2, "__close");
  lua_pushcfunction(L, tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

void lua_util_methods(lua_State *L, const char *name, const luaL_Reg *methods)
{
  luaL_getmetatable(L, name);
  lua_getfield(L, -1, "__index");
  luaL_setfuncs(L, methods, 0);
  lua_pop(L, 2);
}

/* ===} */

/* {=== arguments and results */

int64_t lua_util_milliseconds(lua_State *L, int index, const char *what)
{
  lua_Number seconds = lua_tonumber(L, index);

  if (lua_isnoneornil(L, index))
    return 0;
  if (!lua_isnumber(L, index) || !(seconds >= 0)) /* not a number either */
    luaL_error(L, "%s is not a number of seconds", what);
  seconds = ceil(seconds * 1000);
  return seconds < INT32_MAX ? (int64_t)seconds : INT32_MAX;
}

int64_t lua_util_moment(lua_State *L, int index)
{
  lua_Number seconds;

  if (lua_isnoneornil(L, index))
    return CLOCK_NEVER;
  seconds = luaL_checknumber(L, index);
  luaL_argcheck(L, seconds == seconds, index, "not a number of seconds");
  if (seconds < 0)
    return 0;
  return seconds < MOMENT_MAXIMUM ? (int64_t)(seconds * 1000) + 1
                                  : CLOCK_NEVER;
}

const char *lua_util_field(lua_State *L, int index, const char *name,
                           size_t *n)
{
  const char *text;
  size_t length;

  lua_getfield(L, index, name);
  if (lua_isnil(L, -1))
    return NULL;
  if (lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "%s: string expected, got %s", name, luaL_typename(L, -1));
  text = lua_tolstring(L, -1, &length);
  if (n)
    *n = length;
  else if (strlen(text) != length)
    luaL_error(L, "%s: contains a NUL", name);
  return text;
}

int lua_util_flag(lua_State *L, int index, const char *name)
{
  int flag;

  lua_getfield(L, index, name);
  flag = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return flag;
}

void lua_util_push_count(lua_State *L, int64_t n)
{
#if LUA_UTIL_INTEGERS
  lua_pushinteger(L, (lua_Integer)n);
#else
  lua_pushnumber(L, (lua_Number)n);
#endif
}

/* ===} */
