/* SPDX-License-Identifier: MIT
 *
 * output: userdata jogg.core.output, where a video is going to be.
 *
 * Owns one reference to a file (see file.h); the transfer that fills it holds
 * another.
 */
#ifndef JOGG_OUTPUT_H
#define JOGG_OUTPUT_H

#include "compat.h"

struct file;

/* The open file at `index`; raises for anything else.  [-0, +0, v] */
struct file *output_file(lua_State *L, int index);

/* Takes the file out of the output at `index`, which is closed then.  NULL: it
   was closed already.  [-0, +0, v] */
struct file *output_take(lua_State *L, int index);

#endif
