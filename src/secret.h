/* SPDX-License-Identifier: MIT
 *
 * secret: the API key's only lasting place in this library.
 *
 * Owns a page of its own that is left out of core files where the system
 * allows it, and wiped before it is given back.  It knows neither Lua nor
 * libcurl, and never prints.
 */
#ifndef JOGG_SECRET_H
#define JOGG_SECRET_H

#include <stddef.h>

struct secret;

/* Keeps `prefix` followed by `value`.  NULL when memory ran out. */
struct secret *secret_new(const char *prefix, const char *value, size_t n);

/* The text, NUL-terminated, for as long as the secret lives. */
char *secret_text(struct secret *s);

/* Wipes and releases.  NULL is allowed. */
void secret_free(struct secret *s);

#endif
