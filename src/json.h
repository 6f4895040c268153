/* SPDX-License-Identifier: MIT
 *
 * json: text to Lua values and back, by lua-cjson.
 *
 * Uses a private instance of lua-cjson, so that our settings never leak into
 * the host's, nor its into ours.  What lua-cjson 2.1.0 cannot do is done
 * around it: whole numbers stay whole, null is absent, an empty list is [].
 */
#ifndef JOGG_JSON_H
#define JOGG_JSON_H

#include "compat.h"

#include <stddef.h>

#define JSON_DEPTH 64                 /* tables within tables, at most */
#define JSON_EXACT 9007199254740992.0 /* 2^53: doubles count to here */

enum json_codec { JSON_ENCODE, JSON_DECODE };

/* lua-cjson's function, of our instance.  [-0, +1, -] */
void json_push_codec(lua_State *L, enum json_codec codec);

/* Decodes n bytes.  [-0, +1, m] pushes the value and returns 1; or
   [-0, +2, m] pushes nil, reason and returns 2 */
int json_decode(lua_State *L, const char *text, size_t n);

/* The functions core.decode and core.encode. */
int json_decode_text(lua_State *L);
int json_encode_value(lua_State *L);

#endif
