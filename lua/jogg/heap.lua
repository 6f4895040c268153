-- SPDX-License-Identifier: MIT

--- A heap of deadlines: who wakes next. Two flat arrays, nothing per entry.
-- @module jogg.heap

local floor = math.floor

local Heap = {}
Heap.__index = Heap

--- Adds a value that is due at a moment.
-- @tparam number time
-- @param value anything but nil
function Heap:push(time, value)
  local times, values = self.times, self.values
  local i = self.length + 1
  self.length = i
  while i > 1 do
    local parent = floor(i / 2)
    local earlier = times[parent]
    if earlier <= time then
      break
    end
    times[i], values[i] = earlier, values[parent]
    i = parent
  end
  times[i], values[i] = time, value
end

--- The earliest moment and its value, or nothing.
-- @treturn ?number
-- @return value
function Heap:peek()
  return self.times[1], self.values[1]
end

--- Removes the earliest.
function Heap:pop()
  local times, values = self.times, self.values
  local n = self.length
  local time, value = times[n], values[n]
  times[n], values[n] = nil, nil
  n = n - 1
  self.length = n
  if n == 0 then
    return
  end
  local i = 1
  while true do
    local child = 2 * i
    if child > n then
      break
    end
    if child < n and times[child + 1] < times[child] then
      child = child + 1
    end
    if times[child] >= time then
      break
    end
    times[i], values[i] = times[child], values[child]
    i = child
  end
  times[i], values[i] = time, value
end

--- Drops all but what is wanted.
-- @tparam function wanted gets time and value, returns a boolean
function Heap:keep(wanted)
  local times, values, n = self.times, self.values, self.length
  self.times, self.values, self.length = {}, {}, 0
  for i = 1, n do
    if wanted(times[i], values[i]) then
      self:push(times[i], values[i])
    end
  end
end

local heap = {}

--- An empty heap.
-- @treturn table
function heap.new()
  return setmetatable({ length = 0, times = {}, values = {} }, Heap)
end

return heap
