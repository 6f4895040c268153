-- SPDX-License-Identifier: MIT
-- What an error says, and what a failure of the core means.

local errors = require "jogg.error"

describe("errors", function()
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
        "server", "page", "render_failed", "deleted", "cancelled", "busy", "io",
        "task", "webhook" }
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
      "task", "page", "busy" } do
      assert.is_false(retryable(kind), kind)
    end
    assert.is_true(retryable("tls", "handshake"))
    assert.is_false(retryable("tls", "certificate"))
    assert.is_true(retryable("io", "descriptors"))
    assert.is_false(retryable("io", "full"))
    assert.is_false(retryable("protocol", "not_video"))
    assert.is_false(retryable("protocol", "too_large"))
    -- a value that is given counts
    assert.is_false(errors.new { kind = "network", message = "m",
      retryable = false }.retryable)
  end)

  it("know which job may succeed later without a change", function()
    for kind, transient in pairs { network = true, timeout = true,
      server = true, rate_limit = true, page = true, busy = true,
      cancelled = true, auth = false, credit = false, parameter = false,
      render_failed = false, deleted = false, task = false, io = false } do
      assert.equal(transient, errors.new { kind = kind, message = "m" }
        .transient, kind)
    end
    assert.is_true(errors.new { kind = "io", reason = "descriptors",
      message = "m" }.transient)
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
    assert.matches("the page opens", text { kind = "page",
      phase = "create_product" })
    assert.falsy(text { kind = "server", http_status = 502,
      phase = "create_product" }:find("page", 1, true))
    assert.equal("m; look first",
      text { kind = "network", outcome = "unknown", advice = "look first" })
  end)

  describe("from a failure of the core", function()
    it("have a kind, a reason and an outcome", function()
      for class, kind in pairs { connect_timeout = "timeout",
        stall_timeout = "timeout", timeout = "timeout", name = "network",
        connect = "network", broken = "network", proxy = "network",
        handshake = "tls", certificate = "tls", reply = "protocol",
        encoding = "protocol", too_large = "protocol", range = "protocol",
        descriptors = "io", memory = "io", cancelled = "cancelled",
        closed = "cancelled" } do
        local err = errors.from_failure { class = class, sent = true }
        assert.same({ kind, class, "unknown" }, { err.kind, err.reason,
          err.outcome })
        assert.equal("not_sent",
          errors.from_failure({ class = class, sent = false }).outcome)
      end
    end)

    it("of a file name what to do", function()
      local function text(errno, system)
        return errors.from_failure({ class = "file", errno = errno,
          system = system }, "/a/b/ad.mp4").message
      end
      assert.equal("/a/b/ad.mp4: the folder /a/b does not exist; create it",
        text("ENOENT"))
      assert.equal("/a/b/ad.mp4 is a folder; name a file in it", text "EISDIR")
      assert.matches("overwrite = true", text "EEXIST")
      assert.falsy(text("ENOTSUP"):find "overwrite")
      assert.equal("/a/b/ad.mp4: Permission denied",
        text("EACCES", "Permission denied"))
    end)

    it("of a proxy say its status, and are not repeated", function()
      local err = errors.from_failure { class = "proxy", status = 407,
        sent = false }
      assert.matches("the proxy refused the connection with HTTP 407",
        err.message)
      assert.is_nil(err.http_status)
      assert.is_false(err.retryable)
      assert.is_false(err.transient)
    end)
  end)
end)
