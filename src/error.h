/* SPDX-License-Identifier: MIT
 *
 * error: the only code of the core that builds an error value.
 *
 * An error is a table with fields; lua/jogg/error.lua gives it its class and
 * adds what only the Lua layer knows.
 */
#ifndef JOGG_ERROR_H
#define JOGG_ERROR_H

#include "compat.h"
#include "transfer.h"

/* How a transfer failed.  [-0, +2, e] pushes nil, error; returns 2 */
int error_push_transfer(lua_State *L, const struct transfer *t);

/* What the system said about a file.  [-0, +2, e] pushes nil, error; returns
   2 */
int error_push_file(lua_State *L, int system_error, const char *path);

#endif
