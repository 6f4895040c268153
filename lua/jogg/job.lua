-- SPDX-License-Identifier: MIT

--- One video from the URL to the file: the workflow of make_video.
--
-- A job is a list of phases that each say what they are about to do before
-- they do it. What is needed to go on after a failure, or after the death of
-- the process, is the resume token (see @{jogg.token}).
-- @module jogg.job

local core = require "jogg.core"
local download = require "jogg.download"
local errors = require "jogg.error"
local options = require "jogg.options"
local pipelines = require "jogg.pipeline"
local poll = require "jogg.poll"
local progress = require "jogg.progress"
local render = require "jogg.render"
local status = require "jogg.status"
local tasks = require "jogg.task"
local tokens = require "jogg.token"
local watch = require "jogg.watch"

local TIMEOUT = 1800   -- s, for the whole job
local DOWNLOAD = 300   -- s that a download has at least, however late it is

local Job = { tell = progress.tell }
Job.__index = Job

-- {=== options

local known = {} -- generation's operations → fields: made once, not per job

local function fields_of(list)
  local fields = known[list]
  if fields then
    return fields
  end
  fields = {
    url = { kind = "url" },
    product = { kind = "fields", fields = list.product },
    output = { kind = "text", filled = true },
    overwrite = { kind = "boolean" },
    timeout = { kind = "seconds", minimum = 0.001 },
    poll = poll.FIELD,
    on_progress = { kind = "callback" },
    resume = { kind = "table" },
  }
  for name, field in pairs(list.video) do
    fields[name] = field
  end
  known[list] = fields
  return fields
end

-- ===}

-- Completes an error with what the job knows.
local function failed(self, err)
  local token = self.token
  err.phase = token.phase
  err.product_id = err.product_id or token.product_id
  err.project_id = err.project_id or token.project_id
  if not status.FINAL[self.status] or self.status == "completed" then
    err.resume = tokens.copy(token)
  end
  return nil, err
end

