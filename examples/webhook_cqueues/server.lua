-- SPDX-License-Identifier: MIT
-- Receives webhooks on cqueues and prints the events, one line each.
--
--   JOGG_WEBHOOK_SECRET=whsec_... lua examples/webhook_cqueues/server.lua PORT
--
-- The endpoint is http://127.0.0.1:PORT/webhook. The service only calls https
-- addresses: have your web server pass /webhook on to it. Needs cqueues and jogg.

local cqueues = require "cqueues"
local socket = require "cqueues.socket"

local PATIENCE = 4 -- s for a whole request; the service waits 5
local LONGEST, LINES, LARGEST = 4096, 64, 2 ^ 20 -- line, head, body (bytes)
local CONNECTIONS = 100 -- at a time

local inbox = require("jogg.webhook").inbox { max_bytes = LARGEST,
  secret = assert(os.getenv "JOGG_WEBHOOK_SECRET", "no JOGG_WEBHOOK_SECRET") }

-- Reads a request: the status that refuses it; or nil, its body and headers.
local function read_request(connection)
  local deadline, headers = cqueues.monotime() + PATIENCE, {}
  local function read(what)
    connection:settimeout(math.max(0, deadline - cqueues.monotime()))
    return connection:read(what) or ""
  end
  local line = read "*L"
  if line == "" then return 408 end
  if not line:find "^POST /webhook HTTP/1%.[01]\r\n$" then return 404 end
  for _ = 1, LINES do
    line = read "*L"
    local name, value = line:match "^([%w-]+):(.*)\r\n$"
    if not name then break end
    name = name:lower() -- a header that came twice becomes a list
    headers[name] = (headers[name] and headers[name] .. "," or "") .. value
  end
  if line ~= "\r\n" then return 400 end -- cut, too long, too many, or none
  local length = tonumber((headers["content-length"] or ""):match "^ *(%d+) *$")
  if not length or headers["transfer-encoding"] then return 411 end
  if length > LARGEST then return 413 end
  local body = length > 0 and read(length) or ""
  return #body < length and 408 or nil, body, headers
end

local function serve(connection)
  connection:setmode("bn", "bn")
  connection:setmaxline(LONGEST)
  local status, body, headers = read_request(connection)
  local event
  if not status then status, event = inbox:receive(body, headers) end
  connection:write(("HTTP/1.1 %d \r\nContent-Length: 0\r\n" ..
    "Connection: close\r\n\r\n"):format(status))
  connection:close()
  if status == 200 and not event.repeated then -- work comes after the answer
    print(event.event, event.status, event.id_of_job, event.url)
  end
end

socket.onerror(function(_, _, code) return code end) -- nothing raises
local server = assert(socket.listen("127.0.0.1", tonumber(arg[1]) or 0))
assert((server:listen()), "the port is taken")
io.stdout:setvbuf "line"
print("listening on http://127.0.0.1:" .. select(3, server:localname()))
local controller = cqueues.new()
controller:wrap(function()
  while true do
    local connection = controller:count() <= CONNECTIONS and server:accept()
    if connection then controller:wrap(serve, connection)
    else cqueues.sleep(0.01) end
  end
end)
assert(controller:loop())
