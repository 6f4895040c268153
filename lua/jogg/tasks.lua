-- SPDX-License-Identifier: MIT

--- Tasks: coroutines that wait for the network and for timers without blocking
-- their host. `client:spawn` makes them (see @{jogg.client}).
--
-- Once `task.done` is true, `task.value` and `task.err` are the first two
-- values that the task's function returned. If the function raised an error,
-- `task.err` has kind `task`, the raised value as `cause`, and a `traceback`.
--
-- Each client has one scheduler: a queue of tasks that are ready, a heap of
-- timers, and the requests that tasks wait for. `client:step` resumes the tasks
-- that are ready. A blocking call is a task as well: its caller steps it until
-- it is done.
--
-- Only a task's own coroutine can be suspended: a wait inside a coroutine that
-- the task made for itself raises an error. Lua 5.1 cannot suspend inside
-- `pcall`, a metamethod or the iterator of a `for`; the other Luas and LuaJIT
-- can.
-- @module jogg.tasks

local core = require "jogg.core"
local errors = require "jogg.error"
local heaps = require "jogg.heap"

local SLICE = 0.25    -- s; a blocking call comes back this often for Ctrl-C
local BUDGET = 0.0005 -- s; a step resumes no further task after this long
local REFUSALS = 100  -- waits that a cancelled task may still try
local SUSPENDED = {}  -- what the coroutine of a task that waits has yielded
local NO_YIELD = "attempt to yield across metamethod/C-call boundary"

local debug = rawget(_G, "debug") -- sandboxed hosts have none
local close_thread = rawget(coroutine, "close") -- since Lua 5.4
local unpack = rawget(_G, "unpack") or rawget(table, "unpack")

local tasks = {}

local Task = { __name = "jogg.task" }
Task.__index = Task

local Scheduler = {}
Scheduler.__index = Scheduler

-- The task whose coroutine runs now, whichever client it belongs to.
local running

-- {=== what becomes of a task

local function string_of(value)
  local ok, text = pcall(tostring, value)
  return ok and text or "a " .. type(value) .. " without a text"
end

-- The error that a task ends with when something was raised in it.
local function raised_error(value)
  return errors.new {
    kind = "task", message = errors.is(value) and value.message or
      string_of(value), cause = value, retryable = false,
  }
end

local function cancelled_error(scheduler)
  return errors.new {
    kind = "cancelled", outcome = "not_sent",
    reason = scheduler.closed and "closed" or "cancelled",
    message = scheduler.closed and "the client was closed" or
      "the task was cancelled",
  }
end

-- A request is no longer in flight, or no task waits for it any more.
local function forget(scheduler, request)
  if scheduler.waiting[request] then
    scheduler.waiting[request] = nil
    scheduler.in_flight = scheduler.in_flight - 1
  end
end

-- Abandons the request that a task waits for. If a callback of another request
-- waited for it, the task then waits for that other request again.
local function abandon_request(task)
  local request, outer = task.request, task.outer_requests
  forget(task.scheduler, request)
  request:close()
  task.request = outer and table.remove(outer)
end

-- Forgets what a task waits for.
local function end_wait(task)
  task.waits = false
  task.scheduler.timers:remove(task)
  while task.request do
    abandon_request(task)
  end
end

local function wake(task)
  local scheduler = task.scheduler
  if task.waits and not task.queued then
    task.queued = true
    scheduler.last = scheduler.last + 1
    scheduler.ready[scheduler.last] = task
    scheduler:nudge()
  end
end

-- Ends a task. Its guards are told (see tasks.guard), then the tasks and the
-- listeners that wait for it.
local function finish(task, value, err)
  if task.done then
    return
  end
  local scheduler = task.scheduler
  task.done, task.value, task.err, task.body = true, value, err, nil
  end_wait(task)
  scheduler.alive[task] = nil
  if not task.blocking then
    scheduler.count = scheduler.count - 1
    if err ~= nil then
      scheduler.failed = scheduler.failed + 1
      scheduler.first_err = scheduler.first_err or err
    end
  end
  local guards, waiters, listeners = task.guards, task.waiters, task.listeners
  task.guards, task.waiters, task.listeners = nil, nil, nil
  for i = guards and #guards or 0, 1, -1 do
    guards[i]:abandon()
  end
  for i = 1, waiters and #waiters or 0 do
    wake(waiters[i])
  end
  for i = 1, listeners and #listeners or 0 do
    listeners[i]()
  end
end

-- Ends a task that cannot go on because an error was raised in it.
local function break_off(task, value)
  local unwound = task.unwound or {}
  if not rawequal(unwound.value, value) then
    unwound = {} -- the error of that time was caught
  end
  if type(value) == "string" and value:find(NO_YIELD, 1, true) then
    value = value .. " (Lua 5.1 cannot suspend a task inside pcall, a " ..
      "metamethod or the iterator of a for)"
  end
  local err = raised_error(value)
  if debug and task.thread then
    err.traceback = debug.traceback(task.thread, string_of(value))
  end
  task.raised = { value }
  for i = 1, #unwound do
    unwound[i]:explain(err) -- what was paid for is not lost with it
  end
  for i = task.guards and #task.guards or 0, 1, -1 do
    task.guards[i]:explain(err)
  end
  if close_thread and task.thread then
    close_thread(task.thread) -- runs its pending <close> variables
  end
  finish(task, nil, err)
end

local function resume(task)
  local thread = task.thread
  if not thread then
    thread = coroutine.create(task.body)
    if task.done then
      return -- a finalizer cancelled it meanwhile
    end
    task.thread, task.body = thread, nil
  end
  task.outer, running = running, task
  local ok, value, err = coroutine.resume(thread)
  running, task.outer = task.outer, nil
  if not ok then
    break_off(task, value)
  elseif coroutine.status(thread) == "dead" then
    finish(task, value, err)
  elseif value ~= SUSPENDED then
    break_off(task, "a task must not yield by itself: its client's " ..
      "methods do that")
  end
end

-- The running task. An error between two instructions of `resume`, such as that
-- of Ctrl-C, may have left `running` at a task that no longer runs.
local function current()
  while running do
    local status = coroutine.status(running.thread)
    if status == "running" or status == "normal" then
      return running
    end
    local task = running
    running = task.outer
    if status == "dead" then
      break_off(task, "the task was interrupted")
    end
  end
end

-- ===}

