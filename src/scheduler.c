/* SPDX-License-Identifier: MIT
 *
 * scheduler: the tasks of a client, which there are; see dispatch.h.
 */

/*** @module jogg.core */
#include "dispatch.h"

#include "jogg.h"

#include <string.h>

#define SLOTS_MINIMUM 7

static char active_place; /* its address is a key of the registry */

/* {=== who there is */

/* Room for more tasks, maybe: a finalizer may have made some as well, or have
   filled it.  [-0, +0, m] */
static void grow(lua_State *L, struct tasks *s)
{
  uint32_t capacity = 2 * s->capacity + 1;
  void *memory;

  if (capacity < SLOTS_MINIMUM)
    capacity = SLOTS_MINIMUM;
  if (capacity > TASKS_MAXIMUM)
    luaL_error(L, "too many tasks");
  lua_getiuservalue(L, 1, 1);
  memory = lua_newuserdatauv(L, tasks_size(capacity), 0);
  if (capacity > s->capacity) {
    tasks_move(s, memory, capacity);
    lua_rawseti(L, -2, MEMORY); /* it has a place since scheduler_new */
    lua_pop(L, 1);
  } else {
    lua_pop(L, 2);
  }
}

/***
Adds a task, which is ready.
@function tasks.add
@tparam Task task
@treturn integer its slot
*/
static int scheduler_add(lua_State *L)
{
  struct tasks *s = dispatch_tasks(L);
  uint32_t slot;

  lua_settop(L, 2);
  while (s->free == 0)
    grow(L, s);
  lua_pushvalue(L, 2);
  dispatch_set(L, SLOTS, s->free);
  slot = tasks_add(s);
  jogg_push_count(L, slot);
  return 1;
}

/***
Forgets a task that is at its end.
@function tasks.remove
@tparam integer slot
*/
static int scheduler_remove(lua_State *L)
{
  struct tasks *s = dispatch_tasks(L);
  uint32_t slot = dispatch_slot(L, s);

  if (s->list[slot].thread) { /* else it would be a new key: memory */
    lua_pushnil(L);
    dispatch_set(L, THREADS, slot);
  }
  lua_pushnil(L);
  dispatch_set(L, SLOTS, slot);
  tasks_remove(s, slot);
  if (s->running == slot)
    s->running = 0;
  return 0;
}

/***
Makes a task able to go on.
@function tasks.wake
@tparam integer slot
*/
static int scheduler_wake(lua_State *L)
{
  struct tasks *s = dispatch_tasks(L);

  tasks_wake(s, dispatch_slot(L, s));
  return 0;
}

/***
From now on no wait of a task begins, and those that have begun end with false.
@function tasks.cancel
@tparam integer slot
*/
static int scheduler_cancel(lua_State *L)
{
  struct tasks *s = dispatch_tasks(L);

  s->list[dispatch_slot(L, s)].cancelled = true;
  return 0;
}

/***
The task whose coroutine the caller is.
@function tasks.current
@treturn ?Task
*/
static int scheduler_current(lua_State *L)
{
  struct tasks *s = dispatch_tasks(L);
  uint32_t slot = dispatch_caller(L, s);

  if (!slot)
    return 0;
  dispatch_push(L, slot);
  return 1;
}

/***
The same, if it may begin something: it is not to end.
@function tasks.ready
@treturn ?Task
*/
static int scheduler_ready(lua_State *L)
{
  struct tasks *s = dispatch_tasks(L);
  uint32_t slot = dispatch_caller(L, s);

  if (!slot || s->list[slot].cancelled)
    return 0;
  dispatch_push(L, slot);
  return 1;
}

/***
The task that runs now, in whatever coroutine.
@function tasks.inside
@treturn[1] Task
@treturn[2] nil there is none
@treturn[2] ?Task one that seemed to run: something struck, Ctrl-C or a lack of
memory, between its turn and the books
*/
static int scheduler_inside(lua_State *L)
{
  struct tasks *s = dispatch_tasks(L);
  uint32_t slot = s->running;
  lua_State *thread;

  if (!slot)
    return 0;
  thread = s->list[slot].thread;
  if (!thread || !dispatch_runs(L, thread)) {
    s->running = 0;
    lua_pushnil(L);
  }
  dispatch_push(L, slot);
  return thread && s->running ? 1 : 2;
}

/***
Is the caller inside a task of another scheduler?
@function tasks.is_foreign
@treturn boolean
*/
static int scheduler_is_foreign(lua_State *L)
{
  const struct tasks *s = dispatch_tasks(L), *active = *s->active;

  lua_pushboolean(L, active && active != s && active->running &&
                       active->list[active->running].thread &&
                       dispatch_runs(L, active->list[active->running].thread));
  return 1;
}

/***
How many there are.
@function tasks.count
@treturn integer that are alive
@treturn integer that wait for a request
@treturn integer that sleep
@treturn integer how often a task went on so far
*/
static int scheduler_count(lua_State *L)
{
  const struct tasks *s = dispatch_tasks(L);

  jogg_push_count(L, s->live);
  jogg_push_count(L, s->waiting);
  jogg_push_count(L, s->sleeping);
  jogg_push_count(L, (int64_t)s->resumed);
  return 4;
}

