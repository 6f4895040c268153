-- SPDX-License-Identifier: MIT
--
-- Starts an example's server, has it make three videos at once, asks it other
-- things meanwhile, and says how long those took to be answered. Fails when a
-- video is not made or when the others had to wait for it.
--
--   lua5.4 tools/ask_server.lua PAGE COMMAND ARGUMENTS...

local here = arg[0]:match "^(.*)/[^/]*$" or "."
package.path = here .. "/../?.lua;" .. package.path

local socket = require "socket"
local process = require "spec.support.process"

local VIDEOS = 3
local PAUSE = 0.02     -- s between two questions
local PATIENCE = 120   -- s for the videos
local LATEST = 1       -- s for an answer, on a busy machine

local server = process.start({ table.unpack(arg, 2) })
local line = server:line() or ""
local port = tonumber(line:match "^listening on http://127%.0%.0%.1:(%d+)$")
if not port then
  server:stop()
  error("the server did not start: " .. line)
end

local function send(method, path, body)
  local connection = assert(socket.tcp4())
  connection:settimeout(10)
  assert(connection:connect("127.0.0.1", port))
  assert(connection:send(("%s %s HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s")
    :format(method, path, #body, body)))
  return connection
end

local function read(connection)
  local text, why, part = connection:receive "*a"
  connection:close()
  local status, body = (text or ""):match "^HTTP/1%.0 (%d+) .-\r\n\r\n(.-)\n$"
  return status, body or ("no answer: %s %q"):format(why or "", text or part)
end

local function run()
  local status = read(send("POST", "/videos", "no URL at all"))
  assert(status == "400", "no URL, and the answer was " .. tostring(status))
  local waiting = {}
  for i = 1, VIDEOS do
    waiting[i] = send("POST", "/videos", arg[1])
  end
  local asked, longest, sum = 0, 0, 0
  local deadline = socket.gettime() + PATIENCE
  while #waiting > 0 do
    local before = socket.gettime()
    assert(before < deadline, "the videos take too long")
    assert(read(send("GET", "/", "")) == "200")
    local took = socket.gettime() - before
    asked, longest, sum = asked + 1, math.max(longest, took), sum + took
    local ready = socket.select(waiting, nil, PAUSE)
    for i = #waiting, 1, -1 do
      if ready[waiting[i]] then
        local text
        status, text = read(table.remove(waiting, i))
        print(status, text)
        assert(status == "201", "a video was not made")
        local _, failed = process.run { "ffprobe", "-v", "error",
          text:match "^(.-)," }
        assert(failed == 0, "it does not play")
      end
    end
  end
  print(("%d other requests meanwhile: mean %.2f ms, longest %.1f ms")
    :format(asked, 1000 * sum / asked, 1000 * longest))
  assert(asked > VIDEOS and longest < LATEST)
end

local ok, why = xpcall(run, debug.traceback)
server:stop()
if not ok then
  io.stderr:write("ask_server: ", why, "\n")
  os.exit(1)
end
