-- SPDX-License-Identifier: MIT

--- How a call goes out and comes back.
--
-- The pipeline stands here from top to bottom: wait for one's turn → send →
-- wait for the answer → read the envelope → repeat or return. Each client has
-- one; the workflow and the downloads use it as well.
-- @module jogg.pipeline

require "jogg.interpreted" ()

local core = require "jogg.core"
local errors = require "jogg.error"
local poll = require "jogg.poll"
local retry = require "jogg.retry"
local status = require "jogg.status"
local turns = require "jogg.turns"

-- What a frame pays for is found at once.
local give_way, ready = core.tasks.give_way, core.tasks.ready
local suspend, take_turn = core.tasks.suspend, turns.take

local pipeline = {}

local Pipeline = {}
Pipeline.__index = Pipeline

-- {=== waiting: the same code blocks in a script and suspends in a task

--- Waits for some time.
-- @tparam number seconds
-- @treturn ?boolean true
-- @treturn ?table error of kind `cancelled`
function Pipeline:pause(seconds)
  local scheduler = self.scheduler
  local task = scheduler:current(2)
  if task then
    return scheduler:suspend(task, nil, seconds)
  end
  return scheduler:block(nil, seconds)
end

-- Tells how far a request is. What the callback raises ends the request.
local function tell(self, request, on_tick)
  local task = self.scheduler:inside()
  local outer = task and task.telling
  if task then
    task.telling = true
  end
  local ok, raised = pcall(on_tick, request)
  if task then
    task.telling = outer
  end
  if not ok then
    request:close()
    error(raised, 0)
  end
end

--- Does a request that begins now need no place among those in flight? A
-- script that blocks has but one, and a callback uses its task's place.
-- @treturn boolean
function Pipeline:is_beside()
  local task = self.scheduler:inside()
  return not task or task.telling or false
end

-- Nobody waits for a request any more.
local function abandon(request, err)
  err.outcome = request:cancel() and "unknown" or "not_sent"
  request:close() -- the network hears of it soon
  return nil, err
end

--- Runs a transfer to its end.
-- @tparam ?number tick seconds between two calls of on_tick
-- @tparam ?function on_tick called with the request
-- @tparam function start returns the core's request and its id; or nil, err
-- @param ... its arguments
-- @treturn ?request finished
-- @treturn ?table error
function Pipeline:run(tick, on_tick, start, ...)
  local scheduler = self.scheduler
  local task = scheduler:current(2)
  local ok, err = scheduler:check(task)
  if not ok then
    return nil, err
  end
  local request
  request, err = start(...)
  if not request then
    return nil, err
  end
  repeat
    if task then
      ok, err = scheduler:suspend(task, request, tick)
    else
      ok, err = scheduler:block(request, tick)
    end
    if on_tick and ok and not request:done() then
      tell(self, request, on_tick)
    end
  until not ok or request:done()
  if not ok then
    return abandon(request, err)
  end
  return request
end

-- ===}