-- {=== waiting, inside a task

--- The task that may wait here. Nil outside of tasks, and in a callback of a
-- blocking call, where a further call blocks.
-- @tparam integer level as for `error`
-- @raise where a wait is not possible: inside a coroutine that a task made for
-- itself, and inside a task of another client
-- @local
function Scheduler:current(level)
  local task = current()
  if not task then
    return nil
  end
  local own = coroutine.running() == task.thread
  if task.blocking and (task.telling or not own or task.scheduler ~= self) then
    return nil
  elseif task.scheduler ~= self then
    error("this is a task of another client: it can wait for its own client " ..
      "alone; use this client's spawn", level)
  elseif not own then
    error("this is a coroutine of your own inside a task: it cannot wait " ..
      "there; use client:spawn to do things side by side", level)
  end
  return task
end

-- A cancelled task may still try some waits, to clean up.
local function refuse(task)
  task.refusals = (task.refusals or 0) + 1
  if task.refusals > REFUSALS then
    error("this task was cancelled and does not end", 0)
  end
  return nil, cancelled_error(task.scheduler)
end

-- Undoes a wait that could not begin because Lua 5.1 refused it inside pcall.
local function undo_wait(task)
  if task.waits then
    task.waits = false
    task.scheduler.timers:remove(task)
    if task.awaited_request then
      abandon_request(task)
    end
  end
end

-- Suspends the running task until another part of the scheduler wakes it or the
-- time is over. It may also return early, without a reason.
local function suspend(task, seconds, request)
  if task.cancelled then
    return refuse(task)
  end
  undo_wait(task)
  task.waits, task.awaited_request = true, request
  if seconds then
    task.scheduler.timers:add(task, core.now() + seconds)
  end
  coroutine.yield(SUSPENDED)
  task.waits = false
  task.scheduler.timers:remove(task)
  if task.cancelled then
    return nil, cancelled_error(task.scheduler)
  end
  return true
end

--- May the running task begin something?
-- @treturn ?boolean true
-- @treturn ?table error of kind `cancelled`
-- @local
function Scheduler:check()
  if running.cancelled then
    return refuse(running)
  elseif self.closed then
    return nil, cancelled_error(self)
  end
  return true
end

--- Are all slots for requests in flight taken?
-- @treturn boolean
-- @local
function Scheduler:is_full()
  return self.in_flight >= self.slots
end

--- Suspends the running task for some time.
-- @tparam number seconds
-- @treturn ?boolean true
-- @treturn ?table error of kind `cancelled`
-- @local
function Scheduler:sleep(seconds) -- luacheck: ignore 212
  local task, moment = running, core.now() + seconds
  repeat
    local ok, err = suspend(task, math.max(0, moment - core.now()))
    if not ok then
      return nil, err
    end
  until core.now() >= moment
  return true
end

--- Suspends the running task until it is woken.
-- @tparam ?number seconds at most
-- @treturn ?boolean true
-- @treturn ?table error of kind `cancelled`
-- @local
function Scheduler:park(seconds) -- luacheck: ignore 212
  return suspend(running, seconds)
end

--- Suspends the running task until a request is completed.
-- @tparam request request
-- @tparam ?number tick seconds between two calls of on_tick
-- @tparam ?function on_tick
-- @treturn ?boolean true
-- @treturn ?table error of kind `cancelled`; the request was abandoned, and
-- `outcome` says whether it may have been sent
-- @local
function Scheduler:await(request, tick, on_tick)
  local task, waiting = running, self.waiting
  undo_wait(task)
  if task.request then -- a callback of that one makes a further call
    task.outer_requests = task.outer_requests or {}
    table.insert(task.outer_requests, task.request)
  end
  task.request, waiting[request] = request, task
  self.in_flight = self.in_flight + 1
  while waiting[request] do
    local ok, err = suspend(task, tick, request)
    if not ok then
      err.outcome = request:cancel() and "unknown" or "not_sent"
      abandon_request(task)
      return nil, err
    end
    if on_tick and waiting[request] then
      local told, raised = pcall(on_tick, request)
      if not told then
        abandon_request(task)
        error(raised, 0)
      end
    end
  end
  undo_wait(task) -- of a callback's call that could not begin
  task.request = task.outer_requests and table.remove(task.outer_requests)
  return true
end

--- Calls a callback of the user. Calls of the client in it take no slot, and in
-- a blocking call they block.
-- @tparam function f
-- @param ... its arguments
-- @treturn boolean false: it raised an error
-- @return what it returned or raised
-- @local
function tasks.try(f, ...)
  local task = running
  local telling, kept = task.telling, task.kept
  task.telling, task.kept = true, task.guards and #task.guards or 0
  local ok, value = pcall(f, ...)
  task.telling, task.kept = telling, kept
  return ok, value
end

-- An error leaves all calls that the running task is in, up to the callback
-- that made them, if one did: their guards are told now, for the error may be
-- caught further out.
local function unwind(value)
  local task = running
  local guards, kept = task.guards or {}, task.kept or 0
  task.unwound = { value = value }
  while #guards > kept do
    local object = table.remove(guards)
    table.insert(task.unwound, object)
    object:abandon()
  end
end

--- The same, but an error that the callback raises is raised here.
-- @tparam function f
-- @param ... its arguments
-- @return what it returns
-- @local
function tasks.tell(f, ...)
  local ok, value = tasks.try(f, ...)
  if not ok then
    unwind(value)
    error(value, 0)
  end
  return value
end

--- Does a request that begins now take no slot? A blocking call is the only
-- call of its caller, and a callback uses the slot of its task.
-- @treturn boolean
-- @local
function tasks.is_beside()
  return running.blocking or running.telling or false
end

--- Notifies an object if the running task ends before the object is released:
-- calls `object:explain(err)` if an error was raised, then `object:abandon()`.
-- @tparam table object
-- @local
function tasks.guard(object)
  running.guards = running.guards or {}
  table.insert(running.guards, object)
end

--- Ends the effect of `guard`.
-- @tparam table object
-- @local
function tasks.release(object)
  local guards = current() and running.guards or {}
  for i = #guards, 1, -1 do
    if guards[i] == object then
      table.remove(guards, i)
      return
    end
  end
end

--- Has a function called when a task ends.
-- @tparam Task task
-- @tparam function f
-- @local
function tasks.on_end(task, f)
  if task.done then
    f()
  else
    task.listeners = task.listeners or {}
    table.insert(task.listeners, f)
  end
end

tasks.current, tasks.wake = current, wake

-- ===}

