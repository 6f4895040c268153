-- SPDX-License-Identifier: MIT

--- Who goes on when.
--
-- A scheduler belongs to one client. Its books are the core's: who waits for
-- which request, who sleeps until when, who may go on; see `src/dispatch.c`.
-- Everything here runs in the host's thread.
-- @module jogg.scheduler

require "jogg.interpreted" ()

local core = require "jogg.core"
local errors = require "jogg.error"
local tasks = require "jogg.task"

local SLICE = 0.25       -- s; how often a blocking wait comes back for Ctrl-C
local STEPPER = 4        -- level of the caller of client:step
local DEAF_MAXIMUM = 100 -- calls that a cancelled task may still try

-- What a frame pays for is found at once.
local current, give_way = core.tasks.current, core.tasks.give_way
local suspend = core.tasks.suspend

local Scheduler = {}
Scheduler.__index = Scheduler

-- {=== waiting

--- The task that we are inside of, in whatever coroutine; or nil.
function Scheduler:inside()
  local task, interrupted = self.books:inside()
  if interrupted and not tasks.is_suspended(interrupted) then
    tasks.break_off(interrupted, tasks.raised "the task was interrupted")
  end
  return task
end

--- The task that runs now, or nil outside of tasks.
-- @tparam integer level as for `error`
-- @raise where a wait is not possible: inside a coroutine that a task made for
-- itself, and inside a task of another client
function Scheduler:current(level)
  local task = current(self.books)
  if task then
    return task
  elseif self:inside() then
    error("this is a coroutine of your own inside a task: it cannot wait " ..
      "there; use client:spawn to do things side by side", level + 1)
  end
  self:refuse_foreign(level + 1)
end

--- Raises inside a task of another client, which must not be held up.
-- @tparam integer level as for `error`
function Scheduler:refuse_foreign(level)
  if self.books:is_foreign() then
    error("this is a task of another client: it can wait for its own client " ..
      "alone; use this client's spawn", level + 1)
  end
end

--- Makes a task able to go on.
function Scheduler:wake(task)
  if task.slot then
    self.books:wake(task.slot)
  end
end

--- Forgets a task that is at its end.
function Scheduler:forget(task)
  local slot = task.slot
  task.slot = nil
  self.books:remove(slot)
  if task.request then -- and what it waited for has a place
    task.request:close()
    task.request = nil
  end
end

-- A cancelled task tries something. It has some tries, to tidy up.
local function refuse(self, task)
  task.deaf = (task.deaf or 0) + 1
  if task.deaf > DEAF_MAXIMUM then
    error("this task was cancelled and does not end", 0)
  end
  return nil, tasks.cancelled(self)
end

--- Suspends the current task until its request is finished or the time is
-- over, whichever comes first.
-- @tparam table task the current one
-- @param request or nil
-- @tparam ?number seconds
-- @treturn ?boolean true
-- @treturn ?table error of kind `cancelled`
function Scheduler:suspend(task, request, seconds)
  task.request = request
  local ok = suspend(self.books, request, seconds)
  task.request = nil
  if ok then
    return true
  end
  return self:suspended(task, ok)
end

--- Why a wait came to nothing.
-- @tparam table task the current one
-- @tparam ?boolean ok false: it was cancelled; nil: it had been before
-- @treturn nil
-- @treturn table error of kind `cancelled`
function Scheduler:suspended(task, ok)
  if ok == nil then
    return refuse(self, task)
  end
  return nil, tasks.cancelled(self)
end

--- Suspends the current task until a looker has something. Until then it is
-- the looker that goes on, in any coroutine, and the task's own stays as it is.
-- @tparam table task the current one
-- @tparam Looker looker see @{jogg.watch}
-- @tparam ?function rest all that is left to do: it gets the task's job, in a
-- coroutine of its own, and calls @{Scheduler:attended}
-- @return what the looker found; or `nil, err`
function Scheduler:attend(task, looker, rest)
  if task.cancelled then
    return refuse(self, task)
  end
  task.looker = looker
  looker:begin(task)
  self.books:attend(rest)
  return self:attended(task)
end

--- A task waits for a request from now on, and its looker for the task.
-- @tparam Task task
-- @tparam request request
function Scheduler:expect(task, request)
  if task.done then -- a finalizer cancelled it meanwhile
    request:close()
    return
  end
  self.books:expect(task.slot, request)
  task.request = request
end

--- What a task's looker found.
-- @tparam table task
-- @return that; or `nil, err`
function Scheduler:attended(task)
  local looker = task.looker
  task.looker, task.request = nil, nil
  if task.cancelled then
    return nil, looker:cancel(tasks.cancelled(self))
  end
  return looker:found()
end

--- Lets the step come to its end, where that is due, in the middle of what a
-- task does. Outside of tasks it does nothing, nor in one that is to end.
function Scheduler:give_way()
  give_way(self.books)
end

--- May something be started here and now?
-- @tparam ?Task task the current one
-- @treturn ?boolean true
-- @treturn ?table error of kind `cancelled`
function Scheduler:check(task)
  if task and task.cancelled then
    return refuse(self, task)
  elseif self.closed then
    return nil, tasks.cancelled(self)
  end
  return true
end

--- A request is done with, and nobody else has it: it serves again. Not if its
-- task was cancelled: a finalizer may have closed the client, and then the
-- request may have been dropped with it, and wait for its own finalizer. (One
-- that steps a client which was dropped is not thought of.)
-- @tparam ?Task task that waited for it
-- @tparam request request
function Scheduler.retire(task, request)
  if task and task.cancelled then
    request:close()
  else
    request:retire()
  end
end

--- Waits outside of tasks: the same as @{Scheduler:suspend}, by blocking.
-- @param request or nil
-- @tparam ?number seconds
-- @treturn ?boolean true
-- @treturn ?table error: the client was closed, by a callback
function Scheduler:block(request, seconds)
  local deadline = seconds and core.now() + seconds
  while not (request and request:done()) do
    if self.closed then
      return nil, tasks.cancelled(self)
    end
    local slice = SLICE
    if deadline then
      slice = math.min(slice, deadline - core.now())
      if slice <= 0 then
        break
      end
    end
    self.core:wait(slice)
  end
  self:nudge()
  return true
end

-- ===}

