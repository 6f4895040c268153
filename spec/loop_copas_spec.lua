-- SPDX-License-Identifier: MIT
-- jogg inside the real copas.

local process = require "spec.support.process"
local faults = require "spec.support.faults"
local studio = require "spec.support.studio"
local core = require "jogg.core"
local jogg = require "jogg"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

-- Debian has it for 5.1 and 5.2 alone, but it is pure Lua.
local before = package.path
package.path = before .. ";/usr/share/lua/5.1/?.lua"
local present, copas = pcall(require, "copas")
package.path = before

describe("jogg.loop.copas", function()
  if not present then
    pending "copas is not installed for this Lua"
    return
  end

  local adapter = require "jogg.loop.copas"
  local server, folder, client

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
    adapter.attach(client)
  end)
  after_each(function() client:close() end)

  -- Runs copas; returns how often it came back and the longest time away.
  local function run_until(holds)
    local ticks, longest, deadline = 0, 0, core.now() + 30
    while not holds() do
      local begun = core.now()
      copas.step(0.005)
      ticks, longest = ticks + 1, math.max(longest, core.now() - begun)
      assert.is_true(begun < deadline)
    end
    return ticks, longest
  end

  it("makes eight videos while a ticker ticks", function()
    local videos, failure = 0, nil
    for i = 1, 8 do
      copas.addthread(function()
        local path = folder .. "/" .. i .. ".mp4"
        local video, err = client:make_video(studio.job(path))
        failure = failure or err
        videos = videos + (video and video.bytes == #studio.VIDEO and 1 or 0)
      end)
    end
    local ticks, longest = run_until(function()
      return videos == 8 or failure
    end)
    assert.is_nil(failure)
    assert.is_true(ticks > 20, ticks)
    assert.is_true(longest < 0.1 * SLOW, longest)
    assert.equal(8, process.file_count(folder))
  end)

  it("waits for tasks, and goes on twice", function()
    for round = 1, 2 do
      local value
      local task = client:spawn(function()
        client:sleep(0.01)
        return client:project_info("p").progress + round
      end)
      copas.addthread(function() value = task:wait() end)
      run_until(function() return value end)
      assert.equal(100 + round, value)
    end
  end)

  it("drives tasks that nobody waits for", function()
    local task = client:spawn(function()
      client:sleep(0.01)
      return client:project_info("p").progress
    end)
    run_until(function() return task.done end)
    assert.equal(100, task.value)
  end)

  it("ends every wait when the client is closed", function()
    server:on("GET", "/open/prj_info", { stall = "after_request" })
    local err
    copas.addthread(function()
      local _
      _, err = client:project_info "p"
    end)
    for _ = 1, 5 do copas.step(0.01) end
    client:close()
    run_until(function() return err end)
    assert.equal("cancelled", err.kind)
  end)

  it("blocks outside of its threads", function()
    assert.equal(100, client:project_info("p").progress)
  end)

  it("drops a thread that was closed while it waited", function()
    if not rawget(coroutine, "close") then return end
    local task = client:spawn(function()
      client:sleep(0.02)
      return client:project_info("p").progress
    end)
    local dead, alive
    copas.addthread(function()
      dead = coroutine.running()
      task:wait()
    end)
    copas.addthread(function() alive = task:wait() end)
    copas.step(0.001)
    coroutine.close(dead) -- luacheck: ignore
    run_until(function() return alive end)
    assert.equal(100, alive)
  end)
end)
