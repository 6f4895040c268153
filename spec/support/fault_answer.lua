-- SPDX-License-Identifier: MIT
-- Carries out one scripted step for one request: reads the request's body,
-- builds the answer, sends as much of it as the step says and ends the
-- connection the way the step says. The steps' fields are described in
-- fault_script.lua. Leans on fault_wire (bytes) and fault_body (contents).

local cqueues = require "cqueues"
local body = require "spec.support.fault_body"
local request = require "spec.support.fault_request"

local answer = {}

local FILLER = "X-Filler: " .. ("f"):rep(1000) .. "\r\n"
local HUGE_HEADERS = 2 ^ 20
local CUT_ENDLESS = 2 ^ 20       -- where mid_body is in a body without end

local REASONS = {
  [200] = "OK", [201] = "Created", [204] = "No Content",
  [206] = "Partial Content", [301] = "Moved Permanently", [302] = "Found",
  [304] = "Not Modified", [307] = "Temporary Redirect",
  [308] = "Permanent Redirect", [400] = "Bad Request",
  [401] = "Unauthorized", [403] = "Forbidden", [404] = "Not Found",
  [416] = "Range Not Satisfiable", [429] = "Too Many Requests",
  [500] = "Internal Server Error", [502] = "Bad Gateway",
  [503] = "Service Unavailable", [504] = "Gateway Timeout",
}

-- Whether the step ends the connection at this stage; it has then ended.
local function ended(wire, step, stage)
  if step.reset == stage then
    wire:reset()
  elseif step.close == stage then
    wire:finish(step.close_notify == false)
  elseif step.stall == stage then
    wire:stall()
  else
    return false
  end
  return true
end

