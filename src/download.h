/* SPDX-License-Identifier: MIT
 *
 * download: userdata jogg.core.download, a file on its way to the disk.
 *
 * Holds a file (see file.h), as does the transfer that fills it; its user
 * value has the client at 1.
 */
#ifndef JOGG_DOWNLOAD_H
#define JOGG_DOWNLOAD_H

#include "file.h"
#include "lua_util.h"

/* The file of the open download at `index`; raises for anything else.
   [-0, +0, v] */
struct file *download_file(lua_State *L, int index);

/* Creates the type and adds client:download.  [-0, +0, e] */
void download_register(lua_State *L);

#endif
