-- SPDX-License-Identifier: MIT

-- What an answer of the service means: its data, or an error.
--
-- The service answers with `{code, msg, data}`; some answers have `{error,
-- message}` instead. HTTP status and code are judged together, and nothing but
-- `code` 0 is success.

local errors = require "jogg.error"

local envelope = {}

-- The codes that the service documents. Any other than 0 is an error, too.
local CODE_KINDS = {
  [429] = "rate_limit",
  [10104] = "not_found",
  [10105] = "auth",
  [18020] = "credit",
  [18025] = "permission",
  [40000] = "parameter",
  [50000] = "server",
}

local STATUS_KINDS = {
  [400] = "parameter",
  [401] = "auth",
  [402] = "credit",
  [403] = "permission",
  [404] = "not_found",
  [408] = "timeout",
  [422] = "parameter",
  [425] = "server",
  [429] = "rate_limit",
}

local SYSTEM_CODE = 50000 -- and above: the service's own trouble

-- The service's explanation, in either of its two shapes.
local function explanation(body)
  for _, name in ipairs { "msg", "message" } do
    local text = type(body) == "table" and body[name]
    if type(text) == "string" and text:find "%S" then
      return errors.quoted(text)
    end
  end
end

local function integer(value)
  value = tonumber(value)
  if value and value == math.floor(value) then
    return value
  end
end

-- Seconds to wait: the header, then the places where the vendor writes it.
local function pause_of(status, body, headers)
  if headers.retry_after then
    return headers.retry_after
  end
  local asked
  if type(body) == "table" then
    local data = type(body.data) == "table" and body.data or {}
    asked = tonumber(body.retryAfter) or tonumber(body.retry_after) or
      tonumber(data.retryAfter) or tonumber(data.retry_after)
  end
  if not asked and status == 429 then
    asked = tonumber(headers.rate_reset) -- Unix time
    asked = asked and asked < math.huge and asked - os.time()
  end
  return asked and asked >= 0 and asked or nil
end

-- What certainly happened on the other side. Only an answer that refuses is
-- proof that nothing happened: a documented code, whatever the HTTP status. A
-- gateway's word for a server is no proof, nor is a redirect, which may follow
-- on what was done. After a call that costs, a 2xx answer refuses only with a
-- documented code.
local function outcome_of(operation, status, code, body)
  if code and code < SYSTEM_CODE and CODE_KINDS[code] then
    return "rejected"
  elseif status == 408 or status == 499 or status >= 500 or
    status >= 300 and status < 400 or code and code >= SYSTEM_CODE then
    return "unknown"
  elseif status >= 400 then
    return "rejected"
  elseif operation.costs then
    return "unknown"
  elseif code and code ~= 0 then
    return "rejected"
  end
  return type(body) == "table" and body.error ~= nil and "rejected" or
    "unknown"
end

local function kind_of(operation, status, code, is_object)
  if code == SYSTEM_CODE and operation.reads_page and status < 300 then
    return "page"
  elseif CODE_KINDS[code] then
    return CODE_KINDS[code]
  elseif STATUS_KINDS[status] then
    return STATUS_KINDS[status]
  elseif status >= 500 then
    return "server"
  elseif status >= 300 then
    return "http"
  end
  return is_object and code and code ~= 200 and "server" or "protocol"
end

-- The message for a body that is not JSON.
local function foreign_message(status, headers, why)
  local content = headers.content_type or "no content type"
  if status >= 200 and status < 300 then
    return ("the answer (HTTP %d, %s) is not the JSON of the service: %s")
      :format(status, content, why or "not an object")
  end
  return ("the server answered HTTP %d without JSON (%s)")
    :format(status, content)
end

local function message_of(status, code, odd, body, why, headers)
  local text = explanation(body)
  if odd and status >= 300 then
    return ("the server answered HTTP %d with code 0%s"):format(status,
      text and ", and says: " .. text or "")
  elseif odd then
    return ("the answer has code %s where the service has the number 0%s")
      :format(type(body.code) == "string" and ("%q"):format(body.code) or
        tostring(body.code), text and ", and says: " .. text or "")
  elseif text then
    return text
  elseif status == 304 then
    return "the server answered HTTP 304 (not modified), though nothing " ..
      "conditional was asked"
  elseif status >= 300 and status < 400 then
    return ("the server answered HTTP %d: a redirect, which is not " ..
      "followed, because the key must not go elsewhere"):format(status)
  elseif type(body) ~= "table" then
    return foreign_message(status, headers, why)
  elseif code then
    return ("HTTP %d, code %s, no explanation"):format(status, code)
  end
  return ("HTTP %d with JSON that is not the service's"):format(status)
end

-- The error that an answer means. The only place where HTTP statuses and the
-- service's codes become kinds.
function envelope.error(operation, status, body, why, headers)
  local is_object = type(body) == "table"
  local code = is_object and (integer(body.code) or integer(body.error)) or nil
  -- a success that the rest of the answer denies
  local odd = is_object and (status < 300 and
    (code == 200 or code == 0 and body.code ~= 0) or
    status >= 300 and code == 0 and operation.costs)
  local kind = odd and "protocol" or kind_of(operation, status, code, is_object)
  local outcome = odd and "unknown" or outcome_of(operation, status, code, body)
  local doubt = operation.costs and outcome == "unknown" and status < 400 and
    status >= 300 and "; whether the call took effect is not known" or ""
  local rid = is_object and body.rid
  local fields = {
    kind = kind, reason = odd and "envelope" or nil,
    message = message_of(status, code, odd, body, why, headers) .. doubt,
    http_status = status, code = code,
    request_id = type(rid) == "string" and rid ~= "" and errors.quoted(rid) or
      headers.request_id,
    retry_after = pause_of(status, body, headers),
    outcome = outcome,
  }
  if kind == "server" and status < 500 and not (code and code >= SYSTEM_CODE)
  then
    fields.retryable, fields.transient = false, false -- a refusal
  end
  return errors.new(fields)
end

-- Reads the answer to an operation.
function envelope.read(operation, request)
  local status, body, why = request:result()
  if not status then
    return nil, errors.from_failure(body)
  elseif status < 200 or status > 299 or type(body) ~= "table" or
    body.code ~= 0 then
    return nil, envelope.error(operation, status, body, why, request:headers())
  elseif not operation.data then
    return true
  elseif type(body.data) == "table" then
    return body.data
  end
  return nil, errors.new {
    kind = "protocol", message = "the answer has no data",
    retryable = operation.method ~= "POST", http_status = status, code = 0,
    outcome = operation.costs and "unknown" or "accepted",
  }
end

return envelope
