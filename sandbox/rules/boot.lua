-- SPDX-License-Identifier: MIT
--
-- What the program calls, in this order: begin, listening, then admit,
-- request, abandon and work from many threads (one at a time), progress, and
-- finish.

local host = require "host"
local config = require "config"
local faults = require "faults"
local lanes = require "lanes"
local options = require "options"
local quirks = require "quirks"

local boot = {}

--- Reads the command line and opens the data.
-- @treturn[1] table the ports asked for, and the lane of each worker
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
  quirks.set(config.quirks)
  local ok, why = require("store").open()
  if not ok then
    io.stderr:write("jogg-sandbox: ", why, "\n")
    return nil, 1
  end
  return {
    port = config.port, storage_port = config["storage-port"],
    lanes = lanes.list(),
  }
end

--- Takes the ports; from here requests may come.
function boot.listening(port, storage_port)
  config.base = ("http://127.0.0.1:%d"):format(port)
  config.storage = ("http://127.0.0.1:%d"):format(storage_port)
  require("projects").resume()
  require("v2.service").resume()
end

--- Admits or refuses a request to the storage before its body arrives.
-- @treturn table the answer, or where the body is to go: ticket, path, limit,
-- reset_at
function boot.admit(request)
  return require("v2.storage").admit(request)
end

--- Drops an admitted request whose body did not arrive whole.
function boot.abandon(ticket)
  require("v2.storage").abandon(ticket)
end

--- Answers one request.
function boot.request(request)
  if request.origin == "storage" then
    return require("v2.storage").receive(request)
  end
  return require("router").request(request)
end

--- Hears that an answer was sent with another status than the rules said.
function boot.sent(entry, status)
  require("log").sent(entry, status)
end

--- Runs a lane's entries until the sandbox stops.
function boot.work(lane)
  lanes.work(lane)
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
