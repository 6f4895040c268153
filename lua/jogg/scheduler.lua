-- SPDX-License-Identifier: MIT

--- Who goes on when.
--
-- A scheduler belongs to one client. It knows which task waits for which
-- request (`pending`), which sleep until when (`sleepers`), which may go
-- on at once (`ready`), and which gave way to the frame (`gave`). Everything here runs in the host's thread.
-- @module jogg.scheduler

local core = require "jogg.core"
local dispatch = require "jogg.dispatch"
local errors = require "jogg.error"
local heap = require "jogg.heap"
local tasks = require "jogg.task"

local SLICE = 0.25       -- s; how often a blocking wait comes back for Ctrl-C
local BUDGET = 0.00002   -- s; a step that must not wait begins no more then
local BEHIND = 1         -- s; sleepers that are so late are more than it can do
local CATCH_UP = 0.00025 -- s; then a step may take this
local DEAF_MAXIMUM = 100 -- calls that a cancelled task may still try
local STALE_MINIMUM = 256 -- left-over sleepers that are worth clearing away

local running, yield = coroutine.running, coroutine.yield
local WAITS = tasks.WAITS

local Scheduler = {}
Scheduler.__index = Scheduler

-- {=== waiting

--- The task that we are inside of, in whatever coroutine; or nil.
function Scheduler:inside()
  local task = self.running
  if not task or running() == task.thread then
    return task
  elseif not tasks.is_inside(task) then
    -- Ctrl-C or a lack of memory struck between its turn and our books
    self.running = nil
    if not task.done and not tasks.is_suspended(task) then
      tasks.break_off(task, tasks.raised "the task was interrupted")
    end
    return nil
  end
  return task
end

--- The task that runs now, or nil outside of tasks.
-- @tparam integer level as for `error`
-- @raise where a wait is not possible: inside a coroutine that a task made for
-- itself, and inside a task of another client
function Scheduler:current(level)
  local task = self:inside()
  if task and running() ~= task.thread then
    error("this is a coroutine of your own inside a task: it cannot wait " ..
      "there; use client:spawn to do things side by side", level + 1)
  elseif not task then
    self:refuse_foreign(level + 1)
  end
  return task
end

--- Raises inside a task of another client, which must not be held up.
-- @tparam integer level as for `error`
function Scheduler:refuse_foreign(level)
  local active = dispatch.active()
  if active and active.scheduler ~= self and tasks.is_inside(active) then
    error("this is a task of another client: it can wait for its own client " ..
      "alone; use this client's spawn", level + 1)
  end
end

--- What a task waited for means nothing any more.
-- @tparam Task task
-- @tparam ?boolean popped is it no sleeper any more?
function Scheduler:end_wait(task, popped)
  local id = task.id
  if id then
    self.pending[id] = nil
    task.id = nil
  end
  if task.due then
    task.due = nil
    if not popped then -- its entry among the sleepers stays for now
      self.stale = self.stale + 1
    end
  end
end

local function push(queue, task)
  local last = queue.last + 1
  queue.last = last
  queue[last] = task
end

--- Makes a task able to go on.
function Scheduler:wake(task)
  if not task.woken then
    task.woken, task.gave = true, nil
    self:end_wait(task)
    push(self.ready, task)
  end
end

--- Forgets a task that is at its end.
function Scheduler:forget(task)
  self.live = self.live - 1
  self.tasks[task] = nil
  if task.id then -- it raised out of its wait
    self.pending[task.id] = nil
    task.id = nil
  end
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

-- Drops the entries of those that were woken otherwise, once they are many.
local function tidy(self)
  if self.stale > STALE_MINIMUM and 2 * self.stale > self.sleepers.length then
    self.sleepers:keep(function(due, task)
      return task.due == due
    end)
    self.stale = 0
  end
end

--- Notes what wakes a task: its request, the time, or neither.
-- @tparam table task
-- @param request or nil
-- @tparam ?integer id of the request
-- @tparam ?number seconds; 0: it goes on soon, before all that was spawned
function Scheduler:expect(task, request, id, seconds)
  if task.id or task.due then
    self:end_wait(task) -- it could not yield: Lua 5.1, inside pcall
  end
  task.request, task.woken, task.gave = request, nil, nil
  if id then
    task.id = id
    self.pending[id] = task
  end
  if seconds == 0 then
    task.gave = true
    push(self.gave, task)
  elseif seconds then
    tidy(self)
    local due = core.now() + seconds
    task.due = due
    self.sleepers:push(due, task)
  end
end

--- Suspends the current task until its request is finished or the time is
-- over, whichever comes first.
-- @tparam table task the current one
-- @param request or nil
-- @tparam ?integer id of the request
-- @tparam ?number seconds
-- @treturn ?boolean true
-- @treturn ?table error of kind `cancelled`
function Scheduler:suspend(task, request, id, seconds)
  if task.cancelled then
    return refuse(self, task)
  end
  task.looker = nil -- of a wait that could not yield: Lua 5.1, inside pcall
  self:expect(task, request, id, seconds)
  yield(WAITS)
  task.request = nil
  if task.cancelled then
    return nil, tasks.cancelled(self)
  end
  return true
end

--- Lets the step come to its end, where that is due, in the middle of what a
-- task does. Outside of tasks it does nothing, nor in one that is to end.
function Scheduler:give_way()
  local deadline = self.deadline
  if deadline and core.now() >= deadline then
    local task = self:inside()
    if task and not task.cancelled then
      task.looker = nil -- see suspend
      self:expect(task, nil, nil, 0)
      yield(WAITS)
    end
  end
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
  yield(WAITS, rest)
  return self:attended(task)
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

--- May something be started here and now?
-- @treturn ?boolean true
-- @treturn ?table error of kind `cancelled`
function Scheduler:check()
  local task = self:inside()
  if task and task.cancelled then
    return refuse(self, task)
  elseif self.closed then
    return nil, tasks.cancelled(self)
  end
  return true
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
Scheduler.resume_now = dispatch.resume

--- Who sleeps, and wakes next.
-- @treturn ?number moment
-- @treturn ?Task
function Scheduler:next_due()
  local due, task = self.sleepers:peek()
  while due and task.due ~= due do -- it was woken otherwise
    self.sleepers:pop()
    self.stale = self.stale - 1
    due, task = self.sleepers:peek()
  end
  return due, task
end

-- When there is something to do without the network: a moment, maybe past.
local function next_moment(self)
  if self.ready.last > 0 or self.gave.last > 0 or self.more then
    return 0
  end
  return (self:next_due())
end

--- Seconds until there is something to do without the network.
-- @treturn ?number nil: nothing
function Scheduler:timeout()
  local moment = next_moment(self)
  return moment and math.max(0, moment - core.now())
end

--- Makes the descriptor readable in time, if anybody watches it.
function Scheduler:set_alarm()
  if self.watched and not self.closed then
    self.core:set_alarm(next_moment(self))
  end
end

--- Has the host's loop call step soon: something was taken notice of, or
-- done, outside of a step.
function Scheduler:nudge()
  if self.watched then
    self.more = true
    self:set_alarm()
  end
end

-- A step that may wait: until somebody went on, or the time is over.
local function step_patiently(self, seconds)
  local deadline = core.now() + seconds
  local before = self.resumed
  self.more = dispatch.all(self, nil, true)
  while self.resumed == before and self.live > 0 and not self.closed do
    local left = deadline - core.now()
    if left <= 0 then
      break
    end
    self.core:wait(math.min(left, self:timeout() or left, SLICE))
    self.more = dispatch.all(self, nil, true)
  end
end

--- Goes on with tasks that can, for so long; see client:step.
-- @tparam number seconds 0: it does not wait
-- @treturn integer how many tasks are alive
function Scheduler:step(seconds)
  if self:inside() then
    error("client:step must not be called inside a task", 3)
  end
  self:refuse_foreign(3)
  self.more, self.deadline = false, nil
  step_patiently(self, seconds)
  self:set_alarm()
  return self.live
end

--- The same, and it never waits.
-- @tparam number moment when it began
-- @tparam boolean some are requests finished?
-- @treturn ?integer how many tasks are alive
-- @treturn ?table error
function Scheduler:step_at_once(moment, some)
  if self.running and self:inside() then
    error("client:step must not be called inside a task", 3)
  end
  if not self.threaded then
    local ok, err = self.core:run_thread()
    if not ok then
      return nil, errors.new(err)
    end
    self.threaded = true
  end
  local due = self.sleepers.times[1]
  local late = due and moment - due or -1
  self.more = false
  if some or late >= 0 or self.gave.last > 0 or self.ready.last > 0 then
    self.deadline = moment + (late > BEHIND and CATCH_UP or BUDGET)
    self.more = dispatch.all(self, self.deadline, some)
    self.deadline = nil
  end
  if self.watched then
    self:set_alarm()
  end
  return self.live
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
  while self.live > 0 do
    if self.host and self.host.can_wait() then
      next(self.tasks):wait()
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
  task.cancelled = self.closed or nil
  self.live = self.live + 1
  self.tasks[task] = true
  self:wake(task)
  if self.host and self.live == 1 then
    self.host.start()
  end
  self:set_alarm()
  return task
end

--- Lets the coroutines of a host's loop wait for tasks; see Client:attach.
function Scheduler:attach(host)
  self.host = host
  if self.live > 0 then
    host.start()
  end
end

--- Ends all tasks: each sees its waits end with `cancelled`.
function Scheduler:cancel_all()
  local alive = {}
  for task in pairs(self.tasks) do
    alive[#alive + 1] = task
  end
  for _, task in ipairs(alive) do -- all, before the first one makes room
    task.cancelled = true
  end
  for _, task in ipairs(alive) do
    if task.request then
      task.request:cancel()
    end
    if tasks.is_suspended(task) then
      self:wake(task)
    end
  end
  while self.ready.last > 0 do
    dispatch.all(self, nil, false)
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
  return setmetatable({
    core = core_client, pending = {}, sleepers = heap.new(), tasks = {},
    ready = { first = 1, last = 0 }, gave = { first = 1, last = 0 },
    live = 0, resumed = 0, stale = 0, turn = 0, more = false, closed = false,
  }, Scheduler)
end

return scheduler
