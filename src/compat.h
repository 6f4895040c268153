/* SPDX-License-Identifier: MIT
 *
 * compat: the parts of Lua 5.4's C API that this library uses, for Lua 5.1,
 * LuaJIT, 5.2 and 5.3.
 *
 * Every binding includes this in place of lua.h.  A userdata has one user value
 * at most, a table: Lua 5.1 has no other.
 */
#ifndef JOGG_COMPAT_H
#define JOGG_COMPAT_H

#include <lauxlib.h>
#include <lua.h>

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
#undef luaL_newlib
#define luaL_newlib(L, list) \
  (lua_createtable(L, 0, sizeof(list) / sizeof((list)[0]) - 1), \
   luaL_register(L, NULL, list))
#define luaL_setfuncs(L, list, upvalues) luaL_openlib(L, NULL, list, upvalues)

/* [-0, +0, -] */
static inline int compat_absindex(lua_State *L, int index)
{
  return index > 0 || index <= LUA_REGISTRYINDEX ? index
                                                 : lua_gettop(L) + index + 1;
}
#define lua_absindex(L, index) compat_absindex(L, index)

/* LuaJIT has the next two as functions: ours serve it as well. */

/* [-0, +0, e] */
static inline void compat_setmetatable(lua_State *L, const char *name)
{
  luaL_getmetatable(L, name);
  lua_setmetatable(L, -2);
}
#define luaL_setmetatable(L, name) compat_setmetatable(L, name)

/* [-0, +0, e] */
static inline void *compat_testudata(lua_State *L, int index, const char *name)
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
#define luaL_testudata(L, index, name) compat_testudata(L, index, name)

#endif

/* Goes on with a coroutine; `from` does it.  How it came to its end, or
   LUA_YIELD; `results`: values on its stack. */
static inline int compat_resume(lua_State *thread, lua_State *from,
                                int arguments, int *results)
{
#if LUA_VERSION_NUM >= 504
  return lua_resume(thread, from, arguments, results);
#else
#if LUA_VERSION_NUM == 501
  int state = lua_resume(thread, arguments);
  (void)from;
#else
  int state = lua_resume(thread, from, arguments);
#endif
  *results = lua_gettop(thread);
  return state;
#endif
}

/* Numbers with an integer subtype came with 5.3. */
#if LUA_VERSION_NUM >= 503
#define COMPAT_INTEGERS 1
#else
#define COMPAT_INTEGERS 0
#endif

#endif
