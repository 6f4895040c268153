-- SPDX-License-Identifier: MIT
-- What frames cost that call client:step(): see bare_frames.c.
--   jogg_frames.lua BASE CA SECONDS PROJECTS INTERVAL OPENING DOWNLOADS VIDEO
--     FOLDER [stop]
-- Lua's collector is as Lua has it by itself in a program that embeds it. With
-- `stop`, it measures instead how long client:close() takes then.

local jogg = require "jogg"
local meter = require "bench_meter"

local FRAME = 1 / 60
local SETTLING = 1 -- s of frames that are not counted
local WASTE = 0.9 -- of what is in use, before the frames

local base, ca, seconds, projects, interval, opening, downloads, video,
  folder, mode = ...
seconds, interval = tonumber(seconds), tonumber(interval)
projects = tonumber(projects)

local client = jogg.client {
  api_key = "bench", base_url = base, ca_file = ca, posts_per_minute = 20000,
}

local function token(project_id)
  return {
    version = 1, generation = "open", render_sent = true,
    project_id = project_id,
  }
end

-- A closing client cancels its tasks: that is no fault.
local function check(value, err)
  if not value and err.kind ~= "cancelled" then
    error(err, 0)
  end
  return value
end

local started = {}
local function start(f)
  started[#started + 1] = client:spawn(f)
end

-- Where one has ended, less is measured than is said.
local function all_are_alive()
  for _, task in ipairs(started) do
    if task.done then
      error(task.err or "a task has ended")
    end
  end
end

-- The videos begin one after the other, as they do in a real program.
local begun = 0
local function begin_until(share)
  while begun < projects * share do
    begun = begun + 1
    local project_id = ("%032d"):format(begun)
    start(function()
      return client:make_video {
        resume = token(project_id), poll = { interval = interval,
          max = interval },
      }
    end)
  end
end

for i = 1, tonumber(opening) do
  local project_id = ("%032d"):format(i)
  start(function()
    local fine
    repeat
      fine = check(client:render_project { project_id = project_id })
    until not fine
  end)
end
for i = 1, tonumber(downloads) do
  local path = ("%s/frames%d.mp4"):format(folder, i)
  start(function()
    repeat -- to remove a large file would be work of the frame's thread
      local made = check(client:make_video {
        resume = token(("done-%s-%d"):format(video, i)), output = path,
        overwrite = true,
      })
    until not made
  end)
end

-- The lists do not grow meanwhile: that would be work of the frame after.
local function room(span)
  local list = {}
  for i = 1, math.floor(span / FRAME) + 60 do
    list[i] = 0
  end
  return list
end

local function steps(span, walls, cpus)
  local frame = meter.wall()
  local moment, n = frame + span, 0
  while frame < moment do
    local cpu, wall = meter.thread_cpu(), meter.wall()
    client:step()
    local after = meter.wall()
    n = n + 1
    walls[n], cpus[n] = after - wall, meter.thread_cpu() - cpu
    while frame <= meter.wall() do
      frame = frame + FRAME
    end
    meter.sleep_until(frame)
  end
  return n
end

local function report(list, n, prefix)
  list = table.move(list, 1, n, 1, {})
  table.sort(list)
  local function at(share)
    return list[math.min(n, math.floor(n * share) + 1)] * 1e3
  end
  print(prefix .. "p50", at(0.5))
  print(prefix .. "p99", at(0.99))
  print(prefix .. "p999", at(0.999))
  print(prefix .. "worst", at(1))
end

-- A collection falls into the frames: Lua begins one when there is as much
-- garbage as is in use.
local function prepare_collector()
  if _VERSION == "Lua 5.4" then
    collectgarbage "incremental"
  end
  collectgarbage() -- as a game does that has loaded
  local _ = ("x"):rep(math.floor(collectgarbage "count" * 1024 * WASTE))
end

local begin = meter.wall()
repeat -- until all wait, and their polls are spread over the interval
  local share = (meter.wall() - begin) / interval
  begin_until(math.min(share, 1))
  client:step() -- no seconds: or else it would drive the network itself
  meter.sleep_until(meter.wall() + FRAME)
until share > 1.1
all_are_alive()
if mode == "stop" then
  local before = meter.wall()
  client:close()
  print("stop", (meter.wall() - before) * 1e3)
else
  local walls, cpus = room(seconds), room(seconds)
  prepare_collector()
  steps(SETTLING, walls, cpus)
  local n = steps(seconds, walls, cpus)
  all_are_alive()
  print("frames", n)
  report(walls, n, "")
  report(cpus, n, "cpu_")
  client:close()
end
