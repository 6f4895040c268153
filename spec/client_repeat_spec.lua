-- SPDX-License-Identifier: MIT
-- Which calls are made again, and which never: a POST costs. The server counts
-- what arrives. Chance is what the pauses are made of: here it is always 0,
-- so that own pauses take no time, and only what a server asks for does.

local core = require "jogg.core"
local jogg = require "jogg"
local clock = require "spec.support.clock"
local faults = require "spec.support.faults"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

local OK = { json = { code = 0, data = { id = 1, prj_id = "p" } } }

local CALLS = {
  create_product = { "POST", "/open/product", function(client)
    return client:create_product { url = "https://a.example/" }
  end },
  update_product = { "PUT", "/open/product", function(client)
    return client:update_product { product_id = 1 }
  end },
  render_project = { "POST", "/open/project/render", function(client)
    return client:render_project { project_id = "p" }
  end },
  project_info = { "GET", "/open/prj_info", function(client)
    return client:project_info "p"
  end },
}

local POSTS = { "render_project" } -- what costs
local OTHERS = { "create_product", "update_product", "project_info" }

describe("client's repeats", function()
  local server, client
  local random = math.random

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)
  before_each(function()
    server:clear():on_connect {}
    math.random = function() return 0 end -- luacheck: ignore
  end)
  after_each(function()
    math.random = random -- luacheck: ignore
    if client then client:close() end
    client = nil
  end)

  local function make(options)
    if client then client:close() end
    options = options or {}
    options.api_key = options.api_key or "k"
    options.base_url = options.base_url or server.url
    options.posts_per_minute = options.posts_per_minute or 100000
    options.timeout = options.timeout or 20 * SLOW
    client = jogg.client(options)
  end

  -- Makes a call; returns what it returns, and how many requests arrived.
  local function count(name, steps)
    local method, path, call = CALLS[name][1], CALLS[name][2], CALLS[name][3]
    server:clear()
    server:on(method, path, steps)
    local value, err = call(client)
    return value, err, #server:requests()
  end

  local function never_again(steps, outcome)
    for _, name in ipairs(POSTS) do
      local value, err, n = count(name, steps)
      assert.is_nil(value)
      assert.equal(1, n, tostring(err))
      assert.equal(outcome, err.outcome)
      assert.is_false(err.retryable)
    end
  end

  describe("of a POST", function()
    before_each(function() make { retries = 3 } end)

    it("there are none when it may have had an effect", function()
      for _, stage in ipairs { "after_headers_read", "after_request",
        "mid_headers", "mid_body" } do
        for _, how in ipairs { "reset", "close" } do
          never_again({ { [how] = stage, json = OK.json }, OK }, "unknown")
        end
      end
      never_again({ { status = 500, json = { code = 50000, msg = "m" } }, OK },
        "unknown")
      never_again({ { status = 502, body = "<html>" }, OK }, "unknown")
      never_again({ { status = 503, headers = { ["Retry-After"] = "0" } }, OK },
        "unknown")
      never_again({ { json = { code = 50000, msg = "m" } }, OK }, "unknown")
      never_again({ { json = { code = 50001, msg = "m" } }, OK }, "unknown")
      for _, status in ipairs { 302, 303, 307, 408, 499 } do
        never_again({ { status = status, body = "" }, OK }, "unknown")
      end
      never_again({ { body = "{" }, OK }, "unknown")
      never_again({ { body = "" }, OK }, "unknown")
      never_again({ { endless = true }, OK }, "unknown")
    end)

    it("there are none after silence", function()
      make { retries = 3, stall_timeout = 0.1, product_timeout = 0.2 }
      never_again({ { stall = "after_request" }, OK }, "unknown")
      never_again({ { stall = "mid_body", json = OK.json }, OK }, "unknown")
    end)

    it("there are none when it was refused for good", function()
      for _, code in ipairs { 10104, 10105, 18020, 18025, 40000 } do
        never_again({ { json = { code = code, msg = "m" } }, OK }, "rejected")
      end
      never_again({ { json = { code = 7, msg = "m" } }, OK }, "unknown")
      for _, status in ipairs { 400, 401, 403, 404 } do
        never_again({ { status = status, body = "" }, OK }, "rejected")
      end
    end)

    it("there are none when it was accepted, whatever else is wrong", function()
      local value, err, n = count("create_product", { { json = { code = 0 } }, OK })
      assert.is_nil(value)
      assert.equal("accepted", err.outcome)
      assert.is_false(err.retryable)
      assert.equal(1, n)
    end)

    it("there is one after each 429, which had no effect", function()
      for _, refusal in ipairs {
        { status = 429, json = { code = 429, msg = "m" } },
        { status = 429, body = "" },
        { json = { code = 429, msg = "m" } },
        { status = 429, json = { code = 10401, data = { retryAfter = 0 } } },
      } do
        for _, name in ipairs(POSTS) do
          local value, err, n = count(name, { refusal, refusal, refusal, OK })
          assert.truthy(value, tostring(err))
          assert.equal(4, n)
          value, err, n = count(name, refusal)
          assert.is_nil(value)
          assert.equal("rate_limit", err.kind)
          assert.equal("rejected", err.outcome)
          assert.is_true(err.retryable) -- by the caller, later
          assert.equal(4, n)
        end
      end
    end)

    it("there is one when nothing was sent", function()
      local secure = faults.start { tls = true }
      finally(function() secure:stop() end)
      make { base_url = secure.url, ca_file = secure.ca_file, retries = 3 }
      secure:on("POST", "*", OK)
      for i, name in ipairs(POSTS) do
        secure:on_connect { { close = "tls" }, { reset = "tls" },
          { reset = "accept" }, {} }
        assert(CALLS[name][3](client))
        assert.equal(i, #secure:requests())
      end
      secure:on_connect { close = "tls" }
      local _, err = CALLS.render_project[3](client)
      assert.equal("not_sent", err.outcome)
      assert.equal(#POSTS, #secure:requests())
    end)

    it("there is one when nobody listened yet", function()
      local late = faults.start()
      local port = late.port
      late:stop()
      make { base_url = "http://127.0.0.1:" .. port, retries = 1 }
      local tries = 0
      math.random = function() -- luacheck: ignore
        tries = tries + 1 -- in the pause before the second try
        late = faults.start { port = port }
        late:on("POST", "*", OK)
        return 0
      end
      finally(function() late:stop() end)
      assert(client:render_project { project_id = "p" })
      assert.equal(1, tries)
      assert.equal(1, #late:requests())
    end)
  end)

  describe("on a connection that was used before", function()
    -- libcurl repeats a request by itself when a reused connection ends
    -- before any byte of the answer, though the server may have read it.
    for _, how in ipairs { "close", "reset" } do
      for _, stage in ipairs { "after_request", "after_headers_read" } do
        it(("a POST arrives once: %s %s"):format(how, stage), function()
          make { retries = 3 }
          for _, name in ipairs(POSTS) do
            server:clear()
            server:on("GET", "/open/prj_info", OK)
            server:on("PUT", "/open/product", OK)
            server:on("POST", "*", { json = OK.json, reused = { [how] = stage } })
            for _ = 1, 3 do -- connections to be reused
              assert(client:project_info "p")
              assert(client:update_product { product_id = 1 })
            end
            assert(CALLS[name][3](client))
            assert(CALLS[name][3](client))
            assert.equal(8, #server:requests())
            -- and when its own new connection ends
            server:on("POST", "*", { [how] = stage })
            local value, err = CALLS[name][3](client)
            assert.is_nil(value)
            assert.equal("unknown", err.outcome)
            assert.equal(9, #server:requests())
          end
        end)
      end
    end

    it("a GET and a PUT do not mind", function()
      make { retries = 0 }
      for _, name in ipairs { "update_product", "project_info" } do
        server:clear()
        server:on(CALLS[name][1], CALLS[name][2],
          { json = OK.json, reused = { close = "after_request" } })
        for _ = 1, 3 do
          assert(CALLS[name][3](client))
        end
      end
    end)

    it("none minds that an idle connection has ended", function()
      make { retries = 2 }
      for _, reset in ipairs { false, true } do
        for name, call in pairs(CALLS) do
          server:clear()
          server:on("*", "*", OK)
          assert(client:project_info "p")
          server:close_idle { reset = reset }
          assert(call[3](client))
          local n = 0
          for _, request in ipairs(server:requests()) do
            if request.path == call[2] and request.method == call[1] then
              n = n + 1
            end
          end
          assert.equal(name == "project_info" and 2 or 1, n)
        end
      end
    end)
  end)

  describe("of GET and PUT", function()
    local PASSING = {
      { reset = "after_request" }, { close = "after_request" },
      { close = "mid_headers" }, { reset = "mid_body", json = OK.json },
      { status = 500, body = "" }, { status = 502, body = "<html>" },
      { status = 503, body = "" }, { status = 429, body = "" },
      { status = 408, body = "" }, { json = { code = 50000, msg = "m" } },
      { body = "{" }, { body = "" },
    }

    it("there are as many as allowed while trouble may pass", function()
      for _, name in ipairs(OTHERS) do
        for _, trouble in ipairs(PASSING) do
          -- a page that cannot be read is no passing trouble
          local page = name == "create_product" and trouble.json and
            trouble.json.code == 50000
          make { retries = 2 } -- no connection that libcurl would give up
          local value, err, n = count(name, { trouble, trouble, OK })
          assert.equal(not page, value ~= nil, tostring(err))
          assert.equal(page and 1 or 3, n)
          make { retries = 2 }
          value, err, n = count(name, trouble)
          assert.is_nil(value)
          assert.equal(page and 1 or 3, n)
          assert.equal(not page, err.retryable)
        end
      end
    end)

    it("there are none when trouble lasts", function()
      make { retries = 2 }
      for _, name in ipairs(OTHERS) do
        for _, trouble in ipairs { { status = 400, body = "" },
          { status = 401, body = "" }, { status = 404, body = "" },
          { status = 302, redirect = "/" }, { json = { code = 10104 } },
          { json = { code = 40000 } }, { json = { code = 7 } },
          { endless = true } } do
          local value, err, n = count(name, { trouble, OK })
          assert.is_nil(value)
          assert.equal(1, n, tostring(err))
          assert.is_false(err.retryable)
        end
      end
    end)

    it("there are none when none are wanted", function()
      make { retries = 0 }
      for name in pairs(CALLS) do
        local _, _, n = count(name, { { status = 429, body = "" }, OK })
        assert.equal(1, n)
      end
    end)

    it("there are four unless said otherwise", function()
      make {}
      local _, _, n = count("project_info", { status = 503, body = "" })
      assert.equal(5, n)
    end)
  end)

  describe("wait", function()
    it("as long as the server asks, in either way", function()
      make { retries = 1 }
      local function check(name, least, refusal)
        local begun = core.now()
        assert(count(name, { refusal, OK }))
        local requests = server:requests()
        assert.equal(2, #requests)
        local pause = requests[2].time - requests[1].time
        assert.is_true(pause >= least, name .. pause)
        assert.is_true(core.now() - begun < least + 3 * SLOW)
      end
      check("project_info", 0.99,
        { status = 503, headers = { ["Retry-After"] = "1" } })
      -- 2 s from a whole second on is at least 1 s from now
      check("update_product", SLOW == 1 and 0.5 or 0, { status = 429, headers = {
        ["Retry-After"] =
          os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + 2) } })
      check("render_project", 0.49, { status = 429,
        json = { code = 10401, msg = "m", data = { retryAfter = 0.5 } } })
    end)

    it("a minute on v2 when the service names no time", function()
      local hand = clock.install()
      finally(hand.remove)
      make { generation = "v2", api_key = "turned" } -- see limiter_spec
      for _, call in ipairs {
        { "GET", "/v2/user/whoami", function() return client:whoami() end },
        { "POST", "/v2/upload/asset", function()
          return client:sign_upload { filename = "a", content_type = "b" }
        end },
        { "GET", "/v2/product_video/*", function()
          return client:watch("v", { timeout = 300 })()
        end },
      } do
        server:clear()
        server:on(call[1], call[2], { { status = 429, json = { code = 429 } },
          { json = { code = 0, data = { status = "completed",
            video_url = "https://v" } } } })
        local task = client:spawn(function()
          local value, err = call[3]()
          return value, err
        end)
        clock.settle(client)
        assert.equal(1, #server:requests())
        hand.pass(50)
        clock.settle(client)
        assert.equal(1, #server:requests())
        hand.pass(11)
        clock.settle(client)
        assert(task:wait())
        assert.equal(2, #server:requests())
      end
    end)

    it("for the minute to have room for another POST", function()
      make { posts_per_minute = 2, retries = 0, api_key = "fresh" }
      server:on("*", "*", OK)
      assert(client:create_product { url = "https://a.example/" })
      assert(client:render_project { project_id = "p" })
      for _ = 1, 5 do -- none of these counts
        assert(client:project_info "p")
        assert(client:update_product { product_id = 1 })
      end
      local task = client:spawn(function()
        return client:render_project { project_id = "p" }
      end)
      client:step(0.2)
      client:step(0.2)
      assert.is_falsy(task.done)
      assert.is_true(client:timeout() > 50)
      assert.equal(12, #server:requests())
    end)
  end)
end)
