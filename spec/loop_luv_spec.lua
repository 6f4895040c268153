-- SPDX-License-Identifier: MIT
-- jogg inside libuv's loop, with the real luv.

local process = require "spec.support.process"
local faults = require "spec.support.faults"
local studio = require "spec.support.studio"
local core = require "jogg.core"
local jogg = require "jogg"

local present, uv = pcall(require, "luv")
local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

describe("jogg.loop.luv", function()
  if not present then
    pending "luv is not installed for this Lua"
    return
  end

  local adapter = require "jogg.loop.luv"
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
  after_each(function()
    client:close()
    uv.run() -- takes the closed handle along
  end)

  local function go(f)
    coroutine.wrap(f)()
  end

  it("wakes everybody who waits for the same task", function()
    local woken = 0
    local task = client:spawn(function()
      return client:project_info "p"
    end)
    for _ = 1, 3 do
      go(function()
        if task:wait() then woken = woken + 1 end
      end)
    end
    for _ = 1, 2 do
      go(function()
        client:run()
        woken = woken + 1
      end)
    end
    uv.run()
    assert.equal(5, woken)
  end)

  it("makes eight videos while a ticker ticks", function()
    local videos, failure, ticks, longest = 0, nil, 0, 0
    for i = 1, 8 do
      go(function()
        local path = folder .. "/" .. i .. ".mp4"
        local video, err = client:make_video(studio.job(path))
        failure = failure or err
        videos = videos + (video and video.bytes == #studio.VIDEO and 1 or 0)
      end)
    end
    local timer, last = uv.new_timer(), core.now()
    timer:start(5, 5, function()
      local now = core.now()
      ticks, longest, last = ticks + 1, math.max(longest, now - last), now
      if videos == 8 or failure then timer:close() end
    end)
    uv.run()
    assert.is_nil(failure)
    assert.equal(8, videos)
    assert.is_true(ticks > 20, ticks)
    assert.is_true(longest < 0.1 * SLOW, longest)
    assert.equal(8, process.file_count(folder))
  end)

  it("leaves the loop when nothing is to do, and goes on later", function()
    for round = 1, 2 do
      local value
      local task = client:spawn(function()
        client:sleep(0.01)
        return client:project_info("p").progress + round
      end)
      go(function() value = task:wait() end)
      uv.run()
      assert.equal(100 + round, value)
    end
  end)

  it("lets what was resumed make calls and even close", function()
    local steps = {}
    go(function()
      for i = 1, 3 do
        steps[i] = assert(client:project_info "p").progress
      end
      client:close()
      steps[4] = "closed"
    end)
    uv.run()
    assert.same({ 100, 100, 100, "closed" }, steps)
  end)

  it("ends every wait when the client is closed", function()
    server:on("GET", "/open/prj_info", { stall = "after_request" })
    local err
    go(function()
      local _
      _, err = client:project_info "p"
    end)
    local timer = uv.new_timer()
    timer:start(50, 0, function()
      timer:close()
      client:close()
    end)
    uv.run()
    assert.equal("cancelled", err.kind)
  end)

  it("ends when the last task is cancelled from outside", function()
    local task = client:spawn(function() client:sleep(1000) end)
    uv.run "nowait"
    task:cancel()
    uv.run()
    assert.is_true(task.done)
  end)

  it("blocks in the main coroutine", function()
    local value
    local timer = uv.new_timer()
    timer:start(0, 0, function() -- a callback of luv is one
      timer:close()
      value = client:project_info("p").progress
    end)
    uv.run()
    assert.equal(100, value)
  end)

  it("drops a coroutine that was closed while it waited", function()
    if not rawget(coroutine, "close") then return end
    local task = client:spawn(function()
      client:sleep(0.01)
      return client:project_info "p"
    end)
    local dead = coroutine.create(function() task:wait() end)
    local alive
    coroutine.resume(dead)
    go(function() alive = task:wait() end)
    coroutine.close(dead) -- luacheck: ignore
    uv.run()
    assert.equal(100, alive.progress)
  end)

  it("reads no global that a strict host does not declare", function()
    local strict = getmetatable(_G)
    setmetatable(_G, { __index = function(_, name)
      error("undeclared global " .. tostring(name), 2)
    end })
    local info, err
    go(function() info, err = client:project_info "p" end)
    local ok, raised = pcall(uv.run)
    setmetatable(_G, strict)
    assert(ok, raised)
    assert.equal(100, assert(info, err).progress)
  end)
end)
