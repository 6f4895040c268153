-- SPDX-License-Identifier: MIT

--- Keeps to so many calls a minute. Pure: time is an argument.
-- @module jogg.pace

local Pace = {}
Pace.__index = Pace

local MINUTE = 60

--- Takes a place in the minute.
-- @tparam number now seconds
-- @treturn number seconds to wait before the call may go out; 0: at once
function Pace:take(now)
  local oldest = self.times[self.position]
  local start = now
  if oldest and oldest + MINUTE > now then
    start = oldest + MINUTE
  end
  self.times[self.position] = start
  self.position = self.position % self.limit + 1
  return start - now
end

--- Moves everything that follows out of the way of a server's "not before".
-- @tparam number now seconds
-- @tparam number pause seconds
function Pace:hold(now, pause)
  for i = 1, self.limit do
    local time = self.times[i]
    self.times[i] = math.max(time or -math.huge, now + pause - MINUTE)
  end
end

local pace = {}

--- A pace of `limit` calls in any 60 seconds.
-- @tparam integer limit
-- @treturn table
function pace.new(limit)
  return setmetatable({ limit = limit, times = {}, position = 1 }, Pace)
end

return pace
