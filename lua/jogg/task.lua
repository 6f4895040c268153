-- SPDX-License-Identifier: MIT

--- Tasks: coroutines that wait for the network and for time without holding
-- up anybody.
--
-- Only a task's own coroutine can be suspended. A coroutine that a task makes
-- for itself may do anything but wait; a wait in it is refused. Lua 5.1 cannot
-- suspend inside `pcall`, a metamethod or the iterator of a `for`; the other
-- Luas and LuaJIT can. Who goes on when is up to @{jogg.scheduler}.
-- @module jogg.task

local errors = require "jogg.error"
local turns = require "jogg.turns"

local SLICE = 0.25 -- s; how often a blocking wait comes back for Ctrl-C
local NO_YIELD = "attempt to yield across metamethod/C-call boundary"

local tasks = {}

local Task = { __name = "jogg.task" }
Task.__index = Task

local function check_self(self, name)
  if getmetatable(self) ~= Task then
    error(("%s is a method: call it as task:%s(...)"):format(name, name), 3)
  end
end

function Task.__tostring(task)
  local state = task.done and "done" or task.cancelled and "cancelled" or
    "alive"
  return ("jogg.task (%s)"):format(state)
end

--- Ends a task. Whatever it waits for ends with an error of kind `cancelled`,
-- and so does everything it still tries. Called from outside any task, it
-- returns when the task has come to its end, unless that waits for another.
function Task:cancel()
  check_self(self, "cancel")
  if self.done or self.cancelled then
    return
  end
  tasks.mark_cancelled(self)
  local scheduler = self.scheduler
  if self.request then
    self.request:cancel() -- the network hears of it soon
  end
  if tasks.is_suspended(self) then
    scheduler:wake(self)
    if not scheduler:inside() then
      scheduler:resume_now(self)
      scheduler:nudge()
    end
  end
end

-- Would `current` wait for something that waits for it?
local function is_circle(task, current)
  while task and task ~= current do
    task = task.awaited
  end
  return task ~= nil
end

