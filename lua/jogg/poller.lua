-- SPDX-License-Identifier: MIT

-- Polls a job of the service until its state is final.
--
-- A poller runs inside a task: `next` pauses, polls once, and returns the state.
-- A refusal that repeating cannot change ends the polling when it comes twice.

local answer = require "jogg.answer"
local call = require "jogg.call"
local core = require "jogg.core"
local errors = require "jogg.error"
local retry = require "jogg.retry"
local tasks = require "jogg.tasks"

local poller = {}

local LAST_POLL = 5 -- s that the last poll may go on beyond the deadline
local BELIEVED = 2  -- refusals in a row that end the polling
local PAGE_SIZE = 100 -- of lists
local FURTHER_PAGES = 3 -- that a list may have before all are found
local LEADER_TICK = 0.25 -- s
local USELESS = 3 -- failures of a list in a row until it is not used
local LEFT_ALONE = 300 -- s for which it is not used
local UNREADABLE = 5 -- unreadable answers in a row that end the polling

-- {=== when to poll. Pure: time is an argument

local CALM = 10 -- the pause grows to a tenth of the time gone by

-- How long "not started" may mean "not yet started": a request whose answer was
-- lost can still be on its way through the service.
local SETTLED = 120 -- s after it was sent
local SETTLED_LEAST = 60

local FALLBACK = 60 -- s between polls of a job that has a webhook

local DEFAULTS = { first = 10, interval = 10, max = 30 }

-- The `poll` option, in seconds: until the first poll, between two polls, the
-- longest pause, and after a render without an answer until "not started" is
-- believed.
poller.FIELD = {
  kind = "fields",
  fields = {
    first = { kind = "seconds" },
    interval = { kind = "seconds", minimum = 0.001 },
    max = { kind = "seconds", minimum = 0.001 },
    settle = { kind = "seconds" },
  },
}

-- Completes the option, and raises its values to the service's minimum.
function poller.plan(given, is_local, has_webhook)
  given = given or {}
  local least = is_local and 0 or call.POLL_LEAST
  local interval = math.max(least, given.interval or
    has_webhook and FALLBACK or DEFAULTS.interval)
  return {
    first = math.max(least, given.first or math.min(DEFAULTS.first, interval)),
    interval = interval,
    max = math.max(interval, given.max or math.max(DEFAULTS.max, interval)),
    settle = math.max(is_local and 0 or SETTLED_LEAST,
      given.settle or SETTLED),
  }
end

-- The pause before the next poll.
function poller.delay(plan, elapsed)
  return math.min(plan.max, math.max(plan.interval, elapsed / CALM))
end

-- ===}

-- The error of a deadline.
function poller.deadline_error(id, seconds, last)
  return errors.new {
    kind = "timeout", reason = "deadline", project_id = id,
    cause = last, outcome = "accepted",
    message = ("project %s is not finished after %.3g s%s"):format(id,
      seconds < 10 and seconds or math.floor(seconds + 0.5),
      last and "; the last poll failed: " .. tostring(last.message) or ""),
  }
end

