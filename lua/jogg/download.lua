-- SPDX-License-Identifier: MIT

--- Fetching a finished video: whole, or not at all.
--
-- The bytes go to a temporary file beside the target. A broken transfer goes
-- on where it broke; a video that is gone gets a fresh address first; what is
-- not a whole MP4 never gets the target's name.
-- @module jogg.download

local core = require "jogg.core"
local errors = require "jogg.error"
local retry = require "jogg.retry"

local download = {}

local TICK = 0.25        -- s between progress reports
local FAILURES = 5       -- in a row, without getting further than ever before
local REDIRECTS = 5
local STARTS_ANEW = 2    -- of a file that came whole and was not
local GONE = { [404] = true, [410] = true }
local REDIRECT = {
  [301] = true, [302] = true, [303] = true, [307] = true, [308] = true,
}

-- {=== the temporary file: the disk is left to the client's thread

-- Begins to make one that is let go of as soon as it is there: whatever becomes
-- of us meanwhile, it does not stay.
local function begin_check(network, path, overwrite)
  local output, err = core.output(path, overwrite, 1)
  if not output then
    return nil, errors.new(err)
  end
  local request, id = network:create(output)
  network:discard(output)
  return request, id
end

-- Was it made?
local function conclude(pipeline, request)
  local made, err = request:result()
  request:retire()
  pipeline.scheduler:give_way()
  if not made then
    return nil, errors.new(err)
  end
  return true
end

--- Can a video be put there? Says so before anything is paid for.
-- @tparam Pipeline pipeline of the client
-- @tparam string path
-- @tparam boolean overwrite
-- @treturn ?boolean true
-- @treturn ?table error of kind `io` or `cancelled`
function download.check(pipeline, path, overwrite)
  local request, err = pipeline:run(nil, nil, begin_check, pipeline.core, path,
    overwrite)
  if not request then
    err.outcome = "not_sent"
    return nil, err
  end
  return conclude(pipeline, request)
end

-- Says where the file is to be; the disk does not hear of it yet.
local function renew(self)
  local err
  self.output, err = core.output(self.path, self.overwrite,
    self.pipeline.settings.max_bytes)
  if not self.output then
    return nil, errors.new(err)
  end
  return true
end

local function make(self)
  local network = self.pipeline.core
  local request, err = self.pipeline:run(nil, nil, network.create, network,
    self.output)
  if not request then
    return nil, err
  end
  return conclude(self.pipeline, request)
end

--- Lets go of the file. What is not whole is removed.
-- @tparam table self what @{fetch} put into `given.self`
function download.discard(self)
  if self.output then
    self.pipeline.core:discard(self.output)
  end
end

local function reopen(self)
  download.discard(self)
  local ok, err = renew(self)
  if ok then
    ok, err = make(self)
  end
  self.validator, self.bytes = nil, 0
  return ok, err
end

-- ===}

-- {=== one try

local function start(self)
  local settings, pipeline = self.pipeline.settings, self.pipeline
  pipeline.scheduler:give_way() -- much was done before, and much is done below
  return pipeline.core:download(self.output, self.url,
    settings.connect_timeout, settings.stall_timeout,
    self.deadline and math.max(1, self.deadline - core.now()),
    self.validator, pipeline:is_beside())
end

local function note(self, request)
  local received, expected = request:progress()
  if received > self.most then -- not the same bytes again and again
    self.most, self.failures = received, 0
  end
  self.bytes = received
  if self.on_bytes then
    self.on_bytes(received, expected)
  end
end

-- ===}

