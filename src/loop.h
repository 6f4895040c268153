/* SPDX-License-Identifier: MIT
 *
 * loop: one multi handle of libcurl and the easy handles that work for it.
 *
 * Owns connections, TLS sessions, the pool of easy handles and the transfers
 * that run or wait for a slot.  One thread at a time uses it; it knows nothing
 * of threads.  It knows no Lua.
 */
#ifndef JOGG_LOOP_H
#define JOGG_LOOP_H

#include "transfer.h"
#include "waker.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;

struct loop_options {
  CURLU *base;            /* the API's address; all but the key is copied */
  char *key_header;       /* "x-api-key: ..."; must outlive the loop */
  const char *user_agent;
  const char *ca_file;    /* NULL: the system's */
  const char *ca_path;    /* NULL: none */
  int slots;              /* at most this many exchanges at once, not counting
                             those beside; others wait, first in first out */
};

/* NULL when memory ran out. */
struct loop *loop_new(const struct loop_options *options);

/* Ends all transfers with FAILURE_CLOSED; loop_completed has them then. */
void loop_stop(struct loop *loop);

/* Releases everything, once it is stopped and the completed transfers are
   taken.  NULL is allowed. */
void loop_free(struct loop *loop);

/* Takes a transfer over: work on the disk is done at once, an exchange waits
   for loop_admit.  However the transfer ends, loop_completed returns it. */
void loop_add(struct loop *loop, struct transfer *t);

/* Begins exchanges while there are slots, as loop_step does. */
void loop_admit(struct loop *loop);

/* Ends every transfer whose `cancelled` is set. */
void loop_sweep(struct loop *loop);

/* Moves bytes, and ends exchanges that were silent for too long; never waits.
   */
void loop_step(struct loop *loop);

/* Waits for something to do, at most this long.  `waker`, unless NULL, ends
   the wait.  False: a signal came. */
bool loop_wait(struct loop *loop, const struct waker *waker,
               int64_t milliseconds);

/* The transfers that ended, oldest first, one at a time; NULL: no more. */
struct transfer *loop_completed(struct loop *loop);

#endif
