-- SPDX-License-Identifier: MIT
-- When to poll.

local cjson = require "cjson".new()
local clock = require "spec.support.clock"
local faults = require "spec.support.faults"
local flow = require "spec.support.flow"
local jogg = require "jogg"
local poller = require "jogg.poller"
local process = require "spec.support.process"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

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

-- Jobs of one kind that wait at one service, which lists them: each is called
-- like its video.
describe("one list for many", function()
  local LIST, POLL = "/v2/product_videos", { first = 0.05 * SLOW,
    interval = 0.01 }
  local server, client, random

  local function connect()
    if client then client:close() end
    client = jogg.client { api_key = "k", base_url = server.url,
      generation = "v2", posts_per_minute = 0 }
  end

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)
  before_each(function()
    random = math.random
    math.random = function() return 0 end -- luacheck: ignore
    server:clear()
    connect()
  end)
  after_each(function()
    math.random = random -- luacheck: ignore
    client:close()
  end)

  local function answer(data) return { json = { code = 0, data = data } } end

  local function list_of(...)
    local videos = {}
    for i, id in ipairs { ... } do
      videos[i] = { id = id, status = "completed",
        video_url = "https://x.example/" .. id }
    end
    return answer { videos = videos }
  end

  -- What the service says of one that is asked for by itself, one after the
  -- other.
  local function script_states(...)
    for _, id in ipairs { "A", "B", "C" } do
      local steps = {}
      for i, status in ipairs { ... } do
        steps[i] = answer { status = status, deducted_credit = 0.5,
          video_url = "https://x.example/" .. id }
      end
      server:on("GET", "/v2/product_video/" .. id, steps)
    end
  end

  -- How often the list was asked, and which were asked by themselves.
  local function asked()
    local lists, alone = 0, {}
    for _, request in ipairs(server:requests()) do
      lists = lists + (request.path == LIST and 1 or 0)
      alone[#alone + 1] = request.path:match "^/v2/product_video/(.*)"
    end
    table.sort(alone)
    return lists, table.concat(alone)
  end

  -- Begins to wait for these; the first one asks the list.
  local function wait_for(ids, options)
    local tasks = {}
    for id in ids:gmatch "%a" do
      tasks[#tasks + 1] = client:spawn(function()
        local given = { project_id = id, poll = POLL }
        for name, value in pairs(options or {}) do given[name] = value end
        return client:make_video(given)
      end)
    end
    return tasks
  end

  local function check_done(tasks)
    client:run()
    for _, task in ipairs(tasks) do
      local video = task.value
      assert.truthy(video, tostring(task.err))
      assert.equal("https://x.example/" .. video.project_id, video.url)
    end
  end

  it("goes on when the one that asks is cancelled", function()
    server:on("GET", LIST, { { stall = "after_request" },
      list_of("B", "C") })
    local tasks = wait_for "ABC"
    repeat client:step(0.01) until #server:requests() == 1
    client:step(0.01)
    tasks[1]:cancel()
    assert.equal("cancelled", tasks[1].err.kind)
    table.remove(tasks, 1)
    check_done(tasks)
    assert.same({ 2, "BC" }, { asked() }) -- the last word is its own call's
  end)

  it("gives each an error of its own when it fails", function()
    math.random = function() return 0.1 end -- luacheck: ignore
    server:on("GET", LIST, { { status = 503, delay = 0.1 * SLOW },
      list_of("A", "B", "C") })
    local seen = {}
    check_done(wait_for("ABC", { on_progress = function(p)
      if p.waiting_for == "retry" then
        assert.equal(503, p.err.http_status)
        for _, other in ipairs(seen) do
          assert.is_false(rawequal(other, p.err))
        end
        seen[#seen + 1] = p.err
      end
    end }))
    assert.equal(3, #seen)
    assert.same({ 2, "ABC" }, { asked() })
  end)

  it("leaves those alone that it does not show: they are asked for", function()
    server:on("GET", LIST, list_of("A", "C"))
    script_states "completed"
    check_done(wait_for "ABC")
    assert.same({ 2, "ABC" }, { asked() }) -- a second page has nothing new
  end)

  it("is no proof: each job's own call has the last word", function()
    server:on("GET", LIST, list_of("A", "B"))
    script_states("processing", "completed")
    local tasks = wait_for "AB"
    check_done(tasks)
    assert.same({ 0.5, 0.5 }, { tasks[1].value.credit, tasks[2].value.credit })
    assert.equal(4, #select(2, asked()))
  end)

  it("is not there, or nobody can read it: each is asked for", function()
    for _, step in ipairs { answer {}, { json = { code = 0 } },
      answer { videos = cjson.null }, answer { videos = "many" },
      answer { videos = { 5, "A", cjson.null, { id = {} } } },
      { body = "<html>" }, { status = 404, body = "" } } do
      server:clear()
      server:on("GET", LIST, step)
      script_states "completed"
      connect() -- with another list
      check_done(wait_for "ABC")
      local lists, alone = asked()
      assert.is_true(lists >= 1)
      assert.equal("ABC", alone)
    end
  end)

  it("is asked no more for a while when it was useless three times", function()
    local time = clock.install()
    finally(time.remove)
    server:on("GET", LIST, { status = 500, body = "x" })
    script_states "processing"
    wait_for("AB", { timeout = 36000, poll = { first = 10, interval = 10,
      max = 10 } })
    local function pass(seconds)
      clock.settle(client)
      time.pass(seconds)
      clock.settle(client)
    end
    pass(10.1)
    local lists, alone = asked()
    assert.same({ 3, 2 }, { lists, #alone })
    for i = 2, 5 do
      pass(10.1)
      lists, alone = asked()
      assert.same({ 3, 2 * i }, { lists, #alone })
    end
    pass(300)
    assert.equal(4, (asked()))
  end)

  it("is asked on where it was useless twice, and then again twice", function()
    local useless = { status = 500, body = "x" }
    server:on("GET", LIST, { useless, useless, list_of(), useless, useless,
      list_of("A", "B") })
    script_states("processing", "completed")
    check_done(wait_for "AB")
    assert.same({ 6, "AABB" }, { asked() })
  end)

  for what, step in pairs {
    ["is asked too often"] = { status = 429,
      json = { code = 429, retryAfter = 0 } },
    ["cannot be reached"] = { reset = "before_answer" },
  } do
    it("is asked again when it " .. what, function()
      local steps = {}
      for i = 1, 5 do steps[i] = step end
      steps[6] = list_of("A", "B")
      server:on("GET", LIST, steps)
      check_done(wait_for "AB")
      assert.same({ 6, "AB" }, { asked() })
    end)
  end
end)
