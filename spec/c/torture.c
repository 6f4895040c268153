/* SPDX-License-Identifier: MIT
 *
 * torture: runs a script with allocation 1, 2, 3, ... failing, until it runs
 * to its end without having met the failing one.
 *
 *   torture lua|curl|core once|on|never STEP SCRIPT FOLDER ARGUMENT...
 *
 * "lua": Lua's allocations, through a lua_Alloc of our own; "curl": libcurl's,
 * through curl_global_init_mem; "core": those of src/, which is compiled for
 * this program with our functions in place of malloc and its kin.
 * "once" fails one allocation, "on" fails it and all after it until the script
 * has ended.  Where Lua collects garbage in need and tries again, "once" is a
 * collection at that point.  "never" runs the script once.  STEP is 1, or n to
 * fail every n-th alone.
 * lua-cjson's own buffers are never failed: it ends the process.
 *
 * The script gets FOLDER and the arguments.  It returns a word for how it
 * ended, and raises if something is wrong; "not enough memory" is not wrong.
 * Each time, nothing may be left: no block, no descriptor, no part of the video
 * in a file that begins with ".jogg-"; unless Lua had no memory to call a
 * finalizer, because then it never calls that one again.
 */
#define _GNU_SOURCE
#include "torture.h"

#include <curl/curl.h>
#include <dirent.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE 30 /* s that one run may take before it counts as hung */
#define ENDS 32     /* different words that scripts return */

int luaopen_jogg_core(lua_State *L);

/* {=== what is left */

/* Names in a folder that begin like this. */
static int names(const char *folder, const char *prefix)
{
  DIR *d = opendir(folder);
  const struct dirent *entry;
  int n = 0;

  while (d && (entry = readdir(d)))
    n += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
  if (d)
    (void)closedir(d);
  return n;
}

/* Temporary files in a folder that are not as large as the video.  Whole ones
   are kept by design; they are removed here. */
static int partial_files(const char *folder, const char *video)
{
  DIR *d = opendir(folder);
  const struct dirent *entry;
  struct stat file, whole;
  char path[4096];
  int n = 0;

  while (d && (entry = readdir(d))) {
    if (strncmp(entry->d_name, ".jogg-", 6) != 0)
      continue;
    (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    if (stat(path, &file) != 0 || stat(video, &whole) != 0 ||
        file.st_size != whole.st_size)
      n++;
    (void)unlink(path);
  }
  if (d)
    (void)closedir(d);
  return n;
}

/* Descriptors that were not there before; those of Lua files do not count:
   LuaJIT forgets one when it has no memory for the name of a chunk. */
static int more_descriptors(long run, int before)
{
  char path[64], target[256];
  int fd, more = names("/proc/self/fd", "") - before;

  for (fd = 3; more > 0 && fd < 1024; fd++) {
    ssize_t n;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    n = readlink(path, target, sizeof target - 1);
    if (n < 0)
      continue;
    target[n] = '\0';
    if (n > 4 && strcmp(target + n - 4, ".lua") == 0) {
      more--;
      continue;
    }
    printf("allocation %ld: open: %d %s\n", run, fd, target);
  }
  return more;
}

/* What was there before the run. */
struct inventory {
  long blocks[OWNERS];
  long lost;
  int descriptors;
};

static struct inventory inventory_take(void)
{
  struct inventory now = { .lost = memory_lost(),
                           .descriptors = names("/proc/self/fd", "") };
  int i;

  for (i = 0; i < OWNERS; i++)
    now.blocks[i] = memory_alive((enum owner)i);
  return now;
}

static bool clean(long run, const char *folder, const char *video,
                  const struct inventory *before)
{
  bool ok = true;
  int i;

  for (i = 0; i < OWNERS; i++) {
    long more = memory_alive((enum owner)i) - before->blocks[i];
    if (more != 0) {
      printf("allocation %ld: %ld blocks of %s are left\n", run, more,
             OWNER_NAMES[i]);
      ok = false;
    }
  }
  if (partial_files(folder, video) > 0) {
    printf("allocation %ld: a temporary file is left\n", run);
    ok = false;
  }
  if (more_descriptors(run, before->descriptors) > 0)
    ok = false;
  return ok;
}

/* ===} */

/* {=== running */

struct end {
  char word[80];
  long count;
};

static struct end ends[ENDS];

static void note_end(const char *word)
{
  int i = 0;

  while (i < ENDS - 1 && ends[i].count && strcmp(ends[i].word, word) != 0)
    i++;
  (void)snprintf(ends[i].word, sizeof ends[i].word, "%s", word);
  ends[i].count++;
}

/* What is run, and whose memory runs out. */
struct plan {
  char **argv; /* the script and its arguments */
  int argc;
  enum owner victim;
  bool sustained;
};

static lua_State *state_new(const struct plan *plan)
{
#if LUA_VERSION_NUM >= 505
  lua_State *L = lua_newstate(memory_for_lua, NULL, 0);
#else
  lua_State *L = lua_newstate(memory_for_lua, NULL);
#endif
  int i;

  if (!L) {
    puts("this Lua takes no allocator of ours");
    exit(77);
  }
  luaL_openlibs(L);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_jogg_core);
  lua_setfield(L, -2, "jogg.core");
  lua_settop(L, 0);
  if (luaL_loadfile(L, plan->argv[0]) != 0) {
    puts(lua_tostring(L, -1));
    exit(2);
  }
  for (i = 1; i < plan->argc; i++)
    lua_pushstring(L, plan->argv[i]);
  return L;
}

