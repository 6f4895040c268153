-- SPDX-License-Identifier: MIT

-- Fetches a finished file: whole, or not at all.
--
-- The bytes go to a temporary file beside the target. A broken transfer goes on
-- where it broke off. If the address no longer has the file, the service is asked
-- for a fresh address. A file that is not whole never gets the target's name.
-- Everything here runs inside a task.

local core = require "jogg.core"
local envelope = require "jogg.envelope"
local errors = require "jogg.error"
local retry = require "jogg.retry"
local tasks = require "jogg.tasks"

local download = {}

local TICK = 0.25        -- s between progress reports
local FAILURES = 5       -- in a row, without new bytes
local REDIRECTS = 5
local STARTS_ANEW = 2    -- of a file whose content was not whole
local GONE = { [404] = true, [410] = true }
local REDIRECT = {
  [301] = true, [302] = true, [303] = true, [307] = true, [308] = true,
}
local OPERATION = {} -- for envelope.error: nothing special

local Download = {}
Download.__index = Download

-- {=== the file: the disk is left to the thread that drives the network

-- Notes in the error where a file that was downloaded whole was kept.
local function tell_kept(err, path)
  err.kept = path
  err.message = ("%s; the whole file was kept as %s"):format(err.message, path)
end

-- Waits for work on the disk.
local function await_disk(self, request)
  local ok, err = self.client.scheduler:await(request)
  if not ok then
    return nil, err
  end
  local done, failure = request:result()
  if not done then
    err = errors.from_failure(failure, self.path)
    if failure.path then
      tell_kept(err, failure.path)
    end
    return nil, err
  end
  return true
end

-- Can the file be stored under its name? Called before anything is paid for.
function Download:check()
  return await_disk(self, self.file:check())
end

-- Releases the file. Unless it is to be kept, it is removed.
function Download:discard()
  self.file:discard()
end

Download.abandon = Download.discard -- see tasks.guard

function Download:explain() -- luacheck: ignore 212
end

-- Begins anew: without a validator the next request asks for the whole file, and
-- the bytes so far are overwritten.
local function restart(self)
  self.validator = nil
  return true
end

-- ===}

-- {=== what to do after a try: each returns true to go on, or nil, err

local function pause(self, err)
  self.failures = self.failures + 1
  local delay = retry.delay(self.failures, err, math.random)
  if self.failures > FAILURES or
    (self.deadline and core.now() + delay >= self.deadline) then
    return nil, err
  end
  if self.on_wait then
    self.on_wait("retry", err, self.failures)
  end
  return self.client.scheduler:sleep(delay)
end

-- The address may have expired, or the file may not be available yet. The bytes
-- so far are kept only if a validator can tell whether the rest belongs to them.
local function refresh(self, err)
  local ok, other = pause(self, err)
  if not ok then
    return nil, other
  end
  self.first_url = self.fresh_url and self.fresh_url() or self.first_url
  self.url, self.redirects = self.first_url, 0
  return self.validator and true or restart(self)
end

local function redirect(self, headers, err)
  self.redirects = self.redirects + 1
  local url = headers.location and core.resolve(self.url, headers.location)
  if not url or self.redirects > REDIRECTS then
    err.message = url and "the address of the file redirects too often" or
      "the address of the file redirects to nowhere"
    return nil, err
  end
  self.url = url
  return true
end

local function after_answer(self, request, status)
  local headers = request:headers()
  local err = envelope.error(OPERATION, status, nil, nil, headers)
  if REDIRECT[status] then
    return redirect(self, headers, err)
  elseif status == 416 then
    local ok, other = pause(self, err)
    if not ok then
      return nil, other
    end
    return restart(self)
  end
  err.message = ("the server of the file answered HTTP %d"):format(status)
  if err.retryable then
    return pause(self, err)
  end
  err.kind = GONE[status] and "not_found" or "http"
  return refresh(self, err)
end

local function after_failure(self, request, err)
  if err.reason == "not_video" and not self.refreshed then
    self.refreshed, self.validator = true, nil
    return refresh(self, err)
  elseif err.reason == "cut" or err.reason == "empty" or
    err.reason == "range" then
    self.anew = self.anew + 1
    if self.anew > STARTS_ANEW then
      return nil, err
    end
    local ok, other = pause(self, err)
    if not ok then
      return nil, other
    end
    return restart(self)
  elseif err.retryable then
    local validator = request:validator()
    if validator then -- the bytes so far began with this answer
      self.validator = validator ~= "" and validator or nil
    end
    return pause(self, err)
  end
  return nil, err
end

-- ===}

