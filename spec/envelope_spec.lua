-- SPDX-License-Identifier: MIT
-- What an answer of the service means, as an error with fields.

local envelope = require "jogg.envelope"
local errors = require "jogg.error"

local function reply(status, body, headers, why)
  return envelope.error({}, status, body, why, headers or {})
end

describe("envelope", function()
  describe("from the service's codes", function()
    for code, wanted in pairs {
      [10104] = { "not_found", false, "rejected" },
      [10105] = { "auth", false, "rejected" },
      [18020] = { "credit", false, "rejected" },
      [18025] = { "permission", false, "rejected" },
      [40000] = { "parameter", false, "rejected" },
      [50000] = { "server", true, "unknown" },   -- it may have had an effect
      [429] = { "rate_limit", true, "rejected" },
      [50001] = { "server", true, "unknown" },   -- of the same kind, it seems
      [18001] = { "server", false, "rejected" }, -- nobody knows it: a refusal
    } do
      it(("%d is %s"):format(code, wanted[1]), function()
        for _, body in ipairs {
          { code = code, msg = "their words" },
          { error = code, message = "their words" },
          { code = code, msg = "", message = "their words" },
          { code = tostring(code), msg = "their words" },
        } do
          local err = reply(200, body)
          assert.equal(wanted[1], err.kind)
          assert.equal(wanted[2], err.retryable)
          assert.equal(wanted[3], err.outcome)
          assert.equal("their words", err.message)
          assert.equal(code, err.code)
          assert.equal(200, err.http_status)
          assert.is_true(errors.is(err))
        end
      end)
    end
  end)

  describe("from HTTP statuses", function()
    for status, wanted in pairs {
      [301] = { "http", false, "unknown" }, -- it may follow on an effect
      [303] = { "http", false, "unknown" },
      [400] = { "parameter", false, "rejected" },
      [401] = { "auth", false, "rejected" },
      [402] = { "credit", false, "rejected" },
      [403] = { "permission", false, "rejected" },
      [404] = { "not_found", false, "rejected" },
      [405] = { "http", false, "rejected" },
      [408] = { "timeout", true, "unknown" },
      [413] = { "http", false, "rejected" },
      [499] = { "http", false, "unknown" },
      [422] = { "parameter", false, "rejected" },
      [429] = { "rate_limit", true, "rejected" },
      [500] = { "server", true, "unknown" },
      [502] = { "server", true, "unknown" },
      [503] = { "server", true, "unknown" },
      [504] = { "server", true, "unknown" },
      [599] = { "server", true, "unknown" },
    } do
      it(("%d is %s"):format(status, wanted[1]), function()
        for _, body in ipairs { { error = 1, message = "m" }, false } do
          local err = reply(status, body or nil, { content_type = "text/html" })
          assert.equal(wanted[1], err.kind)
          assert.equal(wanted[2], err.retryable)
          assert.equal(wanted[3], err.outcome)
          assert.equal(status, err.http_status)
        end
      end)
    end

    it("the service's code says more than the status", function()
      assert.equal("credit", reply(400, { code = 18020, msg = "m" }).kind)
      assert.equal("not_found", reply(500, { code = 10104, msg = "m" }).kind)
      assert.equal("parameter", reply(400, { error = 7, message = "m" }).kind)
    end)

    it("an HTML page becomes one sentence with the status", function()
      local err = reply(502, nil, { content_type = "text/html" }, "at 1")
      assert.equal("the server answered HTTP 502 without JSON (text/html)",
        err.message)
      assert.truthy(tostring(err):find("HTTP 502", 1, true))
      assert.falsy(tostring(err):find("\n", 1, true))
      assert.truthy(reply(502, nil).message:find("no content type", 1, true))
    end)

    it("success without the service's JSON is no success", function()
      local err = reply(200, nil, { content_type = "text/html" }, "odd at 1")
      assert.equal("protocol", err.kind)
      assert.equal("unknown", err.outcome)
      assert.is_true(err.retryable)
      assert.equal("the answer (HTTP 200, text/html) is not the JSON of the "
        .. "service: odd at 1", err.message)
      for _, body in ipairs { {}, { code = true }, { code = {} }, "text", 5,
        { data = { id = 1 } } } do
        err = reply(200, body)
        assert.equal("protocol", err.kind)
        assert.equal("unknown", err.outcome)
        assert.is_true(#err.message > 20, err.message)
        assert.falsy(err.message:find("nil", 1, true), err.message)
      end
    end)

    it("a redirect is explained", function()
      local err = reply(302, nil)
      assert.truthy(err.message:find("HTTP 302: a redirect", 1, true))
    end)
  end)

  describe("the service's words", function()
    it("become one line", function()
      assert.equal("a b c", reply(200,
        { code = 1, msg = "  a\r\nb\0\27c\t\n" }).message)
      assert.equal("a b", reply(200, { code = 1, msg = "a\194\155b" }).message)
    end)

    it("are cut, but no character is", function()
      local message = reply(200, { code = 1, msg = ("x"):rep(5000) }).message
      assert.equal(("x"):rep(500) .. "...", message)
      message = reply(200, { code = 1, msg = ("视频失败"):rep(500) }).message
      assert.is_true(#message > 480 and #message <= 503)
      assert.is_nil((require "jogg.core".text_fault(message)))
      assert.equal("视频失败", message:sub(1, 12))
    end)

    it("are not believed to be text", function()
      for _, odd in ipairs { 5, true, {}, "", "  " } do
        local err = reply(400, { code = 40000, msg = odd, message = odd })
        assert.equal("HTTP 400, code 40000, no explanation", err.message)
      end
    end)
  end)

  it("carry the request's id, from the body or the header", function()
    local headers = { request_id = "h1" }
    assert.equal("b1", reply(500, { code = 1, rid = "b1" }, headers).request_id)
    assert.equal("h1", reply(500, { code = 1, rid = "" }, headers).request_id)
    assert.equal("h1", reply(500, { code = 1, rid = 7 }, headers).request_id)
    assert.equal("h1", reply(500, nil, headers).request_id)
    assert.is_nil(reply(500, nil).request_id)
    assert.equal("a b", reply(500, { rid = "a\nb" }).request_id)
  end)

  it("carry the pause that was asked for", function()
    assert.equal(7, reply(429, { code = 1 }, { retry_after = 7 }).retry_after)
    assert.equal(30,
      reply(429, { code = 1, data = { retryAfter = 30 } }).retry_after)
    assert.equal(31, reply(429, { code = 1, retryAfter = "31" }).retry_after)
    assert.equal(7, reply(429, { data = { retryAfter = 30 } },
      { retry_after = 7 }).retry_after)
    for _, odd in ipairs { "soon", {}, true, -5 } do
      assert.is_nil(reply(429, { data = { retryAfter = odd } }).retry_after)
      assert.is_nil(reply(429, { retryAfter = odd }).retry_after)
    end
    assert.is_nil(reply(429, nil).retry_after)
  end)

  it("finds the pause in each of the places where the vendor writes it",
    function()
      for _, body in ipairs { { retryAfter = 17 }, { retry_after = 17 },
        { data = { retryAfter = 17 } }, { data = { retry_after = 17 } } } do
        assert.equal(17, reply(429, body).retry_after)
      end
    end)

  it("says which code is no success, though it looks like one", function()
    for text, body in pairs {
      ['code "0"'] = { code = "0", msg = "ok" },
      ["code 200"] = { code = 200, msg = "success" },
    } do
      for _, costs in ipairs { false, true } do
        local err = envelope.error({ costs = costs }, 200, body, nil, {})
        assert.equal("protocol", err.kind)
        assert.equal("unknown", err.outcome)
        assert.is_false(err.transient)
        assert.truthy(err.message:find(text, 1, true), err.message)
        assert.truthy(err.message:find(body.msg, 1, true))
      end
    end
  end)

  it("takes only a documented code for a refusal of what costs", function()
    local paid = { costs = true }
    for _, code in ipairs { 429, 10104, 10105, 18020, 18025, 40000 } do
      assert.equal("rejected",
        envelope.error(paid, 200, { code = code }, nil, {}).outcome)
    end
    for _, code in ipairs { 7, 18001, 50000, 50001 } do
      assert.equal("unknown",
        envelope.error(paid, 200, { code = code }, nil, {}).outcome)
    end
    assert.equal("rejected",
      envelope.error(paid, 400, { code = 7 }, nil, {}).outcome)
    assert.equal("unknown",
      envelope.error(paid, 200, { error = 7 }, nil, {}).outcome)
  end)

  it("believes a documented refusal, whatever the HTTP status", function()
    for _, costs in ipairs { false, true } do
      for _, code in ipairs { 429, 10104, 10105, 18020, 18025, 40000 } do
        for _, status in ipairs { 302, 408, 500, 502, 599 } do
          assert.equal("rejected", envelope.error({ costs = costs }, status,
            { code = code, msg = "m" }, nil, {}).outcome)
        end
      end
      assert.equal("unknown", envelope.error({ costs = costs }, 502,
        { code = 50000, msg = "m" }, nil, {}).outcome)
      assert.equal("unknown", envelope.error({ costs = costs }, 502,
        { code = 18001, msg = "m" }, nil, {}).outcome)
    end
  end)

  it("does not believe a refusal that says success, of what costs", function()
    local body = { code = 0, msg = "Success", data = { video_id = "v" } }
    local err = envelope.error({ costs = true }, 400, body, nil, {})
    assert.same({ "protocol", "unknown", false }, { err.kind, err.outcome,
      err.retryable })
    assert.equal("the server answered HTTP 400 with code 0, and says: Success",
      err.message)
    err = envelope.error({}, 404, { code = 0, msg = "no such page" }, nil, {})
    assert.same({ "not_found", "rejected", "no such page" }, { err.kind,
      err.outcome, err.message })
  end)

  it("says plainly that a redirect of what costs leaves it open", function()
    for _, body in ipairs { false, { msg = "Moved" } } do
      local err = envelope.error({ costs = true }, 301, body or nil, nil, {})
      assert.equal("unknown", err.outcome)
      assert.matches("whether the call took effect is not known", err.message)
    end
    assert.falsy(reply(301, nil).message:find("took effect", 1, true))
  end)

  it("knows a page that cannot be read", function()
    local err = envelope.error({ reads_page = true }, 200,
      { code = 50000, msg = "no page" }, nil, {})
    assert.same({ "page", false, true }, { err.kind, err.retryable,
      err.transient })
  end)
end)