-- {=== one poll for many

-- The pollers of a client that wait for one kind of job, where the service lists
-- such jobs: kind → group, with
--
-- * `waiting`: id → poller, and their `count`;
-- * `leader`: the poller that reads the list for all of them now;
-- * `rounds`: how often the list was read to its end, and `err`, why the last
--   round was not;
-- * `failures` of the list in a row, and `left_alone`, the moment until which
--   each poller asks for its own job.
local function group_of(client, kind)
  client.groups = client.groups or {}
  client.groups[kind] = client.groups[kind] or
    { waiting = {}, count = 0, rounds = 0, failures = 0, left_alone = 0 }
  return client.groups[kind]
end

local function join(self)
  if self.kind.state_list then
    local group = group_of(self.client, self.kind)
    if not group.waiting[self.id] then
      group.waiting[self.id], group.count = self, group.count + 1
      self.group = group
    end
  end
end

-- Lets another poller lead.
local function stop_leading(self)
  local group = self.group
  if group.leader == self then
    group.leader = nil
    for _, other in pairs(group.waiting) do
      if other.follows then
        tasks.wake(other.task)
      end
    end
  end
end

local function leave(self)
  if self.group then
    stop_leading(self)
    self.group.waiting[self.id] = nil
    self.group.count = self.group.count - 1
    self.group = nil
  end
end

-- Hands each item of a page to the poller that waits for it. Returns how many
-- items were not seen before.
local function deal(group, kind, list, data, seen)
  local fresh = 0
  for _, item in ipairs(answer.find(data, "items", list.items) or {}) do
    local id = answer.find(item, "id", list.item.id)
    if id and not seen[id] then
      seen[id], fresh = true, fresh + 1
      local other = group.waiting[id]
      if other then
        other.delivered = kind.read_item(item)
        tasks.wake(other.task)
      end
    end
  end
  return fresh
end

-- Reads the list, newest first, for all that wait. Returns true; nil and an
-- error.
local function poll_pages(self)
  local group, kind, client = self.group, self.kind, self.client
  local operation = client.api.operations[kind.state_list]
  local pages = math.ceil(group.count / PAGE_SIZE) + FURTHER_PAGES
  local seen = {}
  for page = 1, pages do
    local data, err = call.run(client, operation, {
      page = page, page_size = PAGE_SIZE, sort_order = "desc",
    }, self, 0)
    if not data then
      return nil, err
    end
    local fresh = deal(group, kind, operation.list, data, seen)
    local missing = false
    for id in pairs(group.waiting) do
      missing = missing or not seen[id]
    end
    if fresh == 0 or not missing then
      break
    end
  end
  return true
end

-- Reads the list as the group's leader. After repeated failures the list is not
-- used for a while.
local function lead(self)
  local group = self.group
  group.leader, group.err = self, nil
  local ok, err = poll_pages(self)
  if ok then
    group.rounds, group.failures = group.rounds + 1, 0
  elseif err.kind ~= "cancelled" then -- else another poller leads
    if err.http_status and err.kind ~= "rate_limit" then
      group.failures = group.failures + 1
    end
    if not err.retryable or group.failures >= USELESS then
      ok, group.left_alone = true, core.now() + LEFT_ALONE
    else
      group.err = err
    end
  end
  stop_leading(self)
  return ok, err
end

-- Waits for the leader's answer, or for the end of its round. Returns true; nil
-- and an error.
local function follow(self)
  local group = self.group
  self.task, self.follows = tasks.current(), true
  local ok, err = true, nil
  while ok and group.leader and not self.delivered and
    core.now() < self.last do
    ok, err = self.client.scheduler:park(LEADER_TICK)
  end
  self.follows = false
  return ok, err
end

-- Reads the list, or waits for the leader to do so. Returns true, and may set
-- `delivered`; nil and an error.
local function ask_list(self)
  local group = self.group
  local rounds = group.rounds
  while not self.delivered and group.rounds == rounds and
    core.now() >= group.left_alone do
    if not group.leader then
      return lead(self)
    end
    local ok, err = follow(self)
    if not ok then
      return nil, err
    elseif self.delivered or group.leader then
      return true -- if another poller leads still, the time is over
    elseif group.err then
      return nil, errors.copy(group.err)
    end
  end
  return true
end

-- ===}

local Poller = {}
Poller.__index = Poller

-- Seconds until the next poll, and whether it is the last one.
local function pause_before(self)
  local now = core.now()
  local seconds = poller.delay(self.plan, now - self.began)
  if self.first then
    seconds = self.first
  elseif self.err then
    seconds = retry.delay(self.failures, self.err, math.random,
      self.client.api.rate_pause)
    if not self.client.is_local then
      seconds = math.max(seconds, self.plan.interval)
    end
  end
  self.first = nil
  local left = self.last - now
  return math.max(0, math.min(seconds, left)), seconds >= left
