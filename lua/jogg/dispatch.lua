-- SPDX-License-Identifier: MIT

--- Going on with tasks: those that were woken, those whose requests are
-- finished, those whose time has come, those that gave way.
--
-- Works on a scheduler's books; what it runs is resumed here and nowhere else.
-- A frame pays for all that it touches, with cold caches: so this is one
-- function for what one frame needs, and not one for each thought.
-- @module jogg.dispatch

local core = require "jogg.core"
local tasks = require "jogg.task"

local KINDS = 4   -- of what a task waits for
local ROUND = 256 -- resumed in a row by a step that may wait, beside the ready

local create, resume = coroutine.create, coroutine.resume
local settle = tasks.settle

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

-- Does what a task waits for have to go on, and does the wait go on with it?
local function looks_on(self, task)
  local ok, ended = pcall(task.looker.go_on, task.looker, task)
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
  if task.done or
    task.looker and not task.cancelled and looks_on(self, task) then
    return
  elseif task.fresh then
    if task.cancelled then
      return tasks.finish(task, nil, tasks.cancelled(self))
    end
    task.fresh = nil
  end
  local outer, thread, job = active, task.thread, nil
  if not thread then
    local ok, created = pcall(create, task.body)
    if not ok then
      again(self, task, created)
    end
    thread = created
    task.thread, task.body = thread, nil
    job = task.job -- whose rest it is, if it is one
  end
  self.running, active = task, task
  if job then
    settle(task, resume(thread, job))
  else
    settle(task, resume(thread))
  end
  self.running, active = nil, outer
end

-- The first of a queue whose mark it still has: else it was woken otherwise.
local function take(queue, mark)
  repeat
    local first = queue.first
    local task = queue[first]
    queue[first] = nil
    if first < queue.last then
      queue.first = first + 1
    else
      queue.first, queue.last = 1, 0
    end
    if task[mark] then
      return task
    end
  until queue.last == 0
end

-- The task whose request is finished.
local function take_result(self)
  repeat
    local id = self.core:next()
    local task = self.pending[id or 0]
    if task then
      self:end_wait(task)
      return task
    end
  until not id
end

-- The task whose time has come.
local function take_sleeper(self)
  local due, task = self:next_due()
  if due and due <= core.now() then
    self.sleepers:pop()
    self:end_wait(task, true)
    return task
  end
end

-- Who goes on next: whatever one kind has to do, it holds up none of the
-- others for long.
local function pick(self, some)
  local turn = self.turn
  for _ = 1, KINDS do
    turn = turn % KINDS + 1
    local task
    if turn == 1 then
      task = self.gave.last > 0 and take(self.gave, "gave")
      if task then
        task.gave = nil
      end
    elseif turn == 2 then
      task = some and take_result(self)
    elseif turn == 3 then
      task = self.ready.last > 0 and take(self.ready, "woken")
    else
      task = self.sleepers.length > 0 and take_sleeper(self)
    end
    if task then
      self.turn = turn
      return task
    end
  end
end

--- Goes on with everybody who can, each kind in turn.
-- @tparam Scheduler self
-- @tparam ?number deadline moment; without it, goes on with those that were
-- woken so far, not with all that they wake in turn
-- @tparam boolean some are requests finished, as far as is known?
-- @treturn boolean there may be more to do
function dispatch.all(self, deadline, some)
  local left = ROUND + self.ready.last - self.ready.first
  repeat
    local task = pick(self, some)
    if not task then
      return false
    end
    dispatch.resume(self, task)
    left = left - 1
  until deadline and core.now() >= deadline or not deadline and left < 0
  return true
end

return dispatch
