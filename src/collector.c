/* SPDX-License-Identifier: MIT
 *
 * collector: see collector.h.
 */
#include "collector.h"

#include <stdlib.h>

#define LARGE 2000 /* bytes: too large for the caches of glibc's threads */

#if LUA_VERSION_NUM == 504

#define MULTIPLIER 100 /* Lua's own */
#define SMALLEST 0     /* which counts as 1 */

bool collector_ease(lua_State *L, bool already)
{
  int before = lua_gc(L, LUA_GCSETSTEPMUL, SMALLEST);

  if (before < 0)
    return already;
  if (before == MULTIPLIER || (already && before == SMALLEST))
    return true;
  (void)lua_gc(L, LUA_GCSETSTEPMUL, before);
  return false;
}

bool collector_restore(lua_State *L)
{
  int before = lua_gc(L, LUA_GCSETSTEPMUL, MULTIPLIER);

  if (before > SMALLEST)
    (void)lua_gc(L, LUA_GCSETSTEPMUL, before);
  return before >= 0;
}

#else

bool collector_ease(lua_State *L, bool already)
{
  (void)L;
  (void)already;
  return false;
}

bool collector_restore(lua_State *L)
{
  (void)L;
  return true;
}

#endif

void collector_tidy(void)
{
  void *volatile block = malloc(LARGE); /* volatile: or else nothing is done */

  free(block);
}
