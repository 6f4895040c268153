-- SPDX-License-Identifier: MIT
--
-- Trouble on request: which call of which endpoint goes wrong, and how. A
-- fault is a table as documented in the README; here they are checked,
-- kept, counted, and applied to answers.

local host = require "host"
local json = require "json"

local faults = {}

local ENDPOINTS = {
  product = true, update = true, render = true, prj_info = true,
  video = true, page = true, work = true, any = true,
}

-- The calls of the service: what `any` stands for.
local CALLS = { product = true, update = true, render = true, prj_info = true }

-- what -> type of its value, default, whether the effect still happens
local KINDS = {
  status = { type = "number", default = 500 },
  status_after = { type = "number", default = 500, effect = true },
  code = { type = "number", default = 50000 },
  code_after = { type = "number", default = 50000, effect = true },
  delay = { type = "number", default = 1, effect = true },
  delay_after = { type = "number", default = 1, effect = true },
  reset_before = {},
  reset_after = { effect = true },
  truncate = { type = "number", default = 10, effect = true },
  stall = { type = "number", default = 10, effect = true },
  bad_json = { effect = true },
  html = { type = "number", default = 502 },
  gone = {},
  unknown_status = { type = "number", default = 42, effect = true },
  empty_url = { effect = true },
  fail = { type = "string", default = "the template is broken" },
}

local OTHERS = {
  endpoint = "string", call = "number", times = "number", what = "string",
  retry_after = true, msg = "string", body = "string", headers = "table",
  seconds = "number", value = true,
}

local active = json.array()

local function names_of(set)
  local names = {}
  for name in pairs(set) do names[#names + 1] = name end
  table.sort(names)
  return table.concat(names, ", ")
end

local function whole(value)
  return math.tointeger(value) and value >= 0
end

--- Checks a fault and fills in what it leaves out.
-- @treturn[1] table the fault
-- @treturn[2] nil
-- @treturn[2] string what is wrong with it
function faults.check(fault)
  if not json.is_object(fault) then return nil, "a fault is an object" end
  for name, value in pairs(fault) do
    local kind = OTHERS[name]
    if not kind then return nil, name .. " is unknown" end
    if kind ~= true and type(value) ~= kind then
      return nil, ("%s must be a %s"):format(name, kind)
    end
  end
  local what = KINDS[fault.what]
  if not ENDPOINTS[fault.endpoint] then
    return nil, "endpoint must be one of " .. names_of(ENDPOINTS)
  elseif not what then
    return nil, "what must be one of " .. names_of(KINDS)
  elseif (fault.what == "fail") ~= (fault.endpoint == "work") then
    return nil, "endpoint work goes with what fail, and only so"
  end
  fault.call, fault.times = fault.call or 1, fault.times or 1
  if not whole(fault.call) or fault.call < 1 or not whole(fault.times) then
    return nil, "call and times must be whole numbers"
  end
  if fault.value == nil then fault.value = what.default end
  if what.type and type(fault.value) ~= what.type then
    return nil, ("value must be a %s"):format(what.type)
  end
  if fault.what:find "^status" or fault.what == "html" then
    if not whole(fault.value) or fault.value < 200 or fault.value > 599 then
      return nil, "value must be an HTTP status from 200 to 599"
    end
  end
  return fault
end

--- Reads a fault from the command line.
function faults.parse(text)
  local endpoint, call, times, rest =
    text:match "^([%w_]+):(%d+)x?(%d*):([%w_]+.*)$"
  if not endpoint then
    return nil, "ENDPOINT:CALL[xTIMES]:WHAT[=VALUE][,NAME=VALUE]... is expected"
  end
  local fault = {
    endpoint = endpoint, call = math.tointeger(tonumber(call)),
    times = math.tointeger(tonumber(times)),
  }
  for part in (rest .. ","):gmatch "(.-)," do
    local name, value = part:match "^([%w_]+)=(.*)$"
    name = name or part
    if not fault.what then
      fault.what, name = name, "value"
    end
    if value then fault[name] = tonumber(value) or value end
  end
  return faults.check(fault)
end

--- Adds a checked fault.
function faults.add(fault)
  active[#active + 1] = fault
end

--- The faults that may still strike.
function faults.all()
  return active
end

--- Forgets all faults.
function faults.clear()
  active = json.array()
end

--- Counts a call; every fault counts, the oldest that is due strikes.
-- @treturn ?table
function faults.strike(endpoint)
  local struck
  for i = #active, 1, -1 do
    local fault = active[i]
    if fault.endpoint == endpoint
      or fault.endpoint == "any" and CALLS[endpoint] then
      if fault.call > 1 then
        fault.call = fault.call - 1
      else
        struck = fault
      end
    end
  end
  if struck and struck.times > 0 then
    struck.times = struck.times - 1
    if struck.times == 0 then
      for i, fault in ipairs(active) do
        if fault == struck then table.remove(active, i) break end
      end
    end
  end
  return struck
end

-- {======================================================================
-- What they do to an answer
-- =======================================================================

local function json_answer(status, value)
  return {
    status = status, body = json.encode(value),
    headers = { ["Content-Type"] = "application/json" },
  }
end

local HTML = [[<!doctype html><html><head><title>%d Bad Gateway</title></head>
<body><h1>%d Bad Gateway</h1><p>nginx</p></body></html>]]

local function replace_status(fault)
  local answer = json_answer(fault.value, {
    error = fault.value, message = fault.msg or "trouble on request",
  })
  if fault.body then
    answer.body = fault.body
    answer.headers["Content-Type"] = "text/plain"
  end
  if fault.retry_after then
    answer.headers["Retry-After"] = tostring(fault.retry_after)
  end
  return answer
end

local function replace_code(fault)
  return json_answer(200, {
    code = fault.value, msg = fault.msg or "trouble on request",
  })
end

local REPLACE = {
  status = replace_status, status_after = replace_status,
  code = replace_code, code_after = replace_code,
  reset_before = function() return { status = 500, reset = true } end,
  reset_after = function() return { status = 500, reset = true } end,
  gone = function()
    return json_answer(404, { error = 404, message = "gone" })
  end,
  html = function(fault)
    return {
      status = fault.value, body = HTML:format(fault.value, fault.value),
      headers = { ["Content-Type"] = "text/html" },
    }
  end,
}

--- Runs a call under a fault.
-- @tparam ?table fault
-- @tparam function call makes the honest answer
-- @treturn table the answer to send
function faults.apply(fault, call)
  if not fault then return call() end
  local what, answer = fault.what, nil
  if what == "delay" then host.sleep(fault.value) end
  if KINDS[what].effect then answer = call() end
  if what == "delay_after" then host.sleep(fault.value) end
  if REPLACE[what] then
    answer = REPLACE[what](fault)
  elseif what == "truncate" or what == "stall" then
    answer.cut = math.tointeger(fault.value) or 0
    answer.stall = what == "stall" and (fault.seconds or 3600) or nil
  elseif what == "bad_json" and answer.body then
    answer.body = answer.body:sub(1, #answer.body // 2)
  end
  for name, value in pairs(fault.headers or {}) do
    answer.headers = answer.headers or {}
    answer.headers[name] = tostring(value)
  end
  return answer
end

--- Changes what prj_info says.
function faults.apply_info(fault, info)
  if not fault then return end
  if fault.what == "unknown_status" then
    info.status = math.tointeger(fault.value) or fault.value
    info.video_url = ""
  elseif fault.what == "empty_url" then
    info.status, info.video_url, info.video_duration = 4, "", 0
  end
end

-- }======================================================================

return faults
