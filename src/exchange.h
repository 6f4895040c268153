/* SPDX-License-Identifier: MIT
 *
 * exchange: the method client:start, which begins an exchange with a server.
 *
 * It reads one table.  It raises only before the transfer is submitted.
 */
#ifndef JOGG_EXCHANGE_H
#define JOGG_EXCHANGE_H

#include "lua_util.h"

/* Adds the method to the client's type.  [-0, +0, e] */
void exchange_register(lua_State *L);

#endif