end

-- Does this failure end the polling? A refusal does when it comes again, and an
-- unreadable answer after many times.
local function is_lasting(self, err)
  if self.err and self.err.kind == err.kind then
    self.same = self.same + 1
  else
    self.same = 1
  end
  if err.kind == "protocol" then
    return self.same >= UNREADABLE
  elseif err.kind == "not_found" and core.now() < self.visible then
    return false
  end
  return not err.retryable and self.same >= BELIEVED
end

-- Waits until the next poll is due, another poller delivers the state, or `poke`.
local function pause(self, seconds)
  local scheduler, moment = self.client.scheduler, core.now() + seconds
  if not self.group and not self.can_be_poked then
    return scheduler:sleep(seconds)
  end
  self.task = tasks.current()
  while core.now() < moment and not self.delivered and not self.is_poked do
    local ok, err = scheduler:park(moment - core.now())
    if not ok then
      return nil, err
    end
  end
  return true
end

-- Asks for the state: by the list if other pollers wait too, otherwise alone.
-- Returns an info; nil and an error.
local function ask(self)
  local group, ok, err = self.group, true, nil
  if self.is_poked or not group or group.count < 2 then
    self.is_poked = false -- a webhook's event is confirmed by the job's own call
  else
    ok, err = ask_list(self)
  end
  if not ok then
    return nil, err
  end
  local listed, kind = self.delivered, self.kind
  if listed and not kind.FINAL[listed.status] then
    return listed
  end
  -- the last word is the job's own call: it says more
  local client, data = self.client
  data, err = call.run(client, client.api.operations[kind.operation],
    self.fields, self, 0)
  if data then
    return kind.read(data)
  elseif listed and err.kind ~= "cancelled" then
    return listed
  end
  return nil, err
end

local function next_info(self)
  while true do
    local seconds, is_last = pause_before(self)
    local info
    local ok, err = pause(self, seconds)
    if not ok then
      return nil, err
    end
    info, err = ask(self)
    self.delivered = nil
    if info then
      self.err, self.failures = nil, 0
      if self.kind.FINAL[info.status] or not is_last then
        return info
      end
    elseif err.kind == "cancelled" or is_lasting(self, err) then
      err.project_id = self.id
      return nil, err
    else
      self.err, self.failures = err, self.failures + 1
    end
    if is_last then
      return nil, poller.deadline_error(self.id, core.now() - self.began, err)
    end
    if err then
      self:tell_wait("retry", err, self.failures)
    end
  end
end

-- Pauses and polls until there is an answer. Returns an info, whose status may
-- be final; nil and an error to give up with.
function Poller:next()
  join(self)
  tasks.guard(self)
  local info, err = next_info(self)
  tasks.release(self)
  leave(self)
  return info, err
end

-- Makes it poll at once.
function Poller:poke()
  self.is_poked = true
  if self.task then
    tasks.wake(self.task)
  end
end

-- Called when the task ends while it polls: see tasks.guard.
Poller.abandon = leave

function Poller:explain() -- luacheck: ignore 212
end

-- Reports what a call waits for, and what failed.
function Poller:tell_wait(...)
  if self.on_wait then
    self.on_wait(...)
  end
end

-- Makes a poller. `given` has `client`, `kind`; `fields` of the call that asks
-- for the state; `id`; `plan`; `deadline`, a moment; `first`, seconds to the
-- first poll; `visible`, the moment from which the service certainly knows the id;
-- `on_wait(waiting_for, err, attempt)`; `can_be_poked`.
function poller.new(given)
  given.began, given.failures, given.same = core.now(), 0, 0
  given.last, given.deadline = given.deadline, given.deadline + LAST_POLL
  given.visible = given.visible or given.began
  return setmetatable(given, Poller)
end

return poller
