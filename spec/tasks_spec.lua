-- SPDX-License-Identifier: MIT
-- Which task runs next: none is held up by what others have to do, and what a
-- task leaves behind in the middle of something is put away.

local clock = require "spec.support.clock"
local core = require "jogg.core"
local faults = require "spec.support.faults"
local flow = require "spec.support.flow"
local jogg = require "jogg"
local tasks = require "jogg.tasks"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

describe("tasks", function()
  local server, client

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)
  before_each(function()
    server:clear()
    flow.script(server)
    client = jogg.client { api_key = "k", base_url = server.url,
      posts_per_minute = 100000 }
  end)
  after_each(function() client:close() end)

  local function burn(seconds)
    local moment = core.now() + seconds
    while core.now() < moment do end
  end

  -- Every step ends after what one task does; the others have their turn.
  it("has a turn for sleepers and results, whatever is spawned", function()
    local naps, looks = 0, 0
    local function forever(f)
      client:spawn(function()
        while true do f() end
      end)
    end
    forever(function()
      client:sleep(0.001)
      naps = naps + 1
    end)
    forever(function()
      if client:project_info "p" then looks = looks + 1 end
    end)
    for _ = 1, 300 do
      client:spawn(function() burn(0.0002) end)
      client:spawn(function() burn(0.0002) end)
      client:step()
      burn(0.001) -- the host's own work
    end
    assert.is_true(naps > 5, naps)
    assert.is_true(looks > 5, looks)
  end)

  it("cancels one task without going on with the others", function()
    local ran = 0
    for _ = 1, 100 do client:spawn(function() ran = ran + 1 end) end
    local task = client:spawn(function() ran = ran + 1 end)
    task:cancel()
    assert.is_true(task.done)
    assert.equal("cancelled", task.err.kind)
    assert.equal(0, ran)
    client:run()
    assert.equal(100, ran)
  end)

  it("goes on once with a task that is woken and cancelled", function()
    local ends = 0
    local task = client:spawn(function()
      client:sleep(10)
      ends = ends + 1
    end)
    client:step()
    task:cancel()
    client:step()
    client:run()
    assert.equal(1, ends)
  end)

  it("loses no place where a wait could not begin", function()
    client:close()
    client = jogg.client { api_key = "k", base_url = server.url,
      max_transfers = 1 }
    server:on("GET", "/open/prj_info", { delay = 0.1,
      json = { code = 0, data = { status = 3 } } })
    local function look() return client:project_info "p" end
    local first = client:spawn(look)
    client:step()
    local second = client:spawn(function()
      ("x"):gsub("x", function() pcall(look) end) -- no wait across gsub
      return true
    end)
    local third = client:spawn(look)
    local deadline = core.now() + 10 * SLOW
    while client:step(0.05) > 0 do
      assert.is_true(core.now() < deadline, "a place is lost")
    end
    assert.equal(3, first.value.status)
    assert.is_true(second.value)
    assert.equal(3, third.value.status)
  end)

  describe("gives a task that broke off its job's token", function()
    local function broken(what)
      local task = client:spawn(function()
        return client:make_video { url = flow.PAGE, poll = flow.POLL,
          on_progress = function(p)
            if p.phase == "wait" then what(p) end
          end }
      end)
      client:run()
      assert.is_nil(task.value)
      assert.equal("task", task.err.kind)
      assert.equal("wait", task.err.phase)
      assert.equal("accepted", task.err.outcome)
      assert.equal(flow.PROJECT, task.err.project_id)
      assert.is_string(task.err.traceback)
      local video = assert(client:make_video {
        resume = flow.stored(task.err.resume), poll = flow.POLL })
      assert.equal(flow.PROJECT, video.project_id)
      assert.equal(1, flow.count(server, "render"))
    end

    it("when a callback raises", function()
      broken(function(p) return p.no.such.field end)
    end)

    it("when a callback yields by itself", function()
      if _VERSION == "Lua 5.1" and not rawget(_G, "jit") then
        return broken(function() error "cannot yield across pcall" end)
      end
      broken(function() coroutine.yield "elsewhere" end)
    end)
  end)

  it("goes on with a job whose server was gone for minutes", function()
    local time = clock.install()
    local now, pass = time.real, time.pass
    finally(time.remove)
    server:on("GET", "/open/prj_info", flow.info(3))
    local port, looks = server.port, 0
    local task = client:spawn(function()
      return client:make_video { timeout = 36000,
        poll = { first = 0, interval = 0.01, max = 0.01 },
        resume = { version = 1, generation = "open", project_id = "p" },
        on_progress = function(p)
          looks = looks + (p.phase == "wait" and 1 or 0)
        end }
    end)
    local deadline = now() + 10 * SLOW
    while looks < 4 and now() < deadline do client:step(0.01) end
    server:stop()
    for _ = 1, 200 do -- each a look that is refused, half a minute later
      client:step(0.01)
      pass(30)
    end
    assert.is_nil(task.done)
    server = faults.start { port = port }
    server:on("GET", "/open/prj_info", flow.finished(server))
    while not task.done and now() < deadline do
      client:step(0.05)
      pass(30)
    end
    assert.equal("completed", assert(task:wait()).status)
  end)

  it("refuses to hold up another client's task", function()
    local other = jogg.client { api_key = "k", base_url = server.url }
    local task = client:spawn(function()
      local stepped, why = pcall(other.step, other, 1)
      local ran, reason = pcall(other.run, other)
      other:step() -- never waits
      return { stepped, why, ran, reason }
    end)
    client:run()
    other:close()
    assert.is_false(task.value[1])
    assert.is_false(task.value[3])
    assert.matches("this is a task of another client", task.value[2])
    assert.matches("this is a task of another client", task.value[4])
  end)

  it("names the caller's line where a method lacks its object", function()
    local task = client:spawn(function() end)
    for _, f in ipairs { task.wait, task.cancel } do
      local ok, err = pcall(function() f() end)
      assert.is_false(ok)
      assert.matches("tasks_spec.lua:%d+: %w+ is a method", err)
    end
    client:run()
  end)

  -- In a callback of a request a task may make further requests: each is ended
  -- with the task, whichever of them it waits for.
  describe("ends all requests of a task", function()
    local old = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

    -- A task whose download stands still, or is slow, and calls `f` once
    -- meanwhile.
    local function fetch(f, slow)
      server:on("GET", "/c.jpg", { body = ("c"):rep(1000), slow = slow,
        stall = not slow and "mid_body" or nil })
      local called = false
      return client:spawn(function()
        local name = os.tmpname()
        local file, err = client:download { url = server.url .. "/c.jpg",
          output = name, overwrite = true, on_progress = function()
            if not called then
              called = true
              f()
            end
          end }
        os.remove(name)
        return file, err
      end)
    end

    local function step_until(holds)
      local deadline = core.now() + 10 * SLOW
      repeat
        client:step(0.01)
        assert(core.now() < deadline, "it does not come to that")
      until holds()
    end

    -- Nothing is in flight; the connections of what was answered may be kept.
    local function check_idle(kept)
      assert.is_true(server:wait { open = kept or 0 })
      assert.equal(0, client.scheduler.in_flight)
    end

    it("that is cancelled in a call of a callback", function()
      if old then return end -- it cannot wait there
      server:on("GET", "/open/prj_info", { stall = "after_request" })
      local inner
      local task = fetch(function() inner = { client:project_info "p" } end)
      step_until(function() return #server:requests() == 2 end)
      task:cancel()
      assert.same({ "cancelled", "cancelled" }, { inner[2].kind,
        task.err.kind })
      check_idle()
    end)

    it("that is cancelled after a call of a callback", function()
      if old then return end
      server:on("GET", "/open/prj_info", flow.info(3))
      local inner
      local task = fetch(function() inner = client:project_info "p" end)
      step_until(function() return inner end)
      task:cancel()
      assert.equal(3, inner.status)
      assert.equal("cancelled", task.err.kind)
      check_idle(1)
    end)

    it("whose callback raises, after a call or because it cannot wait",
      function()
        server:on("GET", "/open/prj_info", flow.info(3))
        local task = fetch(function()
          if not old then client:project_info "p" end
          error "mine"
        end)
        step_until(function() return task.done end)
        assert.matches("mine", task.err.message)
        check_idle(old and 0 or 1)
        server:on("GET", "/open/prj_info", { stall = "after_request" })
        task = fetch(function()
          ("x"):gsub("x", function() client:project_info "p" end)
        end)
        step_until(function() return task.done end)
        assert.matches("attempt to yield across", task.err.message)
        check_idle(old and 0 or 1)
      end)

    it("that has what it waited for, but for a call that could not begin",
      function()
        if old then return end
        server:on("GET", "/open/prj_info", { { delay = 1,
          json = { code = 0, data = { status = 3 } } },
          { stall = "after_request" } })
        local task = fetch(function()
          assert(client:project_info "p") -- the file came meanwhile
          string.gsub("x", "x", function() -- no wait across gsub
            pcall(client.project_info, client, "p")
          end)
        end, 2000)
        step_until(function() return task.done end)
        assert.truthy(task.value, tostring(task.err))
        check_idle(2)
      end)
  end)

  it("ends what a task spawns while the client is closing", function()
    local late, ran, err
    local task = client:spawn(function()
      client:sleep(100)
      late = client:spawn(function() ran = true end)
      err = late.done and select(2, late:wait())
    end)
    client:step()
    client:close()
    assert.is_true(task.done)
    assert.is_true(late.done)
    assert.is_nil(ran)
    assert.same({ "cancelled", "closed" }, { err.kind, err.reason })
    assert.equal(0, client.scheduler.count)
  end)

  it("tells its end to all who listen, however it comes, once", function()
    local heard = {}
    local function listen(task, name)
      tasks.on_end(task, function()
        assert.is_true(task.done)
        heard[#heard + 1] = name
      end)
    end
    local good = client:spawn(function() return 1 end)
    local bad = client:spawn(function() error "x" end)
    local sleeper = client:spawn(function() client:sleep(100) end)
    local unborn = client:spawn(function() end)
    listen(good, "good 1")
    listen(good, "good 2")
    listen(bad, "bad")
    listen(sleeper, "sleeper")
    listen(unborn, "unborn")
    unborn:cancel()
    repeat client:step(0.01) until bad.done
    sleeper:cancel()
    client:run()
    listen(good, "afterwards")
    assert.same({ "unborn", "good 1", "good 2", "bad", "sleeper",
      "afterwards" }, heard)
  end)
end)
