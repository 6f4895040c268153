-- SPDX-License-Identifier: MIT

--- Whose POST goes out next, at the pace that the service allows.
--
-- Two lines: who is about to start a video goes before who is about to have a
-- page read, or else a thousand jobs would all begin and none end. Nothing is
-- taken in advance: whoever leaves the line without a call costs nobody time.
-- @module jogg.turns

require "jogg.interpreted" ()

local core = require "jogg.core"
local pace = require "jogg.pace"

-- What a frame pays for is found at once.
local ready, suspend = core.tasks.ready, core.tasks.suspend

local Turns = {}
Turns.__index = Turns

-- Who is next, or nil.
local function head(self)
  for rank = 1, 2 do
    local line = self[rank]
    while line.first <= line.last and line[line.first].gone do
      line[line.first] = nil
      line.first = line.first + 1
    end
    if line.first <= line.last then
      return line[line.first]
    end
  end
end

local turns = {}

--- Ends somebody's standing in line, wherever that is.
-- @tparam table entry the task's `turn`
function turns.leave(entry)
  local self = entry.turns
  entry.gone, entry.task.turn = true, nil
  self.standing = self.standing - 1
  local next_one = head(self)
  if next_one then
    self.scheduler:wake(next_one.task)
  end
end

-- A script that blocks: nobody in line could go on before it does.
local function block(self)
  while not self.pace:try(core.now()) do
    local ok, err = self.scheduler:block(nil, self.pace:wait(core.now()))
    if not ok then
      return nil, err
    end
  end
  return true
end

-- Only the first in line looks at the clock; the others are woken by it.
local function queue(self, task, line)
  local entry = { task = task, turns = self }
  self.standing = self.standing + 1
  task.turn = entry -- for who breaks off: from now on he leaves
  line.last = line.last + 1
  line[line.last] = entry
  local ok, err, wait
  repeat
    wait = nil
    if head(self) == entry then
      local now = core.now()
      if self.pace:try(now) then
        turns.leave(entry)
        return true
      end
      wait = self.pace:wait(now)
    end
    ok, err = self.scheduler:suspend(task, nil, wait)
  until not ok
  turns.leave(entry)
  return nil, err
end

--- Waits until a POST may go out, which has to go out then.
-- @tparam boolean costs does it start a video?
-- @treturn ?boolean true
-- @treturn ?table error of kind `cancelled`
function Turns:take(costs)
  local books = self.books
  local task = ready(books) or self.scheduler:current(2)
  if not task then
    return block(self)
  end
  -- where a task cannot wait, this raises: before anything has been sent
  local ok = suspend(books, nil, 0)
  if not ok then
    return self.scheduler:suspended(task, ok)
  end
  if self.standing == 0 and self.pace:try(core.now()) then
    return true
  end
  return queue(self, task, self[costs and 1 or 2])
end

turns.take = Turns.take

--- Lets no call go out before a server's "not before".
-- @tparam number seconds
function Turns:hold(seconds)
  self.pace:hold(core.now(), seconds)
end

--- The turns of a client.
-- @tparam integer limit calls in any 60 seconds
-- @tparam Scheduler scheduler
-- @treturn Turns
function turns.new(limit, scheduler)
  return setmetatable({
    { first = 1, last = 0 }, { first = 1, last = 0 }, standing = 0,
    pace = pace.new(limit), scheduler = scheduler, books = scheduler.books,
  }, Turns)
end

return turns
