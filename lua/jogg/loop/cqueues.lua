-- SPDX-License-Identifier: MIT

--- A client inside a cqueues controller: in the controller's coroutines its
-- methods suspend the coroutine, and the controller goes on.
-- @module jogg.loop.cqueues
-- @usage local controller = require "cqueues".new()
-- require "jogg.loop.cqueues".attach(client, controller)
-- controller:wrap(function() print(client:make_video { url = ... }) end)
-- assert(controller:loop())

local cqueues = require "cqueues"
local condition = require "cqueues.condition"

local adapter = {}

--- Has a controller drive a client. While the client has tasks, the
-- controller has a coroutine that steps them.
-- @param client
-- @param controller from `cqueues.new()`
-- @raise when the client has no I/O thread and can start none
function adapter.attach(client, controller)
  local open, pumping = true, false

  local function pump()
    while open and client:step() > 0 do
      cqueues.poll(client)
    end
    pumping = false
  end

  client:attach {
    can_wait = function()
      local running, direct = cqueues.running()
      return running ~= nil and direct
    end,
    wait = function(task, at_end)
      local done = condition.new()
      at_end(function() done:signal() end)
      repeat
        done:wait()
      until task.done
    end,
    start = function()
      if not pumping then
        pumping = true
        controller:wrap(pump)
      end
    end,
    stop = function()
      open = false
      cqueues.cancel(client:pollfd()) -- before the descriptor is closed
    end,
  }
end

return adapter
