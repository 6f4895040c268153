-- SPDX-License-Identifier: MIT
-- The spec's side of the fault server: starts it, gives it its script, asks
-- what arrived, stops it. Also the two things that are no server: a port that
-- refuses and one that never answers a connect. What a script may say stands
-- in fault_script.lua. Nothing here touches the code under test.

local cjson = require "cjson".new()
local socket = require "socket"
local process = require "spec.support.process"
local script = require "spec.support.fault_script"

local faults = {}
local methods = {}
local meta = { __index = methods, __name = "fault server" }

local CONTROL_TIMEOUT = 10       -- seconds for the server to take an order
local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)
local FILL = 4                   -- connections that fill a backlog of 0

local here = debug.getinfo(1, "S").source:match "^@(.*)/[^/]*$" or "."

-- Helper programs are not under test: no sanitizer is preloaded into them,
-- and the core's folder is not theirs.
local HELPER_ENVIRONMENT = { LD_PRELOAD = false }

local function helper(name)
  return { os.getenv "LUA54" or "lua5.4", here .. "/" .. name }
end

-- {======================================================================
-- Certificates: one set for all servers that run at a time
-- =======================================================================

local certificates = { users = 0 }

local function acquire_certificates()
  if certificates.users == 0 then
    local folder = process.temporary_folder()
    local arguments = helper "certificates.lua"
    arguments[3] = folder
    local child = process.start(arguments, { env = HELPER_ENVIRONMENT })
    local complaint = child:read_all()
    assert(child:wait() and io.open(folder .. "/ca.pem"),
      "no certificates were made: " .. complaint):close()
    certificates.folder = folder
  end
  certificates.users = certificates.users + 1
  return certificates.folder
end

local function release_certificates()
  certificates.users = certificates.users - 1
  if certificates.users == 0 then
    process.remove_folder(certificates.folder)
    certificates.folder = nil
  end
end

local TLS_FIELDS = {
  name = true, ca = true, wrong_name = true, expired = true, not_yet = true,
  self_signed = true, version = true,
}

local function certificate_kind(tls)
  for name in pairs(tls) do
    if not TLS_FIELDS[name] then error("tls: no such field: " .. name, 3) end
  end
  for _, kind in ipairs { "wrong_name", "expired", "not_yet", "self_signed" } do
    if tls[kind] then return kind end
  end
  return tls.ca == "other" and "other" or "good"
end

-- }======================================================================

