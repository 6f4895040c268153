/* SPDX-License-Identifier: MIT
 *
 * torture: memory that can run out, each of its three users alone.
 */
#ifndef JOGG_TORTURE_H
#define JOGG_TORTURE_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* Whose allocations. */
enum owner { OF_LUA, OF_CURL, OF_CORE, OWNERS };

extern const char *const OWNER_NAMES[OWNERS];

/* Gives libcurl our memory.  False: it could not be initialized. */
bool memory_open(void);

/* Lua's, a lua_Alloc. */
void *memory_for_lua(void *user, void *block, size_t old, size_t n);

/* From now on the owner's allocation of this number fails, and all after it
   if `sustained`; L is the state that runs. */
void memory_arm(lua_State *L, enum owner owner, bool sustained, long number);

/* From now on none fails.  Was one asked for that did? */
bool memory_disarm(void);

/* Blocks that are alive. */
long memory_alive(enum owner owner);

/* Lua's allocations that failed in or for a finalizer, of all runs. */
long memory_lost(void);

#endif
