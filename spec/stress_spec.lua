-- SPDX-License-Identifier: MIT
-- Spawns, cancels, closes and collects at random, for some seconds, with a
-- seed that is fixed: for the checkers to look on (make tsan, asan, valgrind).

local core = require "jogg.core"
local jogg = require "jogg"
local faults = require "spec.support.faults"
local native = require "spec.support.native"
local process = require "spec.support.process"
local studio = require "spec.support.studio"

local SECONDS = 3
local SEED = 20240229
local CLIENTS = 3

-- The same numbers on every Lua.
local function generator(seed)
  return function(n)
    seed = (seed * 16807) % 2147483647
    return seed % n + 1
  end
end

describe("under stress", function()
  it("nothing breaks and nothing is left", function()
    local folder = process.temporary_folder()
    local server = faults.start()
    local tls = faults.start { tls = true }
    local before = process.settled_descriptor_count()
    local random = generator(SEED)
    local spawned, kinds, clients = 0, {}, {}

    for _, each in ipairs { server, tls } do
      studio.open(each)
      each:on("GET", "/open/prj_info", {
        { json = { code = 0, data = { status = 3 } } },
        { delay = 0.03, json = { code = 0, data = { status = 3 } } },
        { stall = "after_request" },
        { reset = "after_request" },
        { json = { code = 0, data = {} }, stall = "mid_body" },
        { status = 500, body = "no" },
        { json = { code = 0, data = { status = 4,
          video_url = each.url .. "/v.mp4" } } },
      })
      each:on("GET", "/v.mp4", { body = studio.VIDEO, slow = 200000 })
    end

    local function renew(i)
      local to = random(3) == 1 and tls or server
      clients[i] = { tasks = {}, client = jogg.client {
        api_key = "key", base_url = to.url, ca_file = to.ca_file,
        max_transfers = random(6), retries = random(3) - 1,
        stall_timeout = 0.3, posts_per_minute = 10000,
      } }
      if random(2) == 1 then clients[i].client:step() end
    end

    local function work(client, what)
      if what == 1 then
        return function() return client:project_info "p" end
      elseif what == 2 then
        return function()
          return client:sleep(random(100) / 1000)
        end
      elseif what == 3 then
        local path = folder .. "/" .. spawned .. ".mp4"
        return function() return client:make_video(studio.job(path)) end
      end
      return function() error "on purpose" end
    end

    local function spawn(own)
      spawned = spawned + 1
      local task = own.client:spawn(work(own.client, random(4)))
      if random(4) > 1 then own.tasks[#own.tasks + 1] = task end
    end

    local actions = {
      spawn, spawn, spawn, spawn,
      function(own)
        local task = own.tasks[random(#own.tasks + 1)]
        if task then task:cancel() end
      end,
      function(own) own.client:step() end,
      function(own) own.client:step() end,
      function(own) own.client:step(random(5) / 1000) end,
      function(own) native.readable(own.client:fd(), 0.002) end,
      function() collectgarbage "step" end,
      function(own, i)
        if random(8) == 1 then
          own.client:close()
          for _, task in ipairs(own.tasks) do
            assert(task.done)
            local kind = task.err and task.err.kind or "none"
            kinds[kind] = (kinds[kind] or 0) + 1
          end
          renew(i)
        end
      end,
      function(_, i)
        if random(15) == 1 then
          renew(i) -- the old one is garbage
          collectgarbage()
        end
      end,
    }

    for i = 1, CLIENTS do renew(i) end
    -- so long, and on a slow machine until enough has happened
    local deadline = core.now() + SECONDS
    local latest = core.now() + 60 * SECONDS
    while core.now() < deadline or core.now() < latest and
      not (spawned > 50 and kinds.cancelled and kinds.task) do
      for _ = 1, 20 do
        local i = random(CLIENTS)
        actions[random(#actions)](clients[i], i)
      end
    end
    for i = 1, CLIENTS do
      if i > 1 then clients[i].client:close() end
      clients[i] = nil
    end
    native.collect()
    assert.is_true(spawned > 50)
    assert.is_number(kinds.cancelled)
    assert.is_number(kinds.task)
    assert.equal(before, process.descriptor_count())
    assert.is_true(server:wait { open = 0 })
    assert.is_true(tls:wait { open = 0 })
    for _, name in ipairs(process.files(folder)) do
      assert.matches("^%d+%.mp4$", name) -- whole videos, nothing temporary
    end
    server:stop()
    tls:stop()
    process.remove_folder(folder)
  end)
end)
