-- SPDX-License-Identifier: MIT
-- Which POST goes out next. Minutes pass by a clock that the spec turns.

local clock = require "spec.support.clock"
local faults = require "spec.support.faults"
local flow = require "spec.support.flow"
local jogg = require "jogg"
local limiter = require "jogg.limiter"

-- The record alone: time is an argument.
describe("the record of POSTs", function()
  it("lets a full minute's worth go at once, then one by one", function()
    local record = limiter.record()
    for _, now in ipairs { 100, 101, 102 } do
      assert.equal(0, record:wait(3, now))
      record:add(now)
    end
    assert.equal(57, record:wait(3, 103)) -- goes out at 160
    assert.equal(57, record:wait(3, 103)) -- asking takes nothing
    record:add(160)
    assert.equal(1, record:wait(3, 160)) -- 161
    record:add(161)
    record:add(162)
    assert.equal(58, record:wait(3, 162)) -- 220
    assert.equal(0, record:wait(3, 500))
  end)

  it("serves clients with different limits", function()
    local record = limiter.record()
    for now = 1, 5 do record:add(now) end
    assert.equal(0, record:wait(6, 5))
    assert.equal(56, record:wait(5, 5))
    assert.equal(60, record:wait(1, 5))
  end)

  it("never lets more go out than allowed in any minute", function()
    local record, limit = limiter.record(), 20
    local now, times = 0, {}
    math.randomseed(7)
    for i = 1, 500 do
      now = now + math.random() * 4
      local wait = record:wait(limit, now)
      assert.is_true(wait >= 0)
      now = now + wait
      times[i] = now
      assert.equal(0, record:wait(limit, now))
      record:add(now)
    end
    for i = limit + 1, #times do
      assert.is_true(times[i] - times[i - limit] >= 60 - 1e-6)
    end
  end)

  it("holds every POST back when a server says so", function()
    local record = limiter.record()
    record:add(10)
    record:hold(10, 7)
    assert.equal(7, record:wait(2, 10))
    record:add(17)
    assert.equal(53, record:wait(2, 17)) -- two went out: at 10 and at 17
    assert.equal(0, record:wait(2, 500))
    record:add(500)
    record:hold(501, 1) -- shorter than the wait
    assert.equal(59, record:wait(1, 501))
  end)
end)

describe("the limiter", function()
  local server, client, time
  local keys = 0

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)
  before_each(function()
    time = clock.install()
    server:clear()
    flow.script(server)
    keys = keys + 1 -- the record of a key outlives a clock that is turned
    client = jogg.client { api_key = "k" .. keys, base_url = server.url,
      posts_per_minute = 3, product_timeout = 20 }
  end)
  after_each(function()
    time.remove()
    client:close()
    assert.same({}, client.limiter.costly)
    assert.same({}, client.limiter.other)
  end)

  local function settle() clock.settle(client) end

  local function count()
    return flow.count(server, "product"), flow.count(server, "render")
  end

  local function make(options)
    options = options or {}
    options.url, options.poll = flow.PAGE, flow.POLL
    return client:spawn(function() return client:make_video(options) end)
  end

  it("lets calls that start a video go first", function()
    local tasks = {}
    for i = 1, 5 do tasks[i] = make { timeout = 50 } end
    settle()
    assert.same({ 3, 0 }, { count() })
    time.pass(60)
    settle()
    assert.same({ 3, 3 }, { count() })
    time.pass(60)
    settle()
    assert.same({ 5, 4 }, { count() })
    time.pass(60)
    settle()
    assert.same({ 5, 5 }, { count() })
    -- and all are done, though each had less than a minute for itself
    for i = 1, 5 do
      assert.is_true(tasks[i].done)
      assert.is_truthy(tasks[i].value, tostring(tasks[i].err))
    end
  end)

  it("tells of the wait before it begins: a callback may send a POST itself",
    function()
      if _VERSION == "Lua 5.1" and not rawget(_G, "jit") then
        return -- a callback cannot wait there
      end
      for _ = 1, 3 do assert(client:create_product { url = flow.PAGE }) end
      local before
      local task = client:spawn(function()
        return client:make_video { url = flow.PAGE, poll = flow.POLL,
          on_progress = function(p)
            if p.waiting_for == "rate limit" and before == nil then
              before = p.phase
              client:create_product { url = flow.PAGE }
            end
          end }
      end)
      for _ = 1, 3 do
        settle()
        time.pass(60)
      end
      settle()
      assert.equal("create_product", before)
      assert.is_true(task.done)
      assert.truthy(task.value, tostring(task.err))
      assert.same({ 5, 1 }, { count() })
    end)

  it("spends nothing on a task that gives up", function()
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
    time.pass(60)
    settle() -- the renders of the three
    make()
    time.pass(60)
    settle()
    assert.same({ 4, 4 }, { count() })
  end)

  it("goes on when the first in the queue is cancelled", function()
    for _ = 1, 3 do
      client:spawn(function() client:create_product { url = flow.PAGE } end)
    end
    settle()
    local first, second = make(), make()
    settle()
    time.pass(59)
    first:cancel()
    settle()
    time.pass(2)
    settle()
    assert.same({ 4, 1 }, { count() })
    assert.is_truthy(second.value, tostring(second.err))
  end)

  it("raises before anything is sent where a task cannot wait", function()
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

  it("counts for all clients with one key at one service", function()
    local other = jogg.client { api_key = "k" .. keys, base_url = server.url,
      posts_per_minute = 3 }
    local stranger = jogg.client { api_key = "another", base_url = server.url,
      posts_per_minute = 3 }
    for _ = 1, 2 do assert(client:create_product { url = flow.PAGE }) end
    assert(other:create_product { url = flow.PAGE })
    local task = other:spawn(function()
      return other:create_product { url = flow.PAGE }
    end)
    other:step(0.05)
    other:step(0.05)
    assert.is_nil(task.done)
    assert.is_true(other:timeout() > 50)
    assert(stranger:create_product { url = flow.PAGE })
    time.pass(60)
    assert.is_truthy(task:wait())
    other:close()
    stranger:close()
  end)

  it("has no limit where 0 is given", function()
    client:close()
    client = jogg.client { api_key = "k", base_url = server.url,
      posts_per_minute = 0 }
    for _ = 1, 30 do assert(client:create_product { url = flow.PAGE }) end
  end)
end)
