-- SPDX-License-Identifier: MIT
-- A client's tasks as the core sees them: coroutines that wait.

local core = require "jogg.core"
local faults = require "spec.support.faults"
local process = require "spec.support.process"

local LUA = os.getenv "JOGG_LUA" or "lua5.4"
local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)
local NESTED_YIELD = _VERSION ~= "Lua 5.1" or rawget(_G, "jit") ~= nil

describe("core.tasks", function()
  local server, client, tasks, slots, settled, thread_of, job_of, prepared
  local at_prepare, at_settle -- what else prepare and settle do

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)

  local function prepare(slot)
    prepared = prepared + 1
    if at_prepare then at_prepare() end
    return thread_of[slot], job_of[slot]
  end

  local function settle(slot, ok, ...)
    settled[#settled + 1] = { slot, ok, ... }
    if type(ok) ~= "function" then tasks:remove(slot) end
    if at_settle then at_settle() end
  end

  local function make()
    client = core.client { base_url = server.url, api_key = "k",
      user_agent = "spec" }
    slots, settled, thread_of, job_of, prepared = {}, {}, {}, {}, 0
    tasks = core.tasks.new(client, slots,
      function(task) return prepare(task.slot) end,
      function(task, ...) settle(task.slot, ...) end)
  end

  before_each(function()
    server:clear()
    make()
  end)
  after_each(function() client:close() end)

  local function spawn(f, job)
    local task = {}
    task.slot = tasks:add(task)
    thread_of[task.slot], job_of[task.slot] = coroutine.create(f), job
    return task.slot
  end

  -- Steps until so many have come to their end.
  local function run(n)
    local deadline = core.now() + 10 * SLOW
    while #settled < n do
      tasks:drain()
      client:wait(0.01)
      assert(core.now() < deadline, "it does not end")
    end
  end

  -- How many went on in a step, at most, of so many that may and of whom each
  -- takes ten microseconds, whatever it really takes here.
  local function in_a_step(many)
    local n, most, now = 0, 0, nil
    at_prepare = function() now = now or core.now() end
    at_settle = function()
      local really = core.now()
      tasks:shift(1e-5 - (really - now))
      n, now = n + 1, really
    end
    for _ = 1, many do spawn(function() end) end
    while tasks:count() > 0 do
      n, now = 0, nil
      tasks:step()
      most = math.max(most, n)
    end
    at_prepare, at_settle = nil, nil
    return most
  end

  it("is done with a crowd sooner than one by one", function()
    assert(client:run_thread())
    local few, crowd, multitude = in_a_step(4), in_a_step(40), in_a_step(2000)
    assert.is_true(few <= 2, few)
    assert.is_true(crowd > 3 and crowd <= 10, crowd)
    assert.is_true(multitude > 11 and multitude <= 25, multitude)
  end)

  it("shares a place with those that a finalizer makes meanwhile", function()
    local text, status = process.run({ LUA, "-e", [[
      local core = require "jogg.core"
      local function client()
        return core.client { base_url = "http://127.0.0.1:9", api_key = "k",
          user_agent = "spec" }
      end
      local function nothing() end
      local newproxy = rawget(_G, "newproxy") -- 5.1's
      local function finalized_by(f)
        if newproxy then
          getmetatable(newproxy(true)).__gc = f
        else
          setmetatable({}, { __gc = f })
        end
      end
      local first, second = client(), client()
      local inner, seen
      local thread = coroutine.create(function() seen() end)
      finalized_by(function()
        inner = core.tasks.new(first, {}, function() return thread end,
          nothing)
      end)
      local slots = {}
      collectgarbage("setpause", 0)
      collectgarbage("setstepmul", 1000000)
      collectgarbage "restart"
      local outer = core.tasks.new(second, slots, nothing, nothing)
      collectgarbage()
      seen = function() print(outer:is_foreign()) end
      inner:add({})
      inner:drain()]] }, { stderr = "merge" })
    assert.equal("true\n", text)
    assert.equal(0, status)
  end)

  it("refuses what is nonsense", function()
    assert.is_false((pcall(core.tasks.new, io.stdout, {}, prepare, settle)))
    assert.is_false((pcall(core.tasks.new, client, 1, prepare, settle)))
    assert.is_false((pcall(core.tasks.new, client, {}, nil, settle)))
    assert.is_false((pcall(core.tasks.new, client, {}, prepare)))
    for name, f in pairs(core.tasks) do
      if name ~= "new" and name ~= "entrance" then
        assert.is_false((pcall(f)), name)
        assert.is_false((pcall(f, client)), name)
        assert.is_false((pcall(f, {})), name)
      end
    end
    for _, slot in ipairs { -1, 0, 1, 7, 1e9, 0 / 0, 1 / 0 } do
      for _, name in ipairs { "wake", "cancel", "remove", "resume",
        "expect" } do
        local ok, err = pcall(tasks[name], tasks, slot)
        assert.is_false(ok)
        assert.matches("no such task", err)
      end
    end
    for _, name in ipairs { "suspend", "attend" } do
      local ok, err = pcall(tasks[name], tasks)
      assert.is_false(ok)
      assert.matches("not inside of a task", err)
    end
    assert.is_nil((tasks:give_way()))
  end)

  it("goes on in the order of spawning, and settles what comes back", function()
    spawn(function(...) return select("#", ...), "b", "c" end)
    spawn(function() error("raised", 0) end)
    spawn(function() coroutine.yield "elsewhere" end)
    spawn(function(job) return job end, "job")
    spawn(function() end)
    run(5)
    assert.same({ { 1, true, 0, "b" }, { 2, false, "raised" }, { 3 },
      { 4, true, "job" }, { 5, true } }, settled)
    assert.same({ 0, 0, 0 }, { tasks:count() == 0 and 0,
      (select(2, tasks:count())), (select(3, tasks:count())) })
    assert.is_nil((tasks:moment()))
  end)

  it("has room for many, and for others in the places of the first", function()
    local order = {}
    for i = 1, 1000 do
      spawn(function()
        tasks:suspend(nil, 0)
        order[#order + 1] = i
      end)
    end
    assert.equal(1000, (tasks:count()))
    run(1000)
    for i = 1, 1000 do assert.equal(i, order[i]) end
    assert.is_nil(next(slots))
    for _ = 1, 10 do assert.is_true(spawn(function() end) <= 1000) end
    run(1010)
  end)

  it("wakes sleepers in order, and who waits when its request ends", function()
    server:on("GET", "/slow", { delay = 0.2, body = "{}" })
    local order = {}
    local function note(name, ...)
      order[#order + 1] = name
      return ...
    end
    spawn(function() note("late", tasks:suspend(nil, 0.1)) end)
    spawn(function() note("early", tasks:suspend(nil, 0.05)) end)
    spawn(function()
      local request = client:start("GET", "/slow")
      local before = select(2, tasks:count())
      assert.equal(0, before)
      tasks:suspend(request, 0.15)
      note(request:done() and "done" or "asked")
      tasks:suspend(request)
      note(request:done() and "done" or "not done")
      return request:result()
    end)
    tasks:drain()
    assert.equal(1, (select(2, tasks:count())))
    assert.equal(3, (select(3, tasks:count())))
    run(3)
    assert.same({ "early", "late", "asked", "done" }, order)
    assert.same({ 3, true, 200 }, { settled[3][1], settled[3][2],
      settled[3][3] })
  end)

  it("ends every wait of who is cancelled, and begins none", function()
    local seen = {}
    local slot = spawn(function()
      seen[1] = { tasks:suspend(nil, 1000) }
      seen[2] = { n = select("#", tasks:suspend(nil, 1000)) }
      tasks:give_way()
    end)
    tasks:drain()
    tasks:cancel(slot)
    tasks:wake(slot)
    run(1)
    assert.same({ { false }, { n = 0 } }, seen)
  end)

  it("knows who runs, in whatever coroutine", function()
    local seen = {}
    local slot
    slot = spawn(function()
      seen.current, seen.inside = tasks:current(), tasks:inside()
      coroutine.wrap(function()
        seen.nested, seen.nested_inside = tasks:current(), tasks:inside()
        seen.suspend = pcall(tasks.suspend, tasks)
      end)()
      local others = core.tasks.new(client, {}, prepare, settle)
      seen.foreign, seen.own = others:is_foreign(), tasks:is_foreign()
      seen.step = select("#", tasks:step())
    end)
    local task = slots[slot]
    run(1)
    assert.same({ current = task, inside = task, nested_inside = task,
      suspend = false, foreign = true, own = false, step = 0 }, seen)
    assert.is_nil((tasks:inside()))
    assert.is_nil((tasks:current()))
  end)

  it("has a step end in the middle of what a task does", function()
    assert.equal(0, select("#", tasks:step())) -- it has no thread yet
    assert(client:run_thread())
    local turns = 0
    local function burn()
      local moment = core.now() + 0.0001
      while core.now() < moment do end
    end
    for _ = 1, 2 do
      spawn(function()
        for _ = 1, 3 do
          burn()
          turns = turns + 1
          tasks:give_way()
        end
      end)
    end
    while turns < 6 do
      local before = turns
      assert.equal(0, (tasks:moment()))
      tasks:step()
      assert.is_true(turns - before <= 1)
    end
    while #settled < 2 do tasks:step() end
    assert.equal(0, tasks:step())
    spawn(function() -- where a step may wait, nobody gives way
      burn()
      tasks:give_way()
      turns = 0
    end)
    tasks:drain()
    assert.equal(0, turns)
  end)

  it("lets a coroutine go whose rest is a function", function()
    local weak = setmetatable({}, { __mode = "k" })
    local slot = spawn(function() tasks:attend(function() end) end)
    weak[thread_of[slot]] = true
    tasks:drain()
    assert.equal("function", type(settled[1][2]))
    thread_of[slot] = nil
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(weak))
    thread_of[slot] = coroutine.create(settled[1][2])
    tasks:wake(slot)
    run(2)
    assert.same({ slot, true }, settled[2])
  end)

  it("has somebody else go on in a task's place", function()
    server:on("GET", "/x", { body = "{}" })
    local slot, thread, going, request
    local function begin()
      request = client:start("GET", "/x")
      tasks:expect(slot, request)
    end
    slot = spawn(function()
      thread, going = thread_of[slot], 3
      begin()
      tasks:attend()
      return going
    end)
    local original = prepare
    finally(function() prepare = original end)
    prepare = function()
      prepared = prepared + 1
      if not thread then return thread_of[slot] end
      assert.is_true(request:done())
      going = going - 1
      if going == 0 then return thread end
      begin()
    end
    run(1)
    assert.same({ { slot, true, 0 } }, settled)
    assert.equal(4, prepared)
  end)

  it("loses nobody where something is raised in a step", function()
    local original, ran, raises = prepare, 0, true
    local slot = spawn(function() ran = ran + 1 end)
    prepare = function(...)
      if raises then error("struck", 0) end
      return original(...)
    end
    finally(function() prepare = original end)
    for _ = 1, 2 do
      assert.same({ false, "struck" }, { pcall(tasks.drain, tasks) })
      assert.equal(0, ran)
    end
    raises = false
    local once = settle
    settle = function() error("struck again", 0) end
    finally(function() settle = once end)
    assert.same({ false, "struck again" }, { pcall(tasks.drain, tasks) })
    settle = once
    assert.equal(1, ran)
    local task, interrupted = tasks:inside()
    assert.is_nil(task)
    assert.equal(slots[slot], interrupted)
    assert.is_nil((tasks:inside()))
    assert.is_nil((select(2, tasks:inside())))
  end)

  it("grows while finalizers spawn as well", function()
    local new = rawget(_G, "newproxy") or function() -- with a finalizer
      return setmetatable({}, { __gc = true })
    end
    local mode
    local function strike() -- at the next chance
      if _VERSION == "Lua 5.4" then
        local before = collectgarbage("incremental", 100, 1000, 30)
        mode = mode or before
      else
        collectgarbage("setpause", 100)
        collectgarbage("setstepmul", 1000000000)
      end
      collectgarbage "restart"
    end
    finally(function()
      collectgarbage "restart"
      if _VERSION == "Lua 5.4" then
        collectgarbage("incremental", 200, 100, 13)
        collectgarbage(mode)
      else
        collectgarbage("setpause", 200)
        collectgarbage("setstepmul", 200)
      end
    end)
    for _, n in ipairs { 1, 8, 20, 100 } do
      client:close()
      make()
      local ran, spawned, struck = 0, 8, false
      local function task() ran = ran + 1 end
      collectgarbage()
      collectgarbage "stop"
      for _ = 1, 7 do spawn(task) end -- there is no more room
      local garbage = new(true)
      getmetatable(garbage).__gc = function()
        struck = true
        for _ = 1, n do spawn(task) end
        spawned = spawned + n
      end
      garbage = nil -- luacheck: ignore
      local last, thread, add = {}, coroutine.create(task), tasks.add
      strike()
      last.slot = add(tasks, last)
      collectgarbage "stop"
      thread_of[last.slot] = thread
      if not struck then collectgarbage() end
      run(spawned)
      assert.equal(spawned, ran)
      assert.equal(0, (tasks:count()))
    end
  end)

  it("rings again after a step that raised", function()
    local original = prepare
    finally(function() prepare = original end)
    prepare = function() error("struck", 0) end
    assert(client:descriptor())
    tasks:alarm(false, true)
    spawn(function() end)
    assert.same({ false, "struck" }, { pcall(tasks.step, tasks) })
    assert.equal(0, (tasks:moment()))
    prepare = original
    local begun = core.now()
    client:wait(5)
    assert.is_true(core.now() - begun < 2 * SLOW)
    run(1)
  end)

  it("makes the descriptor readable when a sleeper wakes", function()
    assert(client:descriptor())
    tasks:alarm(false, true)
    spawn(function() tasks:suspend(nil, 0.05) end)
    tasks:drain()
    tasks:alarm()
    local begun = core.now()
    client:wait(5)
    assert.is_true(core.now() - begun < 2 * SLOW)
    run(1)
  end)

  it("raises in a wait that cannot begin, and forgets it", function()
    if NESTED_YIELD then return end -- all others can wait there
    local slot = spawn(function()
      local ok = pcall(tasks.suspend, tasks, nil, 0)
      return ok, tasks:suspend(nil, 0)
    end)
    run(1)
    assert.same({ { slot, true, false, true } }, settled)
  end)

  it("does nothing in a client that is closed", function()
    spawn(function() end)
    client:close()
    assert.equal(0, select("#", tasks:step()))
    tasks:alarm(true, true)
    tasks:drain() -- but those that can go on come to their end
    assert.equal(1, #settled)
  end)
end)
