-- SPDX-License-Identifier: MIT

-- Limits the POSTs a minute for each API key.
--
-- All clients of the process that use one key at one service share the record of
-- the POSTs that were sent. Each client has its own queue, in which paid calls
-- come first: otherwise a thousand jobs would all begin and none would end.

local core = require "jogg.core"
local tasks = require "jogg.tasks"

local MINUTE = 60 -- s

local limiter = {}

-- {=== the record of what was sent. Pure: time is an argument

local Record = {}
Record.__index = Record

-- How long the next POST has to wait.
function Record:wait(limit, now)
  while self.first <= self.last and self[self.first] + MINUTE <= now do
    self[self.first] = nil
    self.first = self.first + 1
  end
  local wait = self.not_before - now
  if self.last - self.first + 1 >= limit then
    wait = math.max(wait, self[self.last - limit + 1] + MINUTE - now)
  end
  return math.max(wait, 0)
end

-- Records that still count. Clients may come and go meanwhile.
local recent = {} -- Record → when it counts no longer

-- Notes that a POST goes out.
function Record:add(now)
  recent[self] = math.max(now, self.not_before) + MINUTE
  self.last = self.last + 1
  self[self.last] = now
end

-- No POST goes out before a server's "not before".
function Record:hold(now, pause)
  self.not_before = math.max(self.not_before, now + pause)
  recent[self] = self.not_before + MINUTE
end

-- An empty record.
function limiter.record()
  return setmetatable({ first = 1, last = 0, not_before = -math.huge }, Record)
end

-- ===}

local records = setmetatable({}, { __mode = "v" }) -- service and key → Record

local Limiter = {}
Limiter.__index = Limiter

-- The first task in the queue.
local function head(self)
  return self.costly[1] or self.other[1]
end

-- A task's place in its queue. It is given up however the task ends.
local Place = {}
Place.__index = Place

function Place:abandon()
  local queue = self.queue
  for i = 1, #queue do
    if queue[i] == self then
      table.remove(queue, i)
      break
    end
  end
  local first = head(self.limiter)
  if first then
    tasks.wake(first.task)
  end
end

function Place:explain() -- luacheck: ignore 212
end

local function wait_in_queue(self, scheduler, place)
  while true do
    local seconds
    if head(self) == place then
      local now = core.now()
      seconds = self.record:wait(self.limit, now)
      if seconds == 0 then
        self.record:add(now)
        return true
      end
    end
    local ok, err = scheduler:park(seconds)
    if not ok then
      return nil, err
    end
  end
end

-- Suspends the running task until its POST may go out. `on_wait` is called
-- before it queues: a POST of its own must not wait behind that place.
function Limiter:take(scheduler, costs, on_wait)
  -- where a task cannot wait this raises, before anything is sent
  local ok, err = scheduler:sleep(0)
  if not ok or self.limit == 0 then
    return ok, err
  end
  if head(self) or self.record:wait(self.limit, core.now()) > 0 then
    on_wait()
  end
  local queue = costs and self.costly or self.other
  local place = setmetatable({
    limiter = self, queue = queue, task = tasks.current(),
  }, Place)
  queue[#queue + 1] = place
  tasks.guard(place)
  ok, err = wait_in_queue(self, scheduler, place)
  tasks.release(place)
  place:abandon()
  return ok, err
end

-- Lets no POST of this key go out for some time.
function Limiter:hold(seconds)
  self.record:hold(core.now(), seconds)
end

-- Makes a client's limiter.
function limiter.new(limit, service, key)
  local name = service .. " " .. key
  local record, now = records[name] or limiter.record(), core.now()
  records[name] = record
  for other, moment in pairs(recent) do
    if moment <= now then
      recent[other] = nil
    end
  end
  return setmetatable({
    limit = limit, record = record, costly = {}, other = {},
  }, Limiter)
end

return limiter