-- {======================================================================
-- What to send
-- =======================================================================

local function file_contents(head, step, fields)
  local file = io.open(step.file, "rb")
  if not file then return 404, body.of_text "no such file\n" end
  local size = file:seek "end"
  file:close()
  fields[#fields + 1] = { "ETag", step.etag }
  fields[#fields + 1] = { "Last-Modified", step.modified }
  if not step.range then
    return 200, body.of_file(step.file, 0, size)
  end
  fields[#fields + 1] = { "Accept-Ranges", "bytes" }
  local condition = head.headers["if-range"]
  if condition and condition ~= step.etag and condition ~= step.modified then
    return 200, body.of_file(step.file, 0, size)
  end
  local first, last = body.range(head.headers.range, size)
  if first then
    fields[#fields + 1] = { "Content-Range", step.content_range
      or string.format("bytes %d-%d/%d", first, last, size) }
    return 206, body.of_file(step.file, first, last - first + 1)
  elseif last then
    fields[#fields + 1] = { "Content-Range",
      step.content_range or string.format("bytes */%d", size) }
    return 416, body.of_text ""
  end
  return 200, body.of_file(step.file, 0, size)
end

-- The status, the contents and the header fields that go with them.
local function compose(head, step)
  local fields, status = {}, 200
  local contents
  if step.file then
    status, contents = file_contents(head, step, fields)
  elseif step.redirect then
    status, contents = 302, body.of_text(step.body or "")
    fields[1] = { "Location", step.redirect }
  elseif step.gzip_bomb then
    contents = body.gzip_bomb(tonumber(step.gzip_bomb))
    fields[1] = { "Content-Encoding", "gzip" }
  elseif step.endless then
    contents = body.endless()
  elseif step.zeros then
    contents = body.of_zeros(step.zeros)
  elseif step.chunks then
    contents = body.of_list(step.chunks)
  else
    contents = body.of_text(step.body or "")
  end
  return step.status or status, contents, fields
end

-- The head as text, and whether the connection must end with the answer.
local function compose_head(head, step, status, contents, fields)
  local given, lines, last = {}, {}, false
  for name, value in pairs(step.headers or {}) do
    given[name:lower()] = true
    for _, one in ipairs(type(value) == "table" and value or { value }) do
      lines[#lines + 1] = name .. ": " .. tostring(one)
      last = last or name:lower() == "connection"
        and tostring(one):lower() == "close"
    end
  end
  table.sort(lines)
  if step.content_length then
    fields[#fields + 1] = { "Content-Length",
      string.format("%.0f", step.content_length) }
    last = last or step.content_length ~= contents.length
  elseif step.chunked then
    fields[#fields + 1] = { "Transfer-Encoding", "chunked" }
  elseif step.content_length ~= false and contents.length then
    if status ~= 204 and status ~= 304 then
      fields[#fields + 1] = { "Content-Length",
        string.format("%.0f", contents.length) }
    end
  else
    last = true                      -- only the end can end this body
  end
  for _, field in ipairs(fields) do
    if field[2] and not given[field[1]:lower()] then
      lines[#lines + 1] = field[1] .. ": " .. field[2]
    end
  end
  if step.long_header then
    lines[#lines + 1] = "X-Long: " .. ("l"):rep(step.long_header)
  end
  local first = string.format("HTTP/1.1 %d %s", status,
    step.reason or REASONS[status] or "Unnamed")
  last = last or (head.headers.connection or ""):lower() == "close"
  return first .. "\r\n" .. table.concat(lines, "\r\n")
    .. (#lines > 0 and "\r\n" or ""), last
end

-- }======================================================================

-- {======================================================================
-- Sending it
-- =======================================================================

local function names_stage(step, stage)
  return step.reset == stage or step.close == stage or step.stall == stage
end

-- Where the body is to be cut, in bytes; nil: nowhere.
local function cut_offset(step, contents)
  if not names_stage(step, "mid_body") then return nil end
  return step.cut_at
    or contents.length and math.floor(contents.length / 2)
    or CUT_ENDLESS
end

local function frame(step, block)
  if not step.chunked then return block end
  return string.format("%x\r\n%s\r\n", #block, block)
end

-- Sends the body up to its end or the cut.
-- Returns "whole", "cut" or nil when the client is gone.
local function send_body(wire, step, contents)
  local cut, sent = cut_offset(step, contents), 0
  while true do
    if cut and sent >= cut then return "cut" end
    local block = contents.next()
    if not block then break end
    if cut and sent + #block > cut then block = block:sub(1, cut - sent) end
    if sent > 0 then
      if step.bad_chunk then wire:send "no hex\r\n" end
      cqueues.sleep(step.delay_between or 0)
    end
    if not wire:send_paced(frame(step, block), step.slow) then return nil end
    sent = sent + #block
  end
  if step.chunked then wire:send "0\r\n\r\n" end
  return "whole"
end

local function send_head(wire, step, text)
  if names_stage(step, "mid_headers") then
    wire:send(text:sub(1, -4))           -- cut inside the last field
    return not ended(wire, step, "mid_headers")
  end
  if not wire:send_paced(text, step.slow_headers) then return false end
  if step.endless_headers then
    wire:send_repeated(FILLER)
    return false
  elseif step.huge_headers then
    local size = tonumber(step.huge_headers) or HUGE_HEADERS
    if not wire:send_repeated(FILLER, size) then return false end
  end
  return wire:send "\r\n"
end

-- }======================================================================

-- Reads the request's body as the step says; false: the connection is over.
local function read_body(wire, head, step)
  local cut = names_stage(step, "mid_request")
  local manner = { rate = step.slow_request }
  if cut then
    manner.limit = step.cut_at
      or math.floor((tonumber(head.headers["content-length"]) or 0) / 2)
  end
  if step.store then manner.store = assert(io.open(step.store, "wb")) end
  local whole = request.read_body(wire, head, manner)
  if manner.store then manner.store:close() end
  return not ended(wire, step, "mid_request") and whole
end

--- Carries out a step.
-- @tparam table wire
-- @tparam table head the request, as request.read_head gave it
-- @tparam table step
-- @treturn boolean whether the connection may serve another request
function answer.perform(wire, head, step)
  if ended(wire, step, "after_headers_read") then return false end
  if not step.early and not read_body(wire, head, step) then return false end
  if step.delay then cqueues.sleep(step.delay) end
  if ended(wire, step, "after_request") then return false end
  if step.tunnel then
    wire:send "HTTP/1.1 200 Connection established\r\n\r\n"
    wire:relay(step.tunnel)
    return false
  end
  if step.raw then
    wire:send_paced(step.raw, step.slow)
    if not ended(wire, step, "after_answer") then wire:finish() end
    return false
  end
  local status, contents, fields = compose(head, step)
  local text, last = compose_head(head, step, status, contents, fields)
  local outcome = nil
  if send_head(wire, step, text) then
    local bare = head.method == "HEAD" or status == 204 or status == 304
    outcome = bare and "whole" or send_body(wire, step, contents)
  end
  if contents.close then contents.close() end
  if outcome == "cut" then ended(wire, step, "mid_body") end
  if outcome ~= "whole" or ended(wire, step, "after_answer") then
    return false
  end
  if step.early and not read_body(wire, head, step) then return false end
  if last then wire:finish(step.close_notify == false) end
  return not last
end

return answer
