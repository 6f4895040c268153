/* SPDX-License-Identifier: MIT
 *
 * scan: finding one's way in JSON text that nobody has looked at yet.
 *
 * No more than where strings and numbers end: what they mean is lua-cjson's.
 */
#ifndef JOGG_SCAN_H
#define JOGG_SCAN_H

#include <stddef.h>

/* The closing quote of the string that begins at i, or n. */
size_t scan_string(const char *text, size_t n, size_t i);

/* The length of what may be a number. */
size_t scan_number(const char *text, size_t n);

#endif
