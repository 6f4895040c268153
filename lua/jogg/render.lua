-- SPDX-License-Identifier: MIT

--- Starting a job's video: the step that costs, taken once.
--
-- Before the request is sent, the resume token says that it may have been. It
-- is sent again only when it certainly had no effect: it was refused, it was
-- never sent, or the project still is "not started" long afterwards.
-- @module jogg.render

local core = require "jogg.core"
local pipelines = require "jogg.pipeline"
local tokens = require "jogg.token"
local watch = require "jogg.watch"

local render = {}

local TRIES = 3 -- that certainly had no effect, before giving up
local LOOKS = 2 -- that say "not started" before that is believed

--- The error of not knowing whether the request took effect.
-- @tparam table err
-- @treturn nil
-- @treturn table the same error
function render.unsure(err)
  err.message = "whether the video was started is not known: " .. err.message
  err.outcome = "unknown"
  return nil, err
end

-- Seconds until "not started" can be believed. When another process sent the
-- request is not known: no clock tells that another one can trust. It was
-- before we came.
local function unsettled(job)
  job.render_sent = job.render_sent or core.now()
  return job.render_sent + job.plan.settle - core.now()
end

-- Has the request that was sent taken effect? Returns true or false; or nil
-- and an error. "Not started" is believed only when it is said again, and long
-- after the request was sent: it may still be on its way through the service,
-- and to send another one would be to pay twice.
local function has_started(job)
  local looks = job.looked and 1 or 0
  job.looked = nil
  while looks < LOOKS or unsettled(job) > 0 do
    if looks > 0 then
      local ok, err = job.pipeline:pause(math.max(0,
        math.min(job.plan.interval, job.deadline - core.now())))
      if not ok then
        return render.unsure(err)
      end
    end
    local info, err = job:look()
    if not info then
      return render.unsure(err)
    end
    if info.status ~= "pending" then
      job.seen = info
      return true
    end
    looks = looks + 1
    if core.now() >= job.deadline then
      return render.unsure(watch.late(job.token.project_id,
        core.now() - job.began))
    end
  end
  return false
end

local function send(job)
  local token = job.token
  local operation = job.pipeline.operations.render_project
  local fields = tokens.copy(token.video or {})
  fields.project_id = token.project_id
  token.render_sent = true -- before it is: a kill may come any time
  job:tell "render_project"
  local ok, err = job.pipeline:send(operation,
    pipelines.encode(operation, fields, "make_video", 2), job)
  job.render_sent = core.now() -- repeats and their pauses are behind us
  if not ok and err.outcome ~= "unknown" and err.outcome ~= "accepted" then
    token.render_sent = nil -- it had no effect
  end
  return ok, err
end

--- Starts the video of a job, unless it is known to be started.
-- @tparam Job job
-- @treturn ?boolean true
-- @treturn ?table error
function render.start(job)
  for try = 1, TRIES do
    if job.token.render_sent then
      job:tell "render_project"
      local started, err = has_started(job)
      if started == nil then
        return nil, err
      elseif started then
        return true
      end
      job.token.render_sent = nil
    end
    local ok, err = send(job)
    if ok then
      return true
    end
    -- a redirect (kind http) would be the same again
    if not job.token.render_sent or try == TRIES or
      err.kind == "cancelled" or err.kind == "http" then
      return nil, err
    end
  end
end

return render
