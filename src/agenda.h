/* SPDX-License-Identifier: MIT
 *
 * agenda: the transfers whose time has not come yet, ordered by it.
 *
 * It owns no transfer.  A binary heap, so that a hundred thousand may wait.
 */
#ifndef JOGG_AGENDA_H
#define JOGG_AGENDA_H

#include "transfer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct appointment {
  int64_t due_ms; /* here as well: the order is found without the transfers */
  struct transfer *transfer;
};

struct agenda {
  struct appointment *list;
  size_t length, size;
};

/* Adds a transfer, to come up at its schedule's due_ms.  False: no memory. */
bool agenda_add(struct agenda *a, struct transfer *t);

/* When the first one is due, in clock_ms; CLOCK_NEVER if there is none. */
int64_t agenda_due(const struct agenda *a);

/* Takes the first one out; NULL: it is empty. */
struct transfer *agenda_take(struct agenda *a);

/* Takes out all that were cancelled, linked by `next`. */
struct transfer *agenda_sweep(struct agenda *a);

/* Releases the memory. */
void agenda_free(struct agenda *a);

#endif
