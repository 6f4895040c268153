/* SPDX-License-Identifier: MIT
 *
 * error: the only code of the core that builds a failure value.
 *
 * A failure is a table of words and numbers.  The Lua layer makes sentences of
 * them.
 */
#ifndef JOGG_ERROR_H
#define JOGG_ERROR_H

#include "lua_util.h"
#include "transfer.h"

/* How a transfer failed.  [-0, +2, e] pushes nil, failure; returns 2 */
int error_push(lua_State *L, const struct transfer *t);

/* A failure for an errno.  [-0, +2, e] pushes nil, failure; returns 2 */
int error_push_system(lua_State *L, int system_error);

#endif
