-- SPDX-License-Identifier: MIT

--- Errors: what the world did, as a value with fields.
--
-- Misuse raises; everything else comes as `nil, err`, and `err` is made here.
-- The fields: `kind` (one of @{KINDS}), `message`, `reason` (a finer word
-- within some kinds), `phase`, `http_status`, `code`, `request_id`,
-- `retryable` (the call that failed may be sent again as it was; a job goes on
-- with `resume` whenever there is one), `retry_after` (seconds), `outcome`,
-- `product_id`, `project_id`, `resume`. `tostring(err)` is one sentence. No
-- secret ever gets here.
-- @module jogg.error

local Error = { __name = "jogg.error" }

local errors = {}

--- Every kind, and what to do about it. Where a job can be carried on, "try
-- again" becomes "resume with err.resume".
errors.KINDS = {
  network = "check the connection, then try again",
  timeout = "try again, or allow more time",
  tls = "check the certificates (verification cannot be switched off)",
  http = "see the HTTP status",
  protocol = "the other side does not talk like the service; check base_url",
  auth = "check the API key",
  permission = "use an account that may do this",
  credit = "buy credits, then try again",
  not_found = "check the id",
  parameter = "correct the option that the message names",
  rate_limit = "wait a little, then try again",
  server = "the service is in trouble; try again later",
  render_failed = "change the options or the page, and start anew",
  deleted = "start anew",
  cancelled = "try again",
  io = "free or correct the local resource, then try again",
  task = "a function inside the task raised an error",
}

-- The service's own numbers. Any other than 0 is an error, too.
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

-- Trouble that may be over when the same is tried again.
local PASSING = {
  network = true, timeout = true, server = true, rate_limit = true,
  protocol = true,
}
local LASTING_REASONS = { not_video = true, too_large = true, url = true }

local MESSAGE_MAXIMUM = 500

--- Makes an error.
-- @tparam table fields at least `kind` and `message`
-- @treturn table the same table, as an error
function errors.new(fields)
  if fields.retryable == nil then
    fields.retryable = PASSING[fields.kind] or fields.reason == "handshake" or
      fields.reason == "descriptors" or false
    if LASTING_REASONS[fields.reason] then
      fields.retryable = false
    end
  end
  return setmetatable(fields, Error)
end

--- Is this value one of our errors?
-- @param value anything
-- @treturn boolean
function errors.is(value)
  return getmetatable(value) == Error
end

--- Foreign text for a message: one line, not endless, nothing that a terminal
-- obeys.
-- @tparam string text
-- @treturn string
function errors.quoted(text)
  text = text:gsub("\194[\128-\159]", " "):gsub("%c+", " ")
    :gsub("^%s+", ""):gsub("%s+$", "")
  if #text > MESSAGE_MAXIMUM then -- no character is cut in two
    text = text:sub(1, MESSAGE_MAXIMUM):gsub("[\192-\255][\128-\191]*$", "") ..
      "..."
  end
  return text
end

local quoted = errors.quoted

-- The service's explanation, in either of its two shapes.
local function explanation(body)
  if type(body) ~= "table" then
    return nil
  end
  for _, name in ipairs { "msg", "message" } do
    if type(body[name]) == "string" and body[name]:find "%S" then
      return quoted(body[name])
    end
  end
end

local function integer(value)
  value = tonumber(value)
  if value and value == math.floor(value) then
    return value
  end
end

-- Seconds to wait, as far as the server says so anywhere.
local function pause_of(status, body, headers)
  local data = type(body) == "table" and body.data
  local asked = type(data) == "table" and tonumber(data.retryAfter)
  if not asked and type(body) == "table" then
    asked = tonumber(body.retryAfter)
  end
  if not asked and status == 429 then
    asked = tonumber(headers.rate_reset) -- Unix time
    asked = asked and asked < math.huge and asked - os.time()
  end
  return headers.retry_after or (asked and asked >= 0 and asked) or nil
end

local SYSTEM_CODE = 50000 -- and above: the service's own trouble

-- What certainly happened on the other side. Only an answer that refuses is
-- proof that nothing happened; a gateway's word for a server is none, nor is a
-- redirect, which may follow on what was done.
local function outcome_of(status, code, body)
  if status == 408 or status == 499 or status >= 500 or
    status >= 300 and status < 400 or code and code >= SYSTEM_CODE then
    return "unknown"
  end
  if status >= 400 or (code and code ~= 0) then
    return "rejected"
  end
  if type(body) ~= "table" then
    return "unknown"
  end
  return body.error ~= nil and "rejected" or "unknown"
