-- SPDX-License-Identifier: MIT

--- Keeps to so many calls a minute. Pure: time is an argument.
-- @module jogg.pace

local Pace = {}
Pace.__index = Pace

local MINUTE = 60

--- How long the next call has to wait.
-- @tparam number now seconds
-- @treturn number seconds; 0: it may go out at once
function Pace:wait(now)
  local wait = self.times[self.position] + MINUTE - now
  return wait > 0 and wait or 0
end

--- Notes that a call goes out, if it may at once.
-- @tparam number now seconds
-- @treturn boolean
function Pace:try(now)
  local times, position = self.times, self.position
  if times[position] + MINUTE > now then
    return false
  end
  times[position] = now
  self.position = position % self.limit + 1
  return true
end

--- Moves everything that follows out of the way of a server's "not before".
-- @tparam number now seconds
-- @tparam number pause seconds
function Pace:hold(now, pause)
  for i = 1, self.limit do
    self.times[i] = math.max(self.times[i], now + pause - MINUTE)
  end
end

local pace = {}

--- A pace of `limit` calls in any 60 seconds.
-- @tparam integer limit
-- @treturn table
function pace.new(limit)
  local times = {}
  for i = 1, limit do
    times[i] = -math.huge
  end
  return setmetatable({ limit = limit, times = times, position = 1 }, Pace)
end

return pace