-- {=== phases: each returns true, or nil and an error

local function usable_id(id)
  return type(id) == "string" and id ~= "" and not core.text_fault(id) or
    type(id) == "number" and id == math.floor(id) and
    id > -2 ^ 63 and id < 2 ^ 63
end

local function send(self, name, fields)
  local operation = self.pipeline.operations[name]
  return self.pipeline:send(operation,
    pipelines.encode(operation, fields, name, 2), self)
end

local function create(self)
  self:tell "create_product"
  local data, err = send(self, "create_product", { url = self.token.url })
  if not data then
    return nil, err
  end
  if not usable_id(data.id) or not usable_id(data.prj_id) then
    return nil, errors.new {
      kind = "protocol", outcome = "accepted", retryable = false,
      message = "the answer has no usable id and prj_id",
    }
  end
  self.token.product_id = data.id
  self.token.project_id = type(data.prj_id) == "number" and
    ("%d"):format(data.prj_id) or data.prj_id
  self.status = "pending"
  self:claim()
  return true
end

local function update(self)
  local product = self.token.product
  if not product or next(product) == nil or self.token.updated then
    return true
  end
  self:tell "update_product"
  local fields = tokens.copy(product)
  fields.product_id = self.token.product_id
  local ok, err = send(self, "update_product", fields)
  self.token.updated = ok or nil
  return ok, err
end

--- Asks where things stand, not more often than the service allows.
-- @tparam ?number deadline moment, if not the job's
-- @treturn ?table info
-- @treturn ?table error
function Job:look(deadline)
  if self.looked_at and not self.pipeline.local_service then
    local ok, err = self.pipeline:pause(math.max(0,
      self.looked_at + poll.LEAST - core.now()))
    if not ok then
      return nil, err
    end
  end
  local data, err = self.pipeline:project_info(self.token.project_id, nil,
    deadline or self.deadline)
  self.looked_at = core.now()
  if not data then
    return nil, err
  end
  local info = status.read(data)
  self.status = info.status
  self.pipeline.scheduler:give_way()
  return info
end

local function finished(self, info)
  self.info = info
  if info.status == "completed" then
    return true
  end
  if info.status == "failed" then
    return nil, errors.new {
      kind = "render_failed", outcome = "accepted", retryable = false,
      message = info.message and
        "the service could not make the video: " ..
          errors.quoted(info.message) or
        "the service could not make the video, and does not say why",
    }
  end
  return nil, errors.new {
    kind = "deleted", message = "the project was deleted",
    outcome = "accepted", retryable = false,
  }
end

-- Makes the looker of a job that begins to wait, unless what was seen just now
-- is final. A job that waits keeps no answer: that would be most of its memory.
local function begin_to_wait(self)
  local seen, plan = self.seen, self.plan
  self:tell("wait", seen)
  if seen and status.FINAL[seen.status] then
    return
  end
  self.seen = nil
  self.looker = watch.looker(self.pipeline, self.token.project_id, plan,
    self.deadline, seen and plan.interval or plan.first, not self.on_progress)
end

local function note(self, info)
  self.status, self.looked_at = info.status, core.now()
  self:tell("wait", info)
end

-- Waits for what is final.
local function wait(self)
  local info, err = self.seen
  while not info or not status.FINAL[info.status] do
    info, err = self.looker:next()
    if not info then
      return nil, err
    end
    note(self, info)
  end
  return info
end

local function fetch(self)
  if not self.token.output then
    return true
  end
  self.pipeline.scheduler:give_way()
  self:tell("download", { progress = 0, bytes = 0 })
  local deadline = math.max(self.deadline, core.now() + DOWNLOAD)
  self.download = {
    url = self.info.video_url, path = self.token.output,
    overwrite = self.token.overwrite or false,
    deadline = deadline,
    fresh_url = function()
      local info = self:look(deadline)
      return info and info.video_url
    end,
    on_bytes = self.on_progress and function(received, expected)
      self:tell("download", {
        bytes = received,
        progress = expected and expected > 0 and
          math.floor(100 * received / expected) or nil,
      })
    end,
  }
  local bytes, err = download.fetch(self.pipeline, self.download)
  self.bytes = bytes
  return bytes and true, err
end

-- A resumed job asks first where things stand: that costs nothing.
local function resume(self)
  local token = self.token
  self:tell(token.phase or "wait")
  local info, err = self:look()
  if not info then
    if token.render_sent and not token.rendered then
      return render.unsure(err)
    end
    return nil, err
  end
  if info.status == "pending" and not token.rendered then
    self.looked = true
    return "pending"
  end
  self.seen = info
  return "started"
end

-- ===}

-- All that comes before the wait.
local function begin(self)
  local ok, err
  local resumed = self.token.project_id ~= nil
  if resumed then
    local other = self.pipeline.active[self.token.project_id]
    if other and other ~= self then -- it began after the options were checked
      return nil, errors.new {
        kind = "parameter", outcome = "not_sent",
        message = "resume: this job is running already",
      }
    end
    self:claim()
  end
  if self.token.output then
    self.token.phase = self.token.phase or "output"
    ok, err = download.check(self.pipeline, self.token.output,
      self.token.overwrite or false)
    if not ok then
      return nil, err
    end
  end
  if not self.token.project_id then
    ok, err = create(self)
    if not ok then
      return nil, err
    end
  end
  local state = "pending"
  if resumed then
    state, err = resume(self)
    if not state then
      return nil, err
    end
  end
  if state == "pending" then
    ok, err = update(self)
    if not ok then
      return nil, err
    end
    ok, err = render.start(self)
    if not ok then
      return nil, err
    end
  end
  self.token.render_sent, self.token.rendered = true, true
  begin_to_wait(self)
  return true
end

local function result(self)
  local info, token = self.info, self.token
  return {
    status = info.status, url = info.video_url, cover_url = info.cover_url,
    duration = info.duration, product_id = token.product_id,
    project_id = token.project_id, path = self.bytes and token.output,
    bytes = self.bytes, raw = info.raw,
  }