/* Runs the script once; `met`: the failing allocation was.  False: it found
   something wrong. */
static bool run(const struct plan *plan, long number, bool *met)
{
  lua_State *L = state_new(plan);
  bool ok = true;
  const char *word;
  int status;

  (void)alarm(PATIENCE);
  memory_arm(L, plan->victim, plan->sustained, number);
  status = lua_pcall(L, plan->argc - 1, 1, 0);
  *met = memory_disarm();
  word = lua_tostring(L, -1);
  if (!word)
    word = "(no word)";
  if (status != 0 && !strstr(word, "not enough memory") &&
      !strstr(word, "out of memory")) {
    printf("allocation %ld: %s\n", number, word);
    ok = false;
  }
  note_end(status != 0 ? "raised" : word);
  lua_close(L);
  (void)alarm(0);
  return ok;
}

/* Fails allocation after allocation.  False: something was wrong. */
static bool run_all(const struct plan *plan, long step)
{
  struct inventory before;
  long number, failed = 0;
  bool met = true;
  int i;

  /* the first run brings what lasts as long as the process */
  if (!run(plan, 0, &met))
    return false;
  memset(ends, 0, sizeof ends);
  met = true;
  before = inventory_take();
  for (number = 1; met; number += step) {
    if (!run(plan, number, &met))
      return false;
    failed += met;
    if (memory_lost() != before.lost)
      before = inventory_take();
    else if (!clean(number, plan->argv[1], plan->argv[3], &before))
      return false;
  }
  for (i = 0; i < ENDS && ends[i].count; i++)
    printf("%6ld  %s\n", ends[i].count, ends[i].word);
  printf("%ld allocations failed, %ld in finalizers\n", failed,
         memory_lost());
  return true;
}

int main(int argc, char **argv)
{
  struct plan plan = { .argv = argv + 4, .argc = argc - 4 };
  bool ok, met;

  if (argc < 6 || !memory_open())
    return 2;
  while (plan.victim < OF_CORE &&
         strcmp(argv[1], OWNER_NAMES[plan.victim]) != 0)
    plan.victim++;
  plan.sustained = strcmp(argv[2], "on") == 0;
  (void)setvbuf(stdout, NULL, _IOLBF, 0);
  if (strcmp(argv[2], "never") == 0)
    ok = run(&plan, 0, &met);
  else
    ok = run_all(&plan, strtol(argv[3], NULL, 10));
  curl_global_cleanup();
  return ok ? 0 : 1;
}

/* ===} */
