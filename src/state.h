/* SPDX-License-Identifier: MIT
 *
 * state: whether an answer says anything new, without decoding it.
 *
 * Nearly all answers about a project say that the work goes on.  Who has a
 * thousand of them to wait for need not decode a thousand tables.
 */
#ifndef JOGG_STATE_H
#define JOGG_STATE_H

#include <stdbool.h>
#include <stddef.h>

/* Is this an object whose `code` is 0?  False also where the text leaves room
   for doubt. */
bool state_is_accepted(const char *json, size_t n);

/* `data.status` of an answer whose `code` is 0, from 0 to 63.  -1 for all
   else, and wherever the text leaves room for doubt. */
int state_read(const char *json, size_t n);

#endif