-- {=== what to do after a try: each returns true to go on, or nil, err

local function wait(self, err)
  self.failures = self.failures + 1
  local delay = retry.delay(self.failures, err, math.random)
  if self.failures > FAILURES or
    (self.deadline and core.now() + delay >= self.deadline) then
    return nil, err
  end
  return self.pipeline:pause(delay)
end

-- The address may have gone stale, or the file may not be there quite yet.
-- What is here is kept only if it can be told whether the rest belongs to it.
local function refresh(self, err)
  local ok, other = wait(self, err)
  if not ok then
    return nil, other
  end
  local url = self.fresh_url and self.fresh_url()
  self.url, self.redirects = url or self.url, 0
  return self.validator and true or reopen(self)
end

local function redirect(self, request, err)
  local location = request:headers().location
  self.redirects = self.redirects + 1
  local url = location and core.resolve(self.url, location)
  if not url or self.redirects > REDIRECTS then
    err.message = url and "the address of the video redirects too often" or
      "the address of the video redirects to nowhere"
    return nil, err
  end
  self.url = url
  return true
end

local function after_answer(self, request, status)
  local err = errors.from_reply(status, nil, nil, request:headers())
  if REDIRECT[status] then
    return redirect(self, request, err)
  end
  if status == 416 then
    local ok, other = wait(self, err)
    if not ok then
      return nil, other
    end
    return reopen(self)
  end
  if err.retryable then
    return wait(self, err)
  end
  err.message = "the video is not to be had"
  err.kind = GONE[status] and "not_found" or "http"
  return refresh(self, err)
end

local function after_failure(self, request, err)
  if err.reason == "not_video" and not self.refreshed then
    self.refreshed, self.validator = true, nil
    return refresh(self, err)
  end
  if err.reason == "cut" or err.reason == "empty" or err.reason == "range" then
    self.anew = self.anew + 1
    if self.anew > STARTS_ANEW then
      return nil, err
    end
    local ok, other = wait(self, err)
    if not ok then
      return nil, other
    end
    return reopen(self)
  end
  if err.kind == "network" or err.kind == "timeout" or err.retryable then
    local validator = request:validator()
    if validator then -- what is here began with this answer
      self.validator = validator ~= "" and validator or nil
    end
    return wait(self, err)
  end
  return nil, err
end

-- ===}

-- Makes the temporary file; waits when there is no descriptor for it.
local function open(self)
  local ok, err = renew(self)
  while ok do
    ok, err = make(self)
    if ok or err.reason ~= "descriptors" then
      break
    end
    ok, err = wait(self, err)
  end
  return ok, err
end

local function fetch(self)
  while true do
    local request, err = self.pipeline:run(self.on_bytes and TICK,
      function(running)
        note(self, running)
      end, start, self)
    if not request then
      return nil, err
    end
    local status, stored = request:result()
    note(self, request)
    local ok
    if status and stored == true then
      request:close() -- on_bytes may have waited: it may be cancelled by now
      self.pipeline.scheduler:give_way()
      return self.bytes
    elseif status then
      ok, err = after_answer(self, request, status)
    else
      ok, err = after_failure(self, request, errors.new(stored))
    end
    request:close()
    if not ok then
      return nil, err
    end
  end
end

--- Fetches a video.
-- @tparam Pipeline pipeline of the client
-- @tparam table given `url`, `path`, `overwrite`; `deadline` (a moment);
-- `fresh_url()`: asks the service for the address again; `on_bytes(received,
-- expected)`
-- @treturn ?integer bytes of the file
-- @treturn ?table error
function download.fetch(pipeline, given)
  local self = {
    pipeline = pipeline, url = given.url, path = given.path,
    overwrite = given.overwrite, deadline = given.deadline,
    fresh_url = given.fresh_url, on_bytes = given.on_bytes,
    bytes = 0, most = 0, failures = 0, redirects = 0, anew = 0,
  }
  given.self = self -- for who breaks off
  pipeline.scheduler:give_way()
  local bytes
  local ok, err = open(self)
  if ok then
    bytes, err = fetch(self)
  end
  download.discard(self)
  if not bytes then
    err.outcome = "accepted" -- there is a video, and it was paid for
    if err.kind == "io" and not err.message:find(self.path, 1, true) then
      err.message = self.path .. ": " .. err.message
    end
  end
  return bytes, err
end

return download
