/* SPDX-License-Identifier: MIT
 *
 * owner: who owns a client's tasks stands in their place.
 *
 * A frame pays for whatever stands between a host's call and the core: so the
 * owner, a table of Lua's, has methods that are the core's own.
 */

/*** @module jogg.core */
#include "dispatch.h"

#include "jogg.h"

/* Upvalues; the first one is jogg_self's. */
enum { OWNERS = 2, NAME };            /* of enter */
enum { BOOKS = 2, OWNER, OTHERWISE }; /* of a stepper */

/* Is the metatable of the value at index 1 this upvalue?  [-0, +0, -] */
static bool is_of(lua_State *L, int upvalue)
{
  bool same;

  if (!lua_getmetatable(L, 1))
    return false;
  same = lua_rawequal(L, -1, lua_upvalueindex(upvalue));
  lua_pop(L, 1);
  return same;
}

struct tasks *owner_tasks(lua_State *L)
{
  if (!lua_istable(L, 1) || !is_of(L, OWNERS))
    return NULL;
  lua_pushvalue(L, lua_upvalueindex(NAME));
  lua_rawget(L, 1);
  lua_replace(L, 1);
  return lua_isuserdata(L, 1) && is_of(L, 1) ? lua_touserdata(L, 1) : NULL;
}

/* What it cannot do is for another function. */
static int owner_step(lua_State *L)
{
  int results = 0;

  if (lua_isnoneornil(L, 2) && lua_rawequal(L, 1, lua_upvalueindex(OWNER))) {
    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(BOOKS));
    results = dispatch_step_with(L, lua_touserdata(L, 1));
    if (results > 0)
      return results;
    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(OWNER));
  }
  lua_settop(L, 2);
  lua_pushvalue(L, lua_upvalueindex(OTHERWISE));
  lua_insert(L, 1);
  lua_call(L, 2, LUA_MULTRET);
  return lua_gettop(L);
}

/***
Makes @{tasks.step} a method of who owns the tasks: a frame pays for whatever
stands between the two.
@function tasks.stepper
@tparam tasks tasks
@tparam table owner
@tparam function otherwise is called with the arguments where they are not the
owner alone, or the step returned nil
@treturn function
*/
int owner_stepper(lua_State *L)
{
  (void)dispatch_tasks(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_checktype(L, 3, LUA_TFUNCTION);
  lua_settop(L, 3);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_pushcclosure(L, owner_step, OTHERWISE);
  return 1;
}

/***
Makes @{tasks.enter}.
@function tasks.entrance
@tparam table metatable of the tables that have tasks as their field `books`
@treturn function
*/
int owner_entrance(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_getmetatable(L, TASKS_TYPE);
  lua_pushvalue(L, 1);
  lua_pushliteral(L, "books");
  lua_pushcclosure(L, wait_enter, NAME);
  return 1;
}
