-- SPDX-License-Identifier: MIT
-- What is measured: who does what against whom, and the goals. Data; how it
-- is run: bench/run.lua. In each contest the first contender is jogg.

local programs = require "bench.programs"

local lua, own = programs.lua, programs.own
local measured = programs.measured

local MIB = 1024 * 1024
local LINE = 125000000 -- bytes a second: 1 Gbit

local function calls(mode, base, ca, count, extra)
  return function(script)
    local words = { mode, base, ca or "-", tostring(count), extra }
    if script:find "%.lua$" then
      return lua(script, table.unpack(words))
    end
    return own(script, table.unpack(words))
  end
end

local function CPU(count)
  return { name = "cpu", title = "", unit = "us", scale = 1e6, each = count }
end

local function polls(server, scheme)
  local count = 6000
  local with = calls("polls", server[scheme], scheme == "https" and server.ca,
    count)
  return {
    name = "polls", title = "poll, " .. scheme .. ", CPU", rounds = 7,
    figures = { CPU(count) },
    contenders = {
      { title = "jogg", words = with "bench/jogg_calls.lua" },
      { title = "libcurl in C, no JSON", words = with "bare_calls",
        goals = { cpu = 1.3 } },
      { title = "LuaSocket by hand + cjson", needs = "lua:socket",
        words = with "bench/luasocket_calls.lua" },
    },
  }
end

local function flight(server)
  local count, width = 30000, 64
  local with = calls("flight", server.http, nil, count, width)
  local node = { "node", "bench/fetch_calls.mjs", "flight", server.http, "-",
    count, width }
  return {
    name = "flight", title = "poll, 64 in flight, CPU", rounds = 5,
    figures = { CPU(count) },
    contenders = {
      { title = "jogg, client:run()", words = with "bench/jogg_calls.lua" },
      { title = "libcurl multi in C, no JSON", words = with "bare_calls",
        goals = { cpu = 1.25 } },
      { title = "jogg, client:step()", words = calls("steps", server.http, nil,
        count, width) "bench/jogg_calls.lua" },
      { title = "lua-http + cjson", needs = "lua:http.client",
        words = programs.lua_http("bench/luahttp_calls.lua", "flight",
          server.http, "-", count, width) },
      { title = "node's fetch", needs = "node", words = node },
    },
  }
end

local function instructions(server, mode, title, extra)
  local with = calls(mode, server.http, nil, "COUNT", extra)
  local span = { 500, 2500 }
  return {
    name = "instructions", title = title, rounds = 1,
    figures = { { name = "instructions", title = "", unit = "" } },
    contenders = {
      { title = "jogg", needs = "valgrind", instructions = span,
        words = with "bench/jogg_calls.lua" },
      { title = "libcurl in C, no JSON", needs = "valgrind",
        instructions = span, words = with "bare_calls" },
    },
  }
end