/***
When somebody can go on without the network.
@function tasks.moment
@treturn ?number moment of @{now}, maybe past; nil: never
*/
static int scheduler_moment(lua_State *L)
{
  double moment = tasks_moment(dispatch_tasks(L));

  if (moment < 0)
    return 0;
  lua_pushnumber(L, moment);
  return 1;
}

/***
Has the descriptor become readable in time, once it is watched.
@function tasks.alarm
@tparam ?boolean soon something was taken notice of, or done, outside of a step
@tparam ?boolean watched somebody waits for the descriptor, from now on
*/
static int scheduler_alarm(lua_State *L)
{
  struct tasks *s = dispatch_tasks(L);
  struct client *c = dispatch_client(s);

  if (lua_toboolean(L, 3))
    s->watched = true;
  if (lua_toboolean(L, 2) && s->watched)
    s->more = true;
  if (c)
    dispatch_set_alarm(s, c);
  return 0;
}

/***
As if time had passed for those that sleep: for specs, which replace @{now}.
@function tasks.shift
@tparam number seconds
*/
static int scheduler_shift(lua_State *L)
{
  dispatch_tasks(L)->ahead += luaL_checknumber(L, 2);
  return 0;
}

/* ===} */

/* [-0, +0, -] */
static struct tasks **active_find(lua_State *L)
{
  struct tasks **active;

  lua_pushlightuserdata(L, &active_place);
  lua_rawget(L, LUA_REGISTRYINDEX);
  active = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return active;
}

/* The place where it stands which tasks run in this Lua state.  [-0, +0, m] */
static struct tasks **active_of(lua_State *L)
{
  struct tasks **active = active_find(L), **made;

  if (active)
    return active;
  made = lua_newuserdatauv(L, sizeof(struct tasks *), 0);
  *made = NULL;
  active = active_find(L); /* a finalizer may have been here meanwhile */
  if (!active) {
    lua_pushlightuserdata(L, &active_place);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
    active = made;
  }
  lua_pop(L, 1);
  return active;
}

/***
The tasks of a client: what follows is called with them as the first argument.
@function tasks.new
@tparam client client
@tparam table slots slot → Task, kept here
@tparam function prepare gets a Task that has no coroutine, or in whose place
somebody goes on; returns the coroutine to go on with, and the job that it is to
get when it begins, or nil; or nothing
@tparam function settle gets a Task and, if its function returned, true and its
results; if it raised, false and the error; if it waits and lets its coroutine
go, a function; nothing, if it yielded by itself
@treturn tasks
*/
static int scheduler_new(lua_State *L)
{
  struct tasks **active = active_of(L), *s;
  struct client **client = luaL_checkudata(L, 1, CLIENT_TYPE);

  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_checktype(L, 3, LUA_TFUNCTION);
  luaL_checktype(L, 4, LUA_TFUNCTION);
  lua_settop(L, 4);
  s = lua_newuserdatauv(L, sizeof *s, 1);
  memset(s, 0, sizeof *s);
  s->active = active;
  s->client = client;
  luaL_setmetatable(L, TASKS_TYPE);
  lua_createtable(L, THEIR_CLIENT, 0);
  lua_pushvalue(L, 2);
  lua_rawseti(L, -2, SLOTS);
  lua_newtable(L);
  lua_rawseti(L, -2, THREADS);
  lua_pushvalue(L, 3);
  lua_rawseti(L, -2, PREPARE);
  lua_pushvalue(L, 4);
  lua_rawseti(L, -2, SETTLE);
  lua_pushboolean(L, 0);
  lua_rawseti(L, -2, MEMORY);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, THEIR_CLIENT);
  lua_setiuservalue(L, -2, 1);
  return 1;
}

void scheduler_register(lua_State *L)
{
  static const luaL_Reg FUNCTIONS[] = {
    { "add", scheduler_add },
    { "alarm", scheduler_alarm },
    { "attend", wait_attend },
    { "cancel", scheduler_cancel },
    { "count", scheduler_count },
    { "current", scheduler_current },
    { "drain", dispatch_drain },
    { "entrance", owner_entrance },
    { "expect", wait_expect },
    { "give_way", wait_give_way },
    { "inside", scheduler_inside },
    { "is_foreign", scheduler_is_foreign },
    { "moment", scheduler_moment },
    { "new", scheduler_new },
    { "ready", scheduler_ready },
    { "remove", scheduler_remove },
    { "resume", dispatch_resume },
    { "shift", scheduler_shift },
    { "step", dispatch_step },
    { "stepper", owner_stepper },
    { "suspend", wait_suspend },
    { "wake", scheduler_wake },
    { NULL, NULL }
  };

  lua_newtable(L);
  (void)luaL_newmetatable(L, TASKS_TYPE);
  lua_pushstring(L, TASKS_TYPE);
  lua_setfield(L, -2, "__metatable");
  luaL_setfuncs(L, FUNCTIONS, 1); /* see jogg_self */
  luaL_getmetatable(L, TASKS_TYPE);
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  lua_setfield(L, -2, "tasks");
}
