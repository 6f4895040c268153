-- SPDX-License-Identifier: MIT
--
-- One fault: what it may consist of, as documented in the README, and how it
-- is written on the command line. What faults do is in faults.lua.

local json = require "json"
local job_kinds = require "v2.kinds"
local operations = require "v2.operations"

local fault = {}

--- The calls of the service: what `any` stands for.
fault.CALLS = { product = true, update = true, render = true, prj_info = true }

local ENDPOINTS = {
  video = true, page = true, work = true, any = true, storage = true,
  asset = true, delivery = true,
}
local STATES = { prj_info = true }
local PATHS = {}             -- "METHOD /path" -> endpoint

for _, operation in ipairs(operations) do
  fault.CALLS[operation.name] = true
  STATES[operation.name] = operation.state and true or nil
  PATHS[operation.method .. " " .. operation.path] = operation.name
end
for name in pairs(fault.CALLS) do ENDPOINTS[name] = true end

local ANSWERS = { any = true }       -- JSON
for name in pairs(fault.CALLS) do ANSWERS[name] = true end

local function whole(value)
  return math.tointeger(value) and value >= 0
end

local function http_status(value)
  return whole(value) and value >= 200 and value <= 599
end

local function positive(value)
  return value > 0
end

local STATUS = { http_status, "an HTTP status from 200 to 599" }
local CODE = { math.tointeger, "a whole number" }
local SECONDS = { positive, "a number of seconds above 0" }
local BYTES = { whole, "a number of bytes" }
local TIMES = { whole, "a whole number" }
local DELIVERY, STORAGE = { delivery = true }, { storage = true }

-- what -> type of its value, which of them are good, default, whether the
-- effect still happens, endpoints where alone it does something
fault.KINDS = {
  status = { type = "number", good = STATUS, default = 500 },
  status_after = { type = "number", good = STATUS, default = 500,
    effect = true },
  code = { type = "number", good = CODE, default = 50000 },
  code_after = { type = "number", good = CODE, default = 50000,
    effect = true },
  delay = { type = "number", good = SECONDS, default = 1, effect = true },
  delay_after = { type = "number", good = SECONDS, default = 1,
    effect = true },
  reset_before = {},
  reset_after = { effect = true },
  truncate = { type = "number", good = BYTES, default = 10, effect = true },
  stall = { type = "number", good = BYTES, default = 10, effect = true },
  bad_json = { effect = true, at = ANSWERS },
  html = { type = "number", good = STATUS, default = 502 },
  gone = {},
  unknown_status = { effect = true, at = STATES },
  empty_url = { effect = true, at = STATES },
  fail = { type = "string", default = "the template is broken",
    at = { work = true } },
  reset_during = { type = "number", good = BYTES, default = 1000,
    effect = true, at = STORAGE },
  drop = { at = DELIVERY },
  bad_signature = { at = DELIVERY },
  ["repeat"] = { type = "number", good = TIMES, default = 1, at = DELIVERY },
}

-- Endpoints with which not everything goes.
local ONLY = {
  work = { fail = true },
  delivery = { delay = true, drop = true, bad_signature = true,
    ["repeat"] = true },
}

-- name -> its types
local FIELDS = {
  endpoint = { string = true }, call = { number = true },
  times = { number = true }, what = { string = true },
  retry_after = { number = true, string = true }, msg = { string = true },
  body = { string = true }, headers = { table = true },
  seconds = { number = true },
  value = { number = true, string = true }, kind = { string = true },
}

local MOST_HEADERS = 32      -- answer.h holds more, for ours come on top

