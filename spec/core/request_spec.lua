-- SPDX-License-Identifier: MIT
-- Userdata jogg.core.request: a hold on one transfer, from its start to its
-- end, whoever lets go first.

local core = require "jogg.core"
local faults = require "spec.support.faults"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

describe("core.request", function()
  local server, client

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)
  before_each(function()
    server:clear()
    client = core.client { base_url = server.url, api_key = "k",
      user_agent = "spec" }
  end)
  after_each(function() client:close() end)

  local function finish(request)
    local deadline = core.now() + 10 * SLOW
    while not request:done() do
      assert(core.now() < deadline, "the request does not end")
      client:wait(0.25)
    end
    return request
  end

  local function answer(step, ...)
    server:on("*", "*", step)
    return finish((client:start("GET", "/x", nil, 5, 5, 5, false, false, ...)))
  end

  it("says what it is, and what state it is in", function()
    server:on("GET", "/x", { json = { code = 0 } })
    local request = client:start("GET", "/x")
    assert.equal("jogg.core.request (in flight)", tostring(request))
    assert.is_false(request:done())
    for _, name in ipairs { "result", "headers", "text" } do
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
    for _, name in ipairs { "result", "headers", "text", "progress" } do
      local ok, err = pcall(request[name], request, 1)
      assert.is_false(ok)
      assert.truthy(err:find("attempt to use a closed request", 1, true))
    end
    request:cancel()
    for _, name in ipairs { "done", "result", "close", "cancel", "text" } do
      assert.is_false((pcall(request[name], client, 1)))
      assert.is_false((pcall(request[name])))
    end
  end)

  it("has the status and the decoded body, as often as asked", function()
    local request = answer { status = 418, json = { a = { 1 } } }
    for _ = 1, 2 do
      assert.same({ 418, { a = { 1 } } }, { request:result() })
    end
    assert.equal('{"a":[1]}', request:text(100))
    assert.equal('{"a', request:text(3))
    assert.equal("", request:text(0))
    assert.is_false((pcall(request.text, request, -1)))
    local status, body, why = answer({ body = "no JSON" }):result()
    assert.same({ 200, nil, "string" }, { status, body, type(why) })
    status, body, why = answer({ status = 204 }):result()
    assert.same({ 204, nil, "string" }, { status, body, type(why) })
    assert.equal(0, (request:progress()))
  end)

  it("has why there is no answer", function()
    local request = answer { reset = "after_request" }
    local status, err = request:result()
    assert.is_nil(status)
    assert.same({ "network", "broken", "unknown" },
      { err.kind, err.reason, err.outcome })
    assert.is_nil(err.http_status)
    assert.equal("", request:text(10))
    request = answer { reset = "mid_body", body = "0123456789" }
    status, err = request:result()
    assert.is_nil(status)
    assert.equal(200, err.http_status)
  end)

  it("has the headers that matter, one value each", function()
    local headers = answer({ status = 503, headers = {
      ["CONTENT-type"] = "text/html; charset=x", ETag = ' "abc" ',
      Location = "/there", ["x-request-ID"] = "r 1", ["Retry-After"] = "9",
      ["X-RateLimit-Remaining"] = "3", ["X-RateLimit-Reset"] = "1732000000",
      ["Set-Cookie"] = "secret", Server = "s" } }):headers()
    assert.same({ content_type = "text/html; charset=x",
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
    local request, id = client:start("GET", "/x")
    repeat
      client:wait(0.01)
    until #server:requests() == 1
    request:cancel()
    request:cancel()
    finish(request)
    local _, err = request:result()
    assert.same({ "cancelled", "cancelled", "unknown" },
      { err.kind, err.reason, err.outcome })
    assert.is_nil((client:next())) -- its result was read already
    assert.is_true(id > 0)
    assert.is_true(server:wait { open = 0 })
  end)

  it("that is cancelled before it begins never begins", function()
    local request = client:start("GET", "/x")
    request:cancel()
    finish(request)
    local _, err = request:result()
    assert.same({ "cancelled", "not_sent" }, { err.kind, err.outcome })
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

  it("that nobody holds is cancelled", function()
    server:on("GET", "/x", { stall = "before_answer" })
    client:start("GET", "/x")
    repeat
      client:wait(0.01)
    until #server:requests() == 1
    collectgarbage()
    collectgarbage()
    client:wait(0.01)
    assert.is_true(server:wait { open = 0 })
    assert.is_nil((client:next()))
  end)

  it("may be closed in flight, and the client goes on", function()
    server:on("GET", "/stall", { stall = "before_answer" })
    server:on("GET", "/x", { json = { code = 0 } })
    for _ = 1, 50 do
      local request = client:start("GET", "/stall")
      client:wait(0)
      request:close()
    end
    assert.equal(200, (finish((client:start("GET", "/x"))):result()))
    assert.is_true(server:wait { open = 1 })
  end)

  it("knows an accepted answer without decoding it", function()
    local function accepts(method, step)
      server:on("*", "*", step)
      return finish((client:start(method, "/x", method ~= "GET" and "{}" or nil,
        5, 5, 5, false, false))):is_accepted()
    end
    for body, accepted in pairs {
      ['{"code":0}'] = true, ['{"msg":"ok","data":{"code":1},"code":0}'] = true,
      ['{"code":1}'] = false, ['{"code":0'] = false, [""] = false,
      ['{"code":"0"}'] = false, ["<html>"] = false,
    } do
      for _, method in ipairs { "POST", "PUT" } do
        assert.equal(accepted, accepts(method, { body = body }), body)
        assert.is_false(accepts(method, { status = 500, body = body }), body)
      end
      assert.is_false(accepts("GET", { body = body })) -- asks for its data
    end
    assert.is_false(accepts("PUT", { reset = "after_request" }))
  end)

  it("serves again when it is retired", function()
    local first = answer { json = { code = 0, data = 1 } }
    first:retire()
    assert.equal("jogg.core.request (closed)", tostring(first))
    assert.is_false((pcall(first.result, first)))
    first:retire() -- stands there once, for all that
    first:close()
    local second = answer { json = { code = 0, data = 2 } }
    assert.equal(first, second)
    assert.same({ 200, { code = 0, data = 2 } }, { second:result() })
    local third = answer { json = { code = 0, data = 3 } }
    assert.is_false(rawequal(second, third))
    assert.equal(2, select(2, second:result()).data)
    assert.equal(3, select(2, third:result()).data)
  end)

  it("is not used again where it was closed, but so if it was in flight", function()
    local first = answer { json = { code = 0 } }
    first:close()
    first:retire()
    assert.is_false(rawequal(first, answer { json = { code = 0 } }))
    server:on("*", "*", { delay = 5 * SLOW })
    local second = client:start("GET", "/x")
    second:retire() -- the transfer is its own thing, and comes to its end
    local third = answer { json = { code = 0, data = 3 } }
    assert.equal(second, third)
    assert.equal(3, select(2, third:result()).data)
  end)

  it("serves a client after another one was closed", function()
    local first = answer { json = { code = 0 } }
    client:close()
    first:retire()
    client = core.client { base_url = server.url, api_key = "k",
      user_agent = "spec" }
    local second = answer { json = { code = 0, data = 2 } }
    assert.equal(first, second)
    assert.equal(2, select(2, second:result()).data)
  end)

  it("is not kept in any number", function()
    server:on("*", "*", { json = { code = 0 } })
    local kept, requests = {}, {}
    for i = 1, 80 do
      requests[i] = client:start("GET", "/x", nil, 9, 9, 9, false, true)
    end
    for i = 1, 80 do
      finish(requests[i]):retire()
      kept[requests[i]] = true
    end
    local again = 0
    for i = 1, 80 do
      requests[i] = client:start("GET", "/x", nil, 9, 9, 9, false, true)
      again = again + (kept[requests[i]] and 1 or 0)
    end
    assert.equal(64, again)
  end)

  it("keeps results of many apart", function()
    server:on("GET", "/*", { chunks = { "[", "1]" }, delay_between = 0.01 })
    local requests = {}
    for i = 1, 200 do
      requests[i] = client:start("GET", "/" .. i, nil, 9, 9, 9, false,
        false, "n", tostring(i))
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
