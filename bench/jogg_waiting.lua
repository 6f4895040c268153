-- SPDX-License-Identifier: MIT
-- What a waiting video costs: memory, and processor time for one poll among
-- so many.
--   jogg_waiting.lua BASE COUNT watch|make_video|make_video_quiet|coroutine
-- Prints lines "name value".

local meter = require "bench_meter"

local POLLS = 20000 -- that are measured
local QUIET = 10    -- s, where they cannot be counted

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
local pause = math.max(what == "make_video_quiet" and 0.2 or 0.001, count / 2500)
local plan = { interval = pause, max = pause }
local looks = 0
local began, ended

local function looked()
  looks = looks + 1
  if looks == 2 * count then
    began = meter.cpu()
  elseif looks == 2 * count + POLLS then
    ended = meter.cpu()
  end
end

local waiters = {}

function waiters.watch(id)
  for info in client:watch(id, { poll = plan }) do
    assert(info.status == "processing")
    looked()
  end
end

function waiters.make_video(id)
  client:make_video {
    resume = {
      version = 1, generation = "open", render_sent = true, project_id = id,
    },
    poll = plan, timeout = 36000, on_progress = looked,
  }
end

-- Nobody is told: what happens is not seen here, but known from the pauses.
function waiters.make_video_quiet(id)
  looks = looks + 1
  return client:make_video {
    resume = {
      version = 1, generation = "open", render_sent = true, project_id = id,
    },
    poll = plan, timeout = 36000,
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
while looks < count do
  client:step(0.25)
end
if what == "make_video_quiet" then
  client:step(2 * pause)
  local moment = meter.wall() + 2 * pause + 1
  while meter.wall() < moment do
    client:step(0.25)
  end
  report(before, rss)
  -- each looks as often in whole periods, however they are spread
  local window = math.ceil(QUIET / pause) * pause
  began, moment = meter.cpu(), meter.wall()
  while meter.wall() < moment + window do
    client:step(0.25)
  end
  local polls = count * (meter.wall() - moment) / pause
  print("poll", (meter.cpu() - began) / polls * 1e6)
  os.exit(0)
end
client:step(0.01)
report(before, rss)
while not ended do
  client:step(0.25)
end
print("poll", (ended - began) / POLLS * 1e6)
os.exit(0) -- ending all of them is not measured
