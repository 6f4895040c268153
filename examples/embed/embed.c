/* SPDX-License-Identifier: MIT
 *
 * A program with a main loop on poll(), in which jogg makes a video.  Lua 5.4
 * is embedded, jogg's C core is linked in, and package.path finds jogg's Lua
 * files.  Ten times a second the loop does "its own work" and notes how late it
 * was.
 *
 *   make libjogg.a
 *   cc -Wl,-E -pthread -o embed examples/embed/embed.c build/lua5.4/libjogg.a \
 *     $(pkg-config --cflags --libs lua5.4 libcurl libcrypto) -lm \
 *     -ldl
 *   LUA_PATH='lua/?.lua;lua/?/init.lua;;' ./embed examples/embed/video.lua \
 *     URL FILE.mp4
 *
 * Needs the headers of Lua 5.4, libcurl and OpenSSL; lua-cjson; JOGG_API_KEY.
 * -Wl,-E lets lua-cjson, which is a shared library, find this program's Lua.
 */
#define _POSIX_C_SOURCE 200809L
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TICK 0.1 /* s between two rounds of the program's own work */

int luaopen_jogg_core(lua_State *L); /* the one name in libjogg.a */

static double now(void)
{
  struct timespec t;

  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int traceback(lua_State *L)
{
  luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
  return 1;
}

/* Calls a function of the script's table, which is at index 2 (the traceback
   function is at 1), with up to two strings, and returns the integer that it
   returned.  A fault of the script ends the program. */
static int script_call(lua_State *L, const char *name, const char *first,
                       const char *second)
{
  int result;

  lua_getfield(L, 2, name);
  lua_pushstring(L, first); /* NULL: nil */
  lua_pushstring(L, second);
  if (lua_pcall(L, 2, 1, 1) != LUA_OK) {
    (void)fprintf(stderr, "embed: %s\n", lua_tostring(L, -1));
    exit(EXIT_FAILURE);
  }
  result = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  return result;
}

static lua_State *script_open(const char *path)
{
  lua_State *L = luaL_newstate();

  if (!L)
    return NULL;
  luaL_openlibs(L);
  (void)luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, luaopen_jogg_core);
  lua_setfield(L, -2, "jogg.core"); /* instead of jogg/core.so */
  lua_settop(L, 0);
  lua_pushcfunction(L, traceback);
  if (luaL_loadfile(L, path) != LUA_OK || lua_pcall(L, 0, 1, 1) != LUA_OK ||
      !lua_istable(L, -1)) {
    (void)fprintf(stderr, "embed: %s\n", luaL_tolstring(L, -1, NULL));
    lua_close(L);
    return NULL;
  }
  return L;
}

/* The program's loop, until no task is alive. */
static void run(lua_State *L)
{
  struct pollfd jogg = { .fd = script_call(L, "fd", NULL, NULL),
                         .events = POLLIN };
  double next = now() + TICK, worst = 0, late, took, step_worst = 0;
  int ticks = 0, alive = 1;

  while (alive > 0) {
    double rest = next - now();
    int ready = poll(&jogg, 1, rest > 0 ? (int)(rest * 1000) + 1 : 0);
    if (ready < 0 && errno != EINTR) {
      perror("embed: poll");
      exit(EXIT_FAILURE);
    }
    if (ready > 0) { /* the network, or one of jogg's timers */
      took = now();
      alive = script_call(L, "step", NULL, NULL);
      took = now() - took;
      if (took > step_worst)
        step_worst = took;
    }
    late = now() - next;
    if (late >= 0) { /* here the program would do its own work */
      ticks++;
      next += TICK;
      if (late > worst)
        worst = late;
    }
  }
  (void)printf("%d ticks, the latest %.1f ms late; longest step %.2f ms\n",
               ticks, worst * 1000, step_worst * 1000);
}

int main(int argc, char **argv)
{
  lua_State *L;
  int failed;

  if (argc != 4) {
    (void)fprintf(stderr, "usage: embed video.lua URL FILE.mp4\n");
    return EXIT_FAILURE;
  }
  L = script_open(argv[1]);
  if (!L)
    return EXIT_FAILURE;
  (void)script_call(L, "start", argv[2], argv[3]);
  run(L);
  failed = script_call(L, "finish", NULL, NULL);
  lua_close(L); /* stops jogg's thread as well */
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
