/* SPDX-License-Identifier: MIT
 *
 * io_thread: drives the loop, and takes transfers to it and back.
 *
 * Owns a loop and the transfers between submission and collection.  At first
 * the host's thread drives the loop while it waits; once io_thread_start was
 * called, a thread of its own does, and the host never waits for that thread:
 * both directions are lists that are swapped whole by one atomic exchange.
 * Only the host's thread calls these functions.  It knows no Lua.
 */
#ifndef JOGG_IO_THREAD_H
#define JOGG_IO_THREAD_H

#include "loop.h"
#include "secret.h"

#include <stdbool.h>
#include <stdint.h>

struct io_thread;

/* NULL when memory ran out.  Takes over `key` (see secret.h). */
struct io_thread *io_thread_new(const struct loop_options *options,
                                struct secret *key);

/* Stops the thread, ends all transfers with FAILURE_CLOSED and releases
   everything.  `collect` gets each transfer that was submitted and not
   collected.  NULL is allowed.  In a forked child it does nothing. */
void io_thread_free(struct io_thread *io, void (*collect)(struct transfer *t));

/* Is this process a fork of the one that made it? */
bool io_thread_is_forked(const struct io_thread *io);

/* Hands a transfer over. */
void io_thread_submit(struct io_thread *io, struct transfer *t);

/* Asks for the end of a submitted transfer; it comes back soon. */
void io_thread_cancel(struct io_thread *io, struct transfer *t);

/* The transfers that came back, oldest first, linked by `next`; or NULL. */
struct transfer *io_thread_collect(struct io_thread *io);

/* Waits until there is something to collect, at most this long.  False: a
   signal came. */
bool io_thread_wait(struct io_thread *io, int64_t milliseconds);

/* Gives the loop to a thread of its own, unless it has one.  0, or an
   errno. */
int io_thread_start(struct io_thread *io);

/* Does it have one? */
bool io_thread_is_started(const struct io_thread *io);

/* A descriptor that is readable when there is something to collect, or at the
   wake time; io_thread_collect clears it.  The thread must have been
   started. */
int io_thread_descriptor(const struct io_thread *io);

/* When the descriptor is to become readable, in clock_ms; CLOCK_NEVER. */
void io_thread_wake_at(struct io_thread *io, int64_t wake_ms);

#endif