local function start(server, scheme)
  local ca = scheme == "https" and server.ca or "-"
  local curl = { "curl", "-s", "-o", "/dev/null", "-H", "x-api-key: bench" }
  if scheme == "https" then
    table.move({ "--cacert", server.ca }, 1, 2, #curl + 1, curl)
  end
  curl[#curl + 1] = server[scheme] .. "/open/prj_info?project_id=1"
  return {
    name = "start", title = "start and a call, " .. scheme, rounds = 21,
    figures = {
      { name = "cpu", title = ", CPU", unit = "ms", scale = 1000 },
      { name = "wall", title = ", time", unit = "ms", scale = 1000 },
    },
    contenders = {
      { title = "jogg", words = measured(lua("bench/jogg_calls.lua", "start",
        server[scheme], ca, "1")) },
      { title = "the curl program", needs = "curl", words = measured(curl),
        goals = { cpu = 1.3 } },
    },
  }
end

local function download(server, scheme)
  local bytes = 300 * MIB
  local ca = scheme == "https" and server.ca
  local file = server.folder .. "/download.mp4"
  local with = calls("download", server[scheme], ca, bytes, file)
  local curl = { "curl", "-s", "-o", file }
  if ca then
    table.move({ "--cacert", ca }, 1, 2, #curl + 1, curl)
  end
  curl[#curl + 1] = ("%s/video/%d.mp4"):format(server[scheme], bytes)
  return {
    name = "download", title = "300 MiB, " .. scheme, rounds = 5,
    figures = {
      { name = "cpu", title = ", CPU", unit = "ms", scale = 1000 },
      { name = "memory", title = ", memory", unit = "MiB", scale = 1 / 1024 },
    },
    contenders = {
      { title = "jogg", words = with "bench/jogg_calls.lua", clean = file,
        most = { memory = 16 } },
      { title = "the curl program", needs = "curl", words = measured(curl),
        clean = file, goals = { cpu = 0.75 } },
      { title = "libcurl in C", words = with "bare_calls", clean = file },
      { title = "LuaSocket, LuaSec", needs = "lua:ssl", clean = file,
        words = with "bench/luasocket_calls.lua" },
    },
  }
end

local COLLECTION = "200" -- s, in which a whole one fits

-- What the programs of frames are given: jogg's in a mode, libcurl's.
local function frames_of(server, video)
  -- seconds, projects, interval, opening, downloads
  local words = { server.https, server.ca, "60", "1000", "10", "8", "4", video }
  local function with(span, mode)
    local mode_words = table.move(words, 1, #words, 1, {})
    mode_words[3] = span
    mode_words[#mode_words + 1] = server.memory
    mode_words[#mode_words + 1] = mode
    return lua("bench/jogg_frames.lua", table.unpack(mode_words))
  end
  return with, own("bare_frames", table.unpack(words))
end

local function frames(server)
  local with, bare = frames_of(server, ("%dx%d"):format(100 * MIB, LINE / 4))
  local unbound, bare_unbound = frames_of(server, 256 * MIB)
  local goals = { p999 = 0.1, worst = 1 }
  local figures = {}
  for _, name in ipairs { "p50", "p99", "p999", "worst" } do
    figures[#figures + 1] = { name = name, title = ", " .. name, unit = "ms" }
    figures[#figures + 1] = {
      name = "cpu_" .. name, title = ", " .. name .. " CPU", unit = "ms",
    }
  end
  return {
    name = "frames", title = "step", rounds = 2, figures = figures,
    contenders = {
      { title = "jogg", most = goals, words = with(COLLECTION) },
      { title = "jogg, collector as it is", most = goals,
        words = with(COLLECTION, "embedded") },
      { title = "jogg, generational", most = goals,
        words = with(COLLECTION, "generational") },
      { title = "jogg, collector apart", most = goals,
        words = with("60", "apart") },
      { title = "600 lines of memory", words = with("60", "memory") },
      { title = "libcurl multi in the frame", words = bare },
    },
  }, {
    name = "frames", title = "step, fastest downloads", rounds = 2,
    figures = figures,
    contenders = {
      { title = "jogg", most = goals, words = unbound "60" },
      { title = "libcurl multi in the frame", words = bare_unbound },
    },
  }
end

local function stop(server)
  return {
    name = "stop", title = "close, all in flight", rounds = 9,
    figures = { { name = "stop", title = "", unit = "ms" } },
    contenders = {
      { title = "jogg", most = { stop = 50 },
        words = lua("bench/jogg_frames.lua", server.https, server.ca, "0",
          "1000", "10", "8", "4", 200 * MIB, server.folder, "stop") },
    },
  }
end

local function connections(server)
  local with = calls("connections", server.https, server.ca, 64)
  return {
    name = "connections", title = "64 TLS connections", rounds = 9,
    figures = {
      { name = "cpu", title = ", CPU", unit = "ms", scale = 1000 },
      { name = "wall", title = ", time", unit = "ms", scale = 1000 },
    },
    contenders = {
      { title = "jogg", words = with "bench/jogg_calls.lua" },
      { title = "libcurl multi in C", words = with "bare_calls",
        goals = { cpu = 1.3, wall = 1.3 } },
    },
  }
end

local function waiting(server, what)
  local list = {}
  for i, count in ipairs { 100000, 100, 10000 } do
    list[i] = {
      title = ("jogg, %d of them"):format(count),
      words = lua("bench/jogg_waiting.lua", server.http, count, what),
      goals = i == 2 and { poll = 1.2 } or nil,
      most = i == 1 and { lua = 1.5 } or nil,
    }
  end
  list[#list + 1] = {
    title = "a bare coroutine, 100000",
    words = lua("bench/jogg_waiting.lua", server.http, "100000", "coroutine"),
  }
  return {
    name = "waiting", title = what, rounds = 1,
    figures = {
      { name = "lua", title = ", Lua's memory", unit = "KiB" },
      { name = "rss", title = ", resident", unit = "KiB" },
      { name = "poll", title = ", CPU of a poll", unit = "us" },
    },
    contenders = list,
  }
end

return function(server)
  local step, step_fastest = frames(server)
  return {
    polls(server, "http"), polls(server, "https"),
    flight(server),
    instructions(server, "polls", "poll, instructions"),
    instructions(server, "flight", "64 in flight, instructions", "64"),
    start(server, "http"), start(server, "https"),
    download(server, "http"), download(server, "https"),
    connections(server),
    step, step_fastest,
    stop(server),
    waiting(server, "watch"), waiting(server, "make_video"),
    waiting(server, "make_video_quiet"),
  }
end
