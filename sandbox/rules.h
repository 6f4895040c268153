/* SPDX-License-Identifier: MIT
 *
 * rules: the embedded Lua state that decides everything, and its one lock.
 *
 * Owns the state.  Any thread may run a rule; a rule holds the lock except
 * while it waits for an operation (operation.h).  Knows nothing of HTTP.
 */
#ifndef SANDBOX_RULES_H
#define SANDBOX_RULES_H

#include <pthread.h>
#include <stdbool.h>

#include <lua.h>

#include "stop.h"

struct rules {
  lua_State *L;
  pthread_mutex_t lock;
  struct stop *stop;
  int boot; /* registry reference of the table that rules/boot.lua returns */
};

/* False: not even a state; the reason is on stderr. */
bool rules_open(struct rules *r, struct stop *stop);
void rules_close(struct rules *r);

struct rules *rules_of(lua_State *L);

/* Both run in protected mode under the lock, with ud as light userdata at
 * index 1: `push` returns the arguments, `take` finds the results above. */
struct rules_call {
  const char *name; /* function of rules/boot.lua */
  lua_CFunction push;
  lua_CFunction take;
  void *ud;
};

/* Runs a rule to its end; false if it raised (the reason is on stderr). */
bool rules_run(struct rules *r, const struct rules_call *call);

/* Tells a rule's owner how far its program is; false: it may be ended. */
bool rules_progress(struct rules *r, const char *token, long long us);

#endif
