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

-- The next pause: the plan's, or after a failure the policy's.
local function pause_before(self, now)
  if self.looks == 0 then
    return self.first
  end
  if self.err then
    local delay = retry.delay(self.failures, self.err, math.random)
    return math.max(delay,
      self.pipeline.local_service and 0 or self.plan.interval)
  end
  return poll.delay(self.plan, now - self.began)
end

-- One pause and one look. Returns info; or nil and an error to give up with;
-- or nothing when the look failed and another may do better.
local function look(self)
  local now = core.now()
  local left = self.deadline - now
  local wait = pause_before(self, now)
  local last = wait >= left
  local ok, err = self.pipeline:pause(math.max(0, math.min(wait, left)))
  if not ok then
    return nil, err
  end
  self.looks = self.looks + 1
  local data
  data, err = self.pipeline:project_info(self.project_id, 0,
    self.deadline + LAST_LOOK)
  if data then
    self.err, self.failures = nil, 0
    local info = status.read(data)
    if last and not status.FINAL[info.status] then
      return nil, watch.late(self.project_id, core.now() - self.began)
    end
    return info
  end
  if err.kind == "cancelled" then
    return nil, err
  end
  self.failures = self.failures + 1
  local lasting = not err.retryable and self.err and
    self.err.kind == err.kind and self.failures >= BELIEVED
  if lasting then
    err.project_id = self.project_id
    return nil, err
  end
  self.err = err
  if last then
    return nil, watch.late(self.project_id, core.now() - self.began, err)
  end
end

--- A look that waits first, for @{jogg.job}.
-- @tparam Pipeline pipeline of the client
-- @tparam string project_id
-- @tparam table plan from @{jogg.poll}
-- @tparam number deadline moment
-- @tparam ?number first seconds to the first look, if not the plan's
-- @treturn function returns info; or nil, err
function watch.looker(pipeline, project_id, plan, deadline, first)
  local self = {
    pipeline = pipeline, project_id = project_id, plan = plan,
    deadline = deadline,
    began = core.now(), first = first or plan.first, looks = 0, failures = 0,
  }
  return function()
    while true do
      local info, err = look(self)
      if info or err then
        return info, err
      end
    end
  end
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
  local ended, known, next_info = false, nil, nil
  return function()
    if ended then
      return nil
    end
    next_info = next_info or watch.looker(pipeline, project_id, plan,
      core.now() + (checked.timeout or TIMEOUT),
      0) -- the first look is at once: nobody knows how old it is
    local info, err = next_info()
    ended = not info or status.FINAL[info.status] or false
    known = info and info.status or known
    return info or { status = known, project_id = project_id, err = err }
  end
end

return watch
