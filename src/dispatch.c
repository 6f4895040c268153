/* SPDX-License-Identifier: MIT
 *
 * dispatch: see dispatch.h.  Going on with tasks; how they wait is in wait.c,
 * and who there is in scheduler.c.
 */

/*** @module jogg.core */
#include "dispatch.h"

#include "clock.h"
#include "collector.h"
#include "jogg.h"

#define BUDGET 0.00001   /* s; a step that must not wait begins no more then */
#define BEHIND 1         /* s; sleepers so late are more than it can do */
#define EACH 0.0000025   /* s; for each that may go on, if that is more: or
                            else a crowd would go on one a frame */
#define CATCH_UP 0.00025 /* s; then a step may take this */
#define ROUND 256        /* in a row, beside all that are alive, in a step that
                            may wait */

/* {=== what the functions share */

struct tasks *dispatch_tasks(lua_State *L)
{
  return jogg_self(L, TASKS_TYPE);
}

struct client *dispatch_client(const struct tasks *s)
{
  struct client *c = *s->client;

  return c && c->engine && !engine_is_forked(c->engine) ? c : NULL;
}

uint32_t dispatch_slot(lua_State *L, const struct tasks *s)
{
  lua_Number slot = luaL_checknumber(L, 2);

  luaL_argcheck(L, slot >= 1 && slot <= TASKS_MAXIMUM &&
                     tasks_has(s, (uint32_t)slot), 2, "no such task");
  return (uint32_t)slot;
}

void dispatch_part(lua_State *L, int part)
{
  lua_getiuservalue(L, 1, 1);
  lua_rawgeti(L, -1, part);
  lua_remove(L, -2);
}

void dispatch_push(lua_State *L, uint32_t slot)
{
  dispatch_part(L, SLOTS);
  lua_rawgeti(L, -1, (int)slot);
  lua_remove(L, -2);
}

void dispatch_set(lua_State *L, int part, uint32_t slot)
{
  dispatch_part(L, part);
  lua_insert(L, -2);
  lua_rawseti(L, -2, (int)slot);
  lua_pop(L, 1);
}

uint32_t dispatch_caller(lua_State *L, const struct tasks *s)
{
  return s->running && s->list[s->running].thread == L ? s->running : 0;
}

bool dispatch_runs(lua_State *L, lua_State *thread)
{
  lua_Debug frame;

  return thread == L ||
         (lua_status(thread) == 0 && lua_getstack(thread, 0, &frame) > 0);
}

double dispatch_now(const struct tasks *s)
{
  return clock_seconds() + s->ahead;
}

void dispatch_set_alarm(const struct tasks *s, struct client *c)
{
  double moment = tasks_moment(s);
  int64_t alarm = CLOCK_NEVER;

  if (moment >= 0)
    alarm = moment > s->ahead ? (int64_t)((moment - s->ahead) * 1000) + 1 : 0;
  if (s->watched)
    engine_set_alarm(c->engine, alarm);
}

/* ===} */

/* {=== going on */

/* Takes what the coroutine of a task gave back: its results or an error; what
   it yielded by itself; or, while it waits, a function that is all that is left
   to do, and then the coroutine is let go.  0, or the state of who failed with
   that.  [-0, +(0|1), -] pushes the error */
static int settle(lua_State *L, struct tasks *s, uint32_t slot, int state,
                  int results, bool waits)
{
  lua_State *thread = s->list[slot].thread;
  int arguments = 1;

  dispatch_part(L, SETTLE);
  dispatch_push(L, slot);
  if (state != 0 && state != LUA_YIELD) {
    results = 1;
  } else if (results > 2) {
    lua_pop(thread, results - 2);
    results = 2;
  }
  if (waits) {
    results = 1;
  } else if (state == LUA_YIELD) {
    lua_pop(thread, results);
    results = 0;
  } else {
    lua_pushboolean(L, state == 0);
    arguments++;
  }
  lua_xmove(thread, L, results);
  state = lua_pcall(L, arguments + results, 0, 0);
  if (waits && state == 0) {
    s->list[slot].thread = NULL;
    lua_pushnil(L);
    dispatch_set(L, THREADS, slot);
  }
  return state;
}

