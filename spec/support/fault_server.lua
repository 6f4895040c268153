-- SPDX-License-Identifier: MIT
-- The fault server: an HTTP server on loopback that misbehaves on the wire as
-- it is told. A program of its own (LUA54 fault_server.lua [OPTIONS]), so that
-- it goes on while the client under test blocks. Its first line is
-- "listening PORT CONTROL": the port that misbehaves, and the one that takes
-- orders, one JSON object a line (faults.lua is their only writer). It ends
-- when the process that started it is gone.

local here = arg[0]:match "^(.*)/[^/]*$" or "."
package.path = here .. "/../../?.lua;" .. package.path

local cqueues = require "cqueues"
local cjson = require "cjson".new()
local ssl = require "ssl"
local answer = require "spec.support.fault_answer"
local request = require "spec.support.fault_request"
local wires = require "spec.support.fault_wire"

local WAIT_STEP = 0.002      -- seconds between looks of the `wait` order
local PARENT_CHECK = 0.5     -- seconds between looks at the parent

local loop = cqueues.new()
local tls_context            -- nil: plain HTTP
local state                  -- what is scripted and what was seen

local function fresh_state(accepted)
  return {
    scripts = {},            -- list of { method, path, steps, used }
    connect = { steps = {}, used = 0 },
    requests = {},           -- in order of arrival
    accepted = accepted or 0, open = state and state.open or 0,
    handshakes = 0,          -- TLS handshakes that succeeded
    idle = state and state.idle or {},   -- wires that wait for a request
    relayed = state and state.relayed or {},   -- wires in a tunnel
  }
end

