-- SPDX-License-Identifier: MIT
-- Userdata jogg.core.client: born closed, closed by any way, and never ahead
-- of or behind its requests. What goes wrong on the wire is in network_spec.

local core = require "jogg.core"
local bare = require "spec.support.bare"
local faults = require "spec.support.faults"
local native = require "spec.support.native"
local process = require "spec.support.process"

local LUA = os.getenv "JOGG_LUA" or "lua5.4"
local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

local function collect()
  native.collect()
end

describe("core.client", function()
  local server

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)
  before_each(function()
    server:clear()
    server:on("*", "*", { json = { code = 0 } })
  end)

  local function make(options)
    return bare.client(server.url, options)
  end

  local function start(client, path)
    return client:start { path = path or "/x", connect_timeout = 5,
      stall_timeout = 5, timeout = 5 * SLOW }
  end

  describe("options", function()
    it("are checked; what fails leaves nothing behind", function()
      collect()
      local before = process.settled_descriptor_count()
      for expected, options in pairs {
        ["api_key: empty or too long"] = { api_key = "" },
        ["position 2 cannot be sent"] = { api_key = "a\0b" },
        ["position 3 cannot be sent"] = { api_key = "ab\r\nX: y" },
        ["position 1 cannot be sent"] = { api_key = "\255" },
        ["base_url is not a URL"] = { base_url = "x" },
        ["base_url must use https"] = { base_url = "http://a.example" },
        ["base_url: string expected, got table"] = { base_url = {} },
        ["base_url: contains a NUL"] = { base_url = "https://a.example/\0" },
        ["user_agent: string expected"] = { user_agent = 5 },
        ["ca_file: string expected"] = { ca_file = {} },
        ["ca_path: contains a NUL"] = { ca_path = "\0" },
        ["transfers: out of range"] = { transfers = "many" },
      } do
        for _ = 1, 20 do
          local ok, err = pcall(make, options)
          assert.is_false(ok)
          assert.truthy(err:find(expected, 1, true), err)
          assert.falsy(err:find("ab\r", 1, true))
        end
      end
      for _, odd in ipairs { 0, -1, 0 / 0, 1e9 } do
        assert.is_false((pcall(make, { transfers = odd })))
      end
      assert.is_false((pcall(core.client)))
      assert.is_false((pcall(core.client, {})))
      assert.is_false((pcall(core.client, { base_url = server.url,
        api_key = "k" })))
      assert.is_false((pcall(core.client, { base_url = server.url,
        user_agent = "spec" })))
      collect()
      assert.equal(before, process.descriptor_count())
    end)

    it("may be a key of any printable characters", function()
      local key = ""
      for byte = 33, 126 do
        key = key .. string.char(byte)
      end
      local client = make { api_key = key }
      bare.exchange(client)
      assert.equal(key, server:last_request().headers["x-api-key"])
      client:close()
    end)
  end)

  describe("start", function()
    it("checks its table", function()
      local client = make()
      for expected, fields in pairs {
        ["one of path and url"] = {},
        ["one of path and url is needed"] = { path = "/x", url = server.url },
        ["method: cannot be get"] = { method = "get", path = "/x" },
        ["method: string expected"] = { method = 5, path = "/x" },
        ["path: does not begin with a slash"] = { path = "x" },
        ["path: contains a NUL"] = { path = "/x\0y" },
        ["path: too long"] = { path = "/" .. ("x"):rep(2000) },
        ["path: string expected"] = { path = {} },
        ["url: string expected"] = { url = {} },
        ["body: string expected"] = { method = "PUT", path = "/x", body = {} },
        ["body: too long"] = { method = "PUT", path = "/x",
          body = ("x"):rep(5 * 2 ^ 20) },
        ["body: a GET has none"] = { path = "/x", body = "" },
        ["connect_timeout is not a number of seconds"] = { path = "/x",
          connect_timeout = -1 },
        ["stall_timeout is not a number of seconds"] = { path = "/x",
          stall_timeout = "x" },
        ["timeout is not a number of seconds"] = { path = "/x",
          timeout = 0 / 0 },
        ["query: table expected, got string"] = { path = "/x", query = "a=b" },
        ["query: strings expected"] = { path = "/x", query = { "b" } },
        ["query: strings without a NUL"] = { path = "/x",
          query = { n = "v\0" } },
        ["query: too long"] = { path = "/x", query = { n = ("v"):rep(20000) } },
        ["query: goes with path"] = { url = server.url, query = { n = "v" } },
        ["validator: string expected"] = { path = "/x", validator = {} },
        ["download"] = { path = "/x", download = client },
      } do
        local ok, err = pcall(client.start, client, fields)
        assert.is_false(ok, expected)
        assert.truthy(err:find(expected, 1, true), err)
      end
      local many = {}
      for i = 1, 65 do many["n" .. i] = "v" end
      assert.is_false((pcall(client.start, client,
        { path = "/x", query = many })))
      for _, odd in ipairs { 5, "x", client } do
        assert.is_false((pcall(client.start, client, odd)))
      end
      assert.is_false((pcall(client.start, client)))
      client:close()
      collect()
      assert.equal(0, #server:requests())
    end)

    it("is misuse without a client", function()
      local client = make()
      assert.is_false((pcall(client.start, {}, { path = "/x" })))
      assert.is_false((pcall(client.start, io.stdout, { path = "/x" })))
      assert.is_false((pcall(client.start)))
      assert.is_false((pcall(client.close, {})))
      client:close()
    end)

    it("carries path, body and query as they are", function()
      local client = make()
      local body = "\0\1\255 not JSON"
      bare.exchange(client, { method = "POST", path = "/a/../b;c=d/%41",
        body = body, query = { q = "a&b=c d%+#ö", empty = "", ["k y"] = "=",
        n = 5 } })
      local seen = server:last_request()
      assert.equal("/a/../b;c=d/%41", seen.path)
      assert.equal(body, seen.body)
      assert.same({ q = "a&b=c d%+#ö", empty = "", ["k y"] = "=", n = "5" },
        seen.parameters)
      client:close()
    end)

    it("sends a query in the order of its names", function()
      local client = make()
      bare.exchange(client, { query = { b = "1", a = "2", c = "0", B = "3" } })
      assert.equal("B=3&a=2&b=1&c=0", server:last_request().query)
      client:close()
    end)

    it("knows four methods, and the next one is not what the last was",
      function()
        local client = make()
        for _, method in ipairs { "GET", "POST", "GET", "PUT", "DELETE", "GET",
          "DELETE", "PUT", "POST", "DELETE", "GET" } do
          local body = (method == "POST" or method == "PUT") and "{}" or nil
          bare.exchange(client, { method = method, body = body })
          local seen = server:last_request()
          assert.equal(method, seen.method)
          assert.equal(body or "", seen.body)
          assert.equal(body and "2", seen.headers["content-length"])
          assert.equal(body and "application/json",
            seen.headers["content-type"])
        end
        bare.exchange(client, { method = "DELETE", body = "{}" })
        assert.equal("DELETE", server:last_request().method)
        assert.equal("{}", server:last_request().body)
        bare.exchange(client, { method = "PUT" })
        assert.equal("0", server:last_request().headers["content-length"])
        client:close()
      end)

    it("sends the key to the API and to no other address", function()
      local other = faults.start()
      finally(function() other:stop() end)
      other:on("*", "*", { json = { code = 0 } })
      local client = make()
      bare.exchange(client, { url = other.url .. "/x?y=z" })
      local seen = other:last_request()
      assert.equal("/x?y=z", seen.target)
      assert.is_nil(seen.headers["x-api-key"])
      assert.equal("spec", seen.headers["user-agent"])
      bare.exchange(client)
      assert.equal(bare.KEY, server:last_request().headers["x-api-key"])
      client:close()
    end)

    it("takes a new connection for a POST, and where it is asked to", function()
      local client = make()
      local function connection(fields)
        bare.exchange(client, fields)
        return server:last_request().connection
      end
      local first = connection {}
      assert.equal(first, connection {})
      assert.is_true(connection { method = "POST" } > first)
      assert.is_true(connection { fresh = true } > first + 1)
      assert.equal(2, server:last_request().connection - first)
      local again = connection {}
      assert.is_true(again <= first + 2)
      client:close()
    end)
  end)

  describe("completed", function()
    it("hands out each finished request once, the oldest first", function()
      local client = make { transfers = 1 }
      local order, seen = {}, {}
      for i = 1, 20 do
        order[i] = start(client, "/" .. i)
      end
      assert.is_nil((client:completed()))
      local deadline = core.now() + 10 * SLOW
      while #seen < 20 do
        assert(core.now() < deadline)
        client:wait(0.25)
        for request in function() return (client:completed()) end do
          assert.is_true(request:done())
          seen[#seen + 1] = request
        end
      end
      assert.is_nil((client:completed()))
      for i = 1, 20 do
        assert.equal(order[i], seen[i])
        assert.equal(200, (seen[i]:result()))
      end
      client:close()
    end)

    it("keeps requests that nobody else holds", function()
      local client = make()
      local numbers = setmetatable({}, { __mode = "k" })
      for i = 1, 20 do
        numbers[start(client, "/" .. i)] = i
      end
      collect()
      local sum, deadline = 0, core.now() + 10 * SLOW
      while sum < 210 do
        assert(core.now() < deadline)
        client:wait(0.25)
        for request in function() return (client:completed()) end do
          assert.equal(200, (request:result()))
          sum = sum + numbers[request]
        end
        collect()
      end
      client:close()
    end)

    it("hands out nothing that was closed", function()
      server:on("GET", "/stall", { stall = "before_answer" })
      local client = make()
      for _ = 1, 10 do
        start(client, "/stall"):close()
        local request = start(client)
        while not request:done() do client:wait(0.25) end
        request:close()
        assert.is_nil((client:completed()))
      end
      client:wait(0)
      assert.is_nil((client:completed()))
      client:close()
    end)
  end)

  describe("transfers", function()
    it("are no more at once than is allowed, and begin in order", function()
      server:on("*", "*", { delay = 0.02, json = { code = 0 } })
      local client = make { transfers = 3 }
      local requests, before = {}, server:connections()
      for i = 1, 12 do
        requests[i] = start(client, "/" .. i)
      end
      for i = 1, 12 do
        bare.finish(client, requests[i])
      end
      assert.is_true(server:connections() - before <= 3)
      local seen = server:requests()
      for i, request in ipairs(seen) do
        local number = tonumber(request.path:sub(2))
        assert.is_true(math.abs(number - i) < 3, request.path)
      end
      client:close()
    end)

    it("take no slot beside the others", function()
      server:on("GET", "/stall", { stall = "before_answer" })
      local client = make { transfers = 1 }
      local stalled = start(client, "/stall")
      local waiting = start(client, "/waits")
      local beside = {}
      for i = 1, 20 do
        beside[i] = client:start { path = "/beside", beside = true }
      end
      for i = 1, 20 do
        assert.equal(200, (bare.finish(client, beside[i]):result()))
      end
      assert.is_false(stalled:done() or waiting:done())
      assert.is_false(waiting:cancel()) -- certainly not sent
      bare.finish(client, waiting)
      local _, failure = waiting:result()
      assert.same({ class = "cancelled", sent = false }, failure)
      client:close()
    end)
  end)

  describe("wait", function()
    it("returns when there is something, or when its time is over", function()
      local client = make()
      local begun = core.now()
      assert.is_true(client:wait(0.1))
      assert.is_true(core.now() - begun >= 0.09)
      assert.is_true(client:wait(0))
      server:on("GET", "/x", { delay = 0.1 })
      local request = start(client)
      begun = core.now()
      bare.finish(client, request)
      assert.is_true(core.now() - begun < 0.9 * SLOW)
      for _, odd in ipairs { -1, 0 / 0, "x", {} } do
        assert.is_false((pcall(client.wait, client, odd)))
      end
      client:close()
    end)

    it("does not wait when something is there already", function()
      local client = make()
      local request = start(client)
      while not request:done() do client:wait(0.25) end
      local begun = core.now()
      for _ = 1, 3 do client:wait(5) end
      assert.is_true(core.now() - begun < 1 * SLOW)
      assert.equal(request, client:completed())
      client:close()
    end)
  end)

  describe("a thread of its own", function()
    it("works without anybody waiting, and wakes", function()
      local client = make()
      local descriptor = client:descriptor()
      assert.is_true(descriptor > 2)
      assert.equal(descriptor, client:descriptor())
      assert.is_true(client:start_thread())
      assert.is_true(client:start_thread())
      assert.is_false(native.readable(descriptor, 0.01))
      for _ = 1, 3 do
        local request = start(client)
        assert.is_true(native.readable(descriptor, 5 * SLOW))
        assert.equal(request, client:completed())
        assert.equal(200, (request:result()))
        assert.is_nil(client:completed())
        assert.is_false(native.readable(descriptor, 0.01))
      end
      client:close()
    end)

    it("wakes at a moment, once, and for what came before", function()
      local client = make()
      local request = start(client)
      while not request:done() do client:wait(0.25) end
      local early = start(client)
      while server:wait { requests = 2, timeout = 0 } == false do
        client:wait(0)
      end
      local descriptor = client:descriptor()
      assert.equal(request, client:completed())
      bare.wait(client, function() return early:done() end)
      while client:completed() do end
      assert.is_false(native.readable(descriptor, 0.01))
      local begun = core.now()
      client:wake_at(begun + 0.1)
      assert.is_true(native.readable(descriptor, 5))
      assert.is_true(core.now() - begun >= 0.1)
      assert.is_true(core.now() - begun < 0.1 + 0.2 * SLOW)
      assert.is_nil(client:completed())
      assert.is_false(native.readable(descriptor, 0.15))
      client:wake_at(core.now() - 5)
      assert.is_true(native.readable(descriptor, 0))
      assert.is_nil(client:completed())
      client:wake_at(core.now() + 0.05)
      client:wake_at(nil)
      client:wake_at(math.huge)
      assert.is_false(native.readable(descriptor, 0.1))
      client:wake_at(core.now() + 100)
      client:wake_at(core.now() + 0.05)
      assert.is_true(native.readable(descriptor, 5))
      for _, odd in ipairs { "x", {}, 0 / 0 } do
        assert.is_false((pcall(client.wake_at, client, odd)))
      end
      client:close()
    end)

    it("takes over what is in flight", function()
      server:on("GET", "/x", { delay = 0.1, json = { code = 0 } })
      local client = make()
      local request = start(client)
      client:wait(0)
      assert.is_true(client:start_thread())
      assert.equal(200, (bare.finish(client, request):result()))
      client:close()
    end)
  end)

  -- In each phase of an exchange.
  for _, threaded in ipairs { false, true } do
    it("ends at once, whatever is in flight" ..
      (threaded and ", threaded" or ", inline"), function()
      local hole = faults.blackhole()
      local secure = faults.start { tls = true }
      finally(function()
        hole.stop()
        secure:stop()
      end)
      secure:on_connect { stall = "tls" }
      server:on("*", "/x", { stall = "before_answer" })
      server:on("*", "/body", { stall = "mid_body", body = ("x"):rep(1e5) })
      for _, url in ipairs { server.url .. "/x", server.url .. "/body",
        hole.url .. "/x", secure.url .. "/x" } do
        local client = make { transfers = 3, ca_file = secure.ca_file }
        local requests = {}
        for i = 1, 5 do
          requests[i] = client:start { url = url }
        end
        if threaded then client:start_thread() end
        for _ = 1, 3 do client:wait(0.03) end
        local begun = core.now()
        client:close()
        local seconds = core.now() - begun
        assert.is_true(seconds < 0.05 * SLOW, seconds)
        for i = 1, 5 do
          local status, failure = requests[i]:result()
          assert.is_nil(status)
          assert.equal("closed", failure.class)
        end
      end
    end)
  end

  describe("closing", function()
    it("may happen any number of times, and says so afterwards", function()
      local client = make()
      assert.equal("jogg.core.client (open)", tostring(client))
      assert.is_nil((client:fault()))
      client:close()
      client:close()
      assert.equal("jogg.core.client (closed)", tostring(client))
      assert.equal("attempt to use a closed client", client:fault())
      for _, name in ipairs { "completed", "descriptor", "download", "is_local",
        "record", "start", "start_thread", "wait", "wake_at" } do
        local ok, err = pcall(client[name], client)
        assert.is_false(ok)
        assert.truthy(err:find("attempt to use a closed client", 1, true), err)
      end
    end)

    it("may happen before its requests are closed, or after", function()
      server:on("GET", "/stall", { stall = "before_answer" })
      local client = make()
      local done = bare.exchange(client)
      local listed = start(client)
      while not listed:done() do client:wait(0.25) end
      local forgotten = start(client)
      while not forgotten:done() do client:wait(0) end
      forgotten:close() -- not handed out either
      local going = start(client, "/stall")
      client:wait(0)
      client:close()
      assert.equal(200, (done:result()))
      assert.equal(200, (listed:result()))
      assert.equal("closed", select(2, going:result()).class)
      done:close()
      listed:close()
      going:close()
      going:close()
      local other = make()
      local request = start(other, "/stall")
      request:close()
      other:close()
      assert.equal("jogg.core.request (closed)", tostring(request))
    end)

    it("may be left to the collector, in any order", function()
      server:on("GET", "/stall", { stall = "before_answer" })
      collect()
      local before = process.settled_descriptor_count()
      for round = 1, 12 do
        local held = { client = make() }
        for i = 1, 4 do
          held[i] = start(held.client, i % 2 == 0 and "/stall" or "/x")
        end
        if round % 3 == 0 then
          held.client:start_thread()
        end
        held.client:wait(0.01)
        if round % 2 == 0 then
          held.client = nil
        else
          held = { client = held.client }
        end
        collect()
        if held.client then
          bare.exchange(held.client)
        end
      end
      collect()
      assert.equal(before, process.descriptor_count())
    end)

    it("cannot be broken into from Lua", function()
      local client = make()
      local request = start(client)
      assert.equal("jogg.core.client", getmetatable(client))
      assert.equal("jogg.core.request", getmetatable(request))
      assert.is_false((pcall(setmetatable, client, {})))
      client:close()
    end)

    it("happens at the end of the state, too", function()
      server:on("GET", "/stall", { stall = "before_answer" })
      for last, wanted in pairs { [""] = 0, ["client:start_thread()"] = 0,
        ["os.exit(7, true)"] = 7, ["error 'x'"] = 1, ["os.exit(8)"] = 8,
        ["client:start_thread() os.exit(9, true)"] = 9,
        ["client:start_thread() client:wait(0.1) os.exit(10)"] = 10 } do
        local begun = core.now()
        local output, status = process.run({ LUA, "-e", ([[
          local core = require "jogg.core"
          client = core.client { base_url = "%s", api_key = "k",
            user_agent = "spec" }
          requests = { client:record "/nowhere/x", client:download {
            path = "/nowhere/y", maximum = 1, whole = "mp4" } }
          for i = 1, 3 do
            requests[#requests + 1] = client:start {
              path = i == 2 and "/x" or "/stall" }
          end
          requests[#requests + 1] = requests[1]:open()
          requests[#requests + 1] = requests[2]:check()
          client:wait(0.2)
          io.write "here" io.flush() ]]):format(server.url) .. last },
          { stderr = "merge" })
        assert.same({ "here", wanted }, { output:sub(1, 4), status }, output)
        assert.is_true(core.now() - begun < 5 * SLOW)
      end
    end)
  end)

  it("reads the clock forwards", function()
    local first = core.now()
    local second = core.now()
    assert.is_true(second >= first)
  end)

  it("never shows the key", function()
    local client = make()
    server:on("*", "*", { reset = "mid_body", body = "0123456789" })
    local failure = bare.failure(client)
    for name, value in pairs(failure) do
      assert.falsy(tostring(value):find(bare.KEY, 1, true), name)
    end
    assert.falsy(tostring(client):find(bare.KEY, 1, true))
    client:close()
    local _, raised = pcall(client.start, client)
    assert.falsy(raised:find(bare.KEY, 1, true))
  end)
end)
