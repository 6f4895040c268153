-- SPDX-License-Identifier: MIT
-- What a step does about Lua's collector, and that nothing of it stays.

local jogg = require "jogg"

local DEFAULT = 100 -- Lua 5.4's own multiplier
local EASED = 0     -- the smallest

-- Only Lua 5.4 goes over a whole heap at a stretch, and says so.
if _VERSION ~= "Lua 5.4" then
  describe("the collector in a step", function()
    it("keeps its multiplier", function()
      local before = collectgarbage("setstepmul", 150)
      local client = jogg.client { api_key = "k",
        base_url = "http://127.0.0.1:9" }
      local seen
      client:spawn(function()
        seen = collectgarbage("setstepmul", 160)
      end)
      repeat until client:step() == 0
      assert.equal(150, seen)
      assert.equal(160, collectgarbage("setstepmul", before))
      client:close()
    end)
  end)
  return
end

describe("the collector in a step", function()
  local client, mode

  before_each(function()
    mode = collectgarbage "incremental"
    collectgarbage("setstepmul", DEFAULT)
    client = jogg.client { api_key = "k", base_url = "http://127.0.0.1:9" }
  end)
  after_each(function()
    client:close()
    collectgarbage("setstepmul", DEFAULT)
    collectgarbage(mode)
  end)

  -- The multiplier, which only setting it tells.
  local function multiplier()
    local now = collectgarbage("setstepmul", DEFAULT)
    collectgarbage("setstepmul", now)
    return now
  end

  -- The multiplier that a task has in a step, which then does this.
  local function inside(f)
    local seen
    local task = client:spawn(function()
      seen = multiplier()
      if f then
        f()
      end
    end)
    repeat
      client:step()
    until task.done
    return seen, task.err
  end

  it("works in small pieces, and as before afterwards", function()
    assert.equal(EASED, (inside()))
    assert.equal(DEFAULT, multiplier())
    client:step() -- which has nothing to do
    assert.equal(DEFAULT, multiplier())
  end)

  it("does so after a task that raised", function()
    local seen, err = inside(function() error "struck" end)
    assert.equal(EASED, seen)
    assert.truthy(tostring(err):find("struck", 1, true))
    assert.equal(DEFAULT, multiplier())
  end)

  it("does so after a step that was broken off", function()
    client:spawn(function() end)
    debug.sethook(function() -- in what the step calls, before the task
      if multiplier() == EASED then
        debug.sethook()
        error("broken off", 0)
      end
    end, "", 1)
    local ok, raised = pcall(client.step, client)
    debug.sethook()
    assert.is_false(ok, "the step was not broken off")
    assert.equal("broken off", raised)
    assert.equal(DEFAULT, multiplier())
    assert.equal(EASED, (inside()))
    assert.equal(DEFAULT, multiplier())
  end)

  it("keeps the multiplier that the host has chosen", function()
    for _, chosen in ipairs { 40, 200 } do
      collectgarbage("setstepmul", chosen)
      assert.equal(chosen, (inside()))
      assert.equal(chosen, multiplier())
    end
  end)

  it("keeps the one that a task chooses", function()
    assert.equal(EASED, (inside(function()
      collectgarbage("setstepmul", 200)
    end)))
    assert.equal(200, multiplier())
    assert.equal(200, (inside()))
  end)

  -- There the collector takes no orders.
  it("is as before after a finalizer that steps as well", function()
    local stepped, again, refused
    client:spawn(function()
      setmetatable({}, { __gc = function()
        stepped = true
        refused = not pcall(client.step, client) -- a task runs
      end })
      collectgarbage()
    end)
    repeat until client:step() == 0
    assert.is_true(stepped)
    assert.is_true(refused)
    assert.equal(DEFAULT, multiplier())
    client:spawn(function() end)
    client:spawn(function() end) -- which is for the step inside
    debug.sethook(function() -- in what the step calls, before the first one
      if multiplier() == EASED then
        debug.sethook()
        setmetatable({}, { __gc = function() again = client:step() end })
        collectgarbage()
      end
    end, "", 1)
    repeat until client:step() == 0
    debug.sethook()
    assert.is_number(again)
    assert.equal(DEFAULT, multiplier())
    assert.equal(EASED, (inside()))
    assert.equal(DEFAULT, multiplier())
  end)

  it("is left alone by a step that may wait", function()
    local seen
    client:spawn(function() seen = multiplier() end)
    repeat until client:step(0.01) == 0
    assert.equal(DEFAULT, seen)
    assert.equal(DEFAULT, multiplier())
  end)

  it("stays generational", function()
    collectgarbage "generational"
    inside()
    assert.equal("generational", collectgarbage "incremental")
  end)
end)
