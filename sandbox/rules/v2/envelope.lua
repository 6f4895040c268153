-- SPDX-License-Identifier: MIT
--
-- The envelope of every v2 answer: {rid, code, msg, data}. The documents leave
-- the HTTP status of refusals open: it is 200, unless quirks say otherwise.

local host = require "host"
local answers = require "answers"
local json = require "json"
local quirks = require "quirks"

local envelope = {}

-- code -> HTTP status, with http_errors
local STATUS = {
  [10104] = 404, [10105] = 401, [18020] = 402, [18025] = 403, [40000] = 400,
  [50000] = 500,
}

local RID_BYTES = 16

local function request_id()
  return quirks.is_on "empty_rid" and "" or host.random(RID_BYTES)
end

--- Success; `data` is left out when there is none.
function envelope.success(data)
  return answers.json_text(200, {
    rid = request_id(), code = 0, msg = "Success", data = data,
  })
end

local function refusal(status, code, message, more)
  local body = { rid = request_id(), code = code }
  body[quirks.is_on "error_message" and "message" or "msg"] = message
  if quirks.is_on "null_data" then body.data = json.null end
  for name, value in pairs(more or {}) do body[name] = value end
  return answers.json_text(status, body)
end

--- A refusal.
-- @tparam integer code
-- @tparam string message
-- @tparam ?integer status an HTTP status, whatever quirks say
function envelope.refuse(code, message, status)
  if not status then
    status = quirks.is_on "http_errors" and STATUS[code] or 200
  end
  return refusal(status, code, message)
end

-- Where the seconds to wait stand, by quirk.
local function place_wait(wait)
  local body, headers, placed = {}, {}, quirks.is_on "retry_none"
  local function place(quirk, where, name, value)
    if quirks.is_on(quirk) then where[name], placed = value, true end
  end
  place("retry_header", headers, "Retry-After", tostring(wait))
  place("retry_date", headers, "Retry-After",
    os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + wait))
  place("retry_top", body, "retryAfter", wait)
  place("retry_snake", body, "retry_after", wait)
  if not placed then body.data = { retryAfter = wait } end
  return body, headers
end

--- Too many requests.
-- @tparam integer wait seconds
function envelope.slow_down(wait)
  local body, headers = place_wait(wait)
  local answer = refusal(quirks.is_on "retry_200" and 200 or 429, 429,
    "too many requests", body)
  for name, value in pairs(headers) do answer.headers[name] = value end
  return answer
end

return envelope
