-- SPDX-License-Identifier: MIT

--- Looking at a project until something is final.
-- @module jogg.watch

local core = require "jogg.core"
local errors = require "jogg.error"
local options = require "jogg.options"
local poll = require "jogg.poll"
local retry = require "jogg.retry"
local status = require "jogg.status"

local watch = {}

local TIMEOUT = 1800
-- A look that fails for good is believed when the next one says the same.
local BELIEVED = 2
local LAST_LOOK = 5 -- s that a look may go on beyond the deadline

local FIELDS = {
  poll = poll.FIELD,
  timeout = { kind = "seconds", minimum = 0.001 },
}

--- The error of a deadline.
-- @tparam string project_id
-- @tparam number seconds how long was waited
-- @tparam ?table last error
-- @treturn table
function watch.late(project_id, seconds, last)
  return errors.new {
    kind = "timeout", reason = "deadline", project_id = project_id,
    cause = last, outcome = "accepted",
    message = ("project %s is not finished after %.3g s%s"):format(project_id,
      seconds < 10 and seconds or math.floor(seconds + 0.5),
      last and "; the last look failed: " .. tostring(last.message) or ""),
  }
end

local Looker = {}
Looker.__index = Looker

-- The next pause: the plan's, or after a failure the policy's.
local function pause_before(self, now)
  if self.first then
    return self.first
  end
  if self.err then
    local delay = retry.delay(self.failures, self.err, math.random)
    return math.max(delay,
      self.pipeline.local_service and 0 or self.plan.interval)
  end
  return poll.delay(self.plan, now - self.began)
end

-- Seconds until the next look, which may be the last.
local function pause(self)
  local now = core.now()
  local left = self.deadline - now
  local wait = pause_before(self, now)
  self.first, self.last = nil, wait >= left or nil
  return math.max(0, math.min(wait, left))
end

local function late(self, err)
  return watch.late(self.project_id, core.now() - self.began, err)
end

-- What a look means. Returns info; or nil and an error to give up with; or
-- nothing when it failed and another may do better, or is not worth telling.
local function judge(self, data, err)
  if data then
    self.err, self.failures = nil, nil
    local info = status.read(data)
    if status.FINAL[info.status] then
      return info
    elseif self.last then
      return nil, late(self)
    end
    return not self.quiet and info or nil
  end
  if err.kind == "cancelled" then
    return nil, err
  end
  self.failures = (self.failures or 0) + 1
  local lasting = not err.retryable and self.err and
    self.err.kind == err.kind and self.failures >= BELIEVED
  if lasting then
    err.project_id = self.project_id
    return nil, err
  end
  self.err = err
  if self.last then
    return nil, late(self, err)
  end
end

-- {=== in a task: what @{jogg.scheduler} calls, in whatever coroutine

--- Begins the next look, or the next looks: as long as the pauses are the same
-- and nobody is told, the driving thread goes on alone.
-- @tparam Task task
function Looker:begin(task)
  local wait = pause(self)
  local now = core.now()
  local every, last = 0, self.deadline
  if self.quiet and not self.last then
    local hold
    every, hold = poll.steady(self.plan, now + wait - self.began)
    last = math.min(last, now + wait + hold)
  end
  local request = self.pipeline:begin_look(self.project_id,
    task.telling or false, wait, every, last,
    math.max(now, self.deadline) + LAST_LOOK)
  self.request = request
  self.pipeline.scheduler:expect(task, request)
end

--- Goes on: the request is finished.
-- @tparam Task task
-- @treturn boolean there is something for the task, see @{Looker:found}
function Looker:go_on(task)
  local request = self.request
  if request then -- else what was raised here is behind us
    self.request, task.request = nil, nil
    if request:done() then
      self.info, self.failure = judge(self, self.pipeline:end_look(request))
      self.pipeline.scheduler.retire(task, request)
    else -- something was raised before anybody waited for it
      request:close()
    end
    if self.info or self.failure or task.cancelled then
      return true
    end
  end
  self:begin(task)
  return false
end

--- What was found.
-- @treturn ?table info
-- @treturn ?table error
function Looker:found()
  local info, failure = self.info, self.failure
  self.info, self.failure = nil, nil
  return info, failure
end

--- The task was cancelled meanwhile.
-- @tparam table err
-- @treturn table the same error
function Looker:cancel(err)
  local request = self.request
  if request then
    self.request = nil
    if request:cancel() then
      err.outcome, err.phase = "unknown", "project_info"
    end
    request:close() -- the network hears of it soon
  end
  return err
end

-- ===}

--- Looks until there is something: blocks in a script, suspends a task.
-- @treturn ?table info
-- @treturn ?table error to give up with
function Looker:next()
  local pipeline = self.pipeline
  local scheduler = pipeline.scheduler
  local task = scheduler:current(2)
  if task then
    return scheduler:attend(task, self)
  end
  while true do
    local ok, err = scheduler:block(nil, pause(self))
    if not ok then
      return nil, err
    end
    local info
    info, err = judge(self, pipeline:project_info(self.project_id, 0,
      self.deadline + LAST_LOOK))
    if info or err then
      return info, err
    end
  end
end

--- Somebody who looks at a project, and pauses before each look.
-- @tparam Pipeline pipeline of the client
-- @tparam string project_id
-- @tparam table plan from @{jogg.poll}
-- @tparam number deadline moment
-- @tparam number first seconds to the first look
-- @tparam ?boolean quiet tell what is final alone
-- @treturn Looker
function watch.looker(pipeline, project_id, plan, deadline, first, quiet)
  return setmetatable({ -- eight fields and not nine: twice the room, else
    pipeline = pipeline, project_id = project_id, plan = plan,
    deadline = deadline, began = core.now(), first = first, quiet = quiet,
  }, Looker)
end

--- The iterator of client:watch.
-- @tparam Pipeline pipeline of the client
-- @tparam string project_id
-- @tparam ?table given options
-- @tparam integer level as for `error`
-- @treturn function
function watch.new(pipeline, project_id, given, level)
  local checked = options.check(FIELDS, given or {}, "watch", level + 1)
  local plan = poll.plan(checked.poll, pipeline.local_service)
  local ended, known, looker = false, nil, nil
  return function()
    if ended then
      return nil
    end
    looker = looker or watch.looker(pipeline, project_id, plan,
      core.now() + (checked.timeout or TIMEOUT),
      0) -- the first look is at once: nobody knows how old it is
    local info, err = looker:next()
    ended = not info or status.FINAL[info.status] or false
    known = info and info.status or known
    return info or { status = known, project_id = project_id, err = err }
  end
end

return watch
