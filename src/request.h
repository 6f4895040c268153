/* SPDX-License-Identifier: MIT
 *
 * request: userdata jogg.core.request, which refers to one transfer.
 */
#ifndef JOGG_REQUEST_H
#define JOGG_REQUEST_H

#include "client.h"
#include "lua_util.h"

#define REQUEST_TYPE "jogg.core.request"

/* A new request of the client at `index`; its transfer is empty and not yet
   submitted.  [-0, +1, v] pushes it */
struct request *request_new(lua_State *L, int index);

/* Creates the type.  [-0, +0, e] */
void request_register(lua_State *L);

#endif
