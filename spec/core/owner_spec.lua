-- SPDX-License-Identifier: MIT
-- The functions of core.tasks that get who owns the tasks in their place.

local core = require "jogg.core"
local faults = require "spec.support.faults"
local native = require "spec.support.native"

describe("core.tasks", function()
  local server, client, tasks, owner, step, enter, seen
  local MT = {}

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)

  before_each(function()
    client = core.client { base_url = server.url, api_key = "k",
      user_agent = "spec" }
    assert(client:run_thread())
    seen = {}
    tasks = core.tasks.new(client, {}, function(task) return task.thread end,
      function(task, ok, value)
        seen[#seen + 1] = ok and value or tostring(value)
        tasks:remove(task.slot)
      end)
    enter = core.tasks.entrance(MT)
    owner = setmetatable({ books = tasks }, MT)
    step = tasks:stepper(owner, function(...) return "otherwise", ... end)
  end)
  after_each(function() client:close() end)

  local function spawn(f)
    local task = { thread = coroutine.create(f) }
    task.slot = tasks:add(task)
    return task
  end

  local function run()
    while assert(step(owner)) ~= 0 do end
    return seen
  end

  it("has an entrance for one metatable alone", function()
    assert.is_false((pcall(core.tasks.entrance)))
    assert.is_false((pcall(core.tasks.entrance, "x")))
    for _, other in ipairs { {}, setmetatable({ books = tasks }, {}),
      "text", 7, io.stdout, print, tasks } do
      assert.equal(0, select("#", enter(other)))
    end
    assert.equal(0, select("#", enter()))
    for _, books in ipairs { {}, 7, false, io.stdout, client } do
      assert.equal(0, select("#", enter(setmetatable({ books = books }, MT))))
    end
    assert.equal(0, select("#", enter(setmetatable({}, MT))))
    debug.setmetatable(5, MT)
    local n = select("#", enter(5))
    debug.setmetatable(5, nil)
    assert.equal(0, n)
  end)

  it("has a stepper for one owner alone, and all else is passed on", function()
    assert.is_false((pcall(tasks.stepper)))
    assert.is_false((pcall(tasks.stepper, tasks, owner)))
    assert.is_false((pcall(tasks.stepper, tasks, 1, print)))
    assert.equal(0, step(owner))
    assert.equal(0, step(owner, nil))
    assert.same({ "otherwise", owner, 0.5 }, { step(owner, 0.5) })
    assert.same({ "otherwise", "x" }, { step("x") })
    assert.same({ "otherwise", false, 1 }, { step(false, 1, 2) })
    client:close()
    assert.same({ "otherwise", owner }, { step(owner) })
    local raising = tasks:stepper(owner, function() error("struck", 0) end)
    assert.same({ false, "struck" }, { pcall(raising, owner) })
  end)

  it("steps, and lets in who can wait", function()
    assert.is_true(enter(owner)) -- outside of tasks
    assert.is_true(coroutine.wrap(function() return enter(owner) end)())
    spawn(function() return enter(owner) end)
    assert.same({ true }, run())
  end)

  it("lets nobody in who cannot", function()
    spawn(function()
      return coroutine.wrap(function() return enter(owner) or "own" end)()
    end)
    local ends = spawn(function() return enter(owner) or "ends" end)
    tasks:cancel(ends.slot)
    local theirs = core.tasks.new(client, {}, print, print)
    spawn(function()
      return enter(setmetatable({ books = theirs }, MT)) or "theirs"
    end)
    assert.same({ "own", "ends", "theirs" }, run())
    client:close()
    assert.equal(0, select("#", enter(owner)))
  end)

  it("knows who may begin something", function()
    assert.equal(0, select("#", tasks:ready()))
    local task
    task = spawn(function()
      assert.equal(task, tasks:ready())
      assert.is_nil(coroutine.wrap(function() return (tasks:ready()) end)())
      tasks:cancel(task.slot)
      assert.equal(0, select("#", tasks:ready()))
      return "known"
    end)
    assert.same({ "known" }, run())
  end)

  it("admits nobody in a forked child", function()
    spawn(function() return "done" end)
    local pid = native.fork()
    if pid == 0 then
      local ok, refused = pcall(function()
        return select("#", enter(owner)) == 0 and step(owner) == "otherwise"
      end)
      native.exit(ok and refused and 0 or 1)
    end
    assert.equal(0, native.wait(pid))
    assert.same({ "done" }, run())
  end)

  it("gives way where the step is at its end", function()
    local turns = 0
    spawn(function()
      for _ = 1, 1000 do
        assert(enter(owner))
        turns = turns + 1
        local till = core.now() + 0.0001
        while core.now() < till do end
      end
      return "done"
    end)
    assert.equal(1, step(owner))
    assert.is_true(turns < 1000)
    assert.same({ "done" }, run())
    assert.equal(1000, turns)
  end)

  it("says so to who is cancelled while he gives way", function()
    local task = spawn(function()
      local till = core.now() + 0.01
      while core.now() < till do end
      return enter(owner) == false and "told"
    end)
    assert.equal(1, step(owner))
    tasks:cancel(task.slot)
    assert.same({ "told" }, run())
  end)
end)
