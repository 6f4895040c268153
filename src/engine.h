/* SPDX-License-Identifier: MIT
 *
 * engine: who drives the loop, and how transfers get to it and back.
 *
 * Owns a loop and the transfers between submission and collection.  At first
 * the host's thread drives the loop while it waits; once engine_start was
 * called, a thread of its own does, and the host never waits for it: both
 * directions are lists that are swapped whole by one atomic exchange.  Only
 * the host's thread calls these functions.  It knows no Lua.
 */
#ifndef JOGG_ENGINE_H
#define JOGG_ENGINE_H

#include "loop.h"
#include "secret.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;

/* NULL when memory ran out.  Takes over `key` (see secret.h). */
struct engine *engine_new(const struct loop_options *options,
                          struct secret *key);

/* Stops the thread, ends all transfers with END_CLOSED and releases
   everything.  `collect` gets each transfer that was submitted and not
   collected.  NULL is allowed.  In a forked child it does nothing. */
void engine_free(struct engine *e,
                 void (*collect)(struct transfer *t, void *user), void *user);

/* Is this process a fork of the one that made the engine? */
bool engine_is_forked(const struct engine *e);

/* Hands a transfer over. */
void engine_submit(struct engine *e, struct transfer *t);

/* Asks for the end of a submitted transfer; it comes back soon. */
void engine_cancel(struct engine *e, struct transfer *t);

/* The transfers that came back, oldest first, linked by `next`; or NULL. */
struct transfer *engine_collect(struct engine *e);

/* Waits until there is something to collect, at most this long.  False: a
   signal came. */
bool engine_wait(struct engine *e, int64_t milliseconds);

/* Gives the loop to a thread of its own.  0, or an errno. */
int engine_start(struct engine *e);

/* Does it have one? */
bool engine_is_threaded(const struct engine *e);

/* A descriptor that is readable when there is something to collect or the
   alarm's time has come; engine_collect clears it.  It starts the engine.
   -1: not possible, *error says why. */
int engine_descriptor(struct engine *e, int *error);

/* When the descriptor is to become readable, in clock_ms; CLOCK_NEVER. */
void engine_set_alarm(struct engine *e, int64_t alarm_ms);

#endif
