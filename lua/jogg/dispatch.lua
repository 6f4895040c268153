-- SPDX-License-Identifier: MIT

--- Going on with tasks: those that were woken, those whose requests are
-- finished, those whose time has come.
--
-- Works on a scheduler's books; what it runs is resumed here and nowhere else.
-- @module jogg.dispatch

local core = require "jogg.core"
local tasks = require "jogg.task"

local ROUND = 256 -- results in a row before the sleepers get their turn

-- The task that runs, whatever its client; one for each Lua state.
local active

local dispatch = {}

--- The task that runs now, of whatever client.
-- @treturn ?Task
function dispatch.active()
  return active
end

-- Something was raised in the step itself: Ctrl-C, or a lack of memory. If
-- there is a next step, the task tries again in it.
local function again(self, task, raised)
  self:wake(task)
  error(raised, 0)
end

local function resume(self, task)
  local outer, job = active, nil
  if not task.thread then
    local ok, raised = pcall(tasks.begin, task)
    if not ok then
      again(self, task, raised)
    end
    job = task.job -- whose rest it is, if it is one
  end
  self.running, active = task, task
  if job then
    tasks.settle(task, coroutine.resume(task.thread, job))
  else
    tasks.settle(task, coroutine.resume(task.thread))
  end
  self.running, active = nil, outer
end

-- Does what a task waits for have to go on, and does the wait go on with it?
local function looks_on(self, task)
  local looker = task.looker
  if not looker or task.cancelled then
    return false
  end
  local ok, ended = pcall(looker.go_on, looker, task)
  if not ok then
    again(self, task, ended)
  end
  return not ended
end

--- Goes on with a task that was woken, before all others.
-- @tparam Scheduler self
-- @tparam Task task
function dispatch.resume(self, task)
  task.woken = nil -- its place among the ready means nothing any more
  self.resumed = self.resumed + 1
  if task.fresh and task.cancelled then
    tasks.finish(task, nil, tasks.cancelled(self))
  elseif not task.done and not looks_on(self, task) then
    task.fresh = nil
    resume(self, task)
  end
end

--- Goes on with those that were woken so far, not those that they wake in turn.
-- @tparam Scheduler self
-- @tparam ?number deadline moment
-- @treturn boolean the time was over first
function dispatch.ready(self, deadline)
  local last = self.ready_last
  while self.ready_first <= last do
    local first = self.ready_first
    local task = self.ready[first]
    self.ready[first] = nil
    self.ready_first = first + 1
    if task.woken then
      dispatch.resume(self, task)
      if deadline and core.now() >= deadline then
        return true
      end
    end
  end
  if self.ready_first > self.ready_last then
    self.ready_first, self.ready_last = 1, 0
  end
  return false
end

-- Goes on with those whose requests are finished. True: there may be more.
local function dispatch_results(self, deadline, some)
  if not some then
    return false
  end
  for _ = 1, ROUND do
    local id = self.core:next()
    if not id then
      return false
    end
    local task = self.pending[id]
    if task then
      self:end_wait(task)
      dispatch.resume(self, task)
    end
    if deadline and core.now() >= deadline then
      return true
    end
  end
  return true
end

-- Goes on with those whose time has come. True: the budget ended first.
local function dispatch_sleepers(self, deadline)
  local due, task = self.sleepers:peek()
  local now = due and core.now()
  while due and due <= now do
    self.sleepers:pop()
    if task.due == due then
      task.due = nil
      self:end_wait(task)
      dispatch.resume(self, task)
    else
      self.stale = self.stale - 1
    end
    if deadline and core.now() >= deadline then
      return true
    end
    due, task = self.sleepers:peek()
  end
  return false
end

local ROUNDS = { dispatch.ready, dispatch_results, dispatch_sleepers }

--- Goes on with everybody who can, each in turn. Where the time is over before
-- all had a turn, the next step begins with those that had none: whatever one
-- of the three has to do, it holds up none of the others for long.
-- @tparam Scheduler self
-- @tparam ?number deadline moment
-- @tparam boolean some are requests finished, as far as is known?
-- @treturn boolean there is more to do
function dispatch.all(self, deadline, some)
  local more = false
  for i = 0, #ROUNDS - 1 do
    local turn = (self.turn + i) % #ROUNDS + 1
    more = ROUNDS[turn](self, deadline, some) or more
    if more and deadline then
      self.turn = turn % #ROUNDS
      return true
    end
  end
  return more
end

return dispatch
