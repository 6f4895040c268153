/* SPDX-License-Identifier: MIT
 *
 * jogg: what the bindings share: the names of their types and their openers.
 *
 * Users read the type names in messages.  Each opener creates its metatable
 * and pushes nothing but what it says.
 */
#ifndef JOGG_H
#define JOGG_H

#include "compat.h"

#include <stdint.h>

#define CLIENT_TYPE "jogg.core.client"
#define REQUEST_TYPE "jogg.core.request"
#define OUTPUT_TYPE "jogg.core.output"
#define TASKS_TYPE "jogg.core.tasks"

struct client;
struct file;
struct transfer;

/* Each: [-0, +0, e], adds its functions to the module table on the top. */
void client_register(lua_State *L);
void request_register(lua_State *L);
void output_register(lua_State *L);
void json_register(lua_State *L);
void scheduler_register(lua_State *L);

/* A metatable for a userdata type: methods, closing, protection.
   [-0, +0, e] */
void jogg_type(lua_State *L, const char *name, const luaL_Reg *methods,
               lua_CFunction close, lua_CFunction tostring);

/* The userdata of this type at index 1 of a function that jogg_type registered,
   most quickly for its own methods; raises for anything else.  [-0, +0, v] */
void *jogg_self(lua_State *L, const char *name);

/* Adds functions to the table on the top.  [-0, +0, e] */
void jogg_functions(lua_State *L, const luaL_Reg *functions);

/* Seconds at `index` as milliseconds: 0 for nil, an argument error for what
   is not a number of seconds.  [-0, +0, v] */
int64_t jogg_milliseconds(lua_State *L, int index);

/* A moment of core.now() at `index` in clock_ms, never earlier.
   [-0, +0, v] */
int64_t jogg_moment(lua_State *L, int index);

/* A count of bytes, requests, seconds: where Lua has no integers, they may be
   too small for it.  [-0, +1, -] */
void jogg_push_count(lua_State *L, int64_t n);

#endif
