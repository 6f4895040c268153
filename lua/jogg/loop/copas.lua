-- SPDX-License-Identifier: MIT

--- A client inside a copas loop: in copas threads its methods suspend the
-- thread, and the loop goes on.
-- @module jogg.loop.copas

local copas = require "copas"

local adapter = {}

--- Has copas drive a client.
-- @param client
-- @raise when the client has no I/O thread and can start none
function adapter.attach(client)
  local open, pumping = true, false

  -- Suspends a copas thread until that holds. What copas waits for is an
  -- object with a descriptor. Of all that have the same one, select names but
  -- one as readable: it steps, for all. The others say "dirty" when they can
  -- go on.
  local function wait_until(holds)
    local descriptor = client:pollfd()
    local source = {
      getfd = function() return descriptor end,
      dirty = function() return not open or holds() end,
      close = function() end,
      receive = function()
        local _ = open and client:step()
        return (not open or holds()) and "" or nil, "timeout"
      end,
    }
    repeat
      copas.receive(source)
    until not open or holds()
  end

  client:attach {
    can_wait = function()
      local thread, is_main = coroutine.running() -- nil: main, before 5.2
      return thread ~= nil and not is_main
    end,
    wait = function(task)
      wait_until(function() return task.done end)
    end,
    start = function()
      if not pumping then
        pumping = true
        copas.addthread(function()
          wait_until(function() return client.scheduler.count == 0 end)
          pumping = false
        end)
      end
    end,
    stop = function() open = false end,
  }
end

return adapter