/* [-0, +0, -] */
static void restore_collector(lua_State *L, struct tasks *s)
{
  s->eased = s->eased && !collector_restore(L);
}

/* Passes on what was raised in a step, which ends with it: there is more to do.
   [-1, +0, e] */
static void raise_again(lua_State *L, struct tasks *s)
{
  struct client *c = dispatch_client(s);

  restore_collector(L, s);
  s->deadline = 0;
  s->more = true;
  if (c)
    dispatch_set_alarm(s, c);
  lua_error(L);
}

/* Is the task at an index still the one in this slot?  [-0, +0, -] */
static bool is_there(lua_State *L, int index, const struct tasks *s,
                     uint32_t slot)
{
  bool same;

  if (!tasks_has(s, slot))
    return false;
  dispatch_push(L, slot);
  same = lua_rawequal(L, -1, index);
  lua_pop(L, 1);
  return same;
}

/* Has somebody else go on in a task's place, or makes its coroutine.  False:
   there is nothing to be resumed.  What is raised here, by Ctrl-C or a lack of
   memory, leaves the task as it was.  [-0, +(0|1), e] pushes its job or nil */
static bool prepare(lua_State *L, struct tasks *s, uint32_t slot)
{
  int task = lua_gettop(L) + 1;

  dispatch_push(L, slot);
  dispatch_part(L, PREPARE);
  lua_pushvalue(L, task);
  if (lua_pcall(L, 1, 2, 0) != 0) {
    if (is_there(L, task, s, slot))
      tasks_wake(s, slot);
    raise_again(L, s);
  }
  if (!lua_isthread(L, -2) || !is_there(L, task, s, slot)) {
    lua_settop(L, task - 1); /* a finalizer may have brought it to its end */
    return false;
  }
  if (!s->list[slot].thread) {
    tasks_wake(s, slot); /* in case that there is no memory */
    lua_pushvalue(L, -2);
    dispatch_set(L, THREADS, slot);
    s->list[slot].thread = lua_tothread(L, -2);
    tasks_end_wait(s, slot);
  }
  lua_replace(L, task);
  lua_settop(L, task);
  return true;
}

/* Goes on with a task that was taken.  [-0, +0, e] */
static void go_on(lua_State *L, struct tasks *s, uint32_t slot)
{
  struct tasks *outer = *s->active;
  int state, results, arguments = 1;
  lua_State *thread = s->list[slot].thread;

  s->resumed++;
  if (!thread || s->list[slot].attended) {
    if (!prepare(L, s, slot))
      return;
    arguments = !thread && !lua_isnil(L, -1);
    thread = s->list[slot].thread;
    if (arguments)
      lua_xmove(L, thread, 1);
    else
      lua_pop(L, 1);
    s->list[slot].attended = false;
  } else {
    lua_pushboolean(thread, !s->list[slot].cancelled);
  }
  s->running = slot;
  *s->active = s;
  state = compat_resume(thread, L, arguments, &results);
  if (state == LUA_YIELD && results == 1 && lua_touserdata(thread, -1) == s) {
    lua_pop(thread, 1);
    state = 0;
  } else {
    bool waits = state == LUA_YIELD && results == 2 &&
                 lua_touserdata(thread, -2) == s;
    s->running = 0; /* whoever asks meanwhile: it is at its end */
    state = settle(L, s, slot, state, results, waits);
  }
  *s->active = outer; /* whoever raises: its memory may be gone, later */
  s->running = 0;
  if (state != 0) {
    if (s->list[slot].thread == thread)
      s->running = slot; /* seems to run, and is broken off: see inside */
    raise_again(L, s);
  }
}