-- {=== going on

--- Goes on with a task that was woken, before all others.
-- @tparam Task task
function Scheduler:resume_now(task)
  self.books:resume(task.slot)
end

--- Seconds until there is something to do without the network.
-- @treturn ?number nil: nothing
function Scheduler:timeout()
  local moment = self.books:moment()
  return moment and math.max(0, moment - core.now())
end

--- Has the host's loop call step soon: something was taken notice of, or
-- done, outside of a step.
function Scheduler:nudge()
  self.books:alarm(true)
end

--- Somebody waits for the descriptor, from now on.
function Scheduler:watch()
  self.books:alarm(true, true) -- something may have finished already
end

--- How many tasks are alive.
-- @treturn integer
function Scheduler:live()
  return (self.books:count())
end

-- How often a task went on so far.
local function resumed(self)
  return (select(4, self.books:count()))
end

--- Goes on with tasks that can, and waits until somebody went on or the time
-- is over; see client:step.
-- @tparam number seconds
-- @treturn integer how many tasks are alive
function Scheduler:step(seconds)
  if self:inside() then
    error("client:step must not be called inside a task", STEPPER)
  end
  self:refuse_foreign(STEPPER)
  local books = self.books
  local deadline = core.now() + seconds
  local before = resumed(self)
  books:drain()
  while resumed(self) == before and self:live() > 0 and not self.closed do
    local left = deadline - core.now()
    if left <= 0 then
      break
    end
    self.core:wait(math.min(left, self:timeout() or left, SLICE))
    books:drain()
  end
  books:alarm()
  return self:live()
end

--- Makes a step possible that must not wait, where one was not.
-- @treturn ?integer how many tasks are alive
-- @treturn ?table error
function Scheduler:step_first()
  if self:inside() then
    error("client:step must not be called inside a task", STEPPER)
  end
  local ok, err = self.core:run_thread()
  if not ok then
    return nil, errors.new(err)
  end
  return (self.books:step())
end

-- ===}

-- {=== birth and death

--- Goes on until no task is alive; see client:run.
-- @tparam integer level as for `error`
function Scheduler:run(level)
  if self:inside() then
    error("client:run must not be called inside a task", level)
  end
  self:refuse_foreign(level)
  while self:live() > 0 do
    if self.host and self.host.can_wait() then
      select(2, next(self.tasks)):wait()
    else
      self:step(SLICE)
    end
  end
end

--- Starts a task; it runs from the next step on.
-- @tparam function f
-- @treturn Task
function Scheduler:spawn(f)
  local task = tasks.new(self, f)
  task.slot = self.books:add(task)
  if self.closed then
    tasks.mark_cancelled(task)
  end
  if self.host and self:live() == 1 then
    self.host.start()
  end
  self.books:alarm()
  return task
end

--- Lets the coroutines of a host's loop wait for tasks; see Client:attach.
function Scheduler:attach(host)
  self.host = host
  if self:live() > 0 then
    host.start()
  end
end

--- Ends all tasks: each sees its waits end with `cancelled`.
function Scheduler:cancel_all()
  local alive = {}
  for _, task in pairs(self.tasks) do
    alive[#alive + 1] = task
  end
  for _, task in ipairs(alive) do -- all, before the first one makes room
    tasks.mark_cancelled(task)
  end
  for _, task in ipairs(alive) do
    if task.request then
      task.request:cancel()
    end
    if tasks.is_suspended(task) then
      self:wake(task)
    end
  end
  while self.books:moment() == 0 do
    self.books:drain()
  end
end

--- The client is being closed: all tasks end, and nothing waits any more.
function Scheduler:close()
  self.closed = true
  self:cancel_all()
  if self.host then
    self.host.stop()
  end
end

-- ===}

local scheduler = {}

--- A scheduler for a client.
-- @param core_client the core's client
-- @treturn Scheduler
function scheduler.new(core_client)
  local slots = {}
  return setmetatable({
    core = core_client, closed = false, host = false, tasks = slots,
    books = core.tasks.new(core_client, slots, tasks.prepare, tasks.settle),
  }, Scheduler)
end

return scheduler
