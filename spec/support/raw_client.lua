-- SPDX-License-Identifier: MIT
-- A client of bytes on LuaSocket for the specs of the fault server: sends what
-- it is given and tells how the connection ended. Knows as little of HTTP as
-- possible, so that it cannot repair what the server breaks.

local socket = require "socket"

local raw = {}

raw.RESET = "reset"
raw.PATIENCE = 5           -- seconds; nothing here waits that long in vain
raw.BRIEF = 0.15           -- seconds of silence that count as a stall

-- Sends text on a new connection; returns the connection.
function raw.dial(server, text)
  local connection = assert(socket.tcp4())
  connection:settimeout(raw.PATIENCE)
  assert(connection:connect("127.0.0.1", server.port))
  if text then connection:send(text) end
  return connection
end

function raw.get(path, headers)
  return "GET " .. path .. " HTTP/1.1\r\nHost: localhost\r\n"
    .. (headers or "") .. "\r\n"
end

-- All bytes up to the end, and how it ended ("closed", RESET, "timeout").
function raw.read_all(connection, timeout)
  connection:settimeout(timeout or raw.PATIENCE)
  local parts = {}
  while true do
    local bytes, why, partial = connection:receive(8192)
    parts[#parts + 1] = bytes or partial
    if not bytes then
      -- LuaSocket says "closed" for both; only after a RST is there no peer
      if why == "closed" and not connection:getpeername() then why = raw.RESET end
      return table.concat(parts), why
    end
  end
end

function raw.exchange(server, text, timeout)
  local connection = raw.dial(server, text)
  local bytes, why = raw.read_all(connection, timeout)
  connection:close()
  return bytes, why
end

-- Reads one answer with a Content-Length: status, headers as text, body.
function raw.read_answer(connection)
  local status = assert(connection:receive "*l"):match "^HTTP/1.1 (%d+)"
  local head, length = "", 0
  while true do
    local line = assert(connection:receive "*l")
    if line == "" then break end
    head = head .. line .. "\n"
    length = tonumber(line:match "^Content%-Length: (%d+)") or length
  end
  local body = length > 0 and assert(connection:receive(length)) or ""
  return tonumber(status), head, body
end

return raw
