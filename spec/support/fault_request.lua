-- SPDX-License-Identifier: MIT
-- Reads one HTTP/1.1 request from a wire, in two halves (head, body), so that
-- the fault server may misbehave in between. Keeps what came as plain data
-- for the log; judges nothing.

local cqueues = require "cqueues"

local request = {}

local BODY_KEPT = 2 ^ 20     -- bytes of a body that the log keeps
local SLICES = 20            -- pieces a second where it is read slowly

local function decode(text)
  text = text:gsub("+", " ")
  return (text:gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

local function parse_query(text)
  local parameters = {}
  for pair in text:gmatch "[^&]+" do
    local name, value = pair:match "^([^=]*)=?(.*)$"
    parameters[decode(name)] = decode(value)
  end
  return parameters
end

--- Reads the request line and the headers.
-- @treturn ?table method, target, path, query, parameters, headers,
-- header_list; nil when the client ended or sent something else
function request.read_head(wire)
  local line = wire:line()
  if not line then return nil end
  local method, target = line:match "^(%S+) (%S+) HTTP/1%.[01]\r?$"
  if not method then return nil end
  local path, query = target:match "^([^?]*)%??(.*)$"
  local head = {
    method = method, target = target, path = path, query = query,
    parameters = parse_query(query), headers = {}, header_list = {},
    body = "", body_length = 0,
  }
  while true do
    line = wire:line()
    if not line then return nil end
    line = line:gsub("\r$", "")
    if line == "" then return head end
    local name, value = line:match "^([^:]+):%s*(.-)%s*$"
    if not name then return nil end
    head.header_list[#head.header_list + 1] = line
    head.headers[name:lower()] = value
  end
end

local function keep(head, bytes, manner)
  head.body_length = head.body_length + #bytes
  if head.body_length <= BODY_KEPT then head.body = head.body .. bytes end
  if manner.store then manner.store:write(bytes) end
end

local function read_length(wire, head, length, manner)
  local slice = manner.rate and math.max(1, math.floor(manner.rate / SLICES))
  while length > 0 do
    local bytes = wire:read_some(math.min(length, slice or length))
    if not bytes then return false end
    keep(head, bytes, manner)
    length = length - #bytes
    if slice then cqueues.sleep(#bytes / manner.rate) end
  end
  return true
end

local function read_chunks(wire, head, manner)
  while true do
    local size = tonumber((wire:line() or ""):match "^%x+" or "", 16)
    if not size then return false end
    if not read_length(wire, head, size, manner) then return false end
    if size == 0 then
      repeat
        local trailer = wire:line()
        if not trailer then return false end
      until trailer == "\r" or trailer == ""
      return true
    end
    if not wire:line() then return false end      -- the CRLF after a chunk
  end
end

local function read_whole(wire, head, manner)
  if (head.headers["transfer-encoding"] or ""):lower() == "chunked" then
    return read_chunks(wire, head, manner)
  end
  local length = tonumber(head.headers["content-length"] or 0) or 0
  local part = math.min(length, manner.limit or length)
  return read_length(wire, head, part, manner) and part == length
end

--- Reads the body into head.body (its first MiB) and head.body_length.
-- @tparam table wire
-- @tparam table head
-- @tparam table manner `rate` in bytes a second, `limit` in bytes, `store`: a
-- file that gets all of it; each may be nil
-- @treturn boolean whether it came whole; kept as head.complete
function request.read_body(wire, head, manner)
  if (head.headers.expect or ""):lower() == "100-continue" then
    wire:send "HTTP/1.1 100 Continue\r\n\r\n"
  end
  head.complete = read_whole(wire, head, manner)
  return head.complete
end

return request
