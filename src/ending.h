/* SPDX-License-Identifier: MIT
 *
 * ending: what libcurl's result means for a transfer.
 *
 * The only place that knows libcurl's codes.  It knows no Lua.
 */
#ifndef JOGG_ENDING_H
#define JOGG_ENDING_H

#include "transfer.h"

/* How a transfer ended that has just ended with this code; see
   libcurl-errors(3).  Its easy handle is still there. */
enum transfer_end ending_of(const struct transfer *t, CURLcode code);

#endif
