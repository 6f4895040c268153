-- SPDX-License-Identifier: MIT

-- The job of the `/open` generation: a video of a product page.
--
-- create_product → update_product → render_project, then project_info until
-- the state is final. The render costs: it is sent again only when it certainly
-- had no effect. It had none when it was refused, when it never left, or when
-- the project still is "not started" long afterwards.

local call = require "jogg.call"
local core = require "jogg.core"
local errors = require "jogg.error"
local open = require "jogg.api.open"
local poller = require "jogg.poller"
local status_words = require "jogg.status_words"
local tokens = require "jogg.token"

local TRIES = 3 -- of a render that certainly had no effect, before giving up
local POLLS = 2 -- that say "not started" before that is believed

local WORDS = {
  [1] = "pending",
  [2] = "queued",
  [3] = "processing",
  [4] = "completed",
  [5] = "failed",
  [99] = "deleted",
}


local kind = {
  name = "make_video", operation = "project_info", whole = "mp4",
  FINAL = status_words.FINAL, video = open.video,
  outputs = { output = true, cover_output = true },
  options = {
    url = { kind = "url" },
    product = { kind = "fields", fields = open.product },
  },
}

function kind.note_sent(token, name)
  token.render_sent = name and true
end

-- What a job that begins lacks.
function kind.check(options)
  return not options.url and "url"
end

-- {=== what the state says

local function text(value)
  if type(value) == "string" and value ~= "" then
    return value
  end
end

local function number(value)
  value = tonumber(value)
  if value and value == value and value >= 0 and value < math.huge then
    return value
  end
end

-- What a `prj_info` answer says, in our words. An unknown status counts as
-- still running, and a video without an address is not finished.
function kind.read(data)
  local word = WORDS[tonumber(data.status)] or "processing"
  local video_url = text(data.video_url)
  if word == "completed" and not video_url then
    word = "processing"
  end
  local progress = number(data.progress)
  return {
    status = word,
    progress = progress and math.min(progress, 100),
    video_url = video_url,
    cover_url = text(data.cover_url),
    duration = number(data.video_duration),
    message = text(data.err_msg),
    description = text(data.progress_desc),
    project_id = text(data.id),
    raw = data,
  }
end

-- The fields of the operation that asks for a job's state.
function kind.fields(token)
  return { project_id = token.project_id }
end

-- ===}

-- {=== starting it: each step returns true; or nil and an error

local function run(job, name, fields)
  return call.run(job.client, job.client.api.operations[name], fields, job)
end

-- U+FFFD stands where the answer was not UTF-8: the id is not what was sent.
local function usable_id(id)
  return type(id) == "string" and id ~= "" and not core.text_fault(id) and
    not id:find("\239\191\189", 1, true) or
    type(id) == "number" and id == math.floor(id) and
    id > -2 ^ 63 and id < 2 ^ 63
end

local function create(job)
  local token = job.token
  local ok, err = job:enter "create_product"
  if not ok then
    return nil, err
  end
  local data
  data, err = run(job, "create_product", { url = token.url })
  if not data then
    return nil, err
  end
  if not usable_id(data.id) or not usable_id(data.prj_id) then
    return nil, errors.new {
      kind = "protocol", outcome = "accepted", retryable = false,
      message = "the answer has no usable id and prj_id",
    }
  end
  token.product_id = data.id
  token.project_id = type(data.prj_id) == "number" and
    ("%d"):format(data.prj_id) or data.prj_id
  job.status = "pending"
  return job:claim(true)
end

local function update(job)
  local token = job.token
  if not token.product or next(token.product) == nil or token.updated then
    return true
  end
  local ok, err = job:enter "update_product"
  if not ok then
    return nil, err
  end
  local fields = tokens.copy(token.product)
  fields.product_id = token.product_id
  ok, err = run(job, "update_product", fields)
  token.updated = ok or nil
  return ok, err
end

-- The error of not knowing whether the render took effect.
local function unsure(err)
  err.message = "whether the video was started is not known: " .. err.message
  err.outcome = "unknown"
  return nil, err
end

-- Seconds until "not started" can be believed. When another process sent the
-- request is not known, as no clock of one process is good in another: it is
-- counted from now.
local function unsettled(job)
  job.render_sent = job.render_sent or core.now()
  return job.render_sent + job.plan.settle - core.now()
end

-- Has the render that was sent taken effect? Returns true or false; or nil and
-- an error. "Not started" is believed only when it is said again, and long
-- after the request was sent: it may still be on its way through the service,
-- and sending another one would be paying twice.
local function has_started(job)
  local polls = job.polled and 1 or 0
  job.polled = nil
  while polls < POLLS or unsettled(job) > 0 do
    if polls > 0 then
      job:tell_wait("retry", job.lost)
      local ok, err = job.client.scheduler:sleep(math.max(0,
        math.min(job.plan.interval, job.deadline - core.now())))
      if not ok then
        return unsure(err)
      end
    end
    local info, err = job:poll()
    if not info then
      return unsure(err)
    elseif info.status ~= "pending" then
      job.info = info
      return true
    end
    polls = polls + 1
    if core.now() >= job.deadline then
      return unsure(poller.deadline_error(job.token.project_id,
        core.now() - job.began))
    end
  end
  return false
end

local function send_render(job)
  local token = job.token
  local fields = tokens.merge(tokens.copy(token.video), token.extra)
  fields.project_id = token.project_id
  token.phase = "render_project"
  local ok, err = run(job, "render_project", fields)
  job.render_sent = core.now() -- repeats and their pauses are behind us
  return ok, err
end

-- Starts the video, unless it is known to be started.
local function render(job)
  local token = job.token
  for try = 1, TRIES do
    if token.render_sent then
      local ok, err = job:enter "render_project"
      if not ok then
        return nil, err
      end
      local started
      started, err = has_started(job)
      if started == nil then
        return nil, err
      elseif started then
        return true
      end
      token.render_sent = nil
    end
    local ok, err = send_render(job)
    if ok then
      return true
    end
    -- a redirect (kind http) would be the same again
    if not token.render_sent or try == TRIES or err.kind == "cancelled" or
      err.kind == "http" then
      return nil, err
    end
    job.lost = err
  end
end

-- A resumed job asks first where things stand: that costs nothing. True: the
-- video was not started yet.
local function is_pending(job)
  local token = job.token
  local info, err = job:poll()
  if not info then
    if token.render_sent and not token.rendered then
      return unsure(err)
    end
    return nil, err
  end
  if info.status == "pending" and not token.rendered then
    job.polled = true
    return true
  end
  job.info = info
  return false
end

-- Goes on with a project that an earlier run created. Is it still to be
-- started? True, false; or nil and an error.
local function go_on(job)
  local ok, err = job:claim()
  if ok then
    ok, err = job:enter(job.token.phase or "wait")
  end
  if not ok then
    return nil, err
  end
  return is_pending(job)
end

-- Does all that comes before the wait. Afterwards the token has a project, and
-- its render was accepted.
function kind.start(job)
  local token = job.token
  local pending, err
  if token.project_id then
    pending, err = go_on(job)
  else
    pending, err = create(job)
  end
  if pending then
    pending, err = update(job)
  end
  if pending then
    pending, err = render(job)
  end
  if pending == nil then
    return nil, err
  end
  return true
end

-- ===}

return kind
