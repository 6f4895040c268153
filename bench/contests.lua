-- SPDX-License-Identifier: MIT
-- The contests: what is measured, the contenders, and the goals. This is data;
-- bench/run.lua runs it. In each contest the first contender is jogg.

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
        goals = { cpu = 1.25 } },
      { title = "LuaSocket by hand + cjson", needs = "lua:socket",
        words = with "bench/luasocket_calls.lua" },
    },
  }
end

local function flight(server, scheme)
  local count, width = 30000, 64
  local ca = scheme == "https" and server.ca
  local base = server[scheme]
  local with = calls("flight", base, ca, count, width)
  local node = { "env", "NODE_EXTRA_CA_CERTS=" .. server.ca, "node",
    "bench/fetch_calls.mjs", "flight", base, "-", count, width }
  return {
    name = "flight", title = "64 in flight, " .. scheme .. ", CPU", rounds = 5,
    figures = { CPU(count) },
    contenders = {
      { title = "jogg, client:run()", words = with "bench/jogg_calls.lua" },
      { title = "libcurl multi in C, no JSON", words = with "bare_calls",
        goals = { cpu = 1.25 } },
      { title = "jogg, client:step()", words = calls("steps", base, ca, count,
        width) "bench/jogg_calls.lua" },
      { title = "lua-http + cjson", needs = "lua:http.client",
        words = programs.lua_http("bench/luahttp_calls.lua", "flight",
          base, ca or "-", count, width) },
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
        goals = { cpu = 1.2 } },
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

local function frames(server)
  -- seconds, videos that wait, interval, opening, downloads
  local words = { server.https, server.ca, "200", "300", "10", "8", "4",
    ("%dx%d"):format(100 * MIB, LINE / 4) }
  local figures = {}
  for _, name in ipairs { "p50", "p99", "p999", "worst" } do
    figures[#figures + 1] = { name = name, title = ", " .. name, unit = "ms" }
    figures[#figures + 1] = {
      name = "cpu_" .. name, title = ", " .. name .. " CPU", unit = "ms",
    }
  end
  local jogg_words = table.move(words, 1, #words, 1, {})
  jogg_words[#jogg_words + 1] = server.memory
  return {
    name = "frames", title = "step", rounds = 3, figures = figures,
    contenders = {
      { title = "jogg", most = { p999 = 0.3, worst = 2 },
        words = lua("bench/jogg_frames.lua", table.unpack(jogg_words)) },
      { title = "libcurl multi in the frame",
        words = own("bare_frames", table.unpack(words)) },
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
        goals = { cpu = 1 } },
    },
  }
end

local function upload(server)
  local path = server.folder .. "/upload.mp4"
  local file = assert(io.open(path, "wb"))
  assert(file:seek("set", 100 * MIB - 1) and file:write "\0" and file:close())
  return {
    name = "upload", title = "upload of 100 MiB", rounds = 5,
    figures = {
      { name = "cpu", title = ", CPU", unit = "ms", scale = 1000 },
      { name = "memory", title = ", memory", unit = "MiB", scale = 1 / 1024 },
    },
    contenders = {
      { title = "jogg", words = measured(lua("bench/jogg_calls.lua", "upload",
        server.http, "-", "1", path)) },
      { title = "curl -T", needs = "curl", words = measured { "curl", "-s", "-o",
        "/dev/null", "-H", "Content-Type: video/mp4", "-T", path,
        server.http .. "/asset" } },
    },
  }
end

-- One hour of 300 videos, looked at every 10 s, in less time.
local function list(server)
  local function with(how)
    return lua("bench/jogg_list.lua", server.http, "300", "360", how)
  end
  return {
    name = "list", title = "300 videos, an hour", rounds = 3,
    figures = {
      { name = "requests", title = ", requests", unit = "" },
      { name = "cpu", title = ", CPU", unit = "s" },
    },
    contenders = {
      { title = "jogg, by the list", words = with "list" },
      { title = "jogg, each by itself", words = with "each" },
    },
  }
end

local function webhook()
  return {
    name = "webhook", title = "webhook of 10 kB, CPU", rounds = 5,
    figures = { { name = "cpu", title = "", unit = "us" } },
    contenders = {
      { title = "webhook.verify", words = lua("bench/jogg_webhook.lua",
        "verify") },
      { title = "HMAC-SHA256 alone", words = lua("bench/jogg_webhook.lua",
        "hash") },
    },
  }
end

local function waiting(server, what)
  local contenders = {}
  for i, count in ipairs { 10000, 100 } do
    contenders[i] = {
      title = ("jogg, %d of them"):format(count),
      words = lua("bench/jogg_waiting.lua", server.http, count, what),
      most = i == 1 and { lua = 6 } or nil,
    }
  end
  contenders[#contenders + 1] = {
    title = "a bare coroutine, 10000",
    words = lua("bench/jogg_waiting.lua", server.http, "10000", "coroutine"),
  }
  return {
    name = "waiting", title = what, rounds = 3,
    figures = {
      { name = "lua", title = ", Lua's memory", unit = "KiB" },
      { name = "rss", title = ", resident", unit = "KiB" },
      { name = "poll", title = ", CPU of a poll", unit = "us" },
    },
    contenders = contenders,
  }
end

return function(server)
  return {
    polls(server, "http"), polls(server, "https"),
    flight(server, "http"), flight(server, "https"),
    instructions(server, "polls", "poll, instructions"),
    instructions(server, "flight", "64 in flight, instructions", "64"),
    start(server, "http"), start(server, "https"),
    download(server, "http"), download(server, "https"),
    connections(server),
    frames(server),
    stop(server),
    waiting(server, "watch"), waiting(server, "make_video"),
    list(server), upload(server), webhook(),
  }
end
