-- SPDX-License-Identifier: MIT
-- Tasks, against a real server: they suspend and go on, they end, they fail,
-- they wait for each other, and no one of them takes the others along. How they
-- are cancelled is in task_cancel_spec.lua.

local socket = require "socket"
local jogg = require "jogg"
local core = require "jogg.core"
local faults = require "spec.support.faults"
local process = require "spec.support.process"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)
local PUC_51 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

local function info(status, fields)
  fields = fields or {}
  fields.status = status
  return { json = { code = 0, data = fields } }
end

describe("tasks", function()
  local server, client, folder

  setup(function()
    server = faults.start()
    folder = process.temporary_folder()
  end)
  teardown(function()
    server:stop()
    process.remove_folder(folder)
  end)
  before_each(function()
    server:clear():on_connect {}
    server:on("GET", "/open/prj_info", info(3, { progress = 7 }))
    client = nil
  end)
  after_each(function()
    if client then client:close() end
    assert.is_true(server:wait { open = 0 })
    assert.same({}, process.files(folder))
  end)

  local function connect(options)
    options = options or {}
    options.api_key, options.base_url = "key", options.base_url or server.url
    client = jogg.client(options)
    return client
  end

  -- Runs for so long, or until it holds.
  local function step_until(holds, seconds)
    local deadline = core.now() + (seconds or 5)
    while not holds() and core.now() < deadline do
      client:step(0.01)
    end
    assert.is_true(holds())
  end

  describe("going on", function()
    for _, how in ipairs { "run", "step(0)", "step(0.1)" } do
      it("side by side, with " .. how, function()
        server:on("GET", "/open/prj_info",
          { delay = 0.05, json = { code = 0, data = { status = 3 } } })
        connect()
        local order, alive = {}, 0
        local accepted = server:connections()
        for i = 1, 5 do
          client:spawn(function()
            alive = alive + 1
            local project = assert(client:project_info("p" .. i))
            order[#order + 1] = project.status
          end)
        end
        assert.equal(0, alive) -- nothing runs before the first step
        if how == "run" then
          client:run()
        else
          local seconds = how == "step(0.1)" and 0.1 or nil
          while client:step(seconds) > 0 do
            if not seconds then socket.sleep(0.001) end
          end
        end
        assert.same({ 3, 3, 3, 3, 3 }, order)
        assert.equal(5, #server:requests())
        assert.equal(accepted + 5, (server:connections()))
        assert.equal(0, client:step())
      end)
    end

    it("keeps the values, and tells when it is done", function()
      connect()
      local task = client:spawn(function() return 42, "ignored by design?" end)
      assert.is_nil(task.done)
      assert.equal("jogg.task (alive)", tostring(task))
      assert.same({ 42, "ignored by design?" }, { task:wait() })
      assert.is_true(task.done)
      assert.equal(42, task.value)
      assert.equal("jogg.task (done)", tostring(task))
    end)

    it("takes any callable", function()
      connect()
      local callable = setmetatable({}, { __call = function() return "x" end })
      assert.equal("x", client:spawn(callable):wait())
    end)

    it("watches inside a task, and blocks outside of one", function()
      server:on("GET", "/open/prj_info", { info(2), info(3), info(4,
        { video_url = server.url .. "/v.mp4" }) })
      connect()
      local task = client:spawn(function()
        local seen, next_info = {}, client:watch("p", {
          poll = { first = 0, interval = 0.01 } })
        while true do -- for ... in, but on Lua 5.1, too
          local project = next_info()
          if not project then return seen end
          seen[#seen + 1] = project.status
        end
      end)
      assert.same({ "queued", "processing", "completed" },
        (assert(task:wait())))
      for project in client:watch("p") do
        assert.equal("completed", project.status)
      end
    end)

    it("shares the places fairly", function()
      server:on("GET", "/open/prj_info",
        { delay = 0.01, json = { code = 0, data = { status = 3 } } })
      connect { max_transfers = 2 }
      local order = {}
      for i = 1, 10 do
        client:spawn(function()
          assert(client:project_info("p" .. i))
          order[#order + 1] = i
          assert(client:project_info("p" .. i))
        end)
      end
      client:run()
      assert.equal(10, #order) -- who asked first was served first
      for i, who in ipairs(order) do
        assert.is_true(math.abs(i - who) <= 1)
      end
      local _, open = server:connections()
      assert.is_true(open <= 2)
      local together = {}
      for _, request in ipairs(server:requests()) do
        together[request.connection] = true
      end
      local connections = 0
      for _ in pairs(together) do connections = connections + 1 end
      assert.is_true(connections <= 2)
    end)

    it("gives the sleepers their turn beside a busy network", function()
      connect()
      local polls, woken = 0, nil
      for _ = 1, 8 do
        client:spawn(function()
          while not woken do
            assert(client:project_info "p")
            polls = polls + 1
          end
        end)
      end
      server:on("GET", "/slow", info(3))
      client:spawn(function()
        client:sleep(0.05)
        woken = polls
      end)
      client:run()
      assert.is_true(woken > 0)
    end)

    it("keeps nothing of a wait that is over", function()
      connect()
      local list = {}
      for i = 1, 2000 do
        list[i] = client:spawn(function() client:sleep(1000) end)
      end
      while client:timeout() == nil or client:timeout() == 0 do
        client:step(0)
      end
      assert.is_true(client:timeout() > 900)
      for _, task in ipairs(list) do task:cancel() end
      assert.is_nil(client:timeout())
      client:spawn(function() client:sleep(0.001) end)
      client:run()
      assert.is_nil(client:timeout())
    end)

    it("keeps a task that nobody holds", function()
      connect()
      local ended = false
      client:spawn(function()
        client:sleep(0.01)
        assert(client:project_info "p")
        ended = true
      end)
      for _ = 1, 5 do collectgarbage() end
      client:run()
      assert.is_true(ended)
    end)
  end)

  describe("waiting for each other", function()
    it("works, before and after the end", function()
      connect()
      local first = client:spawn(function()
        return (client:project_info "p").progress
      end)
      local second = client:spawn(function()
        return first:wait() + 1
      end)
      local third = client:spawn(function()
        return second:wait() + first:wait()
      end)
      assert.equal(15, third:wait())
      assert.equal(8, second:wait())
    end)

    it("does not stand still for ever", function()
      connect()
      local a, b, c
      a = client:spawn(function() return pcall(a.wait, a) end)
      local _, why = a:wait()
      assert.matches("cannot wait for itself", why)
      a = client:spawn(function() return b:wait() end)
      b = client:spawn(function() return c:wait() end)
      c = client:spawn(function() return a:wait() end)
      client:run()
      assert.matches("wait for each other", c.err.message)
      assert.equal(c.err, b.err)
    end)

    it("outlives the cancelling of who waits", function()
      connect()
      local first = client:spawn(function()
        client:sleep(0.05)
        return "here"
      end)
      local impatient = client:spawn(function()
        local value, err = first:wait()
        return value, err
      end)
      local patient = client:spawn(function() return first:wait() end)
      client:step(0.01)
      impatient:cancel()
      assert.is_true(impatient.done)
      assert.equal("cancelled", impatient.err.kind)
      assert.is_nil(first.done)
      assert.equal("here", patient:wait())
    end)
  end)

  describe("an error", function()
    it("reaches the owner, with a traceback, and nobody else", function()
      connect()
      local function deep() error "oh no" end
      local bad = client:spawn(function()
        client:project_info "p"
        deep()
        return 1
      end)
      local good = client:spawn(function()
        client:sleep(0.02)
        return client:project_info "p"
      end)
      client:run()
      assert.equal(7, good.value.progress)
      local value, err = bad:wait()
      assert.is_nil(value)
      assert.equal("task", err.kind)
      assert.matches("oh no", err.message)
      assert.matches("oh no", tostring(err))
      assert.matches("task_spec.lua", err.traceback)
      assert.matches("deep", err.traceback)
      assert.is_true(jogg.is_error(err))
    end)

    it("may be anything", function()
      connect()
      local nasty = setmetatable({}, {
        __tostring = function() error "not even a text" end,
      })
      for _, what in ipairs { false, true, nasty, jogg } do
        local task = client:spawn(function() error(what) end)
        local _, err = task:wait()
        assert.equal("task", err.kind)
        assert.equal(what, err.cause)
      end
      local task = client:spawn(function() error(nil) end)
      assert.equal("task", select(2, task:wait()).kind)
    end)

    it("of a callback ends its task and frees its place", function()
      local bytes = ("x"):rep(1000)
      server:on("GET", "/v.mp4", { body = bytes, slow = 500 })
      server:on("GET", "/open/prj_info", info(4,
        { video_url = server.url .. "/v.mp4" }))
      connect { max_transfers = 1 }
      local task = client:spawn(function()
        return client:make_video {
          resume = { version = 1, generation = "open", project_id = "p" },
          output = folder .. "/v.mp4",
          on_progress = function(p)
            if p.phase == "download" and p.bytes then error "from above" end
          end,
        }
      end)
      local _, err = task:wait()
      assert.matches("from above", err.message)
      assert.same({}, process.files(folder))
      assert.equal(4, assert(client:spawn(function()
        return client:project_info "p"
      end):wait()).status)
    end)

    it("is told by run, which counts the failed", function()
      connect()
      assert.same({ 0 }, { client:run() })
      client:spawn(function() error("first", 0) end)
      client:spawn(function() return nil, "second" end)
      client:spawn(function() return true end)
      local failed, err = client:run()
      assert.equal(2, failed)
      assert.equal("first", err.message)
      assert.same({ 0 }, { client:run() })
    end)

    it("has its <close> variables closed, whatever ends it", function()
      if _VERSION < "Lua 5.4" then return end
      connect()
      local new = assert(load [[
        local closed, f = ...
        return function()
          local guard <close> = setmetatable({}, { __close = function()
            closed[#closed + 1] = true
          end })
          return f()
        end]])
      local closed = {}
      for _, f in ipairs { function() error "oh" end, coroutine.yield,
        function() return client:sleep(1000) end } do
        local task = client:spawn(new(closed, f))
        client:step(0.01)
        task:cancel()
        assert.is_true(task.done)
      end
      assert.equal(3, #closed)
    end)

    it("leaves step and run alone where there is no debug library", function()
      local output = process.run({ os.getenv "JOGG_LUA" or "lua5.4", "-e", [[
        debug = nil
        local jogg = require "jogg"
        local client = jogg.client { api_key = "k",
          base_url = "http://127.0.0.1:9" }
        local task = client:spawn(function() error "oh" end)
        client:step(0.01)
        print((client:run()), task.err.kind)
      ]] }, { stderr = "merge" })
      assert.equal("1\ttask\n", output)
    end)

    it("of a yield says what is meant", function()
      connect()
      local task = client:spawn(function() coroutine.yield(1) end)
      local _, err = task:wait()
      assert.matches("must not yield by itself", err.message)
    end)
  end)

  describe("a coroutine of one's own", function()
    it("may do all but wait", function()
      connect()
      local task = client:spawn(function()
        local sum = 0
        for number in coroutine.wrap(function()
          for i = 1, 3 do coroutine.yield(i) end
        end) do
          sum = sum + number * client:project_info("p").progress
        end
        return sum
      end)
      assert.equal(42, (assert(task:wait())))
    end)

    it("is refused with a sentence", function()
      connect()
      local task = client:spawn(function()
        return coroutine.wrap(function()
          local project = client:project_info "p"
          return project
        end)()
      end)
      local _, err = task:wait()
      assert.matches("task_spec.lua:%d+: this is a coroutine of your own",
        err.message)
    end)

    it("is a place like any other outside of tasks", function()
      connect()
      local project = coroutine.wrap(function()
        return client:project_info "p"
      end)()
      assert.equal(7, project.progress)
    end)
  end)

  it("cannot wait inside pcall on Lua 5.1, and says so", function()
    server:on("GET", "/open/prj_info", info(4,
      { progress = 7, video_url = server.url .. "/v.mp4" }))
    connect { max_transfers = 1 }
    local task = client:spawn(function()
      local ok, project = pcall(client.project_info, client, "p")
      return ok and project.progress or project
    end)
    local naked = client:spawn(function()
      local last
      for project in client:watch("p", { poll = { interval = 0.01 } }) do
        last = project.progress
      end
      return last
    end)
    client:run()
    if PUC_51 then
      assert.matches("attempt to yield", task.value)
      assert.matches("Lua 5.1 cannot suspend", naked.err.message)
    else
      assert.equal(7, task.value)
      assert.equal(7, naked.value)
    end
    local after = client:spawn(function() return client:project_info "p" end)
    assert.equal(7, after:wait().progress) -- and no place was lost
    assert.equal(0, client.scheduler.in_flight)
  end)

  it("go on when the server was gone for a while", function()
    local port = server.port
    connect { retries = 40 }
    local task = client:spawn(function()
      assert(client:project_info "p")
      client:sleep(0.01)
      return client:project_info "p"
    end)
    step_until(function() return #server:requests() == 1 end)
    server:stop()
    for _ = 1, 60 do client:step(0.01) end
    assert.is_nil(task.done)
    server = faults.start { port = port }
    server:on("GET", "/open/prj_info", info(3, { progress = 9 }))
    assert.equal(9, assert(task:wait()).progress)
  end)

  it("keep the deadline of a whole job", function()
    connect()
    local before = core.now()
    local task = client:spawn(function()
      return client:make_video {
        resume = { version = 1, generation = "open", project_id = "p" },
        timeout = 0.2, poll = { interval = 0.01 },
      }
    end)
    local _, err = task:wait()
    assert.equal("timeout", err.kind)
    assert.equal("p", err.resume.project_id)
    assert.is_true(core.now() - before < 2 * SLOW)
  end)
end)
