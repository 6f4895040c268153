-- SPDX-License-Identifier: MIT
-- The earliest first, whatever the order they came in.

local heap = require "jogg.heap"

describe("heap", function()
  it("is empty at first, and again at the end", function()
    local h = heap.new()
    assert.is_nil((h:peek()))
    h:push(1, "a")
    assert.same({ 1, "a" }, { h:peek() })
    h:pop()
    assert.is_nil((h:peek()))
    assert.same({ 0, 0, 0 }, { h.length, #h.times, #h.values })
    h:push(2, "b")
    assert.same({ 2, "b" }, { h:peek() })
  end)

  it("gives everything back in order", function()
    math.randomseed(42)
    local h, live = heap.new(), {}
    local function check_earliest()
      local time, value = h:peek()
      assert.equal(value.time, time)
      for other in pairs(live) do
        assert.is_true(time <= other.time)
      end
      live[value] = nil
      h:pop()
    end
    for round = 1, 400 do
      local entry = { time = math.random(50) }
      live[entry] = true
      h:push(entry.time, entry)
      if round % 3 == 0 then
        check_earliest()
      end
    end
    while next(live) do
      check_earliest()
    end
    assert.equal(0, h.length)
    assert.is_nil(next(h.times))
    assert.is_nil(next(h.values)) -- nothing is held that is not in it
  end)

  it("takes moments of all kinds", function()
    local h = heap.new()
    for _, time in ipairs { 3, -1, 1e300, 0.5, -1 / 0, 1 / 0 } do
      h:push(time, tostring(time))
    end
    local last = -1 / 0
    for _ = 1, 6 do
      local time = h:peek()
      assert.is_true(time >= last)
      last = time
      h:pop()
    end
    assert.equal(1 / 0, last)
  end)
end)
