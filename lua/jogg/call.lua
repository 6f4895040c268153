-- SPDX-License-Identifier: MIT

-- One call of the service: waits for a POST's turn, sends the request, reads the
-- answer, and repeats or returns.
--
-- Everything here runs inside a task.

local budget = require "jogg.budget"
local core = require "jogg.core"
local envelope = require "jogg.envelope"
local errors = require "jogg.error"
local retry = require "jogg.retry"
local tasks = require "jogg.tasks"

local call = {}

-- Seconds between two polls of one job: the service forbids fewer.
call.POLL_LEAST = 5

-- What to do after a call that costs, when its answer was lost.
local UNSURE = "it may have been started, and paid for: look in the web app " ..
  "before you send it again"

-- Tells the client's `log` what happens.
local function log(client, event, operation, attempt, err, seconds)
  if client.settings.log then
    tasks.tell(client.settings.log, {
      event = event, operation = operation.name, method = operation.method,
      attempt = attempt, err = err, seconds = seconds,
      waiting_for = event == "wait" and "rate limit" or nil,
    })
  end
end

-- One exchange, without a second try.
local function exchange(client, operation, request, attempt, job)
  local scheduler = client.scheduler
  local ok, err = scheduler:check()
  if not ok then
    return nil, err
  end
  log(client, "request", operation, attempt)
  request.beside = tasks.is_beside()
  if job and not request.beside and scheduler:is_full() then
    job:tell_wait "slot"
  end
  request.fresh = attempt > 1 -- not on the connection that just failed
  local began = core.now()
  local handle = client.core:start(request)
  ok, err = scheduler:await(handle)
  if not ok then
    return nil, err
  end
  local data
  data, err = envelope.read(operation, handle)
  if data and job and job.on_answer and operation.costs then
    job.on_answer(data) -- before `log`, which may raise
  end
  log(client, "answer", operation, attempt, err, core.now() - began)
  return data, err
end

local function deadline_error(operation)
  return errors.new {
    kind = "timeout", reason = "deadline", outcome = "not_sent",
    phase = operation.name, message = "the time for the whole job is over",
  }
end

-- Waits until a POST may be sent. The wait does not count against the job's
-- deadline: jogg makes it wait, and jobs must not fail for being many.
local function wait_for_turn(client, operation, job)
  local began = core.now()
  local ok, err = client.limiter:take(client.scheduler, operation.costs,
    function()
      log(client, "wait", operation)
      if job then
        job:tell_wait "rate limit"
      end
    end)
  if job then
    job.deadline = job.deadline + core.now() - began
  end
  return ok, err
end

-- The pause before the next try.
local function pause(client, operation, err, attempt, job)
  local seconds = retry.delay(attempt, err, math.random,
    client.api.rate_pause)
  if operation.polls and not client.is_local then
    seconds = math.max(seconds, call.POLL_LEAST)
  end
  local deadline = job and job.deadline
  if deadline and core.now() + seconds >= deadline then
    return nil, err
  end
  if err.kind == "rate_limit" and operation.method == "POST" then
    client.limiter:hold(seconds)
  end
  log(client, "retry", operation, attempt, err, seconds)
  if job then
    job:tell_wait("retry", err, attempt)
  end
  return client.scheduler:sleep(seconds)
end

local function as_text(value)
  return type(value) == "number" and ("%.14g"):format(value) or tostring(value)
end

-- Puts the fields that the path names in braces into it, percent-encoded, and
-- takes them out of the others. Encoding does not protect "." and "..", with
-- which the request would reach another operation. Returns the path and the
-- other fields; nil and an error.
local function fill_path(operation, fields)
  local rest, fault = {}, nil
  for name, value in pairs(fields) do
    rest[name] = value
  end
  local path = operation.path:gsub("{([%w_]+)}", function(name)
    local value = as_text(rest[name])
    rest[name] = nil
    if value == "" or value == "." or value == ".." then
      fault = errors.parameter(('%s.%s must be an id, not "%s"'):format(
        operation.name, name, value))
    end
    return (value:gsub("[^%w%-._~]", function(character)
      return ("%%%02X"):format(character:byte())
    end))
  end)
  if fault then
    return nil, fault
  end
  return path, rest
