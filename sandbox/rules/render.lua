-- SPDX-License-Identifier: MIT
--
-- Takes a job through its states: it waits in a lane, is worked on, and
-- succeeds or fails, each for at least its real time, divided by --speed. The job
-- decides what it makes and where its state is stored:
--
--   id           of the files it makes
--   token        of this run of it; progress is told by it
--   lane         "render" (ffmpeg) or "light"
--   queue, work  seconds of real time
--   kind         which faults may name
--   current()    whether it is still wanted
--   begin()      the work begins
--   produce(job) makes it; true, or nil and why not. Sets job.doing, and
--                job.prepared and job.encoded, each from 0 to 1
--   finish(ok, why)

local host = require "host"
local config = require "config"
local faults = require "faults"
local lanes = require "lanes"
local store = require "store"

local render = {}

local jobs = {}              -- id -> the job that is worked on

-- A job is outdated when it was started again or deleted.
local function wanted(job)
  return job.current() and not host.stopping()
end

--- Whether a job is still to be done.
render.wanted = wanted

-- {======================================================================
-- Progress
-- =======================================================================

--- Hears from ffmpeg.
-- @tparam string token the job's
-- @tparam integer microseconds
-- @treturn boolean whether it is to go on
function render.progress(token, microseconds)
  local job = jobs[token:match "^[^:]+"]
  if not job or job.token ~= token or not wanted(job) then return false end
  job.encoded = math.min(1, microseconds / 1e6 / job.length)
  return true
end

--- How far the work on an id is: percent and a description. The work takes at
-- least its real time, divided by --speed: until then that time caps
-- ffmpeg's progress.
-- @treturn ?number nil: no worker has it
-- @treturn ?string
function render.report(id)
  local job = jobs[id]
  if not job then return nil end
  local lived = (host.monotonic() - job.began) / config.lasting(job.work)
  local real = 0.1 * (job.prepared or 0) + 0.9 * (job.encoded or 0)
  return math.min(99, math.floor(100 * math.min(real, lived))), job.doing
end

--- The place of an id in its lane; 0 if it is not there.
function render.place(lane, token)
  return lanes.place(lane, token)
end

-- }======================================================================

local function wait_until(time)
  host.sleep(time - host.monotonic())
end

local function work_on(job)
  if not wanted(job) then return end
  job.began, job.doing = host.monotonic(), "starting"
  jobs[job.id] = job
  job.begin()
  local fault = faults.strike("work", job.kind)
  local ok, why
  job.folder, why = store.work_folder()
  if fault then
    why = fault.value
  elseif job.folder then
    ok, why = job.produce(job)
  end
  if wanted(job) then wait_until(job.began + config.lasting(job.work)) end
  if wanted(job) then job.finish(ok, why) end
  if job.folder then host.remove_folder(job.folder) end
  if jobs[job.id] == job then jobs[job.id] = nil end
end

-- A rule that raises must not leave the job unfinished: it fails.
local function give_up(job, why)
  lanes.complain(why)
  if jobs[job.id] == job then jobs[job.id] = nil end
  local ok, again = pcall(function()
    if wanted(job) then job.finish(false, "the sandbox has a fault") end
  end)
  if not ok then lanes.complain(again) end
end

--- Puts a job at the end of its lane.
function render.enqueue(job)
  lanes.add(job.lane, function()
    local ok, why = pcall(work_on, job)
    if not ok then give_up(job, why) end
  end, config.lasting(job.queue), job.token)
end

return render
