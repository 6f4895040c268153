-- SPDX-License-Identifier: MIT
-- What many waiting videos of v2 cost.
--   jogg_list.lua BASE VIDEOS POLLS list|each
-- `list`: they wait in make_video, which looks all of them up in the list;
-- `each`: a task for each asks for its own state. Prints lines "name value".

local meter = require "bench_meter"

local INTERVAL = 0.2 -- s, so that an hour goes by in a minute

local base, videos, polls, how = ...
videos, polls = tonumber(videos), tonumber(polls)

local client = require "jogg".client { generation = "v2", api_key = "bench",
  base_url = base }

-- How many requests the server has seen, this one included.
local function requests()
  local pipe = assert(io.popen("curl -s " .. base .. "/requests"))
  local text = pipe:read "*a"
  pipe:close()
  return tonumber(text:match '"n":(%d+)')
end

local waiters = {}

function waiters.list(id)
  return client:make_video {
    resume = { version = 1, generation = "v2", rendered = true,
      project_id = id },
    poll = { first = INTERVAL, interval = INTERVAL, max = INTERVAL },
    timeout = 36000,
  }
end

function waiters.each(id)
  while true do
    client:sleep(INTERVAL)
    assert(client:product_video(id).status == "processing")
  end
end

local wait = waiters[how]
for i = 1, videos do
  local id = ("%032d"):format(i)
  client:spawn(function()
    return wait(id)
  end)
end
local before, cpu = requests(), meter.cpu()
local moment = meter.wall() + polls * INTERVAL
while meter.wall() < moment do
  client:step(moment - meter.wall())
end
print("cpu", meter.cpu() - cpu)
print("requests", requests() - before - 1)
os.exit(0) -- ending all of them is not measured
