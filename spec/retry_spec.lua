-- SPDX-License-Identifier: MIT
-- When to try again, and what may be: time and chance are arguments.

local retry = require "jogg.retry"
local errors = require "jogg.error"

local function least() return 0 end
local function most() return 1 end -- the bound that random() never reaches

describe("retry.delay", function()
  it("is anything from nothing to a bound that doubles up to a cap", function()
    local err = { kind = "network" }
    for attempt, bound in pairs { 1, 2, 4, 8, 16, 30, 30, [50] = 30,
      [5000] = 30 } do
      assert.equal(0, retry.delay(attempt, err, least))
      assert.equal(bound, retry.delay(attempt, err, most))
      assert.equal(bound / 2,
        retry.delay(attempt, err, function() return 0.5 end))
    end
  end)

  it("obeys the server first, up to a cap, and never comes earlier", function()
    for asked, bound in pairs { [0] = 0, [1] = 1, [30] = 30, [120] = 120,
      [121] = 120, [86400] = 120, [1e300] = 120 } do
      local err = { kind = "rate_limit", retry_after = asked }
      assert.equal(bound, retry.delay(1, err, least))
      assert.is_true(retry.delay(1, err, most) <= bound + 0.25)
      assert.equal(bound, retry.delay(9, err, least))
    end
  end)

  it("waits as long as the API says where a refusal names no time", function()
    local err = { kind = "rate_limit" }
    assert.equal(60, retry.delay(1, err, least, 60))
    assert.equal(60.25, retry.delay(9, err, most, 60))
    assert.equal(1, retry.delay(1, err, most)) -- on open
    err.retry_after = 7
    assert.equal(7, retry.delay(1, err, least, 60))
    assert.equal(0, retry.delay(1, { kind = "server" }, least, 60))
  end)

  it("does without the server's word when it makes no sense", function()
    for _, odd in ipairs { -1, "soon", {} } do
      assert.equal(1, retry.delay(1, { retry_after = odd }, most))
    end
    assert.equal(1, retry.delay(1, nil, most))
  end)
end)

describe("retry.is_safe", function()
  local function safe(method, fields)
    fields.message = "m"
    return retry.is_safe({ method = method, repeatable = fields.repeatable },
      errors.new(fields))
  end

  it("repeats GET and PUT whatever became of them", function()
    for _, method in ipairs { "GET", "PUT" } do
      for _, outcome in ipairs { "not_sent", "rejected", "unknown", "accepted" }
      do
        assert.is_true(safe(method, { kind = "network", outcome = outcome }))
      end
      assert.is_true(safe(method, { kind = "server", outcome = "unknown" }))
      assert.is_false(safe(method, { kind = "auth", outcome = "rejected" }))
      assert.is_false(safe(method, { kind = "tls", outcome = "not_sent" }))
    end
  end)

  it("repeats a POST that costs nothing like a GET", function()
    assert.is_true(safe("POST", { repeatable = true, kind = "network",
      outcome = "unknown" }))
    assert.is_false(safe("POST", { repeatable = true, kind = "auth",
      outcome = "rejected" }))
  end)

  it("repeats a POST only when it certainly had no effect", function()
    assert.is_true(safe("POST", { kind = "network", outcome = "not_sent" }))
    assert.is_true(safe("POST", { kind = "timeout", outcome = "not_sent" }))
    assert.is_true(safe("POST", { kind = "rate_limit", outcome = "rejected" }))
    for _, kind in ipairs { "network", "timeout", "server", "protocol",
      "rate_limit" } do
      assert.is_false(safe("POST", { kind = kind, outcome = "unknown" }), kind)
      assert.is_false(safe("POST", { kind = kind, outcome = "accepted" }), kind)
      assert.is_false(safe("POST", { kind = kind }), kind)
    end
    for _, kind in ipairs { "network", "timeout", "server", "protocol" } do
      assert.is_false(safe("POST", { kind = kind, outcome = "rejected" }), kind)
    end
    assert.is_false(safe("POST", { kind = "auth", outcome = "not_sent" }))
  end)
end)
