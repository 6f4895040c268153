-- SPDX-License-Identifier: MIT
-- A connection that was silent for too long: no exchange uses it any more,
-- whatever libcurl would do. Over HTTP/2 many share one; a relay between client
-- and nginx makes it silent. HTTP/1.1 is in network_spec.

local core = require "jogg.core"
local bare = require "spec.support.bare"
local faults = require "spec.support.faults"
local nginx = require "spec.support.nginx"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

describe("core's silent connection", function()
  local hole, server, relay, client

  setup(function()
    hole = faults.start()
    hole:on("GET", "/never", { stall = "after_request" })
    hole:on("GET", "/drip", { slow = 400, body = ("x"):rep(1600) })
    server = nginx.start({ ok = '{"code":0}' },
      ("location ~ (never|drip) { proxy_pass http://127.0.0.1:%d; " ..
      "proxy_buffering off; }\n"):format(hole.port))
    relay = faults.start()
  end)
  teardown(function()
    relay:stop()
    server:stop()
    hole:stop()
  end)
  before_each(function()
    relay:clear():on_connect { tunnel = tonumber(server.url:match "%d+$") }
    client = bare.client("https://localhost:" .. relay.port,
      { ca_file = server.ca_file })
  end)
  after_each(function() client:close() end)

  local function answered()
    assert.equal(200, (bare.exchange(client, { path = "/ok",
      stall_timeout = 2 * SLOW }):result()))
  end

  local function connections(f)
    local before = relay:connections()
    f()
    return relay:connections() - before
  end

  for _, threaded in ipairs { false, true } do
    local how = threaded and ", threaded" or ", inline"

    local function begin()
      if threaded then client:start_thread() end
      answered()
      answered() -- over the same
    end

    for class, fields in pairs {
      stall_timeout = { path = "/ok", stall_timeout = 0.2 * SLOW },
      timeout = { path = "/ok", timeout = 0.2 * SLOW },
    } do
      it("is left after a " .. class .. how, function()
        assert.equal(1, connections(begin))
        for _ = 1, 3 do
          relay:freeze()
          assert.equal(1, connections(function()
            assert.same({ class, true }, (function(failure)
              return { failure.class, failure.sent }
            end)(bare.failure(client, fields)))
            answered()
            answered()
          end))
        end
        assert.is_true(relay:wait { open = 1 })
      end)
    end

    it("fails all who use it at once" .. how, function()
      begin()
      local others = {}
      for i = 1, 5 do
        others[i] = client:start { path = "/never", stall_timeout = 30 }
      end
      local first = client:start { path = "/never",
        stall_timeout = 0.3 * SLOW }
      local began = core.now()
      assert.equal("stall_timeout",
        select(2, bare.finish(client, first):result()).class)
      for i = 1, 5 do
        local failure = select(2, bare.finish(client, others[i]):result())
        assert.same({ "broken", true }, { failure.class, failure.sent })
      end
      assert.is_true(core.now() - began < 2 * SLOW)
      answered()
    end)

    it("is kept while others receive over it" .. how, function()
      begin()
      local drip = client:start { path = "/drip", stall_timeout = 5 * SLOW }
      assert.equal(0, connections(function()
        for _ = 1, 2 do
          local failure = bare.failure(client, { path = "/never",
            stall_timeout = 0.6 })
          assert.equal("stall_timeout", failure.class)
          failure = bare.failure(client, { path = "/never", timeout = 0.6 })
          assert.equal("timeout", failure.class)
          assert.is_false(drip:done())
        end
        answered()
      end))
      local status, body = bare.finish(client, drip):result()
      assert.same({ 200, nil }, { status, body })
    end)

    it("is not what a fresh exchange uses" .. how, function()
      begin()
      assert.equal(2, connections(function()
        for _ = 1, 2 do
          assert.equal(200, (bare.exchange(client, { path = "/ok",
            fresh = true }):result()))
        end
      end))
    end)
  end
end)