-- {=== the task as its owner sees it

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

--- Ends a task. The call that it waits in returns `nil` and an error of kind
-- `cancelled`, and so does every later call that waits. Called from outside of
-- tasks, `cancel` returns when the task has ended.
-- @raise if it is not called as a method
function Task:cancel()
  check_self(self, "cancel")
  if self.done or self.cancelled then
    return
  end
  self.cancelled = true
  if not self.thread then
    finish(self, nil, cancelled_error(self.scheduler))
  elseif coroutine.status(self.thread) ~= "suspended" then
    return -- it cancels itself, or is in the middle of a callback
  elseif current() then
    self.waits = true
    wake(self)
  else
    resume(self)
  end
  self.scheduler:nudge()
end

--- Ends another task, now if it waits: also if a task calls this.
-- @tparam Task task
-- @local
function tasks.stop(task)
  if not task.done and not task.cancelled and task.thread and
    coroutine.status(task.thread) == "suspended" then
    task.cancelled = true
    resume(task)
  else
    task:cancel()
  end
end

-- Does `task` wait, directly or not, for `other`?
local function waits_for(task, other)
  while task and task ~= other do
    task = task.awaited
  end
  return task ~= nil
end

-- Suspends `task` until `other` is done.
local function join(task, other)
  while not other.done do
    other.waiters = other.waiters or {}
    table.insert(other.waiters, task)
    task.awaited = other
    local ok, err = suspend(task)
    task.awaited = nil
    if not ok then
      return nil, err
    end
  end
  return true
end

--- Waits for the end of a task. It blocks outside of tasks, and suspends inside
-- a task.
-- @return the first two values that the task's function returned; or `nil, err`
-- @raise if a task would wait for itself, or two tasks for each other
function Task:wait()
  check_self(self, "wait")
  local scheduler = self.scheduler
  local task = scheduler:current(3)
  if task == self then
    error("a task cannot wait for itself", 2)
  elseif task and waits_for(self, task) then
    error("these tasks would wait for each other for ever", 2)
  end
  local host = scheduler.host
  if task then
    local ok, err = join(task, self)
    if not ok then
      return nil, err
    end
  elseif not self.done and not current() and host and host.can_wait() then
    host.wait(self, function(f)
      tasks.on_end(self, f)
    end)
  end
  while not self.done do
    scheduler:turn(SLICE)
  end
  return self.value, self.err
end

-- ===}

