-- SPDX-License-Identifier: MIT
-- Userdata jogg.core.request: refers to one transfer, from its start to its end,
-- whether the request or the client is closed first.

local bare = require "spec.support.bare"
local faults = require "spec.support.faults"

describe("core.request", function()
  local server, client

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)
  before_each(function()
    server:clear()
    client = bare.client(server.url)
  end)
  after_each(function() client:close() end)

  local function finish(request)
    return bare.finish(client, request)
  end

  local function answer(step)
    server:on("*", "*", step)
    return bare.exchange(client)
  end

  it("says what it is, and what state it is in", function()
    server:on("GET", "/x", { json = { code = 0 } })
    local request = client:start { path = "/x" }
    assert.equal("jogg.core.request (in flight)", tostring(request))
    assert.is_false(request:done())
    for _, name in ipairs { "result", "headers", "validator" } do
      local ok, err = pcall(request[name], request, 1)
      assert.is_false(ok)
      assert.truthy(err:find("the request is still in flight", 1, true))
    end
    finish(request)
    assert.equal("jogg.core.request (finished)", tostring(request))
    request:close()
    request:close()
    assert.equal("jogg.core.request (closed)", tostring(request))
    assert.is_true(request:done())
    for _, name in ipairs { "result", "headers", "validator", "progress" } do
      local ok, err = pcall(request[name], request, 1)
      assert.is_false(ok)
      assert.truthy(err:find("attempt to use a closed request", 1, true))
    end
    request:cancel()
    for _, name in ipairs { "done", "result", "close", "cancel", "validator" } do
      assert.is_false((pcall(request[name], client, 1)))
      assert.is_false((pcall(request[name])))
    end
  end)

  it("has the status and the decoded body, as often as asked", function()
    local request = answer { status = 418, json = { a = { 1 } } }
    for _ = 1, 2 do
      assert.same({ 418, { a = { 1 } } }, { request:result() })
    end
    local status, body, why = answer({ body = "no JSON" }):result()
    assert.same({ 200, nil, "string" }, { status, body, type(why) })
    status, body, why = answer({ status = 204 }):result()
    assert.same({ 204, nil, "string" }, { status, body, type(why) })
    assert.equal(0, (request:progress()))
  end)

  it("has why there is no answer", function()
    local request = answer { reset = "after_request" }
    local status, failure = request:result()
    assert.is_nil(status)
    assert.same({ "broken", true, nil }, { failure.class, failure.sent,
      failure.status })
    assert.is_true(#failure.detail > 10)
    request = answer { reset = "mid_body", body = "0123456789" }
    status, failure = request:result()
    assert.is_nil(status)
    assert.same({ "broken", true, 200 }, { failure.class, failure.sent,
      failure.status })
  end)

  it("has the headers that matter, one value each", function()
    local headers = answer({ status = 503, headers = {
      ["CONTENT-type"] = "text/html; charset=x", ETag = ' "abc" ',
      Location = "/there", ["x-request-ID"] = "r 1", ["Retry-After"] = "9",
      ["X-RateLimit-Remaining"] = "3", ["X-RateLimit-Reset"] = "1732000000",
      ["Set-Cookie"] = "secret", Server = "s",
      ["Content-Encoding"] = "identity" } }):headers()
    assert.same({ content_type = "text/html; charset=x",
      content_encoding = "identity",
      location = "/there", request_id = "r 1", retry_after = 9,
      rate_remaining = "3", rate_reset = "1732000000" }, headers)
    assert.same({}, answer({ status = 200, body = "" }):headers())
  end)

  it("drops headers that are odd, and none of them hurts", function()
    local headers = answer({ raw = table.concat({ "HTTP/1.1 200 OK",
      "Content-Type: " .. ("x"):rep(64), "ETag: a\1b", "Location: " ..
      ("l"):rep(4096), "X-Request-Id:", ": empty name",
      "Content-Length: 0", "X-Ratelimit-Reset:\t 5 \t", "", "" }, "\r\n") })
      :headers()
    assert.same({ rate_reset = "5" }, headers)
    headers = answer({ raw = "HTTP/1.1 200 OK\r\nLocation: "
      .. ("l"):rep(4095) .. "\r\nContent-Type: " .. ("x"):rep(63)
      .. "\r\nContent-Length: 0\r\n\r\n" }):headers()
    assert.equal(4095, #headers.location)
    assert.equal(63, #headers.content_type)
  end)

  it("forgets the headers of an answer before the answer", function()
    local request = answer { raw = "HTTP/1.1 103 Early Hints\r\n"
      .. "X-Request-Id: early\r\nETag: \"early\"\r\n\r\n"
      .. "HTTP/1.1 200 OK\r\nX-Request-Id: late\r\nContent-Length: 2\r\n\r\n{}" }
    assert.same({ request_id = "late" }, request:headers())
    assert.same({ 200, {} }, { request:result() })
  end)

  it("ends when it is cancelled, and the network hears of it", function()
    server:on("GET", "/x", { stall = "before_answer" })
    local request = client:start { path = "/x" }
    repeat
      client:wait(0.01)
    until #server:requests() == 1
    assert.is_true(request:cancel())
    assert.is_true(request:cancel())
    finish(request)
    local _, failure = request:result()
    assert.same({ class = "cancelled", sent = true }, failure)
    assert.is_true(server:wait { open = 0 })
  end)

  it("that is cancelled before it begins never begins", function()
    local request = client:start { path = "/x" }
    assert.is_false(request:cancel())
    finish(request)
    local _, failure = request:result()
    assert.same({ class = "cancelled", sent = false }, failure)
    assert.equal(0, #server:requests())
  end)

  it("that is finished stays so, whatever happens to it", function()
    local request = answer { json = { code = 0 } }
    request:cancel()
    client:wait(0)
    assert.equal(200, (request:result()))
    client:close()
    request:cancel()
    assert.equal(200, (request:result()))
  end)

  it("that is let go of is cancelled", function()
    server:on("GET", "/x", { stall = "before_answer" })
    local request = client:start { path = "/x" }
    repeat
      client:wait(0.01)
    until #server:requests() == 1
    request:close()
    client:wait(0.01)
    assert.is_true(server:wait { open = 0 })
    assert.is_nil((client:completed()))
  end)

  it("may be closed in flight, and the client goes on", function()
    server:on("GET", "/stall", { stall = "before_answer" })
    server:on("GET", "/x", { json = { code = 0 } })
    for _ = 1, 50 do
      local request = client:start { path = "/stall" }
      client:wait(0)
      request:close()
    end
    assert.equal(200, (bare.exchange(client):result()))
    assert.is_true(server:wait { open = 1 })
  end)

  it("keeps results of many apart", function()
    server:on("GET", "/*", { chunks = { "[", "1]" }, delay_between = 0.01 })
    local requests = {}
    for i = 1, 200 do
      requests[i] = client:start { path = "/" .. i,
        query = { n = tostring(i) } }
    end
    for i = 1, 200 do
      assert.same({ 200, { 1 } }, { finish(requests[i]):result() })
    end
    local seen = {}
    for _, request in ipairs(server:requests()) do
      seen[request.path .. "?" .. request.query] = true
    end
    for i = 1, 200 do
      assert.is_true(seen[("/%d?n=%d"):format(i, i)])
    end
  end)
end)
