-- SPDX-License-Identifier: MIT

--- When to look again. Pure policy, and its option.
-- @module jogg.poll

local poll = {}

--- Seconds between two looks at a service elsewhere: it forbids fewer.
poll.LEAST = 5

local CALM = 10 -- the pause grows to a tenth of the time gone by
local STEADY = 1.1 -- and stays the same until it would be so much longer

-- How long "not started" may only mean "not yet": a request whose answer was
-- lost can still be on its way through the service.
local SETTLED = 120 -- s after it was sent
local SETTLED_LEAST = 60

local DEFAULTS = { first = 10, interval = 10, max = 30 }

--- The `poll` option: seconds to the first look, between looks, and at most;
-- and after a render without an answer until "not started" is believed.
poll.FIELD = {
  kind = "fields",
  fields = {
    first = { kind = "seconds" },
    interval = { kind = "seconds", minimum = 0.001 },
    max = { kind = "seconds", minimum = 0.001 },
    settle = { kind = "seconds" },
  },
}

--- Completes the option, and keeps it decent.
-- @tparam ?table given what the caller set
-- @tparam boolean local_service is the service on this machine?
-- @treturn table `first`, `interval`, `max`, `settle`
function poll.plan(given, local_service)
  given = given or {}
  local least = local_service and 0 or poll.LEAST
  local interval = math.max(least, given.interval or DEFAULTS.interval)
  return {
    first = math.max(least, given.first or math.min(DEFAULTS.first, interval)),
    interval = interval,
    max = math.max(interval, given.max or math.max(DEFAULTS.max, interval)),
    settle = math.max(local_service and 0 or SETTLED_LEAST,
      given.settle or SETTLED),
  }
end

--- The pause before the next look.
-- @tparam table plan
-- @tparam number elapsed seconds since the work began
-- @treturn number seconds
function poll.delay(plan, elapsed)
  return math.min(plan.max, math.max(plan.interval, elapsed / CALM))
end

--- The same for looks that nobody decides about one by one.
-- @tparam table plan
-- @tparam number elapsed seconds since the work began
-- @treturn number seconds from one look to the next
-- @treturn number seconds for which that holds
function poll.steady(plan, elapsed)
  local delay = poll.delay(plan, elapsed)
  if delay >= plan.max then
    return delay, math.huge
  end
  return delay, delay * CALM * STEADY - elapsed
end

return poll
