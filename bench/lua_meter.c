/* SPDX-License-Identifier: MIT
 *
 * lua_meter: the clocks of the benchmarks for Lua: require "bench_meter".
 */
#include "meter.h"

#include <lauxlib.h>
#include <lua.h>

static int wall(lua_State *L)
{
  lua_pushnumber(L, meter_wall());
  return 1;
}

static int cpu(lua_State *L)
{
  lua_pushnumber(L, meter_cpu());
  return 1;
}

static int thread_cpu(lua_State *L)
{
  lua_pushnumber(L, meter_thread_cpu());
  return 1;
}

static int memory(lua_State *L)
{
  lua_pushnumber(L, (lua_Number)meter_memory(luaL_checkstring(L, 1)));
  return 1;
}

static int sleep_until(lua_State *L)
{
  meter_sleep_until(luaL_checknumber(L, 1));
  return 0;
}

static void set(lua_State *L, const char *name, lua_CFunction function)
{
  lua_pushcfunction(L, function);
  lua_setfield(L, -2, name);
}

__attribute__((visibility("default"))) int luaopen_bench_meter(lua_State *L);

int luaopen_bench_meter(lua_State *L)
{
  lua_newtable(L);
  set(L, "wall", wall);
  set(L, "cpu", cpu);
  set(L, "thread_cpu", thread_cpu);
  set(L, "memory", memory);
  set(L, "sleep_until", sleep_until);
  return 1;
}