-- {=== the scheduler

local function new_task(scheduler, f, blocking)
  local task = setmetatable({
    scheduler = scheduler, blocking = blocking, waits = true,
    body = type(f) == "function" and f or function()
      return f() -- a table that can be called
    end,
  }, Task)
  scheduler.alive[task] = true
  wake(task)
  return task
end

--- Starts a task.
-- @tparam function f
-- @treturn Task `done`, `value`, `err`, `task:wait()`, `task:cancel()`
-- @local
function Scheduler:spawn(f)
  self.count = self.count + 1
  local task = new_task(self, f)
  if self.closed then -- a task that is cancelled by close has spawned it
    finish(task, nil, cancelled_error(self))
  elseif self.host then
    self.host.start()
  end
  return task
end

-- Runs a function as a task that the caller steps until it is done. An error
-- that is raised in it, or in the caller meanwhile (Ctrl-C), is raised again
-- after the task has released what it held.
local function block(self, f)
  local task = new_task(self, f, true)
  local ok, raised = pcall(function()
    while not task.done do
      self:turn(SLICE)
    end
  end)
  if not ok then
    if not task.done then
      break_off(task, raised)
    end
    error(raised, 0)
  elseif task.raised then
    error(task.raised[1], 0)
  end
  return task.value, task.err
end

--- Runs one of the client's functions: inside a task directly; inside a
-- coroutine of a host's loop as a task that the coroutine waits for; elsewhere
-- as a task that the caller steps.
-- @tparam function f
-- @param ... its arguments
-- @return what it returns, two values at most
-- @local
function Scheduler:call(f, ...)
  if self:current(4) then
    local value, err = f(...)
    return value, err
  end
  local n, arguments = select("#", ...), { ... }
  local function body()
    return f(unpack(arguments, 1, n))
  end
  local host = self.host
  if host and not running and host.can_wait() then
    return self:spawn(body):wait()
  end
  return block(self, body)
end

-- Takes the completed requests and the timers that are due, and wakes their
-- tasks.
local function collect(self)
  local network, waiting, timers = self.core, self.waiting, self.timers
  local request = network:completed()
  while request do
    local task = waiting[request]
    if task then
      forget(self, request)
      wake(task)
    end
    request = network:completed()
  end
  if timers.size > 0 then
    local now = core.now()
    local task, due = timers:first()
    while task and due <= now do
      timers:remove(task)
      wake(task)
      task, due = timers:first()
    end
  end
end

-- Resumes the tasks that are ready, until the time budget is used up.
local function resume_ready(self)
  local ready, deadline = self.ready, nil
  while self.first <= self.last and not self.closed do
    local now = core.now()
    deadline = deadline or now + BUDGET
    if now >= deadline then
      return
    end
    local task = ready[self.first]
    ready[self.first] = nil
    self.first = self.first + 1
    task.queued = false
    if not task.done and (not task.thread or
      coroutine.status(task.thread) == "suspended") then
      resume(task)
    end
  end
end

--- Takes the completed requests, then the timers that are due, then resumes the
-- tasks that are ready.
-- @tparam ?number seconds how long it may wait for work
-- @local
function Scheduler:turn(seconds)
  if seconds then
    local left = self:timeout()
    self.core:wait(left and math.min(left, seconds) or seconds)
  end
  self.nudged = true -- the end of this turn says when the next one is due
  collect(self)
  resume_ready(self)
  self.nudged = false
  if self.watched and not self.closed then
    local moment = self.first <= self.last and 0 or
      select(2, self.timers:first())
    self.core:wake_at(moment)
  end
end

-- Raises where a call would run the scheduler from inside one of its tasks.
local function refuse_inside(self, name, level)
  local task = current()
  if task and not task.blocking then
    if task.scheduler ~= self then
      self:current(level + 1)
    end
    error(("client:%s must not be called inside a task"):format(name), level)
  end
end

--- client:step.
-- @tparam ?number seconds
-- @tparam integer level as for `error`
-- @treturn ?integer how many tasks are alive
-- @treturn ?table error: the I/O thread cannot be started
-- @local
function Scheduler:step(seconds, level)
  local task = current()
  local foreign = task and task.scheduler ~= self
  if not foreign or seconds and seconds > 0 then
    refuse_inside(self, "step", level + 1)
  end
  if not seconds or seconds <= 0 then
    local ok, failure = self.core:start_thread()
    if not ok then
      return nil, errors.from_failure(failure)
    end
    seconds = nil
  end
  self:turn(seconds)
  return self.count
end

--- client:run.
-- @tparam integer level as for `error`
-- @treturn integer how many tasks have failed since the last run
-- @treturn ?table the first error of those
-- @local
function Scheduler:run(level)
  refuse_inside(self, "run", level + 1)
  while self.count > 0 do
    local host, task = self.host, next(self.alive)
    if host and not current() and host.can_wait() then
      task:wait() -- in a coroutine of the host's loop
    else
      self:turn(SLICE)
    end
  end
  local failed, first = self.failed, self.first_err
  self.failed, self.first_err = 0, nil
  return failed, first
end

--- Seconds until there is work without news from the network.
-- @treturn ?number nil: no task is ready and no timer is set
-- @local
function Scheduler:timeout()
  if self.first <= self.last then
    return 0
  end
  local _, due = self.timers:first()
  return due and math.max(0, due - core.now())
end

--- Makes the descriptor readable, because a task can go on.
-- @local
function Scheduler:nudge()
  if self.watched and not self.nudged and not self.closed then
    self.core:wake_at(0)
  end
end

--- From now on the host waits for the descriptor.
-- @local
function Scheduler:watch()
  self.watched = true
  self.core:wake_at(0) -- something may have been completed already
end

--- Lets the coroutines of a host's loop wait: see client:attach.
-- @tparam table host
-- @local
function Scheduler:attach(host)
  self.host = host
  if self.count > 0 then
    host.start()
  end
end

--- Cancels every task and closes the core's client. An error that the host's
-- `stop` raises is raised again afterwards.
-- @tparam integer level as for `error`
-- @local
function Scheduler:close(level)
  if self.closed then
    return
  end
  refuse_inside(self, "close", level + 1)
  self.closed = true
  local list = {}
  for task in pairs(self.alive) do
    list[#list + 1] = task
  end
  for _, task in ipairs(list) do
    if not task.done and task.thread and
      coroutine.status(task.thread) == "suspended" then
      task.cancelled = true
      resume(task)
    elseif task.thread then
      task.cancelled = true -- it is in the middle of a callback
    else
      finish(task, nil, cancelled_error(self))
    end
  end
  local host, ok, raised = self.host, true, nil
  self.host = nil
  if host then
    ok, raised = pcall(host.stop)
  end
  self.core:close()
  if not ok then
    error(raised, 0)
  end
end

--- Makes a client's scheduler.
-- @param network the core's client
-- @tparam integer slots how many requests may be in flight at once
-- @treturn Scheduler
-- @local
function tasks.scheduler(network, slots)
  return setmetatable({
    core = network, slots = slots, in_flight = 0,
    ready = {}, first = 1, last = 0, -- tasks that can go on, oldest first
    timers = heaps.new(),            -- tasks that wait for a moment
    waiting = {},                    -- request → the task that waits for it
    alive = {},                      -- set of all tasks that are not done
    count = 0,                       -- how many of those were spawned
    failed = 0,                      -- since the last run
  }, Scheduler)
end

-- ===}

return tasks
