-- SPDX-License-Identifier: MIT
-- Userdata jogg.core.client: born closed, closed by any way, and never ahead
-- of or behind its requests. What goes over the wire is in client_*_spec.lua.

local core = require "jogg.core"
local faults = require "spec.support.faults"
local process = require "spec.support.process"

local LUA = os.getenv "JOGG_LUA" or "lua5.4"
local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)
local KEY = "s3cr3t-0f-c0r3"

local function collect()
  collectgarbage()
  collectgarbage()
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
    options = options or {}
    options.base_url = options.base_url or server.url
    options.api_key = options.api_key or KEY
    options.user_agent = options.user_agent or "spec"
    return core.client(options)
  end

  local function start(client, method, path, ...)
    return client:start(method or "GET", path or "/x", nil, 5, 5, 5, false, false, ...)
  end

  -- Waits for a request; raises when that takes too long.
  local function finish(client, request)
    local deadline = core.now() + 10 * SLOW
    while not request:done() do
      assert(core.now() < deadline, "the request does not end")
      client:wait(0.25)
    end
    return request
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
        ["string expected"] = { base_url = {} },
      } do
        for _ = 1, 20 do
          local ok, err = pcall(make, options)
          assert.is_false(ok)
          assert.truthy(err:find(expected, 1, true), err)
          assert.falsy(err:find("ab\r", 1, true))
        end
      end
      assert.is_false((pcall(core.client)))
      assert.is_false((pcall(core.client, {})))
      assert.is_false((pcall(core.client, { base_url = server.url,
        api_key = "k" })))
      assert.is_false((pcall(make, { connections = "many" })))
      assert.is_false((pcall(make, { ca_file = {} })))
      collect()
      assert.equal(before, process.descriptor_count())
    end)

    it("may be a key of any printable characters", function()
      local key = ""
      for byte = 33, 126 do
        key = key .. string.char(byte)
      end
      local client = make { api_key = key }
      finish(client, (start(client)))
      assert.equal(key, server:last_request().headers["x-api-key"])
      client:close()
    end)
  end)

  describe("start", function()
    it("checks its arguments", function()
      local client = make()
      for _, arguments in ipairs {
        { "DELETE", "/x" }, { "get", "/x" }, { 5, "/x" }, { "GET" }, {},
        { "GET", "/x\0y" }, { "GET", ("x"):rep(2000) }, { "GET", {} },
        { "POST", "/x", {} }, { "POST", "/x", ("x"):rep(5 * 2 ^ 20) },
        { "GET", "/x", nil, -1 }, { "GET", "/x", nil, "x" },
        { "GET", "/x", nil, 0 / 0 }, { "GET", "/x", nil, 1, -1 },
        { "GET", "/x", nil, 1, 1, {} },
        { "GET", "/x", nil, 1, 1, 1, false, false, "n", "v\0" },
        { "GET", "/x", nil, 1, 1, 1, false, false, "n", ("v"):rep(20000) },
        { "GET", "/x", nil, 1, 1, 1, false, false, "n", {} },
      } do
        local ok, err = pcall(client.start, client,
          (unpack or table.unpack)(arguments, 1, 11)) -- luacheck: ignore
        assert.is_false(ok, tostring(arguments[2]))
        assert.truthy(err:find("bad argument", 1, true)
          or err:find("attempt to concatenate", 1, true), err)
      end
      client:close()
      collect()
      assert.equal(0, #server:requests())
    end)

    it("is misuse without a client", function()
      local client = make()
      assert.is_false((pcall(client.start, {}, "GET", "/x")))
      assert.is_false((pcall(client.start, io.stdout, "GET", "/x")))
      assert.is_false((pcall(client.start)))
      assert.is_false((pcall(client.close, {})))
      client:close()
    end)

    it("carries path, body and query as they are", function()
      local client = make()
      local body = "\0\1\255 not JSON"
      local request = client:start("POST", "/a/../b;c=d/%41", body, 5, 5, 5,
        false, false, "q", "a&b=c d%+#ö", "empty", "", "k y", "=")
      finish(client, request)
      local seen = server:last_request()
      assert.equal("/a/../b;c=d/%41", seen.path)
      assert.equal(body, seen.body)
      assert.same({ q = "a&b=c d%+#ö", empty = "", ["k y"] = "=" },
        seen.parameters)
      client:close()
    end)

    it("gives each request an id, and next announces it once", function()
      local client = make()
      local ids, requests = {}, {}
      for i = 1, 20 do
        local request, id = start(client, "GET", "/" .. i)
        assert.is_nil(ids[id])
        ids[id], requests[i] = request, request
      end
      assert.is_nil((client:next()))
      local announced = 0
      local deadline = core.now() + 10 * SLOW
      while announced < 20 do
        assert(core.now() < deadline)
        client:wait(0.25)
        for id in function() return (client:next()) end do
          assert.is_true(ids[id]:done())
          ids[id] = nil
          announced = announced + 1
        end
      end
      assert.is_nil(next(ids))
      assert.is_nil((client:next()))
      for _, request in ipairs(requests) do
        assert.equal(200, (request:result()))
      end
      client:close()
    end)

    it("uses connections again, and no more than it may", function()
      local client = make { connections = 2 }
      local requests = {}
      for i = 1, 12 do
        requests[i] = start(client)
      end
      local before = server:connections()
      for i = 1, 12 do
        finish(client, requests[i])
        assert.equal(200, (requests[i]:result()))
      end
      assert.is_true(server:connections() - before <= 2)
      client:close()
    end)
  end)

  describe("wait", function()
    it("returns when there is something, or when its time is over", function()
      local client = make()
      client:wait(0.001) -- a new client may wake once for nothing
      local begun = core.now()
      assert.is_true(client:wait(0.1))
      assert.is_true(core.now() - begun >= 0.09)
      assert.is_true(client:wait(0))
      server:on("GET", "/x", { delay = 0.1 })
      local request = start(client)
      begun = core.now()
      finish(client, request)
      assert.is_true(core.now() - begun < 0.9 * SLOW)
      for _, odd in ipairs { -1, 0 / 0, "x", {} } do
        assert.is_false((pcall(client.wait, client, odd)))
      end
      client:close()
    end)

    it("does not wait when something is there already", function()
      local client = make()
      local request = start(client)
      finish(client, request)
      start(client, "GET", "/never"):close()
      local begun = core.now()
      client:wait(0)
      assert.is_true(core.now() - begun < 0.5 * SLOW)
      client:close()
    end)
  end)

  describe("a thread of its own", function()
    it("works without anybody waiting, and rings", function()
      local client = make()
      local descriptor = client:descriptor()
      assert.is_true(descriptor > 2)
      assert.equal(descriptor, client:descriptor())
      assert.is_true(client:run_thread())
      local request = start(client)
      local deadline = core.now() + 10 * SLOW
      local seen
      repeat
        seen = client:next()
        client:wait(0.05)
      until seen or core.now() > deadline
      assert.is_true(request:done())
      assert.equal(200, (request:result()))
      client:close()
    end)

    it("ends at once, whatever is in flight", function()
      local hole = faults.blackhole()
      finally(hole.stop)
      server:on("*", "*", { stall = "before_answer" })
      for _, url in ipairs { server.url, hole.url } do
        local client = make { base_url = url }
        local requests = {}
        for i = 1, 5 do
          requests[i] = start(client)
        end
        assert.is_true(client:run_thread())
        client:wait(0.05)
        local begun = core.now()
        client:close()
        assert.is_true(core.now() - begun < 0.3 * SLOW)
        for i = 1, 5 do
          local status, err = requests[i]:result()
          assert.is_nil(status)
          assert.same({ "cancelled", "closed" }, { err.kind, err.reason })
        end
      end
    end)
  end)

  describe("closing", function()
    it("may happen any number of times, and says so afterwards", function()
      local client = make()
      assert.equal("jogg.core.client (open)", tostring(client))
      assert.is_true(client:is_usable())
      client:close()
      client:close()
      assert.equal("jogg.core.client (closed)", tostring(client))
      assert.same({ false, "attempt to use a closed client" },
        { client:is_usable() })
      for _, name in ipairs { "descriptor", "download", "is_local", "next",
        "run_thread", "start", "wait" } do
        local ok, err = pcall(client[name], client)
        assert.is_false(ok)
        assert.truthy(err:find("attempt to use a closed client", 1, true), err)
      end
    end)

    it("may happen before its requests are closed, or after", function()
      server:on("GET", "/stall", { stall = "before_answer" })
      local client = make()
      local done = start(client)
      finish(client, done)
      local going = start(client, "GET", "/stall")
      client:wait(0)
      client:close()
      assert.equal(200, (done:result()))
      assert.equal("closed", select(2, going:result()).reason)
      done:close()
      going:close()
      going:close()
      local other = make()
      local request = start(other, "GET", "/stall")
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
          held[i] = start(held.client, "GET", i % 2 == 0 and "/stall" or "/x")
        end
        if round % 3 == 0 then
          held.client:run_thread()
        end
        held.client:wait(0.01)
        if round % 2 == 0 then
          held.client = nil
        else
          held = { client = held.client }
        end
        collect()
        if held.client then
          finish(held.client, (start(held.client)))
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
      for last, wanted in pairs { [""] = 0, ["client:run_thread()"] = 0,
        ["os.exit(7, true)"] = 7, ["error 'x'"] = 1, ["os.exit(8)"] = 8,
        ["client:run_thread() os.exit(9, true)"] = 9,
        ["client:run_thread() client:wait(0.1) os.exit(10)"] = 10 } do
        local begun = core.now()
        local output, status = process.run({ LUA, "-e", ([[
          local core = require "jogg.core"
          client = core.client { base_url = "%s", api_key = "k",
            user_agent = "spec" }
          requests = {}
          for i = 1, 3 do
            requests[i] = client:start("GET", i == 2 and "/x" or "/stall")
          end
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
    local request = start(client, "GET", "/" .. ("x"):rep(10))
    finish(client, request)
    for _, text in ipairs { tostring(client), tostring(request),
      request:text(1000) } do
      assert.falsy(text:find(KEY, 1, true))
    end
    client:close()
    local _, raised = pcall(client.start, client)
    assert.falsy(raised:find(KEY, 1, true))
  end)
end)
