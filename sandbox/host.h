/* SPDX-License-Identifier: MIT
 *
 * host: what the rules can do besides computing: the module "host".
 *
 * Functions that must wait live in operation.c; those here are quick.
 */
#ifndef SANDBOX_HOST_H
#define SANDBOX_HOST_H

#include <lua.h>

/* [-0, +1, m] pushes the module's table */
int host_open(lua_State *L);

#endif
