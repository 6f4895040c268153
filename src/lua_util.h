/* SPDX-License-Identifier: MIT
 *
 * lua_util: Lua's C API for every binding.
 *
 * The parts of Lua 5.4's C API that this library uses, for Lua 5.1, LuaJIT,
 * 5.2, 5.3 and 5.5 as well; and helpers to register types and to read
 * arguments.  Every binding includes this in place of lua.h.  A userdata has
 * one user value at most, a table: Lua 5.1 has no other.
 */
#ifndef JOGG_LUA_UTIL_H
#define JOGG_LUA_UTIL_H

#include <lauxlib.h>
#include <lua.h>

#include <stddef.h>
#include <stdint.h>

/* {=== functions that older Luas lack */

#if LUA_VERSION_NUM < 504

#define lua_newuserdatauv(L, size, values) \
  ((void)(values), lua_newuserdata(L, size))

#if LUA_VERSION_NUM == 501
#define lua_setiuservalue(L, index, n) ((void)(n), lua_setfenv(L, index))
#define lua_getiuservalue(L, index, n) ((void)(n), lua_getfenv(L, index))
#else
#define lua_setiuservalue(L, index, n) ((void)(n), lua_setuservalue(L, index))
#define lua_getiuservalue(L, index, n) ((void)(n), lua_getuservalue(L, index))
#endif

#endif

#if LUA_VERSION_NUM == 501

#define lua_rawlen(L, index) lua_objlen(L, index)
#define luaL_setfuncs(L, list, upvalues) luaL_openlib(L, NULL, list, upvalues)

/* [-0, +0, -] */
static inline int lua_util_absindex(lua_State *L, int index)
{
  return index > 0 || index <= LUA_REGISTRYINDEX ? index
                                                 : lua_gettop(L) + index + 1;
}
#define lua_absindex(L, index) lua_util_absindex(L, index)

/* LuaJIT has the next two as functions: ours serve it as well. */

/* [-0, +0, e] */
static inline void lua_util_setmetatable(lua_State *L, const char *name)
{
  luaL_getmetatable(L, name);
  lua_setmetatable(L, -2);
}
#define luaL_setmetatable(L, name) lua_util_setmetatable(L, name)

/* [-0, +0, e] */
static inline void *lua_util_testudata(lua_State *L, int index,
                                       const char *name)
{
  void *userdata = lua_touserdata(L, index);

  if (!userdata || !lua_getmetatable(L, index))
    return NULL;
  luaL_getmetatable(L, name);
  if (!lua_rawequal(L, -1, -2))
    userdata = NULL;
  lua_pop(L, 2);
  return userdata;
}
#define luaL_testudata(L, index, name) lua_util_testudata(L, index, name)

#endif

/* Numbers with an integer subtype came with 5.3. */
#if LUA_VERSION_NUM >= 503
#define LUA_UTIL_INTEGERS 1
#else
#define LUA_UTIL_INTEGERS 0
#endif

/* ===} */

/* {=== types */

/* Creates the metatable of a userdata type: methods, __gc and __close,
   __tostring, __name, and __metatable, which keeps Lua out.  [-0, +0, e] */
void lua_util_type(lua_State *L, const char *name, const luaL_Reg *methods,
                   lua_CFunction close, lua_CFunction tostring);

/* Adds methods to a type that lua_util_type created.  [-0, +0, e] */
void lua_util_methods(lua_State *L, const char *name, const luaL_Reg *methods);

/* ===} */

/* {=== arguments and results */

/* Seconds at `index` as milliseconds, rounded up: 0 for nil.  `what` names
   the value in the error for anything else.  [-0, +0, v] */
int64_t lua_util_milliseconds(lua_State *L, int index, const char *what);

/* A moment of core.now() at `index` in clock_ms, never earlier; CLOCK_NEVER
   for nil.  [-0, +0, v] */
int64_t lua_util_moment(lua_State *L, int index);

/* The string in a field of the table at `index`, without a NUL; NULL when it
   is absent.  `n` may be NULL.  [-0, +1, v] pushes the value, which keeps the
   string alive */
const char *lua_util_field(lua_State *L, int index, const char *name,
                           size_t *n);

/* The boolean in a field of the table at `index`.  [-0, +0, e] */
int lua_util_flag(lua_State *L, int index, const char *name);

/* A count of bytes or seconds: where Lua has no integers, they may be too
   small for it.  [-0, +1, -] */
void lua_util_push_count(lua_State *L, int64_t n);

/* ===} */

#endif
