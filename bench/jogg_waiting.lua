-- SPDX-License-Identifier: MIT
-- What a waiting video costs: memory, and processor time for one poll among
-- so many.
--   jogg_waiting.lua BASE COUNT watch|make_video|coroutine
-- Prints lines "name value".

local meter = require "bench_meter"

local MEASURED = 20000 -- polls

local base, count, what = ...
count = tonumber(count)

local function collected()
  collectgarbage()
  collectgarbage()
  return collectgarbage "count"
end

local function report(before, rss)
  print("lua", (collected() - before) / count)
  print("rss", (meter.memory "VmRSS:" - rss) / count)
end

if what == "coroutine" then -- the least that is possible
  local before, rss, list = collected(), meter.memory "VmRSS:", {}
  for i = 1, count do
    list[i] = coroutine.create(function()
      coroutine.yield(i)
    end)
    coroutine.resume(list[i])
  end
  report(before, rss)
  return
end

local client = require "jogg".client { api_key = "bench", base_url = base }

-- As long as the first polls of all take, and then as much again.
local pause = math.max(0.001, count / 2500)
local plan = { interval = pause, max = pause }
local polls = 0
local began, ended

local function polled()
  polls = polls + 1
  if polls == 2 * count then
    began = meter.cpu()
  elseif polls == 2 * count + MEASURED then
    ended = meter.cpu()
  end
end

local waiters = {}

function waiters.watch(id)
  for info in client:watch(id, { poll = plan }) do
    assert(info.status == "processing")
    polled()
  end
end

function waiters.make_video(id)
  client:make_video {
    resume = {
      version = 1, generation = "open", render_sent = true, project_id = id,
    },
    poll = plan, timeout = 36000, on_progress = polled,
  }
end

local waiter = waiters[what]
local before, rss = collected(), meter.memory "VmRSS:"
for i = 1, count do
  local id = ("%032d"):format(i)
  client:spawn(function()
    return waiter(id)
  end)
end
while polls < count do
  client:step(0.25)
end
client:step(0.01)
report(before, rss)
while not ended do
  client:step(0.25)
end
print("poll", (ended - began) / MEASURED * 1e6)
os.exit(0) -- ending all of them is not measured
