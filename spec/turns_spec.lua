-- SPDX-License-Identifier: MIT
-- Whose POST goes out next. Minutes pass by an hour-hand that the spec turns.

local core = require "jogg.core"
local faults = require "spec.support.faults"
local flow = require "spec.support.flow"
local jogg = require "jogg"

describe("turns", function()
  local server, client, now, later

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)
  before_each(function()
    now, later = core.now, 0
    core.now = function() return now() + later end
    server:clear()
    flow.script(server)
    client = jogg.client { api_key = "k", base_url = server.url,
      posts_per_minute = 3 }
  end)
  after_each(function()
    core.now = now
    client:close()
    assert.equal(0, client.pipeline.turns.standing)
  end)

  local function pass(seconds)
    later = later + seconds
    client.scheduler.books:shift(seconds)
  end

  -- Steps until nobody can go on before the minute is over.
  local function settle()
    local deadline = now() + 10
    repeat
      client:step(0.02)
      local left = client:timeout()
      assert(now() < deadline, "it does not settle")
    until client.scheduler:live() == 0 or
      left and left > 1 and select(2, client.scheduler.books:count()) == 0
  end

  local function count()
    return flow.count(server, "product"), flow.count(server, "render")
  end

  local function make(options)
    options = options or {}
    options.url, options.poll = flow.PAGE, flow.POLL
    return client:spawn(function() return client:make_video(options) end)
  end

  it("pass on from who breaks off while he stands in line", function()
    local page = function() return client:create_product { url = flow.PAGE } end
    for _ = 1, 3 do client:spawn(page) end
    settle()
    local first, second = client:spawn(page), client:spawn(page)
    settle()
    local pace = client.pipeline.turns.pace
    pace.try = function()
      pace.try = nil
      error("struck", 0)
    end
    pass(60)
    settle()
    assert.matches("struck", first.err.message)
    assert.is_truthy(second.value)
  end)

  it("go to who is about to start a video before all others", function()
    local tasks = {}
    for i = 1, 5 do tasks[i] = make { timeout = 50 } end
    settle()
    assert.same({ 3, 0 }, { count() })
    pass(60)
    settle()
    assert.same({ 3, 3 }, { count() })
    pass(60)
    settle()
    assert.same({ 5, 4 }, { count() })
    pass(60)
    settle()
    assert.same({ 5, 5 }, { count() })
    -- and all are done, though each had less than a minute for itself
    for i = 1, 5 do
      assert.is_true(tasks[i].done)
      assert.is_truthy(tasks[i].value, tostring(tasks[i].err))
    end
  end)

  it("are not taken by who gives up", function()
    for _ = 1, 3 do make() end
    settle()
    local waiting = {}
    for i = 1, 50 do waiting[i] = make() end
    client:step(0.02)
    for _, task in ipairs(waiting) do task:cancel() end
    for _, task in ipairs(waiting) do
      assert.same({ "cancelled", "not_sent" }, { task.err.kind,
        task.err.outcome })
    end
    pass(60)
    settle() -- the renders of the three
    make()
    pass(60)
    settle()
    assert.same({ 4, 4 }, { count() })
  end)

  it("pass on when the first in line is cancelled", function()
    for _ = 1, 3 do
      client:spawn(function() client:create_product { url = flow.PAGE } end)
    end
    settle()
    local first, second = make(), make()
    settle()
    pass(59)
    first:cancel()
    settle()
    pass(2)
    settle()
    assert.same({ 4, 1 }, { count() })
    assert.is_truthy(second.value, tostring(second.err))
  end)

  it("are had before anything is sent where a task cannot wait", function()
    local task = client:spawn(function()
      local raised
      ("x"):gsub("x", function()
        local ok, err = pcall(client.render_project, client,
          { project_id = "p" })
        raised = not ok and tostring(err)
      end)
      return raised
    end)
    client:run()
    assert.matches("attempt to yield across", task.value or task.err.message)
    assert.same({ 0, 0 }, { count() })
  end)
end)
