/* SPDX-License-Identifier: MIT
 *
 * dispatch: a client's tasks as Lua's coroutines.
 *
 * A userdata jogg.core.tasks holds those of one client, and is the first
 * argument of all that there is to call.  All memory is Lua's, and has no
 * finalizer: finalizers of others may call any of this.  What a coroutine
 * yields to wait is the address of its tasks, which nobody else has.
 */
#ifndef JOGG_DISPATCH_H
#define JOGG_DISPATCH_H

#include "client.h"
#include "tasks.h"

/* What the user value of the tasks has: THREADS anchors coroutines by slot;
   MEMORY is their own. */
enum { SLOTS = 1, THREADS, PREPARE, SETTLE, MEMORY, THEIR_CLIENT };

/* Those at index 1.  [-0, +0, v] */
struct tasks *dispatch_tasks(lua_State *L);

/* Their client; NULL: it is closed, or another process's. */
struct client *dispatch_client(const struct tasks *s);

/* The slot at index 2.  [-0, +0, v] */
uint32_t dispatch_slot(lua_State *L, const struct tasks *s);

/* Part of the user value of those at index 1.  [-0, +1, -] */
void dispatch_part(lua_State *L, int part);

/* A task, or nil.  [-0, +1, -] */
void dispatch_push(lua_State *L, uint32_t slot);

/* Sets a slot of a part to the value on the top.  [-1, +0, m] */
void dispatch_set(lua_State *L, int part, uint32_t slot);

/* The slot of the caller, if it is the coroutine of a task of these; 0. */
uint32_t dispatch_caller(lua_State *L, const struct tasks *s);

/* Does a coroutine run now, itself or through one that it resumed? */
bool dispatch_runs(lua_State *L, lua_State *thread);

/* The moment, as those that sleep see it. */
double dispatch_now(const struct tasks *s);

/* Makes the descriptor readable in time, if anybody watches it. */
void dispatch_set_alarm(const struct tasks *s, struct client *c);

/* A step of those at index 1.  [-0, +(0|1), e] */
int dispatch_step_with(lua_State *L, struct tasks *s);

/* Those of the owner at index 1, whose place they take; NULL: it is none.  Only
   in what owner_entrance makes.  [-0, +0, -] */
struct tasks *owner_tasks(lua_State *L);

/* What there is to call, see scheduler.c. */
int dispatch_step(lua_State *L);
int dispatch_drain(lua_State *L);
int dispatch_resume(lua_State *L);
int wait_suspend(lua_State *L);
int wait_give_way(lua_State *L);
int wait_enter(lua_State *L);
int wait_attend(lua_State *L);
int wait_expect(lua_State *L);
int owner_stepper(lua_State *L);
int owner_entrance(lua_State *L);

#endif