end

--- Nobody else may work at the same project.
function Job:claim()
  self.pipeline.active[self.token.project_id] = self
end

-- It is over, however it ended.
local function release(self)
  local project_id = self.token.project_id
  if project_id and self.pipeline.active[project_id] == self then
    self.pipeline.active[project_id] = nil
  end
end

-- All that comes after the wait: the job's result.
local function conclude(self, info, err)
  local ok = nil
  if info then
    ok, err = finished(self, info)
  end
  if ok then
    ok, err = fetch(self)
  end
  release(self)
  if not ok then
    return failed(self, err)
  end
  self.pipeline.scheduler:give_way()
  return result(self)
end

local function run(self)
  local info = nil
  local ok, err = begin(self)
  if ok then
    info, err = wait(self)
  end
  return conclude(self, info, err)
end

--- Something was raised in the middle of it: removes the temporary file.
function Job:abandon()
  release(self)
  local fetching = self.download and self.download.self
  if fetching then
    download.discard(fetching)
  end
end

--- The same in a task, and the error says how to go on.
-- @tparam table err
function Job:break_off(err)
  self:abandon()
  failed(self, err)
  err.outcome = self.token.rendered and "accepted" or
    self.token.render_sent and "unknown" or "not_sent"
end

-- {=== running

local function end_in_task(self, task, info, err)
  local video, failure = conclude(self, info, err)
  task.job = self.outer
  return video, failure
end

-- What the job's looker found, which told nobody.
local function found(self, info, err)
  if info then
    note(self, info)
  end
  return info, err
end

-- The end of a task that gave its coroutine back: see Scheduler:attend.
local function end_alone(self)
  local scheduler = self.pipeline.scheduler
  local task = scheduler:inside()
  return end_in_task(self, task, found(self, scheduler:attended(task)))
end

-- In a task, a job that tells nothing waits here, where the stack is short; or
-- without any stack.
local function run_in_task(self, task)
  local scheduler, outer = self.pipeline.scheduler, task.job
  self.outer = outer
  task.job = self -- for what is raised: see jogg.task
  local info = nil
  scheduler:give_way()
  local ok, err = begin(self)
  if ok and self.looker and not self.on_progress then
    local rest = not outer and tasks.is_last() and end_alone or nil
    info, err = found(self, scheduler:attend(task, self.looker, rest))
  elseif ok then
    info, err = wait(self)
  end
  return end_in_task(self, task, info, err)
end

local job = {}

--- Runs the job for a client. A script that is interrupted leaves nothing
-- behind: what is raised here passes on, after the temporary file is gone.
-- (A task is never interrupted, and Lua 5.1 cannot yield across pcall.)
-- @tparam Pipeline client
-- @tparam Job self
-- @treturn ?table video
-- @treturn ?table error
function job.run_in(client, self)
  local task = client.scheduler:inside()
  if task then
    return run_in_task(self, task)
  end
  local ok, video, err = pcall(run, self)
  if not ok then
    self:abandon()
    error(video, 0)
  end
  return video, err
end

-- ===}

--- Checks the options of make_video.
-- @tparam Pipeline pipeline of the client
-- @tparam table given
-- @tparam integer level as for `error`
-- @treturn Job
function job.new(pipeline, given, level)
  local checked = options.check(fields_of(pipeline.operations), given,
    "make_video", level + 1)
  pipeline.scheduler:give_way()
  local token
  if checked.resume then
    token = tokens.read(pipeline, checked, level + 1)
  else
    token = tokens.new(pipeline, checked, level + 1)
  end
  pipeline.scheduler:give_way()
  local now = core.now()
  return setmetatable({
    pipeline = pipeline, token = token,
    plan = poll.plan(checked.poll, pipeline.local_service),
    on_progress = checked.on_progress, began = now,
    deadline = now + (checked.timeout or TIMEOUT),
  }, Job)
end

return job
