-- SPDX-License-Identifier: MIT
--
-- What arrived: the last requests to the service and for videos, for specs
-- and for the curious. Secrets are left out.

local host = require "host"
local json = require "json"

local log = {}

local MOST = 2000
local LONGEST_BODY = 65536

local SECRET = {
  ["x-api-key"] = true, ["authorization"] = true, ["cookie"] = true,
}

local entries, last = {}, 0

--- Notes a request; the entry is filled further as it is answered.
function log.begin(request, endpoint)
  local headers, names = {}, json.array()
  for name, value in pairs(request.headers) do
    names[#names + 1] = name
    headers[name] = SECRET[name] and "(hidden)" or value
  end
  table.sort(names)
  last = last + 1
  local entry = {
    seq = last, time = os.time(), clock = host.monotonic(),
    origin = request.origin, method = request.method, path = request.path,
    query = request.query,
    headers = headers, header_names = names, endpoint = endpoint,
    has_key = request.headers["x-api-key"] ~= nil, body = request.body,
    effect = "none",
  }
  if #entry.body > LONGEST_BODY then entry.body = "(too long)" end
  if not utf8.len(entry.body) then entry.body = "(not UTF-8)" end
  entries[#entries + 1] = entry
  if #entries > MOST then table.remove(entries, 1) end
  return entry
end

--- Notes an answer.
function log.conclude(entry, answer)
  entry.status = answer.reset and 0 or answer.status
  answer.entry = entry.seq        -- for what only the server knows: 206, 416
  if answer.body and not answer.cut then
    entry.code = math.tointeger(answer.body:match '"code":(%d+)')
  end
end

--- Notes what was sent when that is not what the entry says.
function log.sent(number, status)
  for i = #entries, 1, -1 do
    if entries[i].seq == number then
      entries[i].status = status
      return
    end
  end
end

--- The entries after a number, and the last number.
function log.since(number)
  local list = json.array()
  for _, entry in ipairs(entries) do
    if entry.seq > number then list[#list + 1] = entry end
  end
  return list, last
end

return log
