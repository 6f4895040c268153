-- SPDX-License-Identifier: MIT
-- What a script for the fault server may say. Runs in the spec's process and
-- checks every step before it is sent, because a misspelt fault would be a
-- good answer, and the spec that relies on it would prove nothing. The server
-- itself (fault_answer.lua) carries the steps out without further questions.

local cjson = require "cjson".new()

local script = {}

-- Where an answer can end, in the order of events.
local ANSWER_STAGES = {
  after_headers_read = true,   -- the request's head is read, its body is not
  mid_request = true,          -- read: cut_at bytes of its body, or its half
  after_request = true,        -- the request is read whole, nothing is sent
  mid_headers = true,          -- sent: the status line and part of a header
  mid_body = true,             -- sent: cut_at bytes of the body, or its half
  after_answer = true,         -- sent: all, without announcing the end
}
local HAS_LENGTH = { mid_body = true, mid_request = true }
local STAGE_ALIASES = { before_answer = "after_request" }
local CONNECT_STAGES = {
  accept = true,               -- accepted, nothing read
  tls = true,                  -- the client's first bytes (ClientHello) read
}

-- What a step for a request may hold, and the types each may have.
local ANSWER_FIELDS = {
  -- an honest answer
  status = "number", reason = "string", headers = "table", body = "string",
  json = "any", redirect = "string", file = "string", etag = "string",
  modified = "string",
  range = "boolean", chunked = "boolean", chunks = "table",
  -- time
  delay = "number", slow = "number", slow_headers = "number",
  delay_between = "number", slow_request = "number",
  -- the file that gets the request's body
  store = "string",
  -- ends
  reset = "string", close = "string", stall = "string", cut_at = "number",
  close_notify = "boolean",
  -- lies and floods
  content_length = "number boolean", content_range = "string",
  bad_chunk = "boolean", raw = "string", early = "boolean",
  endless = "boolean", zeros = "number", gzip_bomb = "boolean number",
  huge_headers = "boolean number", long_header = "number",
  endless_headers = "boolean",
  -- of a proxy: bytes go to and from this port of loopback
  tunnel = "number",
  -- another step, for requests that are not their connection's first
  reused = "table",
}

-- What a step for a new connection may hold.
local CONNECT_FIELDS = {
  reset = "string", close = "string", stall = "string", raw = "string",
  delay = "number",
  -- bytes go to and from this port of loopback, until server:freeze
  tunnel = "number",
}

local function fail(text, ...)
  error("fault script: " .. string.format(text, ...), 0)
end

local function check_fields(step, fields)
  if type(step) ~= "table" then fail("a step is a table, not %s", step) end
  for name, value in pairs(step) do
    local types = fields[name]
    if not types then fail("no such field: %s", tostring(name)) end
    if types ~= "any"
      and not (" " .. types .. " "):find(" " .. type(value) .. " ", 1, true)
    then
      fail("%s must be a %s, not a %s", name, types, type(value))
    end
  end
end

local function check_stage(step, stages)
  local found = nil
  for _, kind in ipairs { "reset", "close", "stall" } do
    local stage = STAGE_ALIASES[step[kind]] or step[kind]
    if stage then
      if found then fail("%s and %s in one step", found, kind) end
      if not stages[stage] then
        fail("%s = %q is no stage here%s", kind, stage,
          (CONNECT_STAGES[stage] or stage == "before_read")
          and ": it belongs into server:on_connect" or "")
      end
      found, step[kind] = kind, stage
    end
  end
  return found
end

local function copy(step)
  local result = {}
  for name, value in pairs(step) do result[name] = value end
  return result
end

local function answer_step(given)
  check_fields(given, ANSWER_FIELDS)
  local step = copy(given)
  local kind = check_stage(step, ANSWER_STAGES)
  if step.cut_at and not (kind and HAS_LENGTH[step[kind]]) then
    fail "cut_at needs reset, close or stall = \"mid_body\" or \"mid_request\""
  end
  if step.json ~= nil then
    if step.body then fail "json and body in one step" end
    step.body, step.json = cjson.encode(step.json), nil
    step.headers = copy(step.headers or {})
    step.headers["Content-Type"] = step.headers["Content-Type"]
      or "application/json"
  end
  if step.chunks then step.chunked = true end
  if step.headers and next(step.headers) == nil then step.headers = nil end
  if step.reused then step.reused = answer_step(step.reused) end
  return step
end

local function connect_step(given)
  check_fields(given, CONNECT_FIELDS)
  local step = copy(given)
  check_stage(step, CONNECT_STAGES)
  return step
end

local function steps_of(given, convert)
  if type(given) ~= "table" then fail "steps are a table" end
  -- one step may stand by itself; {} is one honest, empty step
  local list = given[1] == nil and { given } or given
  local steps = {}
  for i, step in ipairs(list) do steps[i] = convert(step) end
  return steps
end

--- Checks steps for requests and gives them the form the server takes.
-- @tparam table steps a list of steps, or one step
-- @treturn table
function script.answers(steps)
  return steps_of(steps, answer_step)
end

--- The same for steps for new connections.
-- @tparam table steps
-- @treturn table
function script.connections(steps)
  return steps_of(steps, connect_step)
end

return script
