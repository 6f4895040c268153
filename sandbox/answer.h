/* SPDX-License-Identifier: MIT
 *
 * answer: what a rule wants to be sent, and sending it.
 *
 * Owns plain bytes copied out of Lua, so that nothing of Lua is held while
 * a client reads slowly.  Besides honest answers it can send those that go
 * wrong on purpose: cut, stalled, reset.
 */
#ifndef SANDBOX_ANSWER_H
#define SANDBOX_ANSWER_H

#include <stdbool.h>

#include <lua.h>
#include <microhttpd.h>

#include "stop.h"

/* More than rules/faults.lua lets a fault add to our own. */
#define ANSWER_HEADERS 48

struct answer {
  unsigned int status;
  struct {
    char *name, *value;
  } headers[ANSWER_HEADERS];
  int header_count;
  char *body; /* length bytes; NULL when it is a file */
  size_t length;
  char *file;     /* sent with Range support */
  long long cut;  /* after so many bytes it ends or stalls; -1: never */
  double stall;   /* silent for so long after `cut` before it ends */
  bool reset;     /* no answer: the connection is reset */
  long long entry; /* number of its entry in the log; 0: none */
};

/* An answer for when no rule could be run. */
void answer_init(struct answer *a);
void answer_free(struct answer *a);

/* [-0, +0, e] fills it from the table at `index`: {status, headers, body,
 * file, cut, stall, reset, entry} */
void answer_take(struct answer *a, lua_State *L, int index);

/* *status: what is sent, which is another one than asked for when it is part
 * of a file, or when there is trouble.  Untouched if nothing is sent. */
enum MHD_Result answer_send(const struct answer *a,
                            struct MHD_Connection *connection,
                            struct stop *stop, unsigned int *status);

/* Breaks the connection: what the client does next with it fails. */
void answer_reset(struct MHD_Connection *connection);

#endif
