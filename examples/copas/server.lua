-- SPDX-License-Identifier: MIT
-- A small HTTP server on copas that makes videos and goes on serving.
--
--   lua examples/copas/server.lua [PORT]
--   curl -d https://shop.example/lamp http://127.0.0.1:PORT/videos
--   curl http://127.0.0.1:PORT/
--
-- The first request is answered when its video is made. Meanwhile the server
-- answers any number of others, each in a thread of copas. The videos
-- go to the current folder. It serves this machine only, until it is killed.
--
-- Needs copas (which brings coxpcall), jogg, and JOGG_API_KEY.

local copas = require "copas"
local pcall = require "coxpcall".pcall -- across which a thread can wait in 5.1
local socket = require "socket"
local jogg = require "jogg"

local PATIENCE = 10      -- s for a request to arrive
local LONGEST = 4096     -- bytes of a body

local client = jogg.client { ca_file = os.getenv "JOGG_CA_FILE" }
require "jogg.loop.copas".attach(client)

local served, asked, making, made = 0, 0, 0, 0

-- Suspends the connection's thread, and nothing else, until it is done.
local function make(url)
  asked, making = asked + 1, making + 1
  local name = ("video-%d.mp4"):format(asked)
  local ok, video, err = pcall(client.make_video, client, {
    url = url, output = name, poll = { first = 1, interval = 1 },
  })
  making = making - 1
  if not ok then
    return 500, video -- misuse: a mistake in this program
  elseif not video then -- kind "parameter": not a URL, say
    return err.kind == "parameter" and 400 or 502, tostring(err)
  end
  made = made + 1
  return 201, ("%s, %d bytes"):format(video.path, video.bytes)
end

local function answer(method, path, body)
  if method == "POST" and path == "/videos" then
    return make(body)
  elseif method == "GET" and path == "/" then
    return 200, ("%d requests; %d videos made, %d being made"):format(served,
      made, making)
  end
  return 404, "there is nothing here"
end

local function serve(plain)
  local connection = copas.wrap(plain)
  connection:settimeout(PATIENCE)
  local line = connection:receive "*l"
  local method, path = (line or ""):match "^(%u+) (%S+) HTTP/1"
  local length = 0
  repeat
    line = connection:receive "*l"
    local value = line and line:lower():match "^content%-length:%s*(%d+)"
    length = value and tonumber(value) or length
  until not line or line == ""
  if method and line and length <= LONGEST then
    served = served + 1
    local body = length > 0 and connection:receive(length) or ""
    local status, text = answer(method, path, body)
    connection:send(("HTTP/1.0 %d -\r\nContent-Type: text/plain\r\n" ..
      "Content-Length: %d\r\n\r\n%s\n"):format(status, #text + 1, text))
  end
  plain:close() -- older versions of copas do so only after waits of their own
end

local server = assert(socket.bind("127.0.0.1", tonumber(arg[1]) or 0))
local _, port = server:getsockname()
copas.addserver(server, serve)
io.stdout:write(("listening on http://127.0.0.1:%d\n"):format(port))
io.stdout:flush()
copas.loop()
