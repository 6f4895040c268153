-- SPDX-License-Identifier: MIT
-- A clock that a spec turns: the Lua layer takes its time from core.now, which
-- stands here under another hand. Timeouts of transfers go by the real one.

local core = require "jogg.core"

local clock = {}

--- Puts the clock in place.
-- @treturn table `real()`, `pass(seconds)`, `remove()`
function clock.install()
  local now, later = core.now, 0
  local self = { real = now }
  function core.now() return now() + later end
  function self.pass(seconds) later = later + seconds end
  function self.remove() core.now = now end
  return self
end

--- Steps a client until nothing can go on before a second has passed.
-- @tparam Client client
function clock.settle(client)
  local deadline = os.time() + 20
  repeat
    local alive = client:step(0.02)
    local left = client:timeout()
    assert(os.time() < deadline, "it does not settle")
  until alive == 0 or
    left and left > 1 and client.scheduler.in_flight == 0
end

return clock