end

-- The request for the core: the path, and the other fields as query or as JSON.
local function request_of(client, operation, fields)
  local settings = client.settings
  local path, rest = operation.path, fields
  if path:find("{", 1, true) then
    path, rest = fill_path(operation, fields)
    if not path then
      return nil, rest
    end
  end
  local request = {
    method = operation.method, path = path,
    connect_timeout = settings.connect_timeout,
    stall_timeout = settings.stall_timeout,
    slow_answer = operation.slow_answer or operation.costs,
  }
  if operation.method == "GET" or operation.method == "DELETE" then
    request.query = {}
    for name, value in pairs(rest) do
      request.query[name] = as_text(value)
    end
    return request
  end
  local body, length = core.encode(rest, client.api.lists)
  if not body then
    return nil, errors.parameter(
      ("%s is too large: %d bytes as JSON, at most %d are sent"):format(
        operation.name, length, core.body_maximum))
  end
  request.body = body
  return request
end

-- Gives the answer's fields the further names that jogg has for them.
local function add_aliases(operation, data)
  for alias, name in pairs(operation.aliases or {}) do
    if data[alias] == nil then
      data[alias] = data[name]
    end
  end
  return data
end

-- A server that does not answer as the service does may speak the other
-- generation.
local function add_hint(client, err)
  local is_open = client.settings.generation == "open"
  local is_foreign = err.http_status == 404 and (err.code or 404) == 404 or
    err.kind == "protocol" and err.reason == nil and not err.code
  if is_open and (is_foreign or err.reason == "name" or err.kind == "auth")
  then
    err.hint = 'today\'s keys need generation = "v2" (or JOGG_GENERATION=v2)'
  elseif is_foreign and client.settings.base_url ~= client.api.base_url then
    err.hint = 'a server of 2024 needs generation = "open"'
  end
  return nil, err
end

-- May a call that failed have had its effect?
local function is_unsure(err)
  return err.outcome == "unknown" or err.outcome == "accepted"
end

-- Sends a request until there is an answer, or an error that is not to be tried
-- again.
local function try(client, operation, request, job, retries)
  local settings = client.settings
  local timeout = request.slow_answer and settings.product_timeout or
    settings.timeout
  local attempt = 0
  while true do
    attempt = attempt + 1
    local ok, err, data = true, nil, nil
    if operation.method == "POST" then
      ok, err = wait_for_turn(client, operation, job)
    end
    local left = timeout
    if ok and job then
      left = math.min(timeout, job.deadline - core.now())
    end
    if left <= 0 then
      return nil, deadline_error(operation)
    end
    -- what costs is not cut off in the middle, or its outcome is unknown
    request.timeout = operation.costs and timeout or left
    local is_noted = job and operation.costs
    if ok and is_noted then
      ok, err = job:note_sent(operation.name)
    end
    if ok then
      data, err = exchange(client, operation, request, attempt, job)
      if is_noted and not data and not is_unsure(err) then
        job:note_refused()
      end
    end
    if data then
      return data
    end
    err.phase = err.phase or operation.name
    err.retryable = retry.is_safe(operation, err)
    if not err.retryable or attempt > (retries or settings.retries) then
      return add_hint(client, err)
    end
    ok, err = pause(client, operation, err, attempt, job)
    if not ok then
      return nil, err
    end
  end
end

-- Calls an operation of the service.
function call.run(client, operation, fields, job, retries)
  local request, err = request_of(client, operation, fields)
  local reserved = 0
  if request and operation.costs then
    reserved, err = budget.reserve(client, operation, fields)
  end
  if not request or not reserved then
    err.phase = operation.name
    return nil, err
  end
  if operation.costs and job then
    job:set_aside(reserved)
  end
  local data
  data, err = try(client, operation, request, job, retries)
  if data then
    return add_aliases(operation, data)
  elseif operation.costs and job then
    if not is_unsure(err) then
      job:give_back()
    end
  elseif not is_unsure(err) then
    budget.give_back(client, reserved)
  elseif operation.costs then
    err.advice = operation.advice or UNSURE
  end
  return nil, err
end

return call
