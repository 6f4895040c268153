-- SPDX-License-Identifier: MIT
-- So many calls in any 60 seconds; time is an argument.

local pace = require "jogg.pace"

describe("pace", function()
  it("lets a full minute's worth go at once, then one by one", function()
    local p = pace.new(3)
    for _, now in ipairs { 100, 101, 102 } do
      assert.equal(0, p:wait(now))
      assert.is_true(p:try(now))
    end
    assert.equal(57, p:wait(103)) -- goes out at 160
    assert.equal(57, p:wait(103)) -- to ask takes nothing
    assert.is_true(p:try(160))
    assert.equal(1, p:wait(160)) -- 161
    assert.is_true(p:try(161))
    assert.is_true(p:try(162))
    assert.equal(57, p:wait(163)) -- 220
    assert.equal(0, p:wait(500))
  end)

  it("takes a place if there is one", function()
    local p = pace.new(2)
    assert.is_true(p:try(100))
    assert.is_true(p:try(101))
    assert.is_false(p:try(159.9))
    assert.is_true(p:try(160))
    assert.is_false(p:try(160))
    assert.equal(1, p:wait(160)) -- 161
    p:hold(161, 30)
    assert.is_false(p:try(190.9))
    assert.is_true(p:try(191))
  end)

  it("never lets more go out than allowed in any minute", function()
    local p, limit = pace.new(20), 20
    local now, times = 0, {}
    math.randomseed(7)
    for i = 1, 500 do
      now = now + math.random() * 4
      local wait = p:wait(now)
      assert.is_true(wait >= 0)
      now = now + wait
      times[i] = now
      assert.equal(0, p:wait(now))
      assert.is_true(p:try(now))
    end
    for i = limit + 1, #times do
      assert.is_true(times[i] - times[i - limit] >= 60 - 1e-6)
    end
  end)

  it("holds everybody back when a server says so", function()
    local p = pace.new(2)
    assert.is_true(p:try(10))
    p:hold(10, 7)
    assert.equal(7, p:wait(10))
    assert.is_true(p:try(17))
    assert.equal(53, p:wait(17)) -- two went out: at 10 and at 17
    assert.equal(0, p:wait(500))
    p = pace.new(2)
    p:hold(10, 7) -- nothing went out yet
    assert.equal(7, p:wait(10))
    assert.equal(0, pace.new(2):wait(10))
  end)

  it("is not hurried by a hold that is shorter than the wait", function()
    local p = pace.new(1)
    assert.is_true(p:try(100))
    p:hold(101, 1)
    assert.equal(59, p:wait(101))
  end)
end)
