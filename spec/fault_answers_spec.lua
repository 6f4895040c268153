-- SPDX-License-Identifier: MIT
-- Proves that the fault server's answers are what its scripts say: pace, lies,
-- floods, files with Range. See fault_server_spec.lua for where they end.

local socket = require "socket"
local faults = require "spec.support.faults"
local raw = require "spec.support.raw_client"
local process = require "spec.support.process"

local RESET = raw.RESET
local dial, get, exchange = raw.dial, raw.get, raw.exchange
local read_answer = raw.read_answer

describe("fault server's answers", function()
  local server

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)
  before_each(function() server:clear() end)

  describe("time", function()
    local function time_of(step)
      server:on("GET", "/", step)
      local start = socket.gettime()
      local bytes = exchange(server, get("/", "Connection: close\r\n"))
      return socket.gettime() - start, bytes
    end

    it("delays, and paces body and headers", function()
      for _, step in ipairs {
        { delay = 0.2, body = "0123456789" },
        { slow = 40, body = "0123456789" },          -- 5 slices, 4 pauses
        { slow_headers = 200, body = "0123456789" }, -- 37 bytes, 3 pauses
        { chunks = { "01234", "56789" }, delay_between = 0.2 },
      } do
        local seconds, bytes = time_of(step)
        assert.truthy(bytes:find("6789", 1, true))
        assert.is_true(seconds >= 0.14 and seconds < 2, tostring(seconds))
      end
    end)

    it("serves others meanwhile", function()
      server:on("GET", "/slow", { stall = "before_answer" })
      server:on("GET", "/endless", { endless = true })
      server:on("GET", "/fast", { body = "ok" })
      local held = {}
      for i = 1, 50 do
        held[i] = dial(server, get(i % 2 == 0 and "/slow" or "/endless"))
      end
      assert.is_true(server:wait { requests = 50 })
      local connection = dial(server, get "/fast")
      assert.equal(200, (read_answer(connection)))
      assert.equal(51, select(2, server:connections()))
      connection:close()
      for i = 1, 50 do held[i]:close() end
      assert.is_true(server:wait { open = 0 })
    end)
  end)

  describe("lies and floods", function()
    local function body_of(step)
      server:on("GET", "/", step)
      local bytes, why = exchange(server, get "/")
      local head, body = bytes:match "^(.-)\r\n\r\n(.*)$"
      return body, head, why
    end

    it("declares too much, too little, nothing", function()
      local body, head, why = body_of { body = "12345", content_length = 9 }
      assert.same({ "12345", "closed" }, { body, why })
      assert.truthy(head:find "Content%-Length: 9$")
      body, head = body_of { body = "12345", content_length = 2 }
      assert.equal("12345", body)
      assert.truthy(head:find "Content%-Length: 2$")
      body, head, why = body_of { body = "12345", content_length = false }
      assert.same({ "12345", "closed" }, { body, why })
      assert.falsy(head:find "Content")
      head = select(2, body_of { body = "", content_length = 1e10 })
      assert.truthy(head:find "Content%-Length: 10000000000$")
    end)

    it("speaks chunks, whole, cut and broken", function()
      local last = { Connection = "close" }
      assert.equal("2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", (body_of {
        chunks = { "ab", "c" }, headers = last }))
      assert.equal("2\r\nab\r\n", (body_of {
        chunks = { "ab", "cd" }, close = "mid_body" }))
      assert.equal("2\r\nab\r\nno hex\r\n1\r\nc\r\n0\r\n\r\n", (body_of {
        chunks = { "ab", "c" }, bad_chunk = true, headers = last }))
    end)

    it("sends raw bytes", function()
      server:on("GET", "/", { raw = "HTTP/9 what\0" })
      assert.same({ "HTTP/9 what\0", "closed" },
        { exchange(server, get "/") })
    end)

    it("answers before it has the body", function()
      server:on("POST", "/", { early = true, status = 413 })
      local connection = dial(server, "POST / HTTP/1.1\r\n"
        .. "Content-Length: 3\r\n\r\n")
      assert.equal(413, (read_answer(connection)))
      connection:send "abc"
      assert.is_true(server:wait { requests = 1 })
      connection:send(get "/404")
      assert.equal(404, (read_answer(connection)))
      assert.equal("abc", server:requests()[1].body)
      connection:close()
    end)

    it("sends big heads", function()
      local _, head = body_of { huge_headers = true,
        headers = { Connection = "close" } }
      assert.is_true(#head >= 2 ^ 20)
      head = select(2, body_of { long_header = 2e5,
        headers = { Connection = "close" } })
      assert.truthy(head:find(("l"):rep(2e5), 1, true))
    end)

    it("never ends a head or a body, and survives being left", function()
      for _, step in ipairs {
        { endless_headers = true }, { endless = true },
        { endless = true, chunked = true },
        { endless = true, content_length = 1e10 },
      } do
        server:on("GET", "/", step)
        local connection = dial(server, get "/")
        for _ = 1, 5 do
          assert.equal(1e6, #assert(connection:receive(1e6)))
        end
        connection:close()
        assert.is_true(server:wait { open = 0 })
      end
    end)

    it("sends a gzip bomb that unpacks", function()
      local body, head = body_of { gzip_bomb = 100000,
        headers = { Connection = "close" } }
      assert.equal(100000, #body)
      assert.truthy(head:find("Content-Encoding: gzip", 1, true))
      local folder = process.temporary_folder()
      local path = process.write_file(folder .. "/bomb.gz", body)
      local unpacked = process.run { "sh", "-c",
        'gzip -dc "$1" 2>/dev/null | wc -c', "sh", path }
      local bytes = tonumber(unpacked)
      process.remove_folder(folder)
      -- zlib holds back what it could not prove whole
      assert.is_true(bytes > 1000 * 99000, unpacked)
    end)
  end)

  describe("a file", function()
    local folder, path
    setup(function()
      folder = process.temporary_folder()
      path = process.write_file(folder .. "/f", "0123456789")
    end)
    teardown(function() process.remove_folder(folder) end)

    local function part(headers)
      local connection = dial(server, get("/f", headers))
      local status, head, body = read_answer(connection)
      connection:close()
      return status, body, head:match "Content%-Range: ([^\n]+)"
    end

    it("is served in parts", function()
      server:on("GET", "/f", { file = path, range = true, etag = '"1"' })
      assert.same({ 200, "0123456789" }, { part() })
      assert.same({ 206, "23", "bytes 2-3/10" }, { part "Range: bytes=2-3\r\n" })
      assert.same({ 206, "789", "bytes 7-9/10" }, { part "Range: bytes=7-\r\n" })
      assert.same({ 206, "9", "bytes 9-9/10" }, { part "Range: bytes=-1\r\n" })
      assert.same({ 416, "", "bytes */10" }, { part "Range: bytes=10-\r\n" })
      assert.same({ 206, "9", "bytes 9-9/10" },
        { part 'Range: bytes=9-\r\nIf-Range: "1"\r\n' })
      assert.same({ 200, "0123456789" },
        { part 'Range: bytes=9-\r\nIf-Range: "0"\r\n' })
    end)

    it("breaks off once and goes on with Range", function()
      server:on("GET", "/f", {
        { file = path, range = true, cut_at = 4, reset = "mid_body" },
        { file = path, range = true },
      })
      local bytes, why = exchange(server, get "/f")
      assert.equal(RESET, why)
      assert.truthy(bytes:find "Content%-Length: 10\r\n\r\n0123$")
      assert.same({ 206, "456789", "bytes 4-9/10" },
        { part "Range: bytes=4-\r\n" })
    end)

    it("lies about its range, ignores it, or is gone", function()
      server:on("GET", "/f", {
        { file = path, range = true, content_range = "bytes 5-9/10" },
        { file = path }, { file = path .. ".gone" },
      })
      assert.same({ 206, "23456789", "bytes 5-9/10" },
        { part "Range: bytes=2-\r\n" })
      assert.same({ 200, "0123456789" }, { part "Range: bytes=2-\r\n" })
      assert.equal(404, (part "Range: bytes=2-\r\n"))
    end)
  end)
end)
