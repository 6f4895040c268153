-- SPDX-License-Identifier: MIT
--
-- What the program calls, in this order: begin, listening, then request and
-- work from many threads (one at a time), progress, and finish.

local host = require "host"
local config = require "config"
local faults = require "faults"
local options = require "options"

local boot = {}

--- Reads the command line and opens the data.
-- @treturn[1] integer the port asked for
-- @treturn[1] integer how many renders run at a time
-- @treturn[2] nil nothing is to be started
-- @treturn[2] integer the exit status
function boot.begin(arguments)
  local settings, message, status = options.parse(arguments)
  if not settings then
    (status == 0 and io.stdout or io.stderr):write(message, "\n")
    return nil, status
  end
  config.take(settings)
  for _, fault in ipairs(settings.faults) do faults.add(fault) end
  local ok, why = require("store").open()
  if not ok then
    io.stderr:write("jogg-sandbox: ", why, "\n")
    return nil, 1
  end
  return config.port, config.renders
end

--- Hears the port; from here requests may come.
function boot.listening(port)
  config.base = ("http://127.0.0.1:%d"):format(port)
  require("projects").resume()
end

--- Answers one request.
function boot.request(request)
  return require("router").request(request)
end

--- Hears that an answer was sent with another status than the rules said.
function boot.sent(entry, status)
  require("log").sent(entry, status)
end

--- Renders one project after the other until the sandbox stops.
function boot.work()
  require("render").work()
end

--- Hears from a running program how much of a video is written.
-- @treturn boolean whether it is to go on
function boot.progress(token, microseconds)
  return require("render").progress(token, microseconds)
end

--- Removes what is temporary.
function boot.finish()
  if config.temporary then host.remove_folder(config.data) end
end

return boot