/* [-0, +0, v] */
static void check_stack(lua_State *L)
{
  luaL_checkstack(L, 12, "too many tasks inside each other");
}

static uint32_t take_result(struct tasks *s)
{
  struct client *c = dispatch_client(s);
  struct transfer *t;
  uint32_t slot = 0;

  while (!slot && c && (t = c->first)) {
    client_claim(c, t);
    slot = tasks_take_id(s, t->waiter, t->id);
  }
  return slot;
}

/* Who goes on next: whatever one kind has to do, it holds up none of the others
   for long.  0: nobody. */
static uint32_t pick(struct tasks *s)
{
  uint32_t slot = 0;
  int i;

  for (i = 0; i < 4 && !slot; i++) {
    s->kind = (s->kind + 1) % 4;
    switch (s->kind) {
    case 0:
      slot = tasks_take(s, QUEUE_GAVE);
      break;
    case 1:
      slot = take_result(s);
      break;
    case 2:
      slot = tasks_take(s, QUEUE_READY);
      break;
    default:
      slot = s->sleeping ? tasks_take_due(s, dispatch_now(s)) : 0;
    }
  }
  return slot;
}

/* For how long a step begins something that must not wait. */
static double budget(const struct tasks *s, const struct client *c, double late)
{
  double crowd = EACH * ((double)s->queued + c->finished);

  if (late > BEHIND || crowd > CATCH_UP)
    return CATCH_UP;
  return crowd > BUDGET ? crowd : BUDGET;
}

int dispatch_step_with(lua_State *L, struct tasks *s)
{
  struct client *c = dispatch_client(s);
  double now, late;

  check_stack(L);
  if (!c || s->running || !engine_is_threaded(c->engine))
    return 0;
  client_collect(c);
  s->more = false;
  now = dispatch_now(s);
  late = s->sleeping ? now - tasks_due(s) : -1;
  if (c->first || late >= 0 || tasks_moment(s) == 0) {
    s->deadline = now + budget(s, c, late);
    s->eased = collector_ease(L, s->eased);
    do {
      uint32_t slot = pick(s);
      if (!slot)
        break;
      go_on(L, s, slot);
      s->more = dispatch_now(s) >= s->deadline;
    } while (!s->more);
    restore_collector(L, s);
    collector_tidy();
    s->deadline = 0;
    c = dispatch_client(s);
  }
  if (c)
    dispatch_set_alarm(s, c);
  jogg_push_count(L, s->live);
  return 1;
}

/***
A step that never waits.
@function tasks.step
@treturn[1] integer how many tasks are alive
@treturn[2] nil something is in the way: the client is closed or another
process's, has no thread yet, or one of its tasks runs
*/
int dispatch_step(lua_State *L)
{
  return dispatch_step_with(L, dispatch_tasks(L));
}

/***
Goes on with those that were woken so far, not with all that they wake in turn.
@function tasks.drain
*/
int dispatch_drain(lua_State *L)
{
  struct tasks *s = dispatch_tasks(L);
  struct client *c = dispatch_client(s);
  uint32_t slot, left = ROUND + s->live;

  check_stack(L);
  restore_collector(L, s); /* a step ended for want of memory, if at all */
  s->deadline = 0;
  s->more = false;
  if (c)
    client_collect(c);
  while (left > 0 && (slot = pick(s))) {
    go_on(L, s, slot);
    left--;
  }
  s->more = left == 0;
  return 0;
}

/***
Goes on with one task that was woken, before all others.
@function tasks.resume
@tparam integer slot
*/
int dispatch_resume(lua_State *L)
{
  struct tasks *s = dispatch_tasks(L);
  uint32_t slot = dispatch_slot(L, s);

  check_stack(L);
  tasks_end_wait(s, slot);
  go_on(L, s, slot);
  return 0;
}

/* ===} */

