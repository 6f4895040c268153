-- SPDX-License-Identifier: MIT
-- When to look again.

local poll = require "jogg.poll"

describe("poll", function()
  it("looks after 10 s, every 10 s, later every 30 s", function()
    assert.same({ first = 10, interval = 10, max = 30, settle = 120 }, poll.plan(nil, false))
    assert.same({ first = 10, interval = 10, max = 30, settle = 120 }, poll.plan({}, true))
  end)

  it("never looks more often than the service allows", function()
    assert.same({ first = 5, interval = 5, max = 5, settle = 120 },
      poll.plan({ first = 0, interval = 0.1, max = 1 }, false))
    assert.same({ first = 5, interval = 5, max = 30, settle = 120 },
      poll.plan({ interval = 1 }, false))
  end)

  it("looks as often as it is told at a service on this machine", function()
    assert.same({ first = 0, interval = 0.01, max = 0.02, settle = 120 },
      poll.plan({ first = 0, interval = 0.01, max = 0.02 }, true))
    assert.same({ first = 0.05, interval = 0.05, max = 30, settle = 120 },
      poll.plan({ interval = 0.05 }, true))
  end)

  it("takes longer pauses as they are", function()
    assert.same({ first = 60, interval = 90, max = 90, settle = 120 },
      poll.plan({ first = 60, interval = 90 }, false))
    assert.same({ first = 10, interval = 20, max = 600, settle = 120 },
      poll.plan({ interval = 20, max = 600 }, false))
    assert.equal(40, poll.plan({ interval = 40, max = 20 }, false).max)
  end)

  it("does not change what it is given", function()
    local given = { interval = 1 }
    poll.plan(given, false)
    assert.same({ interval = 1 }, given)
  end)

  it("calms down as time goes by", function()
    local plan = { first = 10, interval = 10, max = 30 }
    for elapsed, pause in pairs { [0] = 10, [99] = 10, [150] = 15, [300] = 30,
      [5000] = 30 } do
      assert.equal(pause, poll.delay(plan, elapsed))
    end
  end)
end)
