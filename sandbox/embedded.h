/* SPDX-License-Identifier: MIT
 *
 * embedded: the rules and the web page, built into the program.
 *
 * The list is written by embed.lua when the sandbox is built; here is only
 * its shape.
 */
#ifndef SANDBOX_EMBEDDED_H
#define SANDBOX_EMBEDDED_H

#include <stddef.h>

struct embedded {
  const char *name; /* path below sandbox/; NULL at the end of the list */
  const char *data;
  size_t size;
};

extern const struct embedded embedded_files[];

/* NULL if there is no such file. */
const struct embedded *embedded_find(const char *name);

#endif
