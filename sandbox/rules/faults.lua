-- SPDX-License-Identifier: MIT
--
-- Trouble on request: which call of which endpoint goes wrong, and how. Here
-- faults (fault.lua) are kept, counted, and applied to answers.

local host = require "host"
local json = require "json"
local fault_module = require "fault"

local faults = {}

local KINDS, CALLS = fault_module.KINDS, fault_module.CALLS

local active = json.array()

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

local function concerns(fault, endpoint, kind)
  return (fault.endpoint == endpoint
      or fault.endpoint == "any" and CALLS[endpoint])
    and (not fault.kind or fault.kind == kind)
end

--- Counts a call; every fault counts, the oldest that is due strikes.
-- @tparam string endpoint
-- @tparam ?string kind of the job, where the endpoint is work
-- @treturn ?table
function faults.strike(endpoint, kind)
  local struck
  for i = #active, 1, -1 do
    local fault = active[i]
    if concerns(fault, endpoint, kind) then
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

-- What holds an address in the states of /v2.
local ADDRESSES = { "video_url", "url", "result_url", "motion_preview_url" }

--- Changes what a state of /v2 says, in all its tables that have a status; an
-- address is emptied beside it or within its `data`.
-- @tparam ?table fault
-- @tparam table data
-- @tparam string done the word for a job that is done
function faults.apply_state(fault, data, done)
  local what = fault and fault.what
  if what ~= "unknown_status" and what ~= "empty_url" then return end
  local status = what == "empty_url" and done or fault.value
  local function change(object)
    if object.status ~= nil then object.status = status end
    for _, name in ipairs(ADDRESSES) do
      if object[name] ~= nil then object[name] = "" end
    end
    if object.image_url_list then object.image_url_list = json.array() end
    for _, value in pairs(object) do
      if type(value) == "table" then change(value) end
    end
  end
  change(data)
end

-- }======================================================================

return faults