end

local function page_message(status, headers, why)
  local content = headers.content_type or "no content type"
  if status >= 200 and status < 300 then
    return ("the answer (HTTP %d, %s) is not the JSON of the service: %s")
      :format(status, content, why or "not an object")
  end
  return ("the server answered HTTP %d without JSON (%s)")
    :format(status, content)
end

local function kind_of(status, code, is_object)
  if CODE_KINDS[code] then
    return CODE_KINDS[code]
  end
  if STATUS_KINDS[status] then
    return STATUS_KINDS[status]
  end
  if status >= 500 then
    return "server"
  end
  if status >= 300 then
    return "http"
  end
  return is_object and code and "server" or "protocol"
end

--- The error that an answer means. The only place where HTTP statuses and the
-- service's codes become kinds.
-- @tparam integer status HTTP status
-- @param body the decoded body, or nil
-- @tparam ?string why the body is not JSON
-- @tparam table headers from the core's `request:headers()`
-- @treturn table error
function errors.from_reply(status, body, why, headers)
  local is_object = type(body) == "table"
  local code = is_object and (integer(body.code) or integer(body.error)) or nil
  local kind = kind_of(status, code, is_object)
  local message = explanation(body)
  if not message and status >= 300 and status < 400 then
    message = ("the server answered HTTP %d: a redirect, which is not " ..
      "followed, because the key must not go elsewhere"):format(status)
  end
  if not message then
    message = not is_object and page_message(status, headers, why) or
      code and ("HTTP %d, code %s, no explanation"):format(status, code) or
      ("HTTP %d with JSON that is not the service's"):format(status)
  end
  local fields = {
    kind = kind, message = message, http_status = status, code = code,
    request_id = is_object and type(body.rid) == "string" and body.rid ~= "" and
      quoted(body.rid) or headers.request_id,
    retry_after = pause_of(status, body, headers),
    outcome = outcome_of(status, code, body),
  }
  if kind == "server" and status < 500 and not (code and code >= SYSTEM_CODE) then
    fields.retryable = false -- an unknown code: a refusal, not a failure
  end
  return errors.new(fields)
end

local function facts(err)
  local list = {}
  local function add(name, value)
    if value ~= nil then
      list[#list + 1] = ("%s %s"):format(name, tostring(value))
    end
  end
  add("HTTP", err.http_status)
  add("code", err.code)
  add("request", err.request_id)
  local message = tostring(err.message)
  if err.project_id and not message:find(tostring(err.project_id), 1, true) then
    add("project", err.project_id)
  end
  return #list > 0 and " (" .. table.concat(list, ", ") .. ")" or ""
end

local RESUME = "resume with err.resume"

-- Before there is a project, to resume is but to try again; after the end of
-- one there is nothing to resume.
local function can_resume(err)
  local resume = err.resume
  return type(resume) == "table" and resume.project_id and
    err.kind ~= "render_failed" and err.kind ~= "deleted"
end

local function advice(err)
  local text = errors.KINDS[err.kind]
  if err.phase == "render_project" and err.outcome == "unknown" and
    not can_resume(err) then
    return "the video may have been started: send this again only if " ..
      "project_info still says status 1 some minutes later"
  end
  if err.reason == "exists" then
    text = nil -- the message says it
  elseif err.reason == "too_large" and err.phase == "download" then
    text = "raise max_bytes, if videos may be so large"
  elseif err.kind == "not_found" and err.phase == "create_product" then
    text = "check base_url"
  elseif err.code == 50000 and err.phase == "create_product" then
    text = "check that the page can be opened, or try again later"
  elseif err.kind == "rate_limit" and err.retry_after then
    text = ("try again in %g s"):format(err.retry_after)
  end
  if not can_resume(err) then
    return text
  end
  if err.outcome == "unknown" and err.resume.render_sent and
    not err.resume.rendered then
    return RESUME .. ": it finds out what happened before it pays"
  end
  local resuming, n = (text or ""):gsub("try again", RESUME)
  if n == 0 then
    resuming = (text and text .. "; then " or "then ") .. RESUME
  end
  return resuming
end

function Error.__tostring(err)
  local where = err.phase and err.phase .. ": " or ""
  local tail = advice(err)
  return where .. tostring(err.message) .. facts(err) ..
    (tail and "; " .. tail or "")
end

function Error.__concat(left, right)
  return tostring(left) .. tostring(right)
end

return errors
