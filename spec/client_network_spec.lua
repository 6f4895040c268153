-- SPDX-License-Identifier: MIT
-- What the four calls make of a network in trouble: each ends as an error that
-- says what happened, and what may have happened at the other side.

local core = require "jogg.core"
local jogg = require "jogg"
local errors = require "jogg.error"
local faults = require "spec.support.faults"
local process = require "spec.support.process"

local KEY = "k3y-0f-n3tw0rk"
local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

local ANSWER = { json = { code = 0, data = { id = 1, prj_id = "p" } } }

local CALLS = {
  create_product = function(client)
    return client:create_product { url = "https://a.example/" }
  end,
  update_product = function(client)
    return client:update_product { product_id = 1 }
  end,
  render_project = function(client)
    return client:render_project { project_id = "p" }
  end,
  project_info = function(client)
    return client:project_info "p"
  end,
}

describe("client's network", function()
  local server, secure, client

  setup(function()
    server = faults.start()
    secure = faults.start { tls = true }
  end)
  teardown(function()
    server:stop()
    secure:stop()
  end)
  before_each(function()
    server:clear():on_connect {}
    secure:clear():on_connect {}
  end)
  after_each(function()
    if client then client:close() end
    client = nil
  end)

  local function make(options)
    if client then client:close() end
    options.api_key = KEY
    options.base_url = options.base_url or server.url
    options.retries = options.retries or 0
    options.posts_per_minute = 100000
    options.connect_timeout = options.connect_timeout or 10 * SLOW
    client = jogg.client(options)
  end

  -- The error of a call, with all that holds for each of them.
  local function failure(name)
    local value, err = CALLS[name](client)
    assert.is_nil(value)
    assert.is_true(errors.is(err))
    assert.equal(name, err.phase)
    assert.is_true(#err.message > 10)
    for field, item in pairs(err) do
      assert.falsy(tostring(item):find(KEY, 1, true), field)
    end
    assert.falsy(tostring(err):find(KEY, 1, true))
    assert.falsy(tostring(err):find "[%c]")
    return err
  end

  local function expect(name, kind, reason, outcome)
    local err = failure(name)
    assert.same({ kind, reason, outcome },
      { err.kind, err.reason, err.outcome }, tostring(err))
    return err
  end

  describe("that is not there", function()
    for what, case in pairs {
      ["refuses"] = { faults.refused_url, "connect" },
      ["has no route"] = { function() return "https://255.255.255.255" end,
        "connect" },
      ["does not know the name"] = { function()
        return "https://api.name.invalid"
      end, "name" },
    } do
      it(what .. ": nothing was sent", function()
        make { base_url = case[1]() }
        for name in pairs(CALLS) do
          local err = expect(name, "network", case[2], "not_sent")
          assert.is_true(err.retryable)
          assert.is_nil(err.http_status)
        end
      end)
    end
  end)

  describe("that breaks", function()
    for _, how in ipairs { "reset", "close" } do
      it(how .. " on connect", function()
        make {}
        server:on_connect { [how] = "accept" }
        for name in pairs(CALLS) do
          local err = failure(name)
          assert.equal("network", err.kind)
          -- a request may have left us before the end was seen
          assert.truthy(err.outcome == "unknown" or err.outcome == "not_sent")
        end
        assert.equal(0, #server:requests())
      end)

      for _, stage in ipairs { "after_headers_read", "after_request",
        "mid_headers", "mid_body" } do
        it(how .. " " .. stage .. ": nobody knows what happened", function()
          make {}
          server:on("*", "*", { [how] = stage, json = ANSWER.json })
          for name in pairs(CALLS) do
            local err = expect(name, "network", "broken", "unknown")
            assert.equal(name ~= "render_project", err.retryable) -- it may
            -- have had its effect, and costs
          end
          assert.equal(4, #server:requests())
        end)
      end

      it(how .. " after the answer is none of our business", function()
        make { retries = 3 } -- GET and PUT may meet the end of a connection
        server:on("*", "*", { [how] = "after_answer", json = ANSWER.json })
        for _ = 1, 3 do
          for _, call in pairs(CALLS) do
            assert(call(client))
          end
        end
      end)
    end

    it("in a chunk, or with a lie about the length", function()
      make {}
      for _, step in ipairs {
        { bad_chunk = true, chunks = { '{"code":', "0}" } },
        { content_length = 1000, body = '{"code":0}' },
        { raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab" },
        { raw = "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n" },
        { raw = "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{" },
      } do
        server:on("*", "*", step)
        for name in pairs(CALLS) do
          local err = failure(name)
          assert.truthy(err.kind == "network" or err.kind == "protocol")
          assert.equal("unknown", err.outcome)
        end
      end
    end)

    it("or does not speak HTTP", function()
      make {}
      for _, raw in ipairs { "SSH-2.0-OpenSSH_9.2\r\n", "\0\1\2\3", "",
        "HTTP/9.9 what\r\n\r\n", "HTTP/1.1 abc\r\n\r\n",
        "HTTP/1.1 99999 OK\r\n\r\n{}" } do
        server:on("*", "*", { raw = raw })
        for name in pairs(CALLS) do
          local err = failure(name)
          assert.truthy(err.kind == "network" or err.kind == "protocol",
            raw .. tostring(err))
          assert.equal("unknown", err.outcome)
        end
      end
    end)
  end)

  describe("that is silent", function()
    -- The error of a call, and how long it took, within reason.
    local function timed(name, least, reason, outcome)
      local begun = core.now()
      local err = expect(name, "timeout", reason, outcome)
      local seconds = core.now() - begun
      assert.is_true(seconds >= least - 0.01, seconds)
      assert.is_true(seconds < least + 1 * SLOW, seconds)
      return err
    end

    it("does not connect within connect_timeout", function()
      local hole = faults.blackhole()
      finally(hole.stop)
      make { base_url = hole.url, connect_timeout = 0.2, stall_timeout = 0.1 }
      for name in pairs(CALLS) do
        local err = timed(name, 0.2, "connect_timeout", "not_sent")
        assert.is_true(err.retryable)
      end
    end)

    it("does not finish the handshake within connect_timeout", function()
      for _, stage in ipairs { "accept", "tls" } do
        make { base_url = secure.url, ca_file = secure.ca_file,
          connect_timeout = 0.3, stall_timeout = 0.1 }
        secure:on_connect { stall = stage }
        timed("render_project", 0.3, "connect_timeout", "not_sent")
      end
    end)

    it("stalls for longer than stall_timeout, wherever it stops", function()
      make { stall_timeout = 0.1, product_timeout = 20 }
      for _, stage in ipairs { "after_headers_read", "after_request",
        "mid_headers", "mid_body" } do
        server:on("*", "*", { stall = stage, json = ANSWER.json })
        for _, name in ipairs { "update_product", "project_info" } do
          assert.is_true(timed(name, 0.1, "stall_timeout", "unknown").retryable)
        end
      end
      -- the slow ones may be silent before they answer, but not later
      for _, stage in ipairs { "mid_headers", "mid_body" } do
        server:on("*", "*", { stall = stage, json = ANSWER.json })
        timed("create_product", 0.1, "stall_timeout", "unknown")
        local err = timed("render_project", 0.1, "stall_timeout", "unknown")
        assert.is_false(err.retryable)
      end
    end)

    it("stalls on a connection that was used before", function()
      make { stall_timeout = 0.1 }
      server:on("GET", "/open/prj_info", { { json = ANSWER.json },
        { stall = "after_request" } })
      assert(client:project_info "p")
      timed("project_info", 0.1, "stall_timeout", "unknown")
      local requests = server:requests()
      assert.equal(requests[1].connection, requests[2].connection)
    end)

    it("drips for longer than timeout, though it never stalls", function()
      make { timeout = 0.25, stall_timeout = 5, product_timeout = 0.25 }
      server:on("*", "*", { slow = 40, json = ANSWER.json })
      for name in pairs(CALLS) do
        timed(name, 0.25, "timeout", "unknown")
      end
      server:on("*", "*", { slow_headers = 40, json = ANSWER.json })
      timed("project_info", 0.25, "timeout", "unknown")
    end)

    it("is as patient as product_timeout with a page and with what costs",
      function()
        make { timeout = 0.3, stall_timeout = 0.2, product_timeout = 0.8 }
        server:on("*", "*", { delay = 0.5, json = ANSWER.json })
        assert.equal("p", assert(CALLS.create_product(client)).prj_id)
        assert(CALLS.render_project(client))
        timed("project_info", 0.2, "stall_timeout", "unknown")
        server:on("*", "*", { stall = "after_request" })
        timed("create_product", 0.8, "timeout", "unknown")
        timed("render_project", 0.8, "timeout", "unknown")
      end)

    it("names the timeout that was over first", function()
      local hole = faults.blackhole()
      finally(hole.stop)
      make { base_url = hole.url, connect_timeout = 9, timeout = 0.2 }
      timed("project_info", 0.2, "timeout", "not_sent")
    end)
  end)

  describe("with TLS", function()
    -- Nothing may be sent to a server that is not the right one.
    local function not_trusted(options, tls)
      local other = faults.start { tls = tls }
      finally(function() other:stop() end)
      other:on("*", "*", ANSWER)
      options.base_url = other.url
      options.ca_file = options.ca_file and other[options.ca_file]
      make(options)
      for name in pairs(CALLS) do
        local err = expect(name, "tls", "certificate", "not_sent")
        assert.is_false(err.retryable)
      end
      assert.equal(0, #other:requests())
    end

    it("speaks to a server that its CA vouches for", function()
      secure:on("*", "*", ANSWER)
      make { base_url = secure.url, ca_file = secure.ca_file }
      for _, call in pairs(CALLS) do
        assert(call(client))
      end
      assert.equal(KEY, secure:last_request().headers["x-api-key"])
      local other = faults.start { tls = { name = "127.0.0.1" } }
      finally(function() other:stop() end)
      other:on("*", "*", ANSWER)
      make { base_url = other.url, ca_file = other.ca_file }
      assert(client:project_info "p")
    end)

    it("does not trust another name", function()
      not_trusted({ ca_file = "ca_file" }, { wrong_name = true })
    end)

    it("does not trust another CA", function()
      not_trusted({ ca_file = "other_ca_file" }, true)
    end)

    it("does not trust a CA that the system does not know", function()
      not_trusted({}, true)
    end)

    it("does not trust what has expired, or is not valid yet", function()
      not_trusted({ ca_file = "ca_file" }, { expired = true })
      not_trusted({ ca_file = "ca_file" }, { not_yet = true })
    end)

    it("does not trust who vouches for himself", function()
      not_trusted({ ca_file = "ca_file" }, { self_signed = true })
    end)

    it("refuses a CA file that is not there, before anything is asked",
      function()
        local ok, err = pcall(jogg.client, { api_key = "k",
          ca_file = "/nowhere/ca.pem" })
        assert.is_false(ok)
        assert.truthy(err:find("ca_file: /nowhere/ca.pem: No such file", 1,
          true), err)
      end)

    it("says when the handshake breaks", function()
      for _, step in ipairs { { reset = "accept" }, { close = "accept" },
        { reset = "tls" }, { close = "tls" }, { raw = "HTTP/1.1 200 OK\r\n\r\n" },
        { raw = "\21\3\1\0\2\2\40" } } do
        secure:on_connect(step)
        make { base_url = secure.url, ca_file = secure.ca_file }
        for name in pairs(CALLS) do
          local err = failure(name)
          assert.truthy(err.kind == "tls" and err.reason == "handshake"
            or err.kind == "network", tostring(err))
          assert.equal("not_sent", err.outcome)
          assert.is_true(err.retryable)
        end
      end
      assert.equal(0, #secure:requests())
    end)

    it("says so when there is no TLS at the other side", function()
      make { base_url = "https://127.0.0.1:" .. server.port }
      expect("render_project", "tls", "handshake", "not_sent")
      assert.equal(0, #server:requests())
    end)

    it("takes an end without close_notify for a broken one", function()
      secure:on("*", "*", { close = "mid_body", close_notify = false,
        content_length = false, json = ANSWER.json })
      make { base_url = secure.url, ca_file = secure.ca_file }
      local err = failure "render_project"
      assert.equal("unknown", err.outcome)
    end)
  end)

  it("leaves no descriptor and no connection open", function()
    server:on("GET", "/open/prj_info", ANSWER)
    server:on("POST", "*", { reset = "mid_body", json = ANSWER.json })
    server:on("PUT", "*", { stall = "mid_headers", json = ANSWER.json })
    make {}
    assert(client:project_info "p")
    client:close()
    assert.is_true(server:wait { open = 0 })
    local before = process.settled_descriptor_count()
    for _ = 1, 10 do
      make { stall_timeout = 0.05 }
      for _, call in pairs(CALLS) do
        call(client)
      end
      client:close()
    end
    assert.is_true(server:wait { open = 0 })
    assert.equal(before, process.descriptor_count())
  end)

  it("leaves no descriptor open when clients are forgotten", function()
    server:on("GET", "/open/prj_info", ANSWER)
    local function use()
      for _ = 1, 10 do
        assert(jogg.client { api_key = KEY, base_url = server.url }
          :project_info "p")
      end
    end
    use()
    collectgarbage()
    collectgarbage()
    local before = process.settled_descriptor_count()
    use()
    collectgarbage()
    collectgarbage()
    assert.equal(before, process.descriptor_count())
    assert.is_true(server:wait { open = 0 })
  end)
end)
