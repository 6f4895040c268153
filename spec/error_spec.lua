-- SPDX-License-Identifier: MIT
-- What an answer means, as an error with fields; and what an error says.

local errors = require "jogg.error"

local function reply(status, body, headers, why)
  return errors.from_reply(status, body, why, headers or {})
end

describe("errors", function()
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

  describe("as text", function()
    local function text(fields)
      return tostring(errors.new(fields))
    end

    it("say where, what, the facts, and what to do", function()
      assert.equal("render_project: insufficient credit (HTTP 200, code 18020, "
        .. "request r1, project p1); buy credits, then try again",
        text { kind = "credit", phase = "render_project", http_status = 200,
          message = "insufficient credit", code = 18020, request_id = "r1",
          project_id = "p1" })
    end)

    it("say how to resume", function()
      local resume = { project_id = "p", render_sent = true }
      assert.equal("m; resume with err.resume: it finds out what happened "
        .. "before it pays", text { kind = "network", message = "m",
        resume = resume, outcome = "unknown" })
      resume.rendered = true
      assert.equal("m; check the connection, then resume with err.resume",
        text { kind = "network", message = "m", resume = resume,
          outcome = "unknown" })
      assert.equal("m; check the API key; then resume with err.resume",
        text { kind = "auth", message = "m", resume = resume })
      assert.equal("m; resume with err.resume in 7 s", text { message = "m",
        kind = "rate_limit", retry_after = 7, resume = resume })
      -- the message says what to do
      assert.equal("m; then resume with err.resume", text { kind = "io",
        reason = "exists", message = "m", resume = resume })
      assert.equal("m", text { kind = "io", reason = "exists", message = "m" })
      -- nothing was begun, or nothing is left
      assert.equal("m; check the connection, then try again",
        text { kind = "network", message = "m", resume = { url = "u" } })
      assert.falsy(text { kind = "deleted", message = "m", resume = resume }
        :find("err.resume", 1, true))
      assert.equal("project p1 is late; try again, or allow more time", text {
        kind = "timeout", message = "project p1 is late", project_id = "p1" })
      assert.truthy(text { kind = "rate_limit", message = "m", retry_after = 7 }
        :find("try again in 7 s", 1, true))
    end)

    it("stay text beside text", function()
      local err = errors.new { kind = "io", message = "m" }
      assert.equal("a" .. tostring(err), "a" .. err)
      assert.equal(tostring(err) .. "b", err .. "b")
    end)

    it("have an advice for every kind, and no kind besides", function()
      local kinds = { "network", "timeout", "tls", "http", "protocol", "auth",
        "permission", "credit", "not_found", "parameter", "rate_limit",
        "server", "render_failed", "deleted", "cancelled", "io", "task" }
      local known = {}
      for _, kind in ipairs(kinds) do
        known[kind] = true
        assert.is_true(#errors.KINDS[kind] > 5, kind)
        assert.truthy(text { kind = kind, message = "m" }
          :find("m; " .. errors.KINDS[kind], 1, true))
      end
      for kind in pairs(errors.KINDS) do
        assert.is_true(known[kind], kind)
      end
    end)
  end)

  it("know which trouble may pass", function()
    local function retryable(kind, reason)
      return errors.new { kind = kind, reason = reason, message = "m" }.retryable
    end
    for _, kind in ipairs { "network", "timeout", "server", "rate_limit",
      "protocol" } do
      assert.is_true(retryable(kind), kind)
    end
    for _, kind in ipairs { "tls", "http", "auth", "permission", "credit",
      "not_found", "parameter", "render_failed", "deleted", "cancelled", "io",
      "task" } do
      assert.is_false(retryable(kind), kind)
    end
    assert.is_true(retryable("tls", "handshake"))
    assert.is_false(retryable("tls", "certificate"))
    assert.is_true(retryable("io", "descriptors"))
    assert.is_false(retryable("io", "full"))
    assert.is_false(retryable("protocol", "not_video"))
    assert.is_false(retryable("protocol", "too_large"))
    -- whoever says so knows better
    assert.is_false(errors.new { kind = "network", message = "m",
      retryable = false }.retryable)
  end)

  it("are told from other values", function()
    assert.is_true(errors.is(errors.new { kind = "io", message = "m" }))
    for _, other in ipairs { {}, "text", 5, true } do
      assert.is_false(errors.is(other))
    end
    assert.is_false(errors.is(nil))
  end)

  it("advise what helps where it happened", function()
    local function text(fields)
      fields.message = "m"
      return tostring(errors.new(fields))
    end
    assert.matches("raise max_bytes", text { kind = "protocol",
      reason = "too_large", phase = "download" })
    assert.matches("check base_url", text { kind = "not_found",
      phase = "create_product" })
    assert.matches("the page can be opened", text { kind = "server",
      code = 50000, phase = "create_product" })
    assert.falsy(text { kind = "server", http_status = 502,
      phase = "create_product" }:find("page", 1, true))
    assert.matches("send this again only if project_info still says",
      text { kind = "network", outcome = "unknown", phase = "render_project" })
  end)
end)