local function note(self, request)
  local received, expected = request:progress()
  if received > self.most then -- the same bytes again are no progress
    self.most, self.failures = received, 0
  end
  self.bytes = received
  if self.on_bytes then
    self.on_bytes(received, expected)
  end
end

-- One try. Returns the completed request; or nil and an error.
local function try(self)
  local client, settings = self.client, self.client.settings
  local ok, err = client.scheduler:check()
  if not ok then
    return nil, err
  end
  local request = client.core:start {
    url = self.url, download = self.file, validator = self.validator,
    connect_timeout = settings.connect_timeout,
    stall_timeout = settings.stall_timeout,
    timeout = self.deadline and math.max(1, self.deadline - core.now()),
    beside = tasks.is_beside(), fresh = self.failures > 0,
  }
  ok, err = client.scheduler:await(request, self.on_bytes and TICK,
    function(running)
      note(self, running)
    end)
  return ok and request, err
end

local function fetch(self)
  while true do
    local request, err = try(self)
    if not request then
      return nil, err
    end
    local status, value = request:result()
    note(self, request)
    local ok
    if status and value == true then
      return true
    elseif status then
      ok, err = after_answer(self, request, status)
    else
      ok, err = after_failure(self, request,
        errors.from_failure(value, value.class == "file" and self.path or nil))
    end
    if not ok then
      return nil, err
    end
  end
end

-- Fetches the file and puts it in its place. Returns its bytes; or nil and an
-- error. `given` has `url`; `deadline`, a moment; `fresh_url()`, which asks the
-- service for the address again; `on_bytes(received, expected)`;
-- `on_wait(waiting_for, err, attempt)`; `before_commit(bytes)`, called when the
-- file is whole, which returns true, or nil and an error.
function Download:fetch(given)
  for name, value in pairs(given) do
    self[name] = value
  end
  self.first_url = self.url -- redirects lead away from it
  local ok, err = fetch(self)
  if ok and self.before_commit then
    ok, err = self.before_commit(self.bytes)
    if not ok and err.kind ~= "cancelled" and await_disk(self, self.file:keep()) then
      tell_kept(err, self.file:temporary())
    end
  end
  if ok then
    ok, err = await_disk(self, self.file:commit())
  end
  if ok then
    return self.bytes
  end
  err.outcome = "accepted" -- there is a file
  if err.kind == "io" and not err.message:find(self.path, 1, true) then
    err.message = self.path .. ": " .. err.message
  end
  return nil, err
end

-- Describes a download. Nothing is touched yet.
function download.new(client, path, overwrite, whole, key)
  return setmetatable({
    client = client, path = path, bytes = 0, most = 0, failures = 0,
    redirects = 0, anew = 0,
    file = client.core:download {
      path = path, overwrite = overwrite, whole = whole,
      maximum = client.settings.max_bytes, key = key,
    },
  }, Download)
end

-- Runs client:download.
function download.run(client, options, timeout)
  local self = download.new(client, options.output, options.overwrite or false,
    "length")
  local on_progress = options.on_progress
  tasks.guard(self)
  local bytes
  local ok, err = self:check()
  if ok then
    bytes, err = self:fetch {
      url = options.url,
      deadline = core.now() + (options.timeout or timeout),
      on_bytes = on_progress and function(received, expected)
        tasks.tell(on_progress, {
          phase = "download", bytes = received,
          percent = expected and expected > 0 and
            math.floor(100 * received / expected) or nil,
        })
      end,
    }
  end
  tasks.release(self)
  self:discard()
  if not bytes then
    err.phase = "download"
    return nil, err
  end
  return { path = options.output, bytes = bytes }
end

return download
