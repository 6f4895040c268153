/* SPDX-License-Identifier: MIT
 *
 * wait: how a task waits, what its coroutine calls for that.
 */

/*** @module jogg.core */
#include "dispatch.h"

#include "jogg.h"

static int wait_here(lua_State *L, struct tasks *s, uint32_t slot)
{
  s->list[slot].attended = false;
  lua_settop(L, 0);
  lua_pushlightuserdata(L, s);
  return lua_yield(L, 1);
}

/* It waits for the request at `index`, if there is one.  [-0, +0, v] */
static void expect(lua_State *L, int index, struct tasks *s, uint32_t slot)
{
  struct transfer *t;

  if (lua_isnoneornil(L, index))
    return;
  t = request_transfer(L, index);
  t->waiter = slot;
  tasks_expect(s, slot, t->id);
}

/***
Suspends the task that calls it.
@function tasks.suspend
@tparam ?request request until it is finished
@tparam ?number seconds so long at most; 0: until its next turn
@treturn[1] boolean true
@treturn[2] boolean false: it was cancelled meanwhile
@treturn[3] nil it had been cancelled before
*/
int wait_suspend(lua_State *L)
{
  struct tasks *s = dispatch_tasks(L);
  uint32_t slot = dispatch_caller(L, s);
  lua_Number seconds = luaL_optnumber(L, 3, -1);

  if (!slot)
    return luaL_error(L, "not inside of a task");
  if (s->list[slot].cancelled)
    return 0;
  tasks_end_wait(s, slot); /* one that could not begin: Lua 5.1, in a pcall */
  lua_settop(L, 3);
  expect(L, 2, s, slot);
  if (seconds == 0)
    tasks_give_way(s, slot);
  else if (seconds > 0)
    tasks_sleep(s, slot, dispatch_now(s) + seconds);
  return wait_here(L, s, slot);
}

/* Is the step to come to its end? */
static bool is_due(const struct tasks *s)
{
  return s->deadline > 0 && dispatch_now(s) >= s->deadline;
}

/***
Lets the step come to its end, where that is due, in the middle of what a task
does.  Outside of tasks it does nothing, nor in one that is to end.
@function tasks.give_way
*/
int wait_give_way(lua_State *L)
{
  struct tasks *s = dispatch_tasks(L);
  uint32_t slot = dispatch_caller(L, s);

  if (!slot || s->list[slot].cancelled || !is_due(s))
    return 0;
  tasks_give_way(s, slot);
  return wait_here(L, s, slot);
}

/***
May the caller wait, here and now?  If so, it gives way first.
@function tasks.enter
@tparam table owner see @{tasks.entrance}
@treturn[1] boolean true: in a task, or outside of all; false: in a task that
was cancelled when it had given way
@treturn[2] nil something is in the way: it is no owner, its client is closed or
another process's, the task is to end, or the caller is another coroutine
inside of one
*/
int wait_enter(lua_State *L)
{
  struct tasks *s = owner_tasks(L);
  uint32_t slot = s ? dispatch_caller(L, s) : 0;
  bool free = s && (slot ? !s->list[slot].cancelled
                         : !s->running &&
                             (!*s->active || !(*s->active)->running));

  if (!free || !dispatch_client(s))
    return 0;
  if (slot && is_due(s)) {
    tasks_give_way(s, slot);
    return wait_here(L, s, slot);
  }
  lua_pushboolean(L, 1);
  return 1;
}

/***
Suspends the task that calls it; another function goes on in its place.
@function tasks.attend
@tparam ?function rest all that is left to do: then the coroutine is let go
*/
int wait_attend(lua_State *L)
{
  struct tasks *s = dispatch_tasks(L);
  uint32_t slot = dispatch_caller(L, s);
  bool alone = !lua_isnoneornil(L, 2);

  if (!slot)
    return luaL_error(L, "not inside of a task");
  lua_settop(L, 2);
  lua_pushlightuserdata(L, s);
  lua_replace(L, 1); /* before the function */
  if (!alone)
    lua_settop(L, 1);
  s->list[slot].attended = true;
  return lua_yield(L, alone ? 2 : 1);
}

/***
A task waits for a request from now on, and for nothing else.
@function tasks.expect
@tparam integer slot
@tparam request request
*/
int wait_expect(lua_State *L)
{
  struct tasks *s = dispatch_tasks(L);
  uint32_t slot = dispatch_slot(L, s);

  tasks_end_wait(s, slot);
  s->list[slot].attended = true;
  expect(L, 3, s, slot);
  return 0;
}
