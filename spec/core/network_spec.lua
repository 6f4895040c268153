-- SPDX-License-Identifier: MIT
-- How an exchange fails: one word for each way, whatever libcurl's version
-- makes of it, and whether the request may have been received.

local core = require "jogg.core"
local bare = require "spec.support.bare"
local faults = require "spec.support.faults"
local process = require "spec.support.process"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)
local OK = { json = { code = 0 } }
local METHODS = { "GET", "POST", "PUT", "DELETE" }

describe("core's network", function()
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
    client = bare.client(server.url)
  end)
  after_each(function() client:close() end)

  local function use(url, options)
    client:close()
    client = bare.client(url, options)
  end

  -- Raises unless an exchange fails like this; returns the failure.
  local function expect(class, sent, fields)
    local failure = bare.failure(client, fields)
    assert.same({ class, sent }, { failure.class, failure.sent },
      failure.detail)
    for name, value in pairs(failure) do
      assert.falsy(tostring(value):find "[%c]", name)
    end
    return failure
  end

  it("refuses, has no route, does not know the name", function()
    use(faults.refused_url())
    local failure = expect("connect", false)
    assert.same({ "ECONNREFUSED", "Connection refused" },
      { failure.errno, failure.system })
    use "https://255.255.255.255"
    expect("connect", false)
    use "https://api.name.invalid"
    expect("name", false)
  end)

  describe("breaks", function()
    for _, how in ipairs { "reset", "close" } do
      it(how .. " at any stage", function()
        for _, stage in ipairs { "after_headers_read", "after_request",
          "mid_headers", "mid_body" } do
          server:on("*", "*", { [how] = stage, json = OK.json })
          for _, method in ipairs(METHODS) do
            local failure = expect("broken", true, { method = method })
            local in_answer = stage == "mid_headers" or stage == "mid_body"
            assert.equal(in_answer and 200 or nil, failure.status)
          end
        end
        server:on("*", "*", { [how] = "after_answer", json = OK.json })
        for _, method in ipairs(METHODS) do
          assert.equal(200, (bare.exchange(client,
            { method = method }):result()))
        end
      end)
    end

    it("in a chunk, or with a lie about the length", function()
      for raw, class in pairs {
        ["Transfer-Encoding: chunked\r\n\r\n5\r\nab"] = "broken",
        ["Content-Length: 1000\r\n\r\n{"] = "broken",
        ["Content-Length: -5\r\n\r\n"] = "broken reply",
        ["Content-Length: x\r\n\r\n{"] = "broken reply",
      } do
        server:on("*", "*", { raw = "HTTP/1.1 200 OK\r\n" .. raw })
        local failure = bare.failure(client)
        assert.truthy(class:find(failure.class, 1, true), raw)
        assert.is_true(failure.sent)
      end
    end)
  end)

  it("does not speak HTTP", function()
    for _, raw in ipairs { "SSH-2.0-OpenSSH_9.2\r\n", "\0\1\2\3",
      "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 99999 OK\r\n\r\n{}",
      "HTTP/1.1 999 OK\r\nContent-Length: 2\r\n\r\n{}",
      "HTTP/1.1 600 OK\r\nContent-Length: 2\r\n\r\n{}",
      "HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\n{}",
      "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\n{}",
      "HTTP/1.1 2000\r\nContent-Length: 2\r\n\r\n{}" } do
      server:on("*", "*", { raw = raw })
      local failure = expect("reply", true)
      assert.is_nil(failure.status, raw)
    end
    server:on("*", "*", { raw = "" })
    expect("broken", true)
    for _, raw in ipairs { "HTTP/1.1 200\r\n", "HTTP/1.1 200 \r\n",
      "HTTP/1.0 200 OK\r\n" } do
      server:on("*", "*", { raw = raw .. "Content-Length: 2\r\n\r\n{}" })
      assert.equal(200, (bare.exchange(client):result()))
    end
  end)

  it("answers too much", function()
    for _, step in ipairs { { zeros = 4 * 2 ^ 20 + 1 }, { endless = true },
      { huge_headers = true }, { long_header = 2 ^ 17 } } do
      server:on("*", "*", step)
      expect("too_large", true)
    end
  end)

  it("encodes what was not to be encoded", function()
    for encoding, name in pairs { gzip = "gzip", ["x-own"] = "x-own",
      ["gzip, br"] = "gzip, br", [("z"):rep(100)] = "unknown" } do
      server:on("*", "*", { body = "{}",
        headers = { ["Content-Encoding"] = encoding } })
      local failure = expect("encoding", true)
      assert.same({ name, 200 }, { failure.detail, failure.status })
    end
    for _, encoding in ipairs { "identity", "Identity", "" } do
      server:on("*", "*", { body = "{}",
        headers = { ["Content-Encoding"] = encoding } })
      assert.equal(200, (bare.exchange(client):result()))
    end
    assert.equal("identity", server:last_request().headers["accept-encoding"])
    server:on("*", "*", { status = 503, gzip_bomb = 2 ^ 16 })
    assert.equal(503, expect("encoding", true).status)
  end)

  describe("is silent", function()
    -- How an exchange fails, and how long it took, within reason.
    local function timed(class, sent, least, fields)
      local begun = core.now()
      local failure = expect(class, sent, fields)
      local seconds = core.now() - begun
      assert.is_true(seconds >= least - 0.01, seconds)
      assert.is_true(seconds < least + 1 * SLOW, seconds)
      return failure
    end

    it("while it connects", function()
      local hole = faults.blackhole()
      finally(hole.stop)
      use(hole.url)
      timed("connect_timeout", false, 0.2,
        { connect_timeout = 0.2, stall_timeout = 0.1 })
      timed("timeout", false, 0.2, { connect_timeout = 9, timeout = 0.2 })
      timed("timeout", false, 0.2, { timeout = 0.2 })
    end)

    it("in the handshake", function()
      use(secure.url, { ca_file = secure.ca_file })
      for _, stage in ipairs { "accept", "tls" } do
        secure:on_connect { stall = stage }
        timed("connect_timeout", false, 0.2,
          { connect_timeout = 0.2, stall_timeout = 0.1 })
        timed("timeout", false, 0.2, { connect_timeout = 9, timeout = 0.2 })
      end
    end)

    it("for longer than stall_timeout, wherever it stops", function()
      for _, stage in ipairs { "after_headers_read", "after_request",
        "mid_headers", "mid_body" } do
        server:on("*", "*", { stall = stage, json = OK.json })
        for _, method in ipairs(METHODS) do
          timed("stall_timeout", true, 0.1,
            { method = method, stall_timeout = 0.1 })
        end
      end
    end)

    it("though it drips, for longer than the whole may take", function()
      server:on("*", "*", { slow = 40, body = ("x"):rep(1000) })
      local failure = timed("timeout", true, 0.25,
        { timeout = 0.25, stall_timeout = 5 })
      assert.equal(200, failure.status)
      server:on("*", "*", { slow_headers = 40, body = ("x"):rep(1000) })
      timed("timeout", true, 0.25, { timeout = 0.25, stall_timeout = 5 })
    end)

    it("before a slow answer for all of the time, and not later", function()
      server:on("*", "*", { delay = 0.3, json = OK.json })
      assert.equal(200, (bare.exchange(client, { method = "POST",
        slow_answer = true, stall_timeout = 0.1 }):result()))
      timed("stall_timeout", true, 0.1, { stall_timeout = 0.1 })
      for _, stage in ipairs { "mid_headers", "mid_body" } do
        server:on("*", "*", { stall = stage, json = OK.json })
        timed("stall_timeout", true, 0.1, { slow_answer = true,
          stall_timeout = 0.1, timeout = 5 })
      end
      server:on("*", "*", { stall = "after_request" })
      timed("timeout", true, 0.4, { slow_answer = true, stall_timeout = 0.1,
        timeout = 0.4 })
    end)

    for _, status in ipairs { 100, 102, 103 } do
      it("after an interim answer " .. status, function()
        local interim = ("HTTP/1.1 %d Wait\r\nLink: <x>\r\n\r\n"):format(status)
        server:on("*", "*", { raw = interim, stall = "after_answer" })
        local fields = { method = "POST", slow_answer = true,
          stall_timeout = 0.1, timeout = 0.4 }
        assert.is_nil(timed("timeout", true, 0.4, fields).status)
        fields = { stall_timeout = 0.1, timeout = 0.4 }
        assert.is_nil(timed("stall_timeout", true, 0.1, fields).status)
        server:on("*", "*", { raw = interim, close = "after_answer" })
        assert.is_nil(expect("broken", true).status)
        server:on("*", "*", { raw = interim .. "HTTP/1.1 418 Tea\r\n" ..
          "X-Request-Id: r\r\nContent-Length: 2\r\n\r\n{}" })
        local request = bare.exchange(client)
        assert.same({ 418, {} }, { request:result() })
        assert.same({ request_id = "r" }, request:headers())
      end)
    end

    it("and is not asked again on the same connection", function()
      server:on("*", "*", { OK, { stall = "after_request" }, OK })
      assert.equal(200, (bare.exchange(client):result()))
      timed("stall_timeout", true, 0.1, { stall_timeout = 0.1 })
      assert.equal(200, (bare.exchange(client):result()))
      server:on("*", "*", { { stall = "after_request" }, OK })
      timed("timeout", true, 0.1, { timeout = 0.1 })
      assert.equal(200, (bare.exchange(client):result()))
      local numbers = {}
      for i, request in ipairs(server:requests()) do
        numbers[i] = request.connection - server:requests()[1].connection
      end
      assert.same({ 0, 0, 1, 1, 2 }, numbers)
    end)
  end)

  describe("with TLS", function()
    local function trusts(options, tls, fails)
      local other = faults.start { tls = tls }
      finally(function() other:stop() end)
      other:on("*", "*", OK)
      use(other.url, { ca_file = options.ca_file and other[options.ca_file],
        ca_path = options.ca_path })
      if not fails then
        return bare.exchange(client):result()
      end
      expect(fails, false)
      assert.equal(0, #other:requests())
    end

    it("speaks to a server that its CA vouches for", function()
      assert.equal(200, (trusts({ ca_file = "ca_file" }, true)))
      assert.equal(200,
        (trusts({ ca_file = "ca_file" }, { name = "127.0.0.1" })))
    end)

    it("takes a folder of CAs, alone and beside a file", function()
      local folder = process.temporary_folder()
      finally(function() process.remove_folder(folder) end)
      local hash, status = process.run({ "openssl", "x509", "-hash", "-noout",
        "-in", secure.ca_file }, { stderr = "merge" })
      if status ~= 0 then return pending("no openssl: " .. hash) end
      process.write_file(folder .. "/" .. hash:match "%x+" .. ".0",
        process.read_file(secure.ca_file))
      assert.equal(200, (trusts({ ca_path = folder }, true)))
      assert.equal(200, (trusts({ ca_path = folder,
        ca_file = "other_ca_file" }, true)))
    end)

    it("does not trust another name, CA, time", function()
      for _, case in ipairs {
        { { ca_file = "ca_file" }, { wrong_name = true } },
        { { ca_file = "other_ca_file" }, true }, { {}, true },
        { { ca_file = "ca_file" }, { expired = true } },
        { { ca_file = "ca_file" }, { not_yet = true } },
        { { ca_file = "ca_file" }, { self_signed = true } } } do
        trusts(case[1], case[2], "certificate")
      end
    end)

    it("says when the handshake breaks", function()
      use(secure.url, { ca_file = secure.ca_file })
      for _, step in ipairs { { reset = "accept" }, { close = "accept" },
        { reset = "tls" }, { close = "tls" },
        { raw = "HTTP/1.1 200 OK\r\n\r\n" }, { raw = "\21\3\1\0\2\2\40" } } do
        secure:on_connect(step)
        local failure = bare.failure(client)
        assert.truthy(failure.class == "handshake" or failure.class == "broken",
          failure.class)
        assert.is_false(failure.sent)
      end
      use("https://127.0.0.1:" .. server.port)
      expect("handshake", false)
      assert.equal(0, #secure:requests())
    end)

    it("takes no answer for whole that ends without close_notify", function()
      secure:on("*", "*", { close = "mid_body", close_notify = false,
        content_length = false, json = OK.json })
      use(secure.url, { ca_file = secure.ca_file })
      local status, body = bare.exchange(client):result()
      assert.is_true(status == 200 and body == nil or body.class == "broken")
    end)
  end)
end)
