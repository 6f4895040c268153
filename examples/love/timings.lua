-- SPDX-License-Identifier: MIT
-- Collects durations and computes their quantiles.
-- luacheck: std luajit

local ffi = require "ffi"

local THREAD_CPU = 3 -- CLOCK_THREAD_CPUTIME_ID of Linux

local Timings = {}
Timings.__index = Timings

function Timings.new()
  return setmetatable({ n = 0, worst = 0 }, Timings)
end

-- The processor time of this thread in seconds; 0 where the system does not tell.
local moment
if jit.os == "Linux" then
  ffi.cdef [[
    struct jogg_moment { long seconds, nanoseconds; };
    int clock_gettime(int clock, struct jogg_moment *moment);
  ]]
  moment = ffi.new "struct jogg_moment"
end

function Timings.computed()
  if not moment or ffi.C.clock_gettime(THREAD_CPU, moment) ~= 0 then
    return 0
  end
  return tonumber(moment.seconds) + tonumber(moment.nanoseconds) * 1e-9
end

function Timings:add(seconds)
  self.n = self.n + 1
  self[self.n] = seconds
  self.worst = math.max(self.worst, seconds)
end

-- The duration that `share` (0 to 1) of them do not exceed. Sorts: for the end.
function Timings:quantile(share)
  if self.n == 0 then
    return 0
  end
  if not self.sorted then
    table.sort(self)
    self.sorted = true
  end
  return self[math.max(1, math.ceil(share * self.n))]
end

-- One line for a report, in milliseconds.
function Timings:line(name)
  return ("%s n %d p50 %.3f p99 %.3f p99.9 %.3f worst %.3f ms\n"):format(name,
    self.n, 1000 * self:quantile(0.5), 1000 * self:quantile(0.99),
    1000 * self:quantile(0.999), 1000 * self.worst)
end

return Timings
