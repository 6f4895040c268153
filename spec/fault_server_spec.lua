-- SPDX-License-Identifier: MIT
-- Proves that the fault server ends connections where its scripts say, with
-- LuaSocket as the client and none of our own code: a spec that passes against
-- the server then says something about the client under test. Its answers are
-- in fault_answers_spec.lua, TLS is in fault_tls_spec.lua.

local socket = require "socket"
local faults = require "spec.support.faults"
local process = require "spec.support.process"
local raw = require "spec.support.raw_client"

local RESET, BRIEF, PATIENCE = raw.RESET, raw.BRIEF, raw.PATIENCE
local dial, get, exchange = raw.dial, raw.get, raw.exchange
local read_all, read_answer = raw.read_all, raw.read_answer

describe("fault server", function()
  local server

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)
  before_each(function() server:clear():on_connect {} end)

  describe("an honest answer", function()
    it("keeps the connection and logs what came", function()
      server:on("POST", "/open/product", {
        { json = { code = 0 } },
        { status = 429, headers = { ["Retry-After"] = "3" }, body = "no" },
      })
      local connection = dial(server)
      local request = "POST /open/product?a=b%20c&d HTTP/1.1\r\nHost: x\r\n"
        .. "X-API-Key: k\r\nContent-Length: 5\r\n\r\n\0\255{}\n"
      connection:send(request)
      local status, head, body = read_answer(connection)
      assert.equal(200, status)
      assert.equal('{"code":0}', body)
      assert.truthy(head:find("Content-Type: application/json\n", 1, true))
      for _ = 1, 2 do              -- the last step repeats
        connection:send(request)
        status, head, body = read_answer(connection)
        assert.equal(429, status)
        assert.truthy(head:find("Retry-After: 3\n", 1, true))
        assert.equal("no", body)
      end
      local first, second = server:requests()[1], server:requests()[2]
      assert.equal("POST", first.method)
      assert.equal("/open/product", first.path)
      assert.equal("a=b%20c&d", first.query)
      assert.same({ a = "b c", d = "" }, first.parameters)
      assert.equal("k", first.headers["x-api-key"])
      assert.equal("X-API-Key: k", first.header_list[2])
      assert.equal("\0\255{}\n", first.body)
      assert.is_true(first.complete)
      assert.equal(first.connection, second.connection)
      assert.equal(1, first.request_on_connection)
      assert.equal(2, second.request_on_connection)
      connection:close()
      assert.is_true(server:wait { open = 0 })
    end)

    it("reads a chunked request body", function()
      server:on("PUT", "/", { body = "ok", delay = 0 })
      local connection = dial(server, "PUT / HTTP/1.1\r\nTransfer-Encoding: "
        .. "chunked\r\nExpect: 100-continue\r\n\r\n")
      assert.equal("HTTP/1.1 100 Continue", connection:receive "*l")
      assert.equal("", connection:receive "*l")
      connection:send "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
      assert.equal(200, (read_answer(connection)))
      assert.equal("abcde", server:last_request().body)
      connection:close()
    end)

    it("is a 404 when nothing is scripted, and exact beats wildcard", function()
      server:on("*", "/pre*", { body = "wide" })
      server:on("GET", "/prefix", { body = "exact" })
      local connection = dial(server)
      for path, wanted in pairs { ["/prefix"] = "exact", ["/pre2"] = "wide" } do
        connection:send(get(path))
        assert.equal(wanted, select(3, read_answer(connection)))
      end
      connection:send(get "/nowhere")
      assert.equal(404, (read_answer(connection)))
      connection:close()
    end)

    it("redirects, and has no body for HEAD", function()
      server:on("GET", "/r", { redirect = "https://else.example/", status = 307 })
      server:on("HEAD", "/r", { body = "12345" })
      local connection = dial(server, get "/r")
      local status, head = read_answer(connection)
      assert.equal(307, status)
      assert.truthy(head:find("Location: https://else.example/\n", 1, true))
      connection:send "HEAD /r HTTP/1.1\r\nConnection: close\r\n\r\n"
      local bytes, why = read_all(connection)
      assert.equal("closed", why)
      assert.truthy(bytes:find "Content%-Length: 5\r\n\r\n$")
      connection:close()
    end)
  end)

  -- what must have arrived before the end, for each stage
  local BEFORE = {
    after_headers_read = "^$", after_request = "^$", before_answer = "^$",
    mid_headers = "^HTTP/1.1 200 OK\r\nContent%-Length: 1$",
    mid_body = "\r\n\r\n01234$", after_answer = "\r\n\r\n0123456789$",
  }
  local ENDS = { reset = RESET, close = "closed", stall = "timeout" }
  for kind, wanted in pairs(ENDS) do
    for stage, before in pairs(BEFORE) do
      it(kind .. " " .. stage, function()
        server:on("POST", "/", { [kind] = stage, body = "0123456789" })
        local connection = dial(server, "POST / HTTP/1.1\r\n"
          .. "Content-Length: 4\r\n\r\nab")
        assert.is_true(server:wait { requests = 1 })
        if stage ~= "after_headers_read" then connection:send "cd" end
        local bytes, why = read_all(connection,
          kind == "stall" and BRIEF or nil)
        assert.equal(wanted, why)
        assert.truthy(bytes:find(before), bytes)
        if kind ~= "close" then      -- a FIN leaves our direction open
          assert.equal(kind == "stall" and 1 or 0,
            select(2, server:connections()))
        end
        connection:close()
        assert.is_true(server:wait { open = 0 })
      end)
    end
  end

  it("delivers every byte before a reset", function()
    server:on("GET", "/", { zeros = 3e6, cut_at = 2000001, reset = "mid_body" })
    local connection = dial(server, get "/")
    socket.sleep(0.05)           -- the server runs into our full window
    local bytes, why = read_all(connection)
    assert.equal(RESET, why)
    local _, stop = bytes:find("\r\n\r\n", 1, true)
    assert.equal(2000001, #bytes - stop)
    connection:close()
  end)

  it("reads part of a body, or all of it slowly, and stores it", function()
    local path = os.tmpname()
    finally(function() os.remove(path) end)
    local text = "PUT / HTTP/1.1\r\nContent-Length: 8\r\n\r\n01234567"
    for cut, expected in pairs { [3] = "012", [false] = "0123" } do
      server:on("PUT", "/", { reset = "mid_request", cut_at = cut or nil,
        store = path })
      assert.same({ "", RESET }, { exchange(server, text) })
      assert.equal(expected, process.read_file(path))
      local seen = server:last_request()
      assert.same({ false, #expected }, { seen.complete, seen.body_length })
    end
    server:on("PUT", "/", { slow_request = 40, store = path })
    local begun = socket.gettime()
    local connection = dial(server, text)
    assert.equal(200, (read_answer(connection)))
    assert.is_true(socket.gettime() - begun >= 0.18)
    assert.equal("01234567", process.read_file(path))
    connection:close()
  end)

  it("ends a reused connection without an answer, a new one not", function()
    server:on("POST", "/pay", { body = "ok",
      reused = { close = "after_request" } })
    local text = "POST /pay HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"
    local connection = dial(server, text)
    assert.equal(200, (read_answer(connection)))
    connection:send(text)
    assert.same({ "", "closed" }, { read_all(connection) })
    connection:close()
    connection = dial(server, text)
    assert.equal(200, (read_answer(connection)))
    connection:close()
    local seen = server:requests()
    assert.equal(3, #seen)
    assert.equal("hi", seen[2].body)
    assert.equal(2, seen[2].request_on_connection)
    assert.equal(1, seen[3].request_on_connection)
  end)

  it("ends idle connections on request", function()
    server:on("GET", "/", { body = "ok" })
    for _, how in ipairs { { "closed" }, { RESET, reset = true } } do
      local connection = dial(server, get "/")
      assert.equal(200, (read_answer(connection)))
      assert.equal(1, server:close_idle { reset = how.reset })
      assert.same({ "", how[1] }, { read_all(connection) })
      connection:close()
    end
  end)

  describe("before any request", function()
    it("resets, closes, stalls or babbles, connection by connection", function()
      server:on("GET", "/", { body = "ok" })
      server:on_connect {
        { close = "accept" }, { stall = "accept" }, { reset = "tls" },
        { raw = "220 mail ready\r\n" }, {},
      }
      local text = get("/", "Connection: close\r\n")
      assert.same({ "", "closed" }, { exchange(server, text) })
      assert.same({ "", "timeout" }, { exchange(server, text, BRIEF) })
      assert.same({ "", RESET }, { exchange(server, text) })
      assert.same({ "220 mail ready\r\n", "closed" },
        { exchange(server, text) })
      for _ = 1, 2 do
        assert.truthy(exchange(server, text):find "ok$")
      end
      assert.equal(2, #server:requests())
    end)

    it("resets at once", function()
      server:on_connect { reset = "accept" }
      local connection = assert(socket.tcp4())
      connection:settimeout(PATIENCE)
      connection:connect("127.0.0.1", server.port)  -- may see it already
      assert.is_nil(connection:receive(1))
      connection:close()
      assert.is_true(server:wait { accepted = 1, open = 0 })
    end)
  end)

  it("refuses scripts that it would not understand", function()
    local function refuses(pattern, ...)
      local ok, why = pcall(server.on, server, "GET", "/", ...)
      assert.is_false(ok)
      assert.truthy(why:find(pattern, 1, true), why)
    end
    refuses("no such field: stat", { stat = 200 })
    refuses("status must be a number, not a string", { status = "200" })
    refuses('"mid_bodi" is no stage', { reset = "mid_bodi" })
    refuses("belongs into server:on_connect", { reset = "before_read" })
    refuses("reset and close", { reset = "mid_body", close = "mid_body" })
    refuses("cut_at needs", { cut_at = 3 })
    refuses("no such field: x", { {}, { reused = { x = 1 } } })
  end)
end)
