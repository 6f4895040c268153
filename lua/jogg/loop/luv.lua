-- SPDX-License-Identifier: MIT

--- A client inside libuv's loop, as luv and Neovim have it: in any coroutine
-- its methods suspend the coroutine, and the loop goes on.
-- @module jogg.loop.luv
-- @usage require "jogg.loop.luv".attach(client)
-- coroutine.wrap(function() print(client:make_video { url = ... }) end)()

local adapter = {}

local debug = rawget(_G, "debug") -- sandboxed hosts have none

local function resume(thread)
  if coroutine.status(thread) == "dead" then
    return -- it was closed while it waited
  end
  local ok, err = coroutine.resume(thread)
  if not ok then
    error(debug and debug.traceback(thread, tostring(err)) or err, 0)
  end
end

--- Has the loop drive a client while that has tasks.
-- @param client
-- @tparam ?table uv `require "luv"` by default; Neovim's is `vim.loop`
-- @raise when the client has no I/O thread and can start none
function adapter.attach(client, uv)
  uv = uv or require "luv"
  local poll = assert(uv.new_poll(client:pollfd()))

  local function later(f, argument) -- never from inside a step
    local timer = assert(uv.new_timer())
    timer:start(0, 0, function()
      timer:close()
      f(argument)
    end)
  end

  client:attach {
    can_wait = function()
      local thread, is_main = coroutine.running() -- nil: main, before 5.2
      return thread ~= nil and not is_main
    end,
    wait = function(task, at_end)
      local thread = coroutine.running()
      at_end(function() later(resume, thread) end)
      repeat
        coroutine.yield()
      until task.done
    end,
    start = function()
      poll:start("r", function()
        if client:step() == 0 and not poll:is_closing() then
          poll:stop() -- an active handle would keep the loop from ending
        end
      end)
    end,
    stop = function()
      poll:close()
    end,
  }
end

return adapter
