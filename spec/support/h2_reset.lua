-- SPDX-License-Identifier: MIT
-- A program (LUA54 h2_reset.lua FOLDER, which certificates.lua has filled): a
-- server over TLS, HTTP/2 where the client knows it, that never answers a POST
-- and resets its connection as soon as anything more comes over it. GETs are
-- answered with an empty 200. Prints its port, then a line for each request:
-- its method and protocol. Knows just enough of RFC 9113 for that. Lives for a
-- minute if nobody stops it.

local cqueues = require "cqueues"
local sockets = require "cqueues.socket"
local context = require "openssl.ssl.context"
local pkey = require "openssl.pkey"
local x509 = require "openssl.x509"

local PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
local SETTINGS = "\0\0\0\4\0\0\0\0\0"        -- an empty frame
local OK = "\0\0\1\1\5%s\136"                -- HEADERS: the stream, :status 200
local METHODS = { [0x82] = "GET", [0x83] = "POST" } -- of HPACK's static table
local LIFETIME = 60                          -- s
local DRAIN = 0.1                            -- s for the rest of a POST

local loop = cqueues.new()

local function content(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read "a"
  file:close()
  return bytes
end

local folder = arg[1]
local tls = context.new("TLS", true)
tls:setCertificate(x509.new(content(folder .. "/good.crt"), "PEM"))
tls:setPrivateKey(pkey.new(content(folder .. "/good.key"), "PEM"))
tls:setAlpnSelect(function(_, offered)
  for _, protocol in ipairs(offered) do
    if protocol == "h2" then return protocol end
  end
  return "http/1.1"
end)

local function seen(method, protocol)
  print(method .. " " .. protocol)
end

-- Reads what belongs to the POST, waits for more, and closes without reading
-- that: then the system sends a reset.
local function reset_when_more_comes(connection)
  local deadline = cqueues.monotime() + DRAIN
  while cqueues.monotime() < deadline do
    connection:xread(-65536, "b", deadline - cqueues.monotime())
  end
  cqueues.poll { pollfd = connection:pollfd(), events = "r" }
end

local function serve_2(connection)
  connection:xwrite(SETTINGS, "bn")
  if connection:xread(#PREFACE, "b") ~= PREFACE then return end
  while true do
    local head = connection:xread(9, "b")
    if not head then return end
    local length, kind = (">I3 B"):unpack(head)
    local body = length > 0 and connection:xread(length, "b") or ""
    if kind == 1 then -- HEADERS; its flag 0x20: five bytes of priority first
      local first = head:byte(5) & 0x20 ~= 0 and 6 or 1
      local method = METHODS[body:byte(first)]
      seen(tostring(method), "h2")
      if method == "POST" then return reset_when_more_comes(connection) end
      connection:xwrite(OK:format(head:sub(6, 9)), "bn")
    end
  end
end

local function serve_1(connection)
  for line in connection:lines "*L" do
    local method = line:match "^(%u+) "
    if method then seen(method, "http/1.1") end
    if method == "POST" then return reset_when_more_comes(connection) end
    if line == "\r\n" then
      connection:xwrite("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "bn")
    end
  end
end

local function serve(connection)
  connection:onerror(function(_, _, code) return code end)
  connection:setmode("b", "bn")
  if connection:starttls(tls) then
    local ssl = connection:checktls()
    if ssl:getAlpnSelected() == "h2" then
      serve_2(connection)
    else
      serve_1(connection)
    end
  end
  connection:close()
end

io.stdout:setvbuf "line"
local listener = sockets.listen { host = "127.0.0.1", port = 0 }
assert(listener:listen())
loop:wrap(function()
  for connection in listener:clients() do
    loop:wrap(serve, connection)
  end
end)
loop:wrap(function()
  cqueues.sleep(LIFETIME)
  os.exit(0)
end)
print((select(3, listener:localname())))
assert(loop:loop())
