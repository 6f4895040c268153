-- SPDX-License-Identifier: MIT
-- So many calls in any 60 seconds; time is an argument.

local pace = require "jogg.pace"

describe("pace", function()
  it("lets a full minute's worth go at once, then one by one", function()
    local p = pace.new(3)
    assert.equal(0, p:take(100))
    assert.equal(0, p:take(101))
    assert.equal(0, p:take(102))
    assert.equal(57, p:take(103)) -- goes out at 160
    assert.equal(58, p:take(103)) -- 161
    assert.equal(59, p:take(103)) -- 162
    assert.equal(117, p:take(103)) -- 220: behind those that wait
    assert.equal(0, p:take(500))
  end)

  it("never lets more go out than allowed in any minute", function()
    local p, limit = pace.new(20), 20
    local now, times = 0, {}
    math.randomseed(7)
    for i = 1, 500 do
      now = now + math.random() * 4
      local wait = p:take(now)
      assert.is_true(wait >= 0)
      times[i] = now + wait
      -- in the order they asked
      assert.is_true(i == 1 or times[i] >= times[i - 1])
    end
    for i = limit + 1, #times do
      assert.is_true(times[i] - times[i - limit] >= 60 - 1e-6)
    end
  end)

  it("holds everybody back when a server says so", function()
    local p = pace.new(2)
    assert.equal(0, p:take(10))
    p:hold(10, 7)
    assert.equal(7, p:take(10))
    assert.is_true(p:take(10) >= 7)
    assert.equal(0, p:take(500))
    p = pace.new(2)
    p:hold(10, 7) -- nothing went out yet
    assert.equal(7, p:take(10))
    assert.equal(0, pace.new(2):take(10))
  end)

  it("is not hurried by a hold that is shorter than the wait", function()
    local p = pace.new(1)
    assert.equal(0, p:take(100))
    p:hold(101, 1)
    assert.equal(59, p:take(101))
  end)
end)