local function names_of(set)
  local names = {}
  for name in pairs(set) do names[#names + 1] = name end
  table.sort(names)
  return table.concat(names, ", ")
end

-- What is wrong with the headers, if anything.
local function check_headers(headers)
  local count = 0
  for name, value in pairs(headers) do
    count = count + 1
    local kind = type(value)
    if type(name) ~= "string" or not name:find "^[%w_-]+$"
      or kind ~= "string" and kind ~= "number"
      or tostring(value):find "%c" then
      return "headers must be names with strings or numbers"
    end
  end
  return count > MOST_HEADERS
    and ("headers must be at most %d"):format(MOST_HEADERS) or nil
end

-- What is wrong with the value, once it is filled in.
local function check_value(value, what)
  if what == fault.KINDS.unknown_status then return nil end
  if what.type and type(value) ~= what.type then
    return ("value must be a %s"):format(what.type)
  elseif what.good and not what.good[1](value) then
    return "value must be " .. what.good[2]
  end
end

--- Checks a fault and fills in what it leaves out.
-- @treturn[1] table the fault
-- @treturn[2] nil
-- @treturn[2] string what is wrong with it
function fault.check(given)
  if not json.is_object(given) then return nil, "a fault is an object" end
  for name, value in pairs(given) do
    local kinds = FIELDS[name]
    if not kinds then return nil, name .. " is unknown" end
    if not kinds[type(value)] then
      return nil, ("%s must be a %s"):format(name,
        names_of(kinds):gsub(", ", " or a "))
    end
  end
  local what = fault.KINDS[given.what]
  given.endpoint = PATHS[given.endpoint] or given.endpoint
  local only = ONLY[given.endpoint]
  if not ENDPOINTS[given.endpoint] then
    return nil, "endpoint must be one of " .. names_of(ENDPOINTS)
  elseif not what then
    return nil, "what must be one of " .. names_of(fault.KINDS)
  elseif only and not only[given.what] then
    return nil, ("endpoint %s goes with what %s alone"):format(given.endpoint,
      names_of(only))
  elseif what.at and not what.at[given.endpoint] then
    return nil, ("what %s needs an endpoint of %s"):format(given.what,
      names_of(what.at))
  elseif given.kind and (given.endpoint ~= "work"
    or not job_kinds.ALL[given.kind] and given.kind ~= "project") then
    return nil, "kind goes with endpoint work, and must be one of project, "
      .. names_of(job_kinds.ALL)
  end
  given.call, given.times = given.call or 1, given.times or 1
  if not whole(given.call) or given.call < 1 or not whole(given.times) then
    return nil, "call and times must be whole numbers"
  end
  if given.value == nil then given.value = what.default end
  if given.value == nil and given.what == "unknown_status" then
    given.value = given.endpoint == "prj_info" and 42 or "rendering"
  end
  if given.seconds and given.seconds < 0 then
    return nil, "seconds must not be negative"
  end
  local wrong = check_value(given.value, what)
    or given.headers and check_headers(given.headers)
  if wrong then return nil, wrong end
  return given
end

-- A value on the command line is a number where one is expected.
local function read_value(name, text, what)
  local kinds = FIELDS[name] or {}
  if name == "value" and what and what.type == "string" then return text end
  return kinds.number and json.number(text) or text
end

--- Reads a fault from the command line.
function fault.parse(text)
  local endpoint, call, times, rest =
    text:match "^([%w_]+):(%d+)x?(%d*):([%w_]+.*)$"
  if not endpoint then
    return nil, "ENDPOINT:CALL[xTIMES]:WHAT[=VALUE][,NAME=VALUE]... is expected"
  end
  local what, more = rest:match "^([%w_]+)(.*)$"
  local texts, last = {}, nil
  if more:find "^=" then more = ",value" .. more end
  if more:find "^[^,]" then return nil, more .. ": NAME=VALUE is expected" end
  for part in more:gmatch ",([^,]*)" do
    local name, value = part:match "^([%w_]+)=(.*)$"
    if name then
      texts[name], last = value, name
    elseif last then              -- a comma within a value, such as a date's
      texts[last] = texts[last] .. "," .. part
    else
      return nil, part .. ": NAME=VALUE is expected"
    end
  end
  local given = {
    endpoint = endpoint, what = what, call = tonumber(call),
    times = tonumber(times),
  }
  for name, value in pairs(texts) do
    given[name] = read_value(name, value, fault.KINDS[what])
  end
  return fault.check(given)
end

return fault
