/* SPDX-License-Identifier: MIT
 *
 * collector: Lua's garbage collector while a step runs.
 *
 * As Lua 5.4 has it by default, incremental, with a multiplier of 100, it goes
 * over 51,200 slots and objects for each 8 KiB that are allocated: over most
 * heaps at a stretch, which takes milliseconds.  With the smallest multiplier
 * it is 512 of them.  A host that has chosen another one keeps it.  To the
 * generational collector the multiplier is nothing, and other Luas have smaller
 * pieces.
 */
#ifndef JOGG_COLLECTOR_H
#define JOGG_COLLECTOR_H

#include "compat.h"

#include <stdbool.h>

/* Has it work in small pieces from now on, if that is so already by this or the
   multiplier is the default.  Is it by this now?  In a finalizer, where the
   collector takes no orders, nothing changes.  [-0, +0, -] */
bool collector_ease(lua_State *L, bool already);

/* As it was, unless somebody has chosen another multiplier meanwhile.  False:
   it takes no orders now.  [-0, +0, -] */
bool collector_restore(lua_State *L);

/* Has the allocator join what the collector has freed, which is little after
   each step.  glibc keeps small blocks apart until somebody wants a large one:
   after a collection that one took 1.2 ms. */
void collector_tidy(void);

#endif
