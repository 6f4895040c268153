-- SPDX-License-Identifier: MIT
-- Runs the benchmarks and prints one table: what jogg costs, as a ratio to
-- what others cost in the same run. `make bench`, `make bench BENCH=polls`.
--
-- Each contender is a program of its own that does the same work and says
-- what it cost. The rounds of all contenders alternate; the figures are
-- medians of the rounds, and the ratios medians of each round's ratios, so
-- that a machine that is slower for a while slows all of them.

local contests = require "bench.contests"
local programs = require "bench.programs"

local ROUNDS = tonumber(os.getenv "ROUNDS" or "")

local function median(list)
  table.sort(list)
  local n = #list
  if n == 0 then
    return nil
  end
  return (list[(n + 1) // 2] + list[n // 2 + 1]) / 2
end

-- {=== the table

local function shown(value, unit)
  if not value then
    return "-"
  end
  local text = value >= 100 and "%.0f" or value >= 10 and "%.1f" or
    value >= 0.1 and "%.2f" or "%.3f"
  return (text .. " %s"):format(value, unit)
end

local LAYOUT = "%-26s %-30s %12s %8s %8s  %s"

local function line(...)
  print((LAYOUT:format(...):gsub("%s+$", "")))
  io.stdout:flush()
end

local function verdict(value, goal)
  if not goal then
    return ""
  elseif not value then
    return "not measured"
  end
  return value <= goal and "reached" or "missed"
end

-- ===}

-- {=== contests

-- Runs every contender `rounds` times in turn: contender → list of results.
local function run_rounds(contest, rounds)
  local results = {}
  for _ = 1, rounds do
    for index, contender in ipairs(contest.contenders) do
      local result, why = programs.run(contender)
      local list = results[index] or {}
      results[index] = list
      if result then
        list[#list + 1] = result
      else
        list.why = why
      end
    end
  end
  return results
end

local function values(list, what)
  local found = {}
  for _, result in ipairs(list) do
    found[#found + 1] = result[what]
  end
  return found
end

-- jogg's cost over the other's, round by round.
local function ratio(ours, theirs, what)
  local found = {}
  for i = 1, math.min(#ours, #theirs) do
    if ours[i][what] and theirs[i][what] and theirs[i][what] > 0 then
      found[#found + 1] = ours[i][what] / theirs[i][what]
    end
  end
  return median(found)
end

-- The first contender is jogg; a goal of a contender bounds jogg's ratio to
-- it, a `most` bounds a figure itself.
local function print_contest(contest, results)
  for _, what in ipairs(contest.figures) do
    for index, contender in ipairs(contest.contenders) do
      local list = results[index]
      local value = median(values(list, what.name))
      local title = index == 1 and contest.title .. what.title or ""
      if list.why and not value then
        line(title, contender.title, "skipped", "", "", list.why)
      elseif value then
        value = value * (what.scale or 1) / (what.each or 1)
        local ours = index > 1 and ratio(results[1], list, what.name) or nil
        local goal = contender.goals and contender.goals[what.name]
        local most = contender.most and contender.most[what.name]
        line(title, contender.title, shown(value, what.unit),
          ours and ("%.2f"):format(ours) or "",
          (goal or most) and tostring(goal or most) or "",
          goal and verdict(ours, goal) or verdict(value, most))
      end
    end
  end
end

-- ===}

local function chosen(names, contest)
  if #names == 0 then
    return true
  end
  for _, name in ipairs(names) do
    if contest.name == name then
      return true
    end
  end
end

local server <close> = programs.start_server()
print(programs.versions())
print()
line("what", "contender", "figure", "jogg is", "goal", "")
local any = false
for _, contest in ipairs(contests(server)) do
  if chosen(arg, contest) then
    any = true
    print_contest(contest, run_rounds(contest, ROUNDS or contest.rounds))
  end
end
if not any then
  io.stderr:write "no such benchmark; there are:\n"
  for _, contest in ipairs(contests(server)) do
    io.stderr:write("  ", contest.name, "\n")
  end
  os.exit(2, true)
end
