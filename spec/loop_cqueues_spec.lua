-- SPDX-License-Identifier: MIT
-- jogg inside a real cqueues controller.

local process = require "spec.support.process"
local faults = require "spec.support.faults"
local studio = require "spec.support.studio"
local core = require "jogg.core"
local jogg = require "jogg"

local present, cqueues = pcall(require, "cqueues")
local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

describe("jogg.loop.cqueues", function()
  if not present then
    pending "cqueues is not installed for this Lua"
    return
  end

  local adapter = require "jogg.loop.cqueues"
  local server, folder, client, controller

  setup(function()
    server = faults.start()
    folder = process.temporary_folder()
  end)
  teardown(function()
    server:stop()
    process.remove_folder(folder)
  end)
  before_each(function()
    studio.open(server)
    client = jogg.client { api_key = "key", base_url = server.url,
      posts_per_minute = 1000 }
    controller = cqueues.new()
    adapter.attach(client, controller)
  end)
  after_each(function() client:close() end)

  it("lets one of two coroutines have a job, not both", function()
    local videos, errors = 0, {}
    local token = { version = 1, generation = "open", project_id = "p" }
    for _ = 1, 2 do
      controller:wrap(function()
        local video, err = client:make_video { resume = token,
          poll = { first = 0, interval = 0.01 } }
        videos = videos + (video and 1 or 0)
        errors[#errors + 1] = err
      end)
    end
    assert(controller:loop(10 * SLOW))
    assert.equal(1, videos)
    assert.equal(1, #errors)
    assert.matches("this job is running already", errors[1].message)
    assert.equal("not_sent", errors[1].outcome)
  end)

  it("wakes everybody who waits for the same task", function()
    local woken = 0
    local task = client:spawn(function()
      return client:project_info "p"
    end)
    for _ = 1, 3 do
      controller:wrap(function()
        if task:wait() then woken = woken + 1 end
      end)
    end
    for _ = 1, 2 do
      controller:wrap(function()
        client:run()
        woken = woken + 1
      end)
    end
    assert(controller:loop(10 * SLOW))
    assert.equal(5, woken)
  end)

  it("makes eight videos while a ticker ticks", function()
    local videos, ticks, longest = 0, 0, 0
    for i = 1, 8 do
      controller:wrap(function()
        local path = folder .. "/" .. i .. ".mp4"
        local video = assert(client:make_video(studio.job(path)))
        assert.equal(#studio.VIDEO, video.bytes)
        videos = videos + 1
      end)
    end
    controller:wrap(function()
      local last = core.now()
      while videos < 8 do
        cqueues.sleep(0.005)
        local now = core.now()
        ticks, longest, last = ticks + 1, math.max(longest, now - last), now
      end
    end)
    assert(controller:loop(30))
    assert.equal(8, videos)
    assert.is_true(controller:empty()) -- nothing is left behind
    assert.is_true(ticks > 20, ticks)
    assert.is_true(longest < 0.1 * SLOW, longest)
    assert.equal(8, process.file_count(folder))
  end)

  it("is driven by hand, through pollfd, events and timeout", function()
    assert.equal("r", client:events())
    assert.equal(client:fd(), client:pollfd())
    local bare = jogg.client { api_key = "key", base_url = server.url }
    local task = bare:spawn(function()
      bare:sleep(0.02)
      return bare:project_info "p"
    end)
    controller:wrap(function()
      while bare:step() > 0 do cqueues.poll(bare) end
    end)
    assert(controller:loop(10))
    assert.equal(100, task.value.progress)
    bare:close()
  end)

  it("waits for tasks, and goes on twice", function()
    for round = 1, 2 do
      local value
      local task = client:spawn(function()
        return client:project_info("p").progress + round
      end)
      controller:wrap(function()
        value = task:wait()
      end)
      assert(controller:loop(10))
      assert.equal(100 + round, value)
    end
  end)

  it("runs to the end without holding up the controller", function()
    local order = {}
    client:spawn(function()
      client:sleep(0.05)
      order[#order + 1] = "task"
    end)
    controller:wrap(function()
      client:run()
      order[#order + 1] = "run"
    end)
    controller:wrap(function()
      cqueues.sleep(0.01)
      order[#order + 1] = "other"
    end)
    assert(controller:loop(10))
    assert.same({ "other", "task", "run" }, order)
  end)

  it("ends every wait when the client is closed", function()
    server:on("GET", "/open/prj_info", { stall = "after_request" })
    local err
    controller:wrap(function()
      local _
      _, err = client:project_info "p"
    end)
    controller:wrap(function()
      cqueues.sleep(0.05)
      client:close()
    end)
    assert(controller:loop(10))
    assert.is_true(controller:empty())
    assert.equal("cancelled", err.kind)
  end)

  it("ends the pump when the last task is cancelled from outside", function()
    local task = client:spawn(function() client:sleep(1000) end)
    controller:step(0.01)
    task:cancel()
    assert(controller:loop(10))
    assert.is_true(controller:empty())
  end)

  it("blocks outside of the controller", function()
    assert.equal(100, client:project_info("p").progress)
  end)

  it("drops a coroutine that was closed while it waited", function()
    if not rawget(coroutine, "close") then return end
    local task = client:spawn(function()
      client:sleep(0.05)
      return client:project_info("p").progress
    end)
    local dead, alive
    controller:wrap(function()
      dead = coroutine.running()
      task:wait()
    end)
    controller:wrap(function() alive = task:wait() end)
    controller:step(0)
    assert.equal("suspended", coroutine.status(dead))
    coroutine.close(dead) -- luacheck: ignore
    -- cqueues itself reports the coroutine, once, as for any other wait
    local ok, why = controller:loop(5)
    assert.is_falsy(ok)
    assert.matches("cannot resume dead coroutine", why)
    assert(controller:loop(5))
    assert.equal(100, alive)
  end)

  it("closes the client though the host's stop raises", function()
    local stopped = 0
    local other = jogg.client { api_key = "k", base_url = server.url }
    other:attach {
      can_wait = function() return false end, wait = function() end,
      start = function() end,
      stop = function()
        stopped = stopped + 1
        error("no stop", 0)
      end,
    }
    local ok, why = pcall(other.close, other)
    assert.is_false(ok)
    assert.equal("no stop", why)
    assert.equal("jogg.client (closed)", tostring(other))
    other:close() -- again
    assert.equal(1, stopped)
  end)
end)
