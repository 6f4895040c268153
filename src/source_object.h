/* SPDX-License-Identifier: MIT
 *
 * source_object: userdata jogg.core.source, a local file that is uploaded.
 *
 * Holds a source (see source.h), as do the transfers that open or send it; its
 * user value has the client at 1.
 */
#ifndef JOGG_SOURCE_OBJECT_H
#define JOGG_SOURCE_OBJECT_H

#include "lua_util.h"
#include "source.h"

/* The source of the open object at `index`; raises for anything else.
   [-0, +0, v] */
struct source *source_object_source(lua_State *L, int index);

/* Creates the type and adds client:source.  [-0, +0, e] */
void source_object_register(lua_State *L);

#endif
