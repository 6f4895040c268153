-- SPDX-License-Identifier: MIT
-- A receiver of webhooks for specs, in the spec's own process: a socket that
-- listens, and takes one request when the spec says so.

local socket = require "socket"

local receiver = {}
local methods = {}
local meta = { __index = methods, __name = "receiver" }

local PATIENCE = 20          -- seconds for an event, on a busy machine

--- Begins to listen on a free port of 127.0.0.1.
-- @treturn table the receiver: url, port, and the methods below
function receiver.new()
  local listener = assert(socket.bind("127.0.0.1", 0, 32))
  local _, port = listener:getsockname()
  return setmetatable({
    listener = listener, port = tonumber(port),
    url = ("http://127.0.0.1:%d/hook"):format(port),
  }, meta)
end

local function read_head(client)
  local request = { headers = {} }
  local line = assert(client:receive "*l")
  request.method, request.path = line:match "^(%u+) (%S+) HTTP/1"
  while true do
    line = assert(client:receive "*l")
    if line == "" then return request end
    local name, value = line:match "^([^:]+):%s*(.-)%s*$"
    request.headers[name:lower()] = value
  end
end

--- Takes the next request and answers it.
-- @tparam ?table options `status` (200), `wait` (seconds before the answer),
-- `seconds` (how long to wait for the request, 20 by default), `silent` (no
-- answer: the connection stays open until the receiver is closed)
-- @treturn[1] table method, path, headers (names in lower case), body
-- @treturn[2] nil nothing came
function methods:take(options)
  options = options or {}
  self.listener:settimeout(options.seconds
    or PATIENCE * (tonumber(os.getenv "JOGG_SLOW") or 1))
  local client = self.listener:accept()
  if not client then return nil end
  client:settimeout(PATIENCE)
  local request = read_head(client)
  local length = tonumber(request.headers["content-length"] or 0)
  request.body = length > 0 and assert(client:receive(length)) or ""
  if options.silent then
    self.held = self.held or {}
    self.held[#self.held + 1] = client
    return request
  end
  if options.wait then socket.sleep(options.wait) end
  client:send(("HTTP/1.1 %d X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    :format(options.status or 200))
  client:close()
  return request
end

--- Ends it. May be called again.
function methods:close()
  for _, client in ipairs(self.held or {}) do client:close() end
  self.held = nil
  self.listener:close()
end

return receiver
