/* SPDX-License-Identifier: MIT
 *
 * loop: one multi handle and the easy handles that work for it.
 *
 * Owns connections, TLS sessions, the pool of handles and the transfers that
 * run, stand in line or wait for their time.  It is used by one thread at a
 * time and knows nothing of threads, but for loop_wake.  It knows no Lua.
 */
#ifndef JOGG_LOOP_H
#define JOGG_LOOP_H

#include "transfer.h"

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
  long connections;       /* at most this many at once; older versions of
                             libcurl have no timeout for who waits for one */
  int places;             /* at most this many transfers at once, but for
                             those beside; the others stand in line */
};

/* NULL when memory ran out. */
struct loop *loop_new(const struct loop_options *options);

/* Ends all that was taken over with END_CLOSED; loop_finished has it then. */
void loop_stop(struct loop *loop);

/* Releases everything, once it is stopped and the finished transfers are
   taken.  NULL is allowed. */
void loop_free(struct loop *loop);

/* Takes a transfer over: it begins when its time has come and there is a
   place for it.  Whatever becomes of it, loop_finished has it in the end. */
void loop_add(struct loop *loop, struct transfer *t);

/* Ends every transfer whose `cancelled` is set. */
void loop_sweep(struct loop *loop);

/* Moves bytes, and ends what was silent for too long; never waits. */
void loop_step(struct loop *loop);

/* Waits for something to do, at most this long.  How many descriptors had
   something; -1: interrupted. */
int loop_wait(struct loop *loop, int64_t milliseconds);

/* Ends a loop_wait of another thread, or the next one. */
void loop_wake(struct loop *loop);

/* The transfers that ended, oldest first, one at a time; NULL: no more. */
struct transfer *loop_finished(struct loop *loop);

#endif
