-- SPDX-License-Identifier: MIT
-- What is measured of jogg, one mode a run:
--   jogg_calls.lua MODE BASE CA|- COUNT [WIDTH|FILE]
--   polls COUNT             one after the other, blocking
--   flight COUNT WIDTH      so many at once, in tasks, by client:run()
--   steps COUNT WIDTH       the same by client:step(), as a host would
--   connections COUNT       so many new ones at once, after a first call
--   download BYTES FILE
--   start                   one call
--   upload 1 FILE
-- Prints lines "name value".

local jogg = require "jogg"

local mode, base, ca, count, extra = ...
count = tonumber(count)

local client = jogg.client {
  generation = mode == "upload" and "v2" or "open",
  api_key = "bench", base_url = base, ca_file = ca ~= "-" and ca or nil,
  posts_per_minute = 100000,
}

local IDS = {}
for i = 0, 63 do
  IDS[i] = ("%032d"):format(i)
end

if mode == "start" then
  assert(client:project_info(IDS[0]))
  client:close()
  return
elseif mode == "upload" then
  assert(client:upload { file = extra })
  client:close()
  return
end

local meter = require "bench_meter"

local function measured(f)
  local wall, cpu = meter.wall(), meter.cpu()
  f()
  print("cpu", meter.cpu() - cpu)
  print("wall", meter.wall() - wall)
end

local function poll(i)
  local info = assert(client:project_info(IDS[i % 64]))
  assert(info.status == 3)
end

local MODES = {}

function MODES.polls()
  for i = 1, 20 do
    poll(i)
  end
  measured(function()
    for i = 1, count do
      poll(i)
    end
  end)
end

-- Tasks that share `total` polls.
local function spawn_polls(total)
  local left = total
  for _ = 1, tonumber(extra) do
    client:spawn(function()
      while left > 0 do
        left = left - 1
        poll(left)
      end
    end)
  end
end

function MODES.flight()
  spawn_polls(4 * tonumber(extra))
  client:run()
  measured(function()
    spawn_polls(count)
    client:run()
  end)
end

-- The host's loop: sleeps on the one descriptor, then steps.
function MODES.steps()
  local cqueues = require "cqueues"
  assert(client:fd())
  local function run()
    while client:step() > 0 do
      cqueues.poll(client)
    end
  end
  spawn_polls(4 * tonumber(extra))
  run()
  measured(function()
    spawn_polls(count)
    run()
  end)
end

function MODES.connections()
  poll(0)
  measured(function()
    for i = 1, count do
      client:spawn(function()
        assert(client:render_project { project_id = IDS[i % 64] })
      end)
    end
    client:run()
  end)
end

function MODES.download()
  measured(function()
    local video = assert(client:make_video {
      resume = {
        version = 1, generation = "open", render_sent = true,
        project_id = ("done-%d"):format(count),
      },
      output = extra, overwrite = true,
    })
    assert(video.bytes == count)
  end)
  print("memory", meter.memory "VmHWM:")
end

MODES[mode]()
client:close()