-- {=== one call

local EMPTY = {}

-- The data of an answer, or the error that it is.
local function read(operation, request)
  local http_status, body, why = request:result()
  if not http_status then
    return nil, errors.new(body)
  end
  if http_status >= 200 and http_status < 300 and type(body) == "table" and
    body.code == 0 then
    local data = body.data
    if not operation.data then
      return true
    end
    if type(data) == "table" then
      return data
    end
    return nil, errors.new {
      kind = "protocol", message = "the answer has no data",
      http_status = http_status, code = 0, outcome = "accepted",
    }
  end
  return nil, errors.from_reply(http_status, body, why, request:headers())
end

-- Says of an error what is known of its call. True: it may be sent again.
local function judge(operation, err)
  err.phase = err.phase or operation.name
  err.retryable = retry.is_safe(operation.method, err)
  return err.retryable
end

-- One exchange, without a second try: the busiest place of all.
local function exchange(self, operation, body, name, value, timeout)
  local scheduler, settings, books = self.scheduler, self.settings, self.books
  local task = ready(books)
  local ok, err
  if not task then
    task = scheduler:current(2)
    ok, err = scheduler:check(task)
    if not ok then
      return nil, err
    end
  end
  local request = self.start(self.core, operation.method, operation.path, body,
    settings.connect_timeout, settings.stall_timeout, timeout,
    operation.patient, not task or task.telling, name, value)
  if task then
    task.request = request
    ok = suspend(books, request)
    task.request = nil
    if not ok then
      ok, err = scheduler:suspended(task, ok)
    end
  else
    ok, err = scheduler:block(request)
  end
  if not ok then
    return abandon(request, err)
  end
  if not operation.data and request:is_accepted() then
    scheduler.retire(task, request)
    return true
  end
  give_way(books) -- to decode an answer takes its time
  local data
  data, err = read(operation, request)
  scheduler.retire(task, request)
  give_way(books)
  return data, err
end

local function too_late(operation)
  return errors.new {
    kind = "timeout", reason = "deadline", outcome = "not_sent",
    phase = operation.name, message = "the time for the whole job is over",
  }
end

-- Waits for the turn of a POST. A job's time stands still meanwhile: the pace
-- is of our making, and jobs must not fail for being many.
local function wait_for_turn(self, operation, job)
  if not job then
    return take_turn(self.turns, operation.costs)
  end
  local began = core.now()
  local ok, err = take_turn(self.turns, operation.costs)
  job.deadline = job.deadline + core.now() - began
  return ok, err
end

-- The pause before the next try. A service elsewhere is not asked for a state
-- more often than it allows.
local function delay_of(self, operation, attempt, err)
  local delay = retry.delay(attempt, err, math.random)
  if operation.name == "project_info" and not self.local_service then
    return math.max(delay, poll.LEAST)
  end
  return delay
end

-- The call and its repeats, none of which begins after the deadline, which is
-- that of the job if there is one.
local function call(self, operation, body, name, value, retries, deadline, job)
  local posting = operation.method == "POST"
  local timeout = self.settings[operation.patient and "product_timeout" or
    "timeout"]
  local attempt = 0
  while true do
    if posting then
      local ok, err = wait_for_turn(self, operation, job)
      if not ok then
        return nil, err
      end
    end
    deadline = job and job.deadline or deadline
    local left = deadline and deadline - core.now() or timeout
    if left <= 0 then
      return nil, too_late(operation)
    elseif left > timeout then
      left = timeout
    end
    local data, err = exchange(self, operation, body, name, value, left)
    if data then
      return data
    end
    local safe = judge(operation, err)
    attempt = attempt + 1
    if not safe or attempt > retries then
      return nil, err
    end
    local delay = delay_of(self, operation, attempt, err)
    if deadline and core.now() + delay >= deadline then
      return nil, err
    end
    if err.kind == "rate_limit" and posting then
      self.turns:hold(delay)
    end
    local ok, cancelled = self:pause(delay)
    if not ok then
      return nil, cancelled
    end
  end
end

--- The body of a request.
-- @tparam table operation from @{jogg.operations}
-- @tparam table fields checked
-- @tparam string path how messages call the fields
-- @tparam integer level as for `error`: where the caller is
-- @treturn string JSON
-- @raise when it is larger than the service will read
function pipeline.encode(operation, fields, path, level)
  local body, length = core.encode(fields, operation.lists or EMPTY)
  if not body then
    error(("%s is too large: %d bytes as JSON, at most %d are sent")
      :format(path, length, core.body_maximum), level)
  end
  return body
end

--- Sends a body to an operation.
-- @tparam table operation from @{jogg.operations}
-- @tparam string body
-- @tparam ?table job whose `deadline` (a moment) this call keeps to
-- @return data, or true
-- @treturn ?table error
function Pipeline:send(operation, body, job)
  return call(self, operation, body, nil, nil, self.settings.retries, nil, job)
end

pipeline.send = Pipeline.send

--- Asks for a project's state.
-- @tparam string project_id
-- @tparam ?integer retries
-- @tparam ?number deadline moment
-- @treturn ?table data
-- @treturn ?table error
function Pipeline:project_info(project_id, retries, deadline)
  return call(self, self.operations.project_info, nil, "project_id",
    project_id, retries or self.settings.retries, deadline)
end

-- ===}

-- {=== one call in two halves, for who does not suspend between them

--- Begins to ask for a project's state: after a pause, and again as long as the
-- answer says that the work goes on.
-- @tparam string project_id
-- @tparam boolean beside see @{Pipeline:is_beside}
-- @tparam number pause seconds
-- @tparam number every seconds between two looks; 0: one look
-- @tparam number last moment of the last look
-- @tparam number deadline moment
-- @treturn request
-- @treturn integer its id
function Pipeline:begin_look(project_id, beside, pause, every, last, deadline)
  local settings = self.settings
  return self.core:look(self.operations.project_info.path,
    settings.connect_timeout, settings.stall_timeout, settings.timeout,
    beside, pause, every, last, deadline, status.GOING,
    "project_id", project_id)
end

--- What a finished request of @{Pipeline:begin_look} brought. It stays
-- open: the caller retires it.
-- @tparam request request
-- @treturn ?table data
-- @treturn ?table error
function Pipeline:end_look(request)
  local operation = self.operations.project_info
  local data, err = read(operation, request)
  if err then
    judge(operation, err)
  end
  return data, err
end

-- ===}

--- A client's pipeline.
-- @param network the core's client; it stays here even when it is closed
-- @tparam table settings of the client
-- @tparam table list of operations
-- @tparam Scheduler scheduler
-- @treturn Pipeline
function pipeline.new(network, settings, list, scheduler)
  return setmetatable({
    core = network, start = network.start, settings = settings,
    operations = list, scheduler = scheduler, books = scheduler.books,
    local_service = network:is_local(),
    turns = turns.new(settings.posts_per_minute, scheduler),
    active = {}, -- project_id → its job
  }, Pipeline)
end

return pipeline
