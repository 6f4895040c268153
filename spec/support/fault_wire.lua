-- SPDX-License-Identifier: MIT
-- One accepted connection of the fault server: TLS, reading, writing and the
-- ways to end it that a well-behaved program never uses (RST in the middle,
-- FIN without close_notify, silence). Knows nothing of HTTP. LuaSocket and
-- LuaSec do the work, cqueues the waiting: methods that wait run inside its
-- coroutines. A failed read or write is a nil or false, never an error.

local cqueues = require "cqueues"
local socket = require "socket"
local ssl = require "ssl"

local BLOCK = 65536
local DRAIN_TIMEOUT = 5      -- seconds for the client to take what was sent
local SLICES = 20            -- pieces a second for a slow body

local wire = {}
local methods = {}
local meta = { __index = methods, __name = "wire" }

-- LuaSec's close always says close_notify and cannot let go of a descriptor.
-- So an object whose descriptor was closed underneath it is kept for ever:
-- nobody may close that number a second time.
local bereft = {}

-- {======================================================================
-- Listening, birth
-- =======================================================================

--- Listens on a loopback port and gives each connection to a new coroutine.
-- @param loop the cqueues controller
-- @tparam number port 0: any
-- @tparam function handler called with a wire
-- @treturn number the port
function wire.listen(loop, port, handler)
  local listener = assert(socket.tcp4())
  assert(listener:setoption("reuseaddr", true))
  assert(listener:bind("127.0.0.1", port))
  assert(listener:listen(1024))
  listener:settimeout(0)
  local poller = { pollfd = listener:getfd(), events = "r" }
  loop:wrap(function()
    while true do
      local client, why = listener:accept()
      if client then
        loop:wrap(handler, wire.new(client))
      elseif why == "timeout" then
        cqueues.poll(poller)
      else
        cqueues.sleep(0.05)        -- out of descriptors: they come back
      end
    end
  end)
  local _, bound = listener:getsockname()
  return tonumber(bound)
end

--- Wraps a LuaSocket client.
function wire.new(client)
  client:settimeout(0)
  client:setoption("tcp-nodelay", true)
  local _, local_port = client:getsockname()
  local _, peer_port = client:getpeername()
  return setmetatable({
    stream = client, buffer = "", alive = true,
    poller = { pollfd = client:getfd(), events = "r" },
    -- its row in the kernel's table of connections
    row = string.format("^%%s*%%d+: 0100007F:%04X 0100007F:%04X %%x%%x (%%x+):",
      tonumber(local_port) or 0, tonumber(peer_port) or 0),
  }, meta)
end

-- }======================================================================

