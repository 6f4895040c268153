/* SPDX-License-Identifier: MIT
 *
 * native: what specs need of the system and Lua does not have: fork, poll,
 * limits, and further Lua states in this process.  Built by
 * spec/support/native.lua, for each Lua.  Nothing of the core is in here.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* fork() -> pid, 0 in the child */
static int native_fork(lua_State *L)
{
  lua_pushinteger(L, fork());
  return 1;
}

/* wait(pid) -> exit status, or minus the signal */
static int native_wait(lua_State *L)
{
  int status = 0;

  if (waitpid((pid_t)luaL_checkinteger(L, 1), &status, 0) < 0)
    return luaL_error(L, "waitpid failed");
  lua_pushinteger(L, WIFEXITED(status) ? WEXITSTATUS(status)
                                       : -WTERMSIG(status));
  return 1;
}

/* exit(status): at once, nothing is finalized */
static int native_exit(lua_State *L)
{
  _exit((int)luaL_checkinteger(L, 1));
}

static int native_pid(lua_State *L)
{
  lua_pushinteger(L, getpid());
  return 1;
}

/* readable(fd, seconds) -> boolean */
static int native_readable(lua_State *L)
{
  struct pollfd p = { .fd = (int)luaL_checkinteger(L, 1), .events = POLLIN };

  lua_pushboolean(L, poll(&p, 1, (int)(luaL_checknumber(L, 2) * 1000)) == 1);
  return 1;
}

/* descriptor_limit(n) -> the one before */
static int native_descriptor_limit(lua_State *L)
{
  struct rlimit limit;

  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return luaL_error(L, "getrlimit failed");
  lua_pushinteger(L, (lua_Integer)limit.rlim_cur);
  limit.rlim_cur = (rlim_t)luaL_checkinteger(L, 1);
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    return luaL_error(L, "setrlimit failed");
  return 1;
}

/* dup(fd) -> a copy; or nil when there is no descriptor left */
static int native_dup(lua_State *L)
{
  int fd = dup((int)luaL_checkinteger(L, 1));

  if (fd < 0)
    return 0;
  lua_pushinteger(L, fd);
  return 1;
}

static int native_close(lua_State *L)
{
  lua_pushboolean(L, close((int)luaL_checkinteger(L, 1)) == 0);
  return 1;
}

/* {=== further Lua states */

struct work {
  char *code;
  char result[512]; /* "" for success */
  pthread_t thread;
};

static void *work_run(void *user)
{
  struct work *w = user;
  lua_State *L = luaL_newstate();

  if (!L) {
    strcpy(w->result, "no state");
    return NULL;
  }
  luaL_openlibs(L);
  if (luaL_loadstring(L, w->code) != 0 || lua_pcall(L, 0, 0, 0) != 0) {
    const char *text = lua_tostring(L, -1);
    strncpy(w->result, text ? text : "an error", sizeof w->result - 1);
  }
  lua_close(L);
  return NULL;
}

static struct work *work_new(lua_State *L)
{
  struct work *w = calloc(1, sizeof *w);

  if (w)
    w->code = strdup(luaL_checkstring(L, 1));
  if (!w || !w->code)
    luaL_error(L, "no memory");
  return w;
}

static int work_end(lua_State *L, struct work *w)
{
  lua_pushstring(L, w->result);
  free(w->code);
  free(w);
  return 1;
}

/* state(code) -> "" or an error: runs it in a state of its own */
static int native_state(lua_State *L)
{
  struct work *w = work_new(L);

  (void)work_run(w);
  return work_end(L, w);
}

/* thread(code) -> handle: the same on a thread of its own */
static int native_thread(lua_State *L)
{
  struct work *w = work_new(L);

  if (pthread_create(&w->thread, NULL, work_run, w) != 0)
    return luaL_error(L, "no thread");
  lua_pushlightuserdata(L, w);
  return 1;
}

/* join(handle) -> "" or an error */
static int native_join(lua_State *L)
{
  struct work *w = lua_touserdata(L, 1);

  (void)pthread_join(w->thread, NULL);
  return work_end(L, w);
}

/* ===} */

/* fail_allocations(every): see preload.c; false when that is not loaded */
static int native_fail_allocations(lua_State *L)
{
  void *symbol = dlsym(RTLD_DEFAULT, "preload_fail_allocations");
  long (*fail)(long);

  memcpy(&fail, &symbol, sizeof fail);
  if (!symbol)
    return 0;
  lua_pushinteger(L, fail((long)luaL_checkinteger(L, 1)));
  return 1;
}

/* disk_calls(): how often the main thread and any other had to do with the
   disk, see preload.c; nothing when that is not loaded */
static int native_disk_calls(lua_State *L)
{
  void *symbol = dlsym(RTLD_DEFAULT, "preload_disk_calls");
  long (*calls)(long);

  memcpy(&calls, &symbol, sizeof calls);
  if (!symbol)
    return 0;
  lua_pushinteger(L, calls(1));
  lua_pushinteger(L, calls(0));
  return 2;
}

/* chdir(folder) -> boolean */
static int native_chdir(lua_State *L)
{
  lua_pushboolean(L, chdir(luaL_checkstring(L, 1)) == 0);
  return 1;
}

int luaopen_spec_native(lua_State *L);

int luaopen_spec_native(lua_State *L)
{
  static const luaL_Reg FUNCTIONS[] = {
    { "chdir", native_chdir },
    { "close", native_close },
    { "descriptor_limit", native_descriptor_limit },
    { "disk_calls", native_disk_calls },
    { "dup", native_dup },
    { "exit", native_exit },
    { "fail_allocations", native_fail_allocations },
    { "fork", native_fork },
    { "join", native_join },
    { "pid", native_pid },
    { "readable", native_readable },
    { "state", native_state },
    { "thread", native_thread },
    { "wait", native_wait },
    { NULL, NULL }
  };
  const luaL_Reg *f;

  lua_newtable(L);
  for (f = FUNCTIONS; f->name; f++) {
    lua_pushcfunction(L, f->func);
    lua_setfield(L, -2, f->name);
  }
  return 1;
}
