-- SPDX-License-Identifier: MIT

--- The places among a client's transfers in flight: so many, and no more.
-- Whoever waits for one gets it in the order of asking.
-- @module jogg.places

local Places = {}
Places.__index = Places

--- Takes a place for a task, or has it stand in line: it is woken when it has
-- one.
-- @tparam Task task
-- @treturn boolean does it have one?
function Places:ask(task)
  if task.place then -- kept from a transfer that raised: Lua 5.1, in a pcall
    task.queued = nil
    return true
  end
  if self.taken < self.limit then
    self.taken = self.taken + 1
    task.place = self
    return true
  end
  if not task.queued then
    self.last = self.last + 1
    self[self.last] = task
    task.queued = true
  end
  return false
end

--- Takes a place for the current task, and waits for it if need be.
-- @tparam Task task the current one
-- @treturn ?boolean true
-- @treturn ?table error of kind `cancelled`
function Places:enter(task)
  while not self:ask(task) do
    local ok, err = self.scheduler:suspend(task)
    if not ok then
      self:leave(task) -- it may have got one in the same moment
      return nil, err
    end
  end
  return true
end

--- Gives a task's place, if it has one, to who has waited longest; and takes
-- the task out of the line.
-- @tparam Task task
function Places:leave(task)
  task.queued = nil
  if not task.place then
    return
  end
  task.place = nil
  while self.first <= self.last do
    local heir = self[self.first]
    self[self.first] = nil
    self.first = self.first + 1
    if heir.queued and not heir.cancelled and not heir.place and
      not heir.done then
      heir.place = self
      self.scheduler:wake(heir)
      return
    end
  end
  self.taken = self.taken - 1
end

local places = {}

--- A number of places.
-- @tparam integer limit
-- @tparam table scheduler see @{jogg.scheduler}
-- @treturn table
function places.new(limit, scheduler)
  return setmetatable({
    limit = limit, scheduler = scheduler, taken = 0, first = 1, last = 0,
  }, Places)
end

return places
