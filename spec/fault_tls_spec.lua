-- SPDX-License-Identifier: MIT
-- Proves the fault server's TLS: the certificates are as good or bad as they
-- claim, faults strike inside the handshake and after it, and a FIN with
-- close_notify differs from one without. Also the two ports without a server.

local socket = require "socket"
local ssl = require "ssl"
local faults = require "spec.support.faults"
local process = require "spec.support.process"
local raw = require "spec.support.raw_client"

local get = raw.get

-- A TLS connection, or nil and why the handshake failed.
local function dial_tls(server, ca_file, text)
  local stream = assert(ssl.wrap(raw.dial(server), {
    mode = "client", protocol = "any", verify = "peer", options = "all",
    cafile = ca_file or server.ca_file,
  }))
  stream:settimeout(raw.PATIENCE)
  local ok, why = stream:dohandshake()
  if not ok then
    stream:close()
    return nil, why
  end
  if text then stream:send(text) end
  return stream
end

describe("fault server over TLS", function()
  local server

  setup(function() server = faults.start { tls = true } end)
  teardown(function() server:stop() end)
  before_each(function() server:clear():on_connect {} end)

  it("serves requests to who trusts its authority", function()
    server:on("GET", "/", { body = "ok" })
    local stream = assert(dial_tls(server, nil, get "/"))
    assert.equal(200, (raw.read_answer(stream)))
    stream:send(get "/")
    assert.equal(200, (raw.read_answer(stream)))
    assert.equal(2, server:last_request().request_on_connection)
    local _, _, _, handshakes = server:connections()
    assert.equal(1, handshakes)
    assert.equal("https://localhost:" .. server.port, server.url)
    stream:close()
    assert.is_true(server:wait { open = 0 })
    assert.truthy(select(2, dial_tls(server, server.other_ca_file))
      :find "certificate verify failed")
  end)

  it("has certificates of every kind", function()
    local function names(options)
      local other = faults.start { tls = options }
      finally(function() other:stop() end)
      local stream, why = dial_tls(other)
      if not stream then
        other:stop()
        return nil, why
      end
      local extensions = stream:getpeercertificate():extensions()
      stream:close()
      other:stop()
      return extensions["2.5.29.17"]
    end
    assert.equal("localhost", assert(names {}).dNSName[1])
    assert.equal("wrong.example",
      assert(names { wrong_name = true }).dNSName[1])
    for _, kind in ipairs { "expired", "not_yet", "self_signed" } do
      local found, why = names { [kind] = true }
      assert.is_nil(found, kind)
      assert.truthy(why:find "certificate verify failed", why)
    end
    assert.is_nil((names { ca = "other" }))
    assert.has_error(function() faults.start { tls = { exired = true } } end)
  end)

  it("speaks TLS 1.2 alone when told", function()
    local other = faults.start { tls = { version = "1.2" } }
    finally(function() other:stop() end)
    local stream = assert(dial_tls(other))
    assert.equal("TLSv1.2", stream:info().protocol)
    stream:close()
  end)

  it("says close_notify, or is rude", function()
    server:on("GET", "/polite", { body = "12345", content_length = false })
    server:on("GET", "/rude", { body = "12345", content_length = false,
      close_notify = false })
    server:on("GET", "/cut", { body = "1234567890", close = "mid_body",
      close_notify = false })
    for path, wanted in pairs { ["/polite"] = true, ["/rude"] = false,
      ["/cut"] = false } do
      local stream = assert(dial_tls(server, nil, get(path)))
      local bytes, why, partial = stream:receive "*a"
      assert.truthy((bytes or partial):find "\r\n\r\n12345$", path)
      assert.equal(wanted, bytes ~= nil, path .. tostring(why))
      if not wanted then assert.truthy(why:find "unexpected eof", why) end
      stream:close()
    end
  end)

  it("resets and stalls in an answer", function()
    server:on("GET", "/", { { reset = "mid_body", body = "1234567890" },
      { stall = "mid_body", body = "1234567890" } })
    for _, wanted in ipairs { "closed", "wantread" } do
      local stream = assert(dial_tls(server, nil, get "/"))
      stream:settimeout(wanted == "closed" and raw.PATIENCE or raw.BRIEF)
      local bytes, why, partial = stream:receive "*a"
      assert.is_nil(bytes)
      -- a FIN would be "unexpected eof" here, a close_notify no error
      assert.equal(wanted, why)
      assert.truthy(partial:find "\r\n\r\n12345$")
      stream:close()
    end
    assert.is_true(server:wait { open = 0 })
  end)

  it("breaks in the handshake", function()
    server:on_connect {
      { reset = "tls" }, { close = "tls" }, { stall = "tls" },
      { raw = "HTTP/1.1 400 Bad Request\r\n\r\n" }, {},
    }
    for i = 1, 4 do
      local patience = raw.PATIENCE
      if i == 3 then raw.PATIENCE = raw.BRIEF end
      local stream, why = dial_tls(server)
      raw.PATIENCE = patience
      assert.is_nil(stream, i)
      if i == 3 then assert.equal("wantread", why) end
      if i == 4 then assert.truthy(why:find "wrong version number", why) end
    end
    local _, _, _, handshakes = server:connections()
    assert.equal(0, handshakes)
    assert(dial_tls(server)):close()
  end)

  it("keeps one set of certificates and removes it", function()
    local other = faults.start { tls = true }
    assert.equal(server.ca_file, other.ca_file)
    other:stop()
    assert.truthy(process.read_file(server.ca_file))
  end)
end)

describe("a fault server's life", function()
  it("ends, comes back on its port, leaves nothing", function()
    collectgarbage()
    local before = process.settled_descriptor_count()
    local server = faults.start { tls = true }
    local port, ca_file, pid = server.port, server.ca_file, server.pid
    server:stop()
    server:stop()
    assert.is_false(process.alive(pid))
    assert.is_nil(process.read_file(ca_file))
    local again = faults.start { port = port }
    assert.equal(port, again.port)
    again:stop()
    local connection = socket.tcp4()
    assert.is_nil((connection:connect("127.0.0.1", port)))
    connection:close()
    assert.equal(before, process.descriptor_count())
  end)

  it("ends with the process that started it", function()
    local child = process.start { arg[-1] or "lua5.4", "-e",
      'local server = require "spec.support.faults".start() '
      .. 'print(server.pid) io.stdout:flush() server.control:receive "*l"' }
    local pid = assert(tonumber(child:line()))
    assert.is_true(process.alive(pid))
    child:kill "KILL"
    assert.is_true(process.wait_gone(pid, 3))
    child:stop()
  end)
end)

describe("a port without a server", function()
  it("refuses", function()
    local url = faults.refused_url()
    local connection = assert(socket.tcp4())
    connection:settimeout(raw.PATIENCE)
    local ok, why = connection:connect("127.0.0.1",
      tonumber(url:match ":(%d+)$"))
    connection:close()
    assert.is_nil(ok)
    assert.equal("connection refused", why)
  end)

  it("never answers a connect", function()
    local hole = faults.blackhole()
    finally(hole.stop)
    for _ = 1, 2 do
      local connection = assert(socket.tcp4())
      connection:settimeout(raw.BRIEF)
      local ok, why = connection:connect("127.0.0.1", hole.port)
      connection:close()
      assert.is_nil(ok)
      assert.equal("timeout", why)
    end
  end)
end)
