/* SPDX-License-Identifier: MIT
 *
 * json: JSON text to Lua values and back, by lua-cjson.
 *
 * Uses a private instance of lua-cjson, so that our settings never leak into
 * the host's, nor its into ours.  What lua-cjson cannot do is done around it:
 * whole numbers stay whole, null is absent, an empty list is [], and one
 * unusual string does not make the rest of a text unreadable.
 */
#ifndef JOGG_JSON_H
#define JOGG_JSON_H

#include "lua_util.h"

#include <stddef.h>

/* Decodes n bytes.  [-0, +1, m] pushes the value and returns 1; or
   [-0, +2, m] pushes nil, reason and returns 2 */
int json_decode(lua_State *L, const char *text, size_t n);

/* Adds core.encode, core.decode and core.text_fault to the module table on the
   top.  [-0, +0, e] */
void json_register(lua_State *L);

#endif
