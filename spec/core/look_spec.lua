-- SPDX-License-Identifier: MIT
-- client:look of the core: looks that begin later, and again and again, without
-- the host; and the line in which all transfers stand for a place.

local core = require "jogg.core"
local faults = require "spec.support.faults"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)
local GOING = 2 ^ 2 + 2 ^ 3
local NEVER = 1e9

for _, threaded in ipairs { false, true } do
  describe(threaded and "core.look, threaded" or "core.look", function()
    local server, client

    setup(function() server = faults.start() end)
    teardown(function() server:stop() end)
    before_each(function() server:clear() end)
    after_each(function()
      client:close()
      client:close()
      assert.is_true(server:wait { open = 0 })
    end)

    local function connect(transfers)
      client = core.client { base_url = server.url, api_key = "k",
        user_agent = "spec", transfers = transfers }
      if threaded then assert(client:run_thread()) end
    end

    local function wait(holds)
      local deadline = core.now() + 10 * SLOW
      local held = holds()
      while not held do
        assert(core.now() < deadline, "it does not come about")
        client:wait(0.02)
        held = holds()
      end
      return held
    end

    local function finish(request)
      wait(function() return request:done() end)
      return request
    end

    local function data(fields)
      return { json = { code = 0, data = fields } }
    end

    local function look(options)
      options = options or {}
      return client:look("/look", options.connect, options.stall,
        options.timeout, options.beside or false, options.pause or 0,
        options.every or 0.01, options.last or NEVER,
        options.deadline or NEVER, options.going or GOING, "id",
        options.id or "7")
    end

    local function times()
      local list = {}
      for i, request in ipairs(server:requests()) do list[i] = request.time end
      return list
    end

    it("looks again while the work goes on", function()
      connect()
      server:on("GET", "/look", { data { status = 2 }, data { status = 3 },
        data { status = 3, url = "x" }, data { status = 4, url = "v" } })
      local request, id = look { every = 0.05 }
      local status, body = finish(request):result()
      assert.equal(200, status)
      assert.same({ code = 0, data = { status = 4, url = "v" } }, body)
      assert.is_number(id)
      local list = times()
      assert.equal(4, #list)
      for i = 2, 4 do assert.is_true(list[i] - list[i - 1] >= 0.049) end
      assert.equal("id=7", server:last_request().query)
    end)

    it("announces no more than the end", function()
      connect()
      server:on("GET", "/look", { data { status = 2 }, data { status = 2 },
        data { status = 4 } })
      local request, id = look()
      local announced = {}
      wait(function()
        announced[#announced + 1] = client:next()
        return request:done()
      end)
      announced[#announced + 1] = client:next()
      assert.same({ id }, announced)
      assert.equal(3, #server:requests())
    end)

    it("pauses before the first one", function()
      connect()
      server:on("GET", "/look", data { status = 4 })
      local began = core.now()
      finish(look { pause = 0.2 })
      assert.is_true(core.now() - began >= 0.2)
      assert.equal(1, #server:requests())
    end)

    it("comes back with any other answer, and with a failure", function()
      connect()
      for name, step in pairs {
        final = data { status = 5 },
        unknown = data { status = 42 },
        text = data { status = "3" },
        nothing = { json = { code = 0 } },
        refused = { json = { code = 10105, data = { status = 3 } } },
        unavailable = { status = 503, json = { code = 0,
          data = { status = 3 } } },
        moved = { status = 302, headers = { Location = "/look" },
          json = { code = 0, data = { status = 3 } } },
        page = { body = "<html>", headers = { ["Content-Type"] = "text/html" } },
        cut = { body = '{"code":0,"data":{"status":3}' },
        reset = { reset = "after_request" },
      } do
        server:clear()
        server:on("GET", "/look", { data { status = 3 }, step })
        local status, body = finish(look()):result()
        if name == "reset" then -- libcurl may have tried it once more
          assert.is_true(#server:requests() <= 3)
          assert.is_nil(status)
          assert.equal("network", body.kind)
        else
          assert.equal(2, #server:requests(), name)
          assert.equal(step.status or 200, status, name)
        end
      end
    end)

    it("is one look where it is not to be repeated", function()
      connect()
      server:on("GET", "/look", data { status = 3 })
      assert.equal(3, select(2, finish(look { every = 0 }):result()).data.status)
      assert.equal(3, select(2, finish(look { going = 0 }):result()).data.status)
      assert.equal(3, select(2, finish(look { last = 0 }):result()).data.status)
      assert.equal(3, #server:requests())
    end)

    it("begins no look after the last moment", function()
      connect()
      server:on("GET", "/look", data { status = 3 })
      local last = core.now() + 0.3
      local request = finish(look { every = 0.04, last = last })
      assert.equal(3, select(2, request:result()).data.status)
      assert.is_true(core.now() > last - 0.045)
      local n = #server:requests()
      assert.is_true(n >= 2 and n <= 9, n)
    end)

    it("is given up at its deadline", function()
      connect()
      server:on("GET", "/look", { data { status = 3 },
        { stall = "after_request" } })
      local began = core.now()
      local status, err = finish(look { timeout = 60, stall = 60,
        deadline = began + 0.3 }):result()
      assert.is_nil(status)
      assert.equal("timeout", err.kind)
      assert.is_true(core.now() - began >= 0.29)
      assert.is_true(core.now() - began < 2 * SLOW)
      finish(look { deadline = core.now() - 1 }) -- ends, if not at once
    end)

    it("keeps each of many in its time", function()
      connect(8)
      server:on("GET", "/look", data { status = 4 })
      local began = core.now()
      local ended = {}
      local pauses, requests, count = {}, {}, 400
      for i = 1, count do
        local pause = (i * 7919 % count) / count * 0.5
        local request, id = look { pause = pause, id = tostring(i) }
        requests[i], pauses[id] = request, pause
      end
      wait(function()
        local id = client:next()
        while id do
          ended[#ended + 1] = pauses[id]
          assert.is_true(core.now() - began >= pauses[id])
          id = client:next()
        end
        return #ended == count
      end)
      local early = 0
      for i = 2, count do
        if ended[i] < ended[i - 1] - 0.1 * SLOW then early = early + 1 end
      end
      assert.equal(0, early)
      assert.equal(count, #requests)
      assert.equal(count, #server:requests())
    end)

    describe("cancelled", function()
      local function cancel(request, left)
        assert.equal(left, request:cancel())
        local status, err = finish(request):result()
        assert.is_nil(status)
        assert.equal("cancelled", err.kind)
      end

      it("in its pause", function()
        connect()
        local request = look { pause = 60 }
        client:wait(0.02)
        cancel(request, false)
        assert.equal(0, #server:requests())
      end)

      it("between two looks", function()
        connect()
        server:on("GET", "/look", data { status = 3 })
        server:on("GET", "/other", data {})
        local request = look { every = 60 }
        wait(function() return #server:requests() == 1 end)
        finish(client:start("GET", "/other")) -- the look's answer came before
        cancel(request, false)
      end)

      it("in flight", function()
        connect()
        server:on("GET", "/look", { stall = "after_request" })
        local request = look()
        wait(function() return #server:requests() == 1 end)
        cancel(request, true)
      end)

      it("some of very many", function()
        connect()
        server:on("GET", "/look", data { status = 4 })
        local requests = {}
        for i = 1, 5000 do
          requests[i] = look { pause = i % 100 == 0 and 0.3 or 60,
            id = tostring(i) }
        end
        client:wait(0)
        for i = 1, 5000 do
          if i % 100 ~= 0 then requests[i]:close() end
        end
        for i = 100, 5000, 100 do
          assert.equal(200, (finish(requests[i]):result()))
        end
        assert.equal(50, #server:requests())
      end)
    end)

    it("is closed with thousands that wait", function()
      connect(1)
      server:on("GET", "/look", { stall = "after_request" })
      local requests = {}
      for i = 1, 2000 do
        requests[i] = look { pause = i % 2 == 0 and 60 or 0 }
      end
      wait(function() return #server:requests() == 1 end)
      local began = core.now()
      client:close()
      assert.is_true(core.now() - began < 0.05 * SLOW)
      for i = 1, 2000 do
        local status, err = requests[i]:result()
        assert.is_nil(status)
        assert.equal("closed", err.reason)
      end
    end)

    it("checks its arguments", function()
      connect()
      for _, arguments in ipairs {
        {}, { "/x" }, { "/x", 1, 1, 1, false, -1, 1, 1, 1, 1 },
        { "/x", 1, 1, 1, false, 1, -1, 1, 1, 1 },
        { "/x", 1, 1, 1, false, 1, 1, 0 / 0, 1, 1 },
        { "/x", 1, 1, 1, false, 1, 1, 1, 0 / 0, 1 },
        { "/x", 1, 1, 1, false, 1, 1, 1, 1, -1 },
        { "/x", 1, 1, 1, false, 1, 1, 1, 1, "x" },
        { "/x", 1, 1, 1, false, 1, 1, 1, 1, 1, "n", "v\0" },
        { {}, 1, 1, 1, false, 1, 1, 1, 1, 1, "n", "v" },
      } do
        local ok, err = pcall(client.look, client,
          (unpack or table.unpack)(arguments, 1, 12)) -- luacheck: ignore
        assert.is_false(ok)
        assert.truthy(err:find("bad argument", 1, true), err)
      end
      assert.equal(0, #server:requests())
    end)

    describe("the line", function()
      it("has so many in flight, and the others in their order", function()
        connect(2)
        server:on("GET", "/*", { delay = 0.02, json = { code = 0 } })
        local requests = {}
        for i = 1, 8 do requests[i] = client:start("GET", "/" .. i) end
        for i = 1, 8 do finish(requests[i]) end
        local used, connections = {}, 0
        for i, request in ipairs(server:requests()) do
          assert.is_true(math.abs(i - tonumber(request.path:sub(2))) <= 1)
          if not used[request.connection] then connections = connections + 1 end
          used[request.connection] = true
        end
        assert.equal(2, connections)
      end)

      it("says whether a request may have left", function()
        connect(1)
        server:on("POST", "/*", { stall = "after_request" })
        local function post(path, beside)
          return client:start("POST", path, "{}", 5, 0, 20, true, beside)
        end
        local first, second = post "/1", post "/2"
        wait(function() return #server:requests() == 1 end)
        local third = post("/3", true) -- beside: it needs no place
        wait(function() return #server:requests() == 2 end)
        assert.is_false(second:cancel())
        assert.is_true(first:cancel())
        assert.is_true(third:cancel())
        for _, request in ipairs { first, second, third } do
          finish(request):close()
        end
        assert.equal(2, #server:requests())
        server:on("POST", "/*", { json = { code = 0 } })
        assert.equal(200, (finish(post "/4"):result()))
      end)

      it("is not stood in by those whose time has not come", function()
        connect(1)
        server:on("GET", "/look", data { status = 4 })
        server:on("GET", "/x", data {})
        local waiting = { look { pause = 60 }, look { pause = 60 } }
        assert.equal(200, (finish(client:start("GET", "/x")):result()))
        assert.is_false(waiting[1]:done())
      end)
    end)
  end)
end
