/* SPDX-License-Identifier: MIT
 *
 * record_object: userdata jogg.core.record, a small file that one process at a
 * time may hold.
 *
 * Holds a record (see record.h), as does the transfer that works on it; its
 * user value has the client at 1.
 */
#ifndef JOGG_RECORD_OBJECT_H
#define JOGG_RECORD_OBJECT_H

#include "lua_util.h"

/* Creates the type and adds client:record.  [-0, +0, e] */
void record_object_register(lua_State *L);

#endif
