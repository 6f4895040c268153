-- SPDX-License-Identifier: MIT
-- When to poll.

local clock = require "spec.support.clock"
local faults = require "spec.support.faults"
local flow = require "spec.support.flow"
local jogg = require "jogg"
local poller = require "jogg.poller"
local process = require "spec.support.process"

describe("poller", function()
  it("looks after 10 s, every 10 s, later every 30 s", function()
    assert.same({ first = 10, interval = 10, max = 30, settle = 120 }, poller.plan(nil, false))
    assert.same({ first = 10, interval = 10, max = 30, settle = 120 }, poller.plan({}, true))
  end)

  it("never looks more often than the service allows", function()
    assert.same({ first = 5, interval = 5, max = 5, settle = 120 },
      poller.plan({ first = 0, interval = 0.1, max = 1 }, false))
    assert.same({ first = 5, interval = 5, max = 30, settle = 120 },
      poller.plan({ interval = 1 }, false))
  end)

  it("looks as often as it is told at a service on this machine", function()
    assert.same({ first = 0, interval = 0.01, max = 0.02, settle = 120 },
      poller.plan({ first = 0, interval = 0.01, max = 0.02 }, true))
    assert.same({ first = 0.05, interval = 0.05, max = 30, settle = 120 },
      poller.plan({ interval = 0.05 }, true))
  end)

  it("takes longer pauses as they are", function()
    assert.same({ first = 60, interval = 90, max = 90, settle = 120 },
      poller.plan({ first = 60, interval = 90 }, false))
    assert.same({ first = 10, interval = 20, max = 600, settle = 120 },
      poller.plan({ interval = 20, max = 600 }, false))
    assert.equal(40, poller.plan({ interval = 40, max = 20 }, false).max)
  end)

  it("does not change what it is given", function()
    local given = { interval = 1 }
    poller.plan(given, false)
    assert.same({ interval = 1 }, given)
  end)

  it("calms down as time goes by", function()
    local plan = { first = 10, interval = 10, max = 30 }
    for elapsed, pause in pairs { [0] = 10, [99] = 10, [150] = 15, [300] = 30,
      [5000] = 30 } do
      assert.equal(pause, poller.delay(plan, elapsed))
    end
  end)
end)

-- A server on this machine that is taken for one elsewhere; the seconds
-- between looks are turned by hand.
describe("looks at a service elsewhere", function()
  local server, client, time, folder

  setup(function()
    server = faults.start()
    folder = process.temporary_folder()
  end)
  teardown(function()
    server:stop()
    process.remove_folder(folder)
  end)
  before_each(function()
    time = clock.install()
    server:clear()
    flow.script(server)
    client = jogg.client { api_key = "k", base_url = server.url }
    client.is_local = false
  end)
  after_each(function()
    time.remove()
    client:close()
  end)

  local function settle() clock.settle(client) end

  -- One look more with each five seconds, and none before.
  local function check_pace(looks)
    settle()
    for i = 1, looks do
      assert.equal(i, flow.count(server, "info"))
      time.pass(3.5)
      settle()
      assert.equal(i, flow.count(server, "info"))
      time.pass(1.8)
      settle()
    end
  end

  local function make(options)
    options.resume = { version = 1, generation = "open", rendered = true,
      render_sent = true, project_id = flow.PROJECT }
    client:spawn(function() return client:make_video(options) end)
  end

  it("are five seconds apart, whatever poll says", function()
    server:on("GET", "/open/prj_info", flow.info(3))
    make { poll = { first = 0, interval = 0.01, max = 0.01 } }
    check_pace(4)
  end)

  it("are five seconds apart when they fail", function()
    server:on("GET", "/open/prj_info", { status = 503, body = "x" })
    client:spawn(function() return client:project_info "p" end)
    check_pace(4)
  end)

  it("are five seconds apart when the video is not there", function()
    local random = math.random
    math.random = function() return 0 end -- luacheck: ignore
    finally(function() math.random = random end) -- luacheck: ignore
    server:on("GET", "/open/prj_info", flow.finished(server))
    server:on("GET", "/v.mp4", { status = 404, body = "x" })
    make { output = folder .. "/ad.mp4" }
    check_pace(4)
  end)
end)
