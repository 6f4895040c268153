/* SPDX-License-Identifier: MIT
 *
 * hmac: HMAC-SHA256 and a comparison in constant time, by OpenSSL.
 *
 * Both are for the signatures of webhooks.  This file knows nothing of webhooks
 * and keeps no key.
 */
#ifndef JOGG_HMAC_H
#define JOGG_HMAC_H

#include "lua_util.h"

/* Adds core.hmac_sha256 and core.equal to the module table on the top.
   [-0, +0, e] */
void hmac_register(lua_State *L);

#endif
