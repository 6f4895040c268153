/* SPDX-License-Identifier: MIT
 *
 * bell: a descriptor that one thread makes readable for another.
 *
 * It rings once until it is cleared, however often it is rung.
 */
#ifndef JOGG_BELL_H
#define JOGG_BELL_H

#include <stdatomic.h>
#include <stdbool.h>

struct bell {
  int fd[2]; /* to wait for, to ring: an eventfd, twice, or a pipe; or -1 */
  atomic_bool rung;
};

/* Closed; cannot fail. */
void bell_init(struct bell *b);

/* Opens it, unless it is open.  0, or an errno. */
int bell_open(struct bell *b);

/* From any thread; nothing if it is closed. */
void bell_ring(struct bell *b);

/* Stops it, before what it announced is looked for. */
void bell_clear(struct bell *b);

/* May be called any number of times. */
void bell_close(struct bell *b);

#endif