-- {======================================================================
-- Reading, writing
-- =======================================================================

local EVENTS = { timeout = "r", wantread = "r", wantwrite = "w" }

-- Waits for what the stream wants; false: it is over, or it took too long.
local function wait_for(self, events)
  if not events or self.interrupted then return false end
  self.poller.events = events
  if self.deadline and cqueues.monotime() >= self.deadline then return false end
  cqueues.poll(self.poller,
    self.deadline and self.deadline - cqueues.monotime())
  return not self.interrupted
end

--- Does the TLS handshake as the server.
-- @treturn boolean whether it succeeded
function methods:start_tls(context)
  local stream = ssl.wrap(self.stream, context)
  if not stream then return false end
  self.stream, self.encrypted = stream, true
  stream:settimeout(0)
  while true do
    local ok, why = stream:dohandshake()
    if ok then return true end
    if not wait_for(self, EVENTS[why]) then return false end
  end
end

-- Adds the bytes that have arrived to the buffer, at least one; false at the end.
local function fill(self)
  while not self.closed do
    local bytes, why, partial = self.stream:receive(BLOCK)
    bytes = bytes or partial
    -- A TLS connection that broke off: OpenSSL 3.5 fails to write to it without
    -- an errno, and LuaSec then tries again for ever.
    if self.encrypted and why and why ~= "closed" and not EVENTS[why] then
      self.alive = false
    end
    if bytes and #bytes > 0 then
      self.buffer = self.buffer .. bytes
      return true
    end
    if not wait_for(self, EVENTS[why]) then return false end
  end
  return false
end

--- One line without its LF, or nil.
function methods:line()
  local from = 1
  while true do
    local stop = self.buffer:find("\n", from, true)
    if stop then
      local line = self.buffer:sub(1, stop - 1)
      self.buffer = self.buffer:sub(stop + 1)
      return line
    end
    from = #self.buffer + 1
    if not fill(self) then return nil end
  end
end

--- Some bytes: at most n, at least one; nil at the end.
function methods:read_some(n)
  if #self.buffer == 0 and not fill(self) then return nil end
  local bytes = self.buffer:sub(1, n)
  self.buffer = self.buffer:sub(#bytes + 1)
  return bytes
end


--- Sends bytes.
-- @treturn boolean false when the client is gone
function methods:send(bytes)
  local from = 1
  while self.alive and from <= #bytes do
    local last, why, partial = self.stream:send(bytes, from)
    from = (last or partial or from - 1) + 1
    if not last then
      self.alive = wait_for(self, why == "timeout" and "w" or EVENTS[why])
    end
  end
  return self.alive
end

--- Sends bytes at a pace.
-- @tparam string bytes
-- @tparam ?number rate bytes a second; nil sends at once
function methods:send_paced(bytes, rate)
  if not rate then return self:send(bytes) end
  local slice = math.max(1, math.floor(rate / SLICES))
  for from = 1, #bytes, slice do
    if from > 1 then cqueues.sleep(slice / rate) end
    if not self:send(bytes:sub(from, from + slice - 1)) then return false end
  end
  return true
end

--- Sends the same block until the client is gone or limit bytes are sent.
function methods:send_repeated(block, limit)
  local sent = 0
  while sent < (limit or math.huge) do
    if not self:send(block) then return false end
    sent = sent + #block
    cqueues.sleep(0)       -- the other connections stay served
  end
  return true
end

-- Sends what comes from one wire to another, until either ends; once they are
-- frozen, nothing arrives.
local function pass_on(from, to)
  repeat
    local bytes = from:read_some(BLOCK)
  until not bytes or not (from.frozen or to.frozen or to:send(bytes))
  from:interrupt()
  to:interrupt()
end

--- Passes bytes to a port of loopback and back, until either side ends.
function methods:relay(port)
  local client = socket.tcp4()
  if not client:connect("127.0.0.1", string.format("%d", port)) then return end
  local far = wire.new(client)
  cqueues.running():wrap(pass_on, far, self)
  pass_on(self, far)
  far:abandon()
end

-- }======================================================================

-- {======================================================================
-- Ends
-- =======================================================================

-- A LuaSocket client that holds no descriptor. Only one that was connected
-- once has shutdown().
local function new_borrower()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  local client = assert(socket.connect("127.0.0.1", port))
  client:close()
  listener:close()
  return client
end

local borrower = new_borrower()

-- A reset throws away what is still in the sender's queue. To make "reset
-- after N bytes" mean it, wait until the client's kernel has them all, which
-- is what the kernel's own table says.
local function wait_delivered(self)
  local deadline = cqueues.monotime() + DRAIN_TIMEOUT
  repeat
    local queued = nil
    for row in io.lines "/proc/net/tcp" do
      queued = queued or row:match(self.row)
    end
    local waiting = queued and tonumber(queued, 16) > 0
    if waiting then cqueues.sleep(0.002) end
  until not waiting or cqueues.monotime() > deadline
end

--- Ends the connection with RST; what was sent before arrives first.
function methods:reset()
  if self.closed then return end
  self.closed, self.alive = true, false
  wait_delivered(self)
  local descriptor = self.poller.pollfd
  cqueues.cancel(descriptor)
  borrower:setfd(descriptor)
  assert(borrower:setoption("linger", { on = true, timeout = 0 }))
  borrower:close()
  if self.encrypted then
    bereft[#bereft + 1] = self.stream
  else
    self.stream:setfd(-1)
  end
end

-- Reads and forgets until the client ends or the deadline strikes.
local function swallow(self)
  repeat self.buffer = "" until not fill(self)
end

--- Ends our direction with FIN, not RST. Over TLS with close_notify, unless
-- rude: then the FIN comes without, as an attacker or a crash would send it.
-- @tparam ?boolean rude
function methods:finish(rude)
  if self.closed then return end
  if self.encrypted and not rude then
    -- unread bytes would turn the FIN into a RST: read them
    self.deadline = cqueues.monotime()
    swallow(self)
    wait_delivered(self)
  else
    borrower:setfd(self.poller.pollfd)
    borrower:shutdown "send"
    borrower:setfd(-1)
    self.deadline = cqueues.monotime() + DRAIN_TIMEOUT
    swallow(self)
  end
  self:abandon()
end

--- Says nothing until the client gives up.
function methods:stall()
  if self.closed then return end
  self.deadline = nil
  swallow(self)
  self:abandon()
end

--- Makes the coroutine that waits in a read of this wire see an end.
function methods:interrupt()
  self.interrupted = true
  cqueues.cancel(self.poller.pollfd)
end

--- Closes without further ado (over TLS LuaSec says close_notify).
function methods:abandon()
  if self.closed then return end
  self.closed, self.alive = true, false
  cqueues.cancel(self.poller.pollfd)
  self.stream:close()
end

-- }======================================================================

return wire