-- {======================================================================
-- A running server
-- =======================================================================

--- Starts a fault server.
-- Options: `tls` (true, or a table: `name` for the URL, "localhost" by
-- default; `ca` = "good" or "other"; `wrong_name`, `expired`, `not_yet`,
-- `self_signed` = true; `version` = "1.2"), `port` (any free one by default).
-- @tparam ?table options
-- @treturn table the server: url, port, pid, ca_file, other_ca_file
function faults.start(options)
  options = options or {}
  local tls = options.tls and (options.tls == true and {} or options.tls)
  local arguments = helper "fault_server.lua"
  arguments[3] = string.format("%d", options.port or 0)
  local kind = tls and certificate_kind(tls)      -- may raise
  local folder = tls and acquire_certificates()
  arguments[4] = tls and folder .. "/" .. kind or ""
  arguments[5] = tls and tls.version or ""
  local child = process.start(arguments, { env = HELPER_ENVIRONMENT })
  local line = child:line() or ""
  local port, control_port = line:match "^listening (%d+) (%d+)$"
  if not port then
    child:stop()
    if tls then release_certificates() end
    error("the fault server did not start: " .. line, 2)
  end
  local control = assert(socket.tcp4())
  control:settimeout(CONTROL_TIMEOUT)
  assert(control:connect("127.0.0.1", tonumber(control_port)))
  control:setoption("tcp-nodelay", true)
  local host = tls and (tls.name or "localhost") or "127.0.0.1"
  return setmetatable({
    url = (tls and "https://" or "http://") .. host .. ":" .. port,
    host = host, port = tonumber(port), pid = child.pid,
    ca_file = folder and folder .. "/ca.pem",
    other_ca_file = folder and folder .. "/other_ca.pem",
    child = child, control = control, tls = tls,
  }, meta)
end

local function order(server, fields)
  assert(server.control, "the fault server was stopped")
  assert(server.control:send(cjson.encode(fields) .. "\n"))
  local line = assert(server.control:receive "*l")
  local reply = cjson.decode(line)
  if reply.error then error("fault server: " .. reply.error, 3) end
  return reply
end

local function check_steps(convert, steps)
  local ok, result = pcall(convert, steps)
  if not ok then error(result, 3) end
  return result
end

--- Scripts the answers to matching requests: one step for each request, the
-- last one for all that follow. Replaces an earlier script for the same pair.
-- @tparam string method GET, POST, ... or "*"
-- @tparam string path without query; a final "*" matches any rest
-- @tparam table steps a list of steps, or one step
-- @treturn table the server
function methods:on(method, path, steps)
  order(self, { order = "on", method = method, path = path,
    steps = check_steps(script.answers, steps) })
  return self
end

--- Scripts what happens to new connections before any request: one step for
-- each connection from now on, the last one for all that follow.
-- @tparam table steps a list of steps, or one step; {} is no fault
-- @treturn table the server
function methods:on_connect(steps)
  order(self, { order = "on_connect",
    steps = check_steps(script.connections, steps) })
  return self
end

--- The requests that arrived, in order, since the start or clear().
-- @treturn {table,...} each with method, path, query (raw), parameters
-- (decoded), headers (names in lower case), header_list (as sent), body,
-- body_length, complete, connection, request_on_connection, time
function methods:requests()
  return order(self, { order = "requests" }).requests
end

--- The last request that arrived.
function methods:last_request()
  local all = self:requests()
  return all[#all]
end

--- How many TCP connections were accepted so far, how many are open now, how
-- many of those wait for a request, how many TLS handshakes succeeded.
-- @treturn number accepted
-- @treturn number open
-- @treturn number idle
-- @treturn number handshakes
function methods:connections()
  local reply = order(self, { order = "connections" })
  return reply.accepted, reply.open, reply.idle, reply.handshakes
end

--- Waits until the server has seen enough.
-- @tparam table wanted `requests` = at least, `accepted` = at least,
-- `open` = at most; `timeout` in seconds, 5 by default (more under a checker)
-- @treturn boolean whether it came to that
function methods:wait(wanted)
  local timeout = wanted.timeout or 5 * SLOW
  self.control:settimeout(timeout + CONTROL_TIMEOUT)
  local now = order(self, { order = "wait", timeout = timeout,
    requests = wanted.requests, accepted = wanted.accepted,
    open = wanted.open })
  self.control:settimeout(CONTROL_TIMEOUT)
  return (not wanted.requests or now.requests >= wanted.requests)
    and (not wanted.accepted or now.accepted >= wanted.accepted)
    and (not wanted.open or now.open <= wanted.open)
end

--- Ends the connections that wait for a request: FIN, or RST.
-- @tparam ?table options `reset` = true for RST
-- @treturn number how many there were
function methods:close_idle(options)
  return order(self, { order = "close_idle",
    reset = options and options.reset or false }).closed
end

--- Makes the connections that are tunnelled now silent, both ways: they stay
-- open, and what is sent over them arrives nowhere.
-- @treturn table the server
function methods:freeze()
  order(self, { order = "freeze" })
  return self
end

--- Forgets all scripts and requests; connections stay as they are.
-- @treturn table the server
function methods:clear()
  order(self, { order = "clear" })
  return self
end

--- Stops the server; its connections end with it. May be repeated.
function methods:stop()
  if not self.control then return end
  self.control:close()
  self.control = nil
  self.child:stop()
  if self.tls then release_certificates() end
end

-- }======================================================================

-- {======================================================================
-- Ports without a server
-- =======================================================================

local refused = {}       -- bound, not listening: nobody else gets the port

--- A URL whose port refuses every connection.
-- @treturn string
function faults.refused_url()
  local holder = assert(socket.tcp4())
  assert(holder:bind("127.0.0.1", 0))
  refused[#refused + 1] = holder
  local _, port = holder:getsockname()
  return "http://127.0.0.1:" .. port
end

--- A port whose connects hang: its backlog is full, further SYNs are dropped.
-- @treturn table url, port, :stop()
function faults.blackhole()
  local listener = assert(socket.tcp4())
  assert(listener:bind("127.0.0.1", 0))
  assert(listener:listen(0))
  local _, port = listener:getsockname()
  local held = { listener }
  for _ = 1, FILL do
    local filler = assert(socket.tcp4())
    filler:settimeout(0)
    filler:connect("127.0.0.1", port)
    held[#held + 1] = filler
  end
  return {
    url = "http://127.0.0.1:" .. port, port = tonumber(port),
    stop = function()
      for i = #held, 1, -1 do
        held[i]:close()
        held[i] = nil
      end
    end,
  }
end

-- }======================================================================

return faults
