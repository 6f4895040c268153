-- SPDX-License-Identifier: MIT
--
-- The command line: text in, a table of settings or a sentence out.

local config = require "config"
local fault = require "fault"
local quirks = require "quirks"

local options = {}

local HELP = [[
jogg-sandbox: the JoggAI service on your own machine

  jogg-sandbox [options]

  --port N              listen on this port of 127.0.0.1; 0, the default: a
                        free one
  --storage-port N      the same for the storage: uploads and files of /v2
  --key KEY[=CREDITS]   an API key; may be repeated (default: sandbox-key)
  --credits N           credits of a key that names none (default 100)
  --speed X             X times real time (default 20; 1000: as fast as
                        ffmpeg is)
  --video full|quick    quick: a real video of one second, a quarter in size
  --reuse               identical inputs are rendered once and then copied
  --renders N           renders at a time (default 1)
  --posts-per-minute N  limit for each key (default 20; 0: none)
  --minute SECONDS      how long that minute lasts (default 60)
  --upload-seconds N    how long a signed address holds (default 900)
  --webhook-seconds N   how long a webhook's receiver may take (default 5)
  --quirks NAME,...     do what documents contradict each other about; may be
                        repeated; --quirks list names them all
  --data DIR            keep projects and files there; default: a temporary
                        folder that is removed at the end
  --site DIR            your own pages and pictures, served at /site/NAME
  --fault SPEC          misbehave; may be repeated:
                        ENDPOINT:CALL[xTIMES]:WHAT[=VALUE][,NAME=VALUE]...
                        as in render:1:reset_after or
                        prj_info:2x3:status=503,retry_after=1
  --help, --version

It prints "listening on http://127.0.0.1:PORT" and serves until SIGINT or
SIGTERM. Open that address in a browser to watch it.]]

local function number(low, high, integer)
  return function(text)
    local value = tonumber(text)
    if integer then value = value and math.tointeger(value) end
    if value and value >= low and value <= high then return value end
    return nil, ("%s from %g to %g is expected"):format(
      integer and "an integer" or "a number", low, high)
  end
end

local function folder(text)
  if text == "" then return nil, "a folder is expected" end
  return text
end

local function word(...)
  local words = { ... }
  return function(text)
    for _, known in ipairs(words) do
      if text == known then return text end
    end
    return nil, table.concat(words, " or ") .. " is expected"
  end
end

local function key(text)
  local name, credits = text:match "^(.-)=(%d+)$"
  name = name or text
  if name == "" or name:find "[%c=]" then
    return nil, "KEY or KEY=CREDITS is expected"
  end
  return { key = name, credits = math.tointeger(tonumber(credits)) }
end

-- Their names, or a sentence about each of them.
local function quirk_names(text)
  if text == "list" then return { list = true } end
  return quirks.parse(text)
end

local function describe_quirks()
  local lines = {}
  for name, sentence in pairs(quirks.KNOWN) do
    lines[#lines + 1] = ("%-24s %s"):format(name, sentence)
  end
  table.sort(lines)
  return table.concat(lines, "\n")
end

-- name -> how its value is read, where it goes, whether it adds up
local VALUED = {
  ["port"] = { read = number(0, 65535, true) },
  ["storage-port"] = { read = number(0, 65535, true) },
  ["upload-seconds"] = { read = number(0.01, 1e6), into = "upload" },
  ["webhook-seconds"] = { read = number(0.01, 3600), into = "webhook" },
  ["quirks"] = { read = quirk_names, into = "quirks", list = true },
  ["key"] = { read = key, into = "keys", list = true },
  ["credits"] = { read = number(0, 1e9, true) },
  ["speed"] = { read = number(0.01, 1e6) },
  ["video"] = { read = word("full", "quick") },
  ["renders"] = { read = number(1, 16, true) },
  ["posts-per-minute"] = { read = number(0, 1e9, true), into = "posts" },
  ["minute"] = { read = number(0.01, 3600) },
  ["data"] = { read = folder },
  ["site"] = { read = folder },
  ["fault"] = { read = fault.parse, into = "faults", list = true },
}

local function wrong(message, ...)
  return nil, ("jogg-sandbox: " .. message):format(...), 2
end

local function take(settings, name, text)
  local option = VALUED[name]
  local value, why = option.read(text)
  if value == nil then return wrong("--%s %s: %s", name, text, why) end
  local into = option.into or name
  if option.list then
    table.insert(settings[into], value)
  else
    settings[into] = value
  end
  return settings
end

--- Reads the arguments.
-- @tparam {string,...} arguments
-- @treturn[1] table settings
-- @treturn[2] nil
-- @treturn[2] string what to print
-- @treturn[2] integer the exit status
function options.parse(arguments)
  local settings = {
    port = 0, ["storage-port"] = 0, keys = {}, credits = 100, speed = 20,
    video = "full", renders = 1, posts = 20, minute = 60, faults = {},
    upload = 900, webhook = 5, quirks = {},
  }
  local i = 1
  while i <= #arguments do
    local name, text = arguments[i]:match "^%-%-([%w-]+)=?(.*)$"
    local joined = arguments[i]:find("=", 1, true)
    if name == "help" then return nil, HELP, 0 end
    if name == "version" then
      return nil, "jogg-sandbox " .. config.VERSION, 0
    elseif name == "reuse" and not joined then
      settings.reuse = true
    elseif VALUED[name] then
      if not joined then
        i = i + 1
        text = arguments[i]
        if not text then return wrong("--%s needs a value", name) end
      end
      local ok, message, status = take(settings, name, text)
      if not ok then return nil, message, status end
    else
      return wrong("%s is not an option; see --help", arguments[i])
    end
    i = i + 1
  end
  local names = {}
  for _, list in ipairs(settings.quirks) do
    if list.list then return nil, describe_quirks(), 0 end
    table.move(list, 1, #list, #names + 1, names)
  end
  settings.quirks = names
  if #settings.keys == 0 then settings.keys[1] = { key = "sandbox-key" } end
  return settings
end

return options