-- {======================================================================
-- The misbehaving port
-- =======================================================================

-- The next step of a queue; the last one stays.
local function take(queue)
  if queue.used < #queue.steps then queue.used = queue.used + 1 end
  return queue.steps[queue.used]
end

local function matches(script, head)
  local path = script.path
  return (script.method == "*" or script.method == head.method)
    and (path == head.path
      or path:sub(-1) == "*" and head.path:find(path:sub(1, -2), 1, true) == 1)
end

local function step_for(head)
  for _, script in ipairs(state.scripts) do
    if matches(script, head) then
      local step = take(script)
      if step.reused and head.request_on_connection > 1 then
        return step.reused
      end
      return step
    end
  end
  return { status = 404, body = cjson.encode {
    code = 404, msg = "nothing scripted for " .. head.method .. " "
      .. head.path } }
end

local function serve_requests(wire, number)
  local count = 0
  while not wire.closed do
    state.idle[wire] = true
    local head = request.read_head(wire)
    state.idle[wire] = nil
    if not head then return end
    count = count + 1
    head.connection, head.request_on_connection = number, count
    head.time = cqueues.monotime()
    state.requests[#state.requests + 1] = head
    if not answer.perform(wire, head, step_for(head)) then return end
  end
end

-- What is to happen before any request; false when that was all.
local function greet(wire, step)
  local stage = step.reset or step.close or step.stall
  -- its first bytes are there: the client is in the middle of its handshake
  if stage == "tls" and not wire:read_some(4096) then return false end
  if step.delay then cqueues.sleep(step.delay) end
  if step.reset then
    wire:reset()
  elseif step.close then
    wire:finish(true)
  elseif step.stall then
    wire:stall()
  elseif step.raw then
    wire:send(step.raw)
    wire:finish(true)
  elseif step.tunnel then
    state.relayed[wire] = true
    wire:relay(step.tunnel)
    state.relayed[wire] = nil
  else
    return true
  end
  return false
end

local function serve(wire)
  state.accepted, state.open = state.accepted + 1, state.open + 1
  local number, step = state.accepted, take(state.connect) or {}
  local ok, why = xpcall(function()
    if not greet(wire, step) then return end
    if tls_context then
      if not wire:start_tls(tls_context) then return end
      state.handshakes = state.handshakes + 1
    end
    serve_requests(wire, number)
  end, debug.traceback)
  state.idle[wire] = nil
  if wire.reset_wanted then wire:reset() end
  wire:abandon()
  state.open = state.open - 1
  if not ok then io.stderr:write("fault server: ", why, "\n") end
end

-- }======================================================================

-- {======================================================================
-- The control port
-- =======================================================================

local orders = {}

function orders.on(order)
  -- a later script for the same requests takes the place of the earlier
  local script = { method = order.method, path = order.path,
    steps = order.steps, used = 0 }
  for i, old in ipairs(state.scripts) do
    if old.method == script.method and old.path == script.path then
      state.scripts[i] = script
      return {}
    end
  end
  state.scripts[#state.scripts + 1] = script
  -- the exact ones first, then the longest
  table.sort(state.scripts, function(a, b)
    local a_any, b_any = a.path:sub(-1) == "*", b.path:sub(-1) == "*"
    if a_any ~= b_any then return b_any end
    if #a.path ~= #b.path then return #a.path > #b.path end
    return a.method ~= "*" and b.method == "*"
  end)
  return {}
end

function orders.on_connect(order)
  state.connect = { steps = order.steps, used = 0 }
  return {}
end

function orders.requests()
  return { requests = state.requests }
end

function orders.connections()
  local idle = 0
  for _ in pairs(state.idle) do idle = idle + 1 end
  return { accepted = state.accepted, open = state.open, idle = idle,
    handshakes = state.handshakes }
end

function orders.wait(order)
  local deadline = cqueues.monotime() + order.timeout
  repeat
    local enough = (not order.requests or #state.requests >= order.requests)
      and (not order.accepted or state.accepted >= order.accepted)
      and (not order.open or state.open <= order.open)
    if not enough then cqueues.sleep(WAIT_STEP) end
  until enough or cqueues.monotime() > deadline
  local now = orders.connections()
  now.requests = #state.requests
  return now
end

function orders.close_idle(order)
  local list = {}
  for wire in pairs(state.idle) do list[#list + 1] = wire end
  for _, wire in ipairs(list) do
    wire.reset_wanted = order.reset
    wire:interrupt()           -- its own coroutine ends it
  end
  return { closed = #list }
end

function orders.freeze()
  for wire in pairs(state.relayed) do wire.frozen = true end
  return {}
end

function orders.clear()
  state = fresh_state(state.accepted)
  return {}
end

local function take_orders(wire)
  for line in wire.line, wire do
    local order = cjson.decode(line)
    local ok, reply = pcall(orders[order.order], order)
    if not ok then reply = { error = tostring(reply) } end
    wire:send(cjson.encode(reply) .. "\n")
  end
  wire:abandon()
end

-- }======================================================================

-- {======================================================================
-- Starting and ending
-- =======================================================================

local function parent_id()
  for line in io.lines "/proc/self/status" do
    local id = line:match "^PPid:%s*(%d+)"
    if id then return id end
  end
end

local function new_tls_context(prefix, version)
  return assert(ssl.newcontext {
    mode = "server", protocol = version == "1.2" and "tlsv1_2" or "any",
    certificate = prefix .. ".crt", key = prefix .. ".key",
    verify = "none", options = "all",
  })
end

local function main(port, certificate, version)
  local parent = parent_id()
  state = fresh_state()
  if certificate and certificate ~= "" then
    tls_context = new_tls_context(certificate, version)
  end
  local public_port = wires.listen(loop, tonumber(port) or 0, serve)
  local control_port = wires.listen(loop, 0, take_orders)
  loop:wrap(function()
    while parent_id() == parent do cqueues.sleep(PARENT_CHECK) end
    os.exit(0, false)
  end)
  io.stdout:write(string.format("listening %d %d\n", public_port,
    control_port))
  io.stdout:flush()
  assert(loop:loop())
end

main(arg[1], arg[2], arg[3])

-- }======================================================================
