/* SPDX-License-Identifier: MIT
 *
 * rules: see rules.h.  A rule is a coroutine anchored in the registry while
 * it runs; between lua_resume() calls the lock is free.
 */
#include "rules.h"

#include <stdio.h>

#include <lauxlib.h>
#include <lualib.h>

#include "embedded.h"
#include "host.h"
#include "operation.h"

static void lock(struct rules *r)
{
  (void)pthread_mutex_lock(&r->lock);
}

static void unlock(struct rules *r)
{
  (void)pthread_mutex_unlock(&r->lock);
}

struct rules *rules_of(lua_State *L)
{
  return *(struct rules **)lua_getextraspace(L);
}

static void complain(lua_State *L)
{
  const char *text = lua_tostring(L, -1);

  (void)fprintf(stderr, "jogg-sandbox: %s\n", text ? text : "?");
}

/* A searcher: require finds the modules that are built in. */
static int search_embedded(lua_State *L)
{
  const char *name = luaL_checkstring(L, 1);
  const struct embedded *file;

  name = luaL_gsub(L, name, ".", "/");
  lua_pushfstring(L, "rules/%s.lua", name);
  file = embedded_find(lua_tostring(L, -1));
  if (!file) {
    lua_pushfstring(L, "no built-in module '%s'", name);
    return 1;
  }
  lua_pushfstring(L, "=%s", file->name);
  if (luaL_loadbufferx(L, file->data, file->size, lua_tostring(L, -1), "t")
      != LUA_OK)
    return lua_error(L);
  return 1;
}

/* Puts our searcher first, so that no file on the disk comes before it. */
static int open_rules(lua_State *L)
{
  luaL_openlibs(L);
  (void)lua_getglobal(L, "table");
  (void)lua_getfield(L, -1, "insert");
  (void)lua_getglobal(L, "package");
  (void)lua_getfield(L, -1, "searchers");
  lua_remove(L, -2);
  lua_pushinteger(L, 1);
  lua_pushcfunction(L, search_embedded);
  lua_call(L, 3, 0);
  luaL_requiref(L, "host", host_open, 0);
  lua_settop(L, 0);
  (void)lua_getglobal(L, "require");
  lua_pushliteral(L, "boot");
  lua_call(L, 1, 1);
  luaL_checktype(L, -1, LUA_TTABLE);
  return 1;
}

bool rules_open(struct rules *r, struct stop *stop)
{
  *r = (struct rules){ .L = luaL_newstate(), .stop = stop };
  r->boot = LUA_NOREF;
  if (!r->L) {
    (void)fputs("jogg-sandbox: no memory\n", stderr);
    return false;
  }
  if (pthread_mutex_init(&r->lock, NULL) != 0) {
    lua_close(r->L);
    r->L = NULL;
    return false;
  }
  *(struct rules **)lua_getextraspace(r->L) = r;
  lua_pushcfunction(r->L, open_rules);
  if (lua_pcall(r->L, 0, 1, 0) != LUA_OK) {
    complain(r->L);
    rules_close(r);
    return false;
  }
  r->boot = luaL_ref(r->L, LUA_REGISTRYINDEX);
  return true;
}

void rules_close(struct rules *r)
{
  if (!r->L) return;
  lua_close(r->L);
  r->L = NULL;
  (void)pthread_mutex_destroy(&r->lock);
}

/* [-0, +1..n, e] the rule's function and its arguments */
static int begin_rule(lua_State *L)
{
  const struct rules_call *call = lua_touserdata(L, 1);

  (void)lua_rawgeti(L, LUA_REGISTRYINDEX, rules_of(L)->boot);
  (void)lua_getfield(L, -1, call->name);
  lua_replace(L, 1);
  lua_settop(L, 1);
  lua_pushcfunction(L, call->push);
  lua_pushlightuserdata(L, call->ud);
  lua_call(L, 1, LUA_MULTRET);
  return lua_gettop(L);
}

static int resume(lua_State *co, struct rules *r, int arguments)
{
  int results = 0;
  int status = lua_resume(co, NULL, arguments, &results);

  while (status == LUA_YIELD) {
    struct operation *op = lua_touserdata(co, -1);

    lua_pop(co, results);
    if (!op) return LUA_ERRRUN;
    unlock(r);
    operation_perform(op, r);
    lock(r);
    status = lua_resume(co, NULL, 0, &results);
  }
  return status;
}

/* Runs in the coroutine, under the lock; the result is a Lua status. */
static int run_rule(lua_State *co, struct rules *r,
                    const struct rules_call *call)
{
  int status;

  lua_pushcfunction(co, begin_rule);
  lua_pushlightuserdata(co, (void *)call);
  status = lua_pcall(co, 1, LUA_MULTRET, 0);
  if (status == LUA_OK) status = resume(co, r, lua_gettop(co) - 1);
  if (status != LUA_OK) {
    luaL_traceback(co, co, lua_tostring(co, -1), 0);
    return status;
  }
  if (!call->take) return LUA_OK;
  lua_pushcfunction(co, call->take);
  lua_insert(co, 1);
  lua_pushlightuserdata(co, call->ud);
  lua_insert(co, 2);
  return lua_pcall(co, lua_gettop(co) - 1, 0, 0);
}

bool rules_run(struct rules *r, const struct rules_call *call)
{
  lua_State *co;
  int status, anchor;

  lock(r);
  co = lua_newthread(r->L);
  anchor = luaL_ref(r->L, LUA_REGISTRYINDEX);
  status = run_rule(co, r, call);
  if (status != LUA_OK) complain(co);
  luaL_unref(r->L, LUA_REGISTRYINDEX, anchor);
  unlock(r);
  return status == LUA_OK;
}

struct progress {
  const char *token;
  long long us;
  bool go_on;
};

static int tell_progress(lua_State *L)
{
  struct progress *progress = lua_touserdata(L, 1);

  (void)lua_rawgeti(L, LUA_REGISTRYINDEX, rules_of(L)->boot);
  (void)lua_getfield(L, -1, "progress");
  lua_pushstring(L, progress->token);
  lua_pushinteger(L, progress->us);
  lua_call(L, 2, 1);
  progress->go_on = lua_toboolean(L, -1);
  return 0;
}

bool rules_progress(struct rules *r, const char *token, long long us)
{
  struct progress progress = { .token = token, .us = us, .go_on = true };

  lock(r);
  lua_pushcfunction(r->L, tell_progress);
  lua_pushlightuserdata(r->L, &progress);
  if (lua_pcall(r->L, 1, 0, 0) != LUA_OK) {
    complain(r->L);
    lua_pop(r->L, 1);
  }
  unlock(r);
  return progress.go_on;
}