--- Waits for the end of a task: blocks outside tasks, suspends inside one.
-- @return what the task's function returned; or `nil, err`
function Task:wait()
  check_self(self, "wait")
  local scheduler = self.scheduler
  local current = scheduler:current(2)
  if current == self then
    error("a task cannot wait for itself", 2)
  end
  if current and is_circle(self, current) then
    error("these tasks would wait for each other for ever", 2)
  end
  local host = scheduler.host
  if not self.done and not current and host and host.can_wait() then
    host.wait(self, function(f)
      self.listeners = self.listeners or {}
      self.listeners[#self.listeners + 1] = f
    end)
  end
  while not self.done do
    if current then
      self.waiters = self.waiters or {}
      self.waiters[#self.waiters + 1] = current
      current.awaited = self
      local _, err = scheduler:suspend(current)
      current.awaited = nil
      if err then
        return nil, err
      end
    else
      scheduler:step(SLICE)
    end
  end
  return self.value, self.err
end

--- Makes a task, not yet started.
-- @tparam table scheduler see @{jogg.scheduler}
-- @tparam function f
-- @treturn Task `done`, `value`, `err`, `task:wait()`, `task:cancel()`
function tasks.new(scheduler, f)
  local body = type(f) == "function" and f or function()
    return f() -- a table that can be called
  end
  return setmetatable({
    scheduler = scheduler, body = body, fresh = true,
  }, Task)
end

--- No wait of a task begins any more.
-- @tparam Task task
function tasks.mark_cancelled(task)
  task.cancelled = true
  task.scheduler.books:cancel(task.slot)
end

--- Can a task go on when it is woken?
-- @tparam Task task
-- @treturn boolean
function tasks.is_suspended(task)
  return not task.thread or coroutine.status(task.thread) == "suspended"
end

--- Is the caller the last thing that its task has to do? A call in the tail
-- position, `return client:make_video{}`, has nobody above it.
-- @treturn boolean
function tasks.is_last()
  local level, above = 2 -- the caller
  repeat
    level = level + 1
    above = debug.getinfo(level, "S")
  until not above or above.what ~= "tail" -- Lua 5.1 shows who is gone
  return not above
end

local function text_of(value)
  local ok, text = pcall(tostring, value)
  return ok and text or "a " .. type(value) .. " without a text"
end

--- The error that something raised becomes.
-- @param value what was raised
-- @treturn table error of kind `task`
function tasks.raised(value)
  return errors.new {
    kind = "task", message = errors.is(value) and value.message or
      text_of(value), cause = value, retryable = false,
  }
end

--- What a wait ends with when it must not go on.
-- @tparam table scheduler
-- @treturn table error of kind `cancelled`
function tasks.cancelled(scheduler)
  return errors.new {
    kind = "cancelled", outcome = "not_sent",
    reason = scheduler.closed and "closed" or "cancelled",
    message = scheduler.closed and "the client was closed" or
      "the task was cancelled",
  }
end

--- The end of a task: whoever waits for it goes on.
-- @tparam Task task
-- @param value
-- @tparam ?table err
function tasks.finish(task, value, err)
  if not task.slot then
    return -- it came to its end already
  elseif not task.done then
    task.done, task.value, task.err = true, value, err
  end
  local scheduler = task.scheduler
  local waiters = task.waiters
  for i = 1, waiters and #waiters or 0 do
    if waiters[i].awaited == task then -- else it was cancelled meanwhile
      scheduler:wake(waiters[i])
    end
  end
  task.waiters = nil
  if task.turn then
    turns.leave(task.turn)
  end
  scheduler:forget(task)
  local job = task.job
  while job do -- it raised, whether that was caught or not
    job:abandon()
    job = job.outer -- in whose callback it began
  end
  local listeners = task.listeners
  task.listeners = nil
  for i = 1, listeners and #listeners or 0 do
    listeners[i]()
  end
end

--- The end of a task that broke off in the middle: what was paid for is not
-- lost with it.
-- @tparam Task task
-- @tparam table err
function tasks.break_off(task, err)
  if task.slot and task.job then
    task.job:break_off(err)
  end
  tasks.finish(task, nil, err)
end

--- Has a task's looker go on in its place, or makes its coroutine: it has not
-- begun, or waits with nothing but jogg's own work left to do.
-- @tparam Task task
-- @treturn ?thread the coroutine to go on with; nil: none
-- @treturn ?Job whose rest it is
function tasks.prepare(task)
  if task.fresh and task.cancelled then
    tasks.finish(task, nil, tasks.cancelled(task.scheduler))
    return nil
  elseif task.looker and not task.cancelled and not task.looker:go_on(task) then
    return nil
  end
  local thread = task.thread or coroutine.create(task.body)
  if task.done then -- a finalizer cancelled it meanwhile
    return nil
  end
  task.thread, task.body, task.fresh = thread, nil, nil
  return thread, task.job
end

--- Takes what a task's coroutine gave back.
-- @tparam Task task
-- @param ok did it return? nil: it yielded by itself; a function: it waits, and
-- that is all that is left to do, in a coroutine of its own
-- @param value what it returned, or the error
-- @param err what it returned besides
function tasks.settle(task, ok, value, err)
  if type(ok) == "function" then
    task.body, task.thread = ok, nil
    return
  elseif ok == nil then
    value = "a task must not yield by itself: its client's methods do that"
  end
  if not ok then
    if type(value) == "string" and value:find(NO_YIELD, 1, true) then
      value = value .. " (Lua 5.1 cannot suspend a task inside pcall, a " ..
        "metamethod or the iterator of a for)"
    end
    err = tasks.raised(value)
    err.traceback = debug.traceback(task.thread, text_of(value))
    tasks.break_off(task, err)
    return
  end
  tasks.finish(task, value, err)
end

return tasks
