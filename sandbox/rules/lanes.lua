-- SPDX-License-Identifier: MIT
--
-- Work beside the requests, in lanes: each lane is a queue with threads of its
-- own, one for each time that list() names it. An entry has a due time; of
-- those that are due the oldest is taken.

local host = require "host"
local config = require "config"

local lanes = {}

local LIGHT = 2              -- threads for what needs no ffmpeg
local COURIERS = 4           -- for webhooks, which wait for their receivers

local queues = {}

--- The lanes, one name for each thread.
-- @treturn {string,...}
function lanes.list()
  local list = {}
  local function add(name, threads)
    for _ = 1, threads do list[#list + 1] = name end
  end
  add("render", config.renders)
  add("light", LIGHT)
  add("courier", COURIERS)
  return list
end

--- Adds an entry.
-- @tparam string lane
-- @tparam function run is called once, and may wait
-- @tparam ?number seconds until then at least
-- @param ?what identifies it for place()
function lanes.add(lane, run, seconds, what)
  local queue = queues[lane] or {}
  queues[lane] = queue
  local entry = {
    run = run, due = host.monotonic() + (seconds or 0), what = what,
  }
  local at = #queue + 1
  while at > 1 and queue[at - 1].due > entry.due do at = at - 1 end
  table.insert(queue, at, entry)
  host.wake()
end

--- The position of the entry that `what` identifies; 0 if there is none.
function lanes.place(lane, what)
  for i, entry in ipairs(queues[lane] or {}) do
    if entry.what == what then return i end
  end
  return 0
end

--- Says on standard error what went wrong in a rule.
function lanes.complain(why)
  io.stderr:write("jogg-sandbox: ", tostring(why), "\n")
end

--- Runs a lane's entries until the sandbox stops.
function lanes.work(lane)
  queues[lane] = queues[lane] or {}
  local queue = queues[lane]
  while not host.stopping() do
    local first = queue[1]
    local wait = first and first.due - host.monotonic()
    if first and wait <= 0 then
      table.remove(queue, 1)
      local ok, why = pcall(first.run)
      if not ok then lanes.complain(why) end
    else
      host.work(wait)
    end
  end
end

return lanes
