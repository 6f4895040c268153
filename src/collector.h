/* SPDX-License-Identifier: MIT
 *
 * collector: Lua's garbage collector while a step runs.
 *
 * As Lua 5.4 has it by default, incremental, with a multiplier of 100, it goes
 * over 51,200 slots and objects for each 8 KiB that are allocated: over most
 * heaps at a stretch, which takes milliseconds.  With the smallest multiplier
 * it is 512 of them.  A host that has chosen another one keeps it, and so do
 * the generational collector and other Luas: they have no such number, or
 * smaller ones.
 */
#ifndef JOGG_COLLECTOR_H
#define JOGG_COLLECTOR_H

#include "compat.h"

#include <stdbool.h>

/* Has it work in small pieces from now on, if this is set already or was set to
   the default.  Is it so now?  [-0, +0, -] */
bool collector_ease(lua_State *L, bool already);

/* As it was, unless somebody has chosen another multiplier meanwhile.
   [-0, +0, -] */
void collector_restore(lua_State *L);

#endif
