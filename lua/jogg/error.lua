-- SPDX-License-Identifier: MIT

--- Errors: tables with fields.
--
-- Misuse raises. Everything else that fails returns `nil, err`. The fields of
-- `err`, of which `kind`, `message`, `retryable` and `transient` are always
-- set:
--
-- * `kind`: one of @{KINDS}; `reason`: a finer word within some kinds
-- * `message`: one sentence; `advice`: what to do next, where the kind alone does
--   not tell; `hint`: a further sentence
-- * `phase`: the operation or the phase of the job that failed
-- * `http_status`, `code`, `request_id`: of the service's answer
-- * `retryable`: repeating the failed call unchanged is safe
-- * `transient`: the same job may succeed later without any change
-- * `retry_after`: seconds, if the server asked for a pause
-- * `outcome`: what became of the request: `not_sent`, `rejected` (the service
--   refused it), `accepted`, `unknown` (the answer was lost); in a job that has
--   sent its paid call, what became of that call
-- * `product_id`, `project_id`, `resume`: of a job
-- * `video_url`: the address of a file whose download failed; `kept`: the path
--   of a file that was downloaded whole, but could not get its name
-- * `results`: of make_videos
-- * `cause`: the error behind this one, or the value that a task raised;
--   `traceback`: of that task
--
-- `tostring(err)` is one sentence that says what to do next. No field contains
-- a secret.
-- @module jogg.error

local Error = { __name = "jogg.error" }

local errors = {}

--- Every kind, and what to do about it. In the sentence of an error whose job
-- can be resumed, "try again" becomes "resume with err.resume".
errors.KINDS = {
  network = "check the connection, then try again",
  timeout = "try again, or allow more time",
  tls = "check the certificates (verification cannot be switched off)",
  http = "see the HTTP status",
  protocol = "this does not look like the JoggAI API; check base_url",
  auth = "check the API key",
  permission = "use an account that may do this",
  credit = "buy credits, then try again",
  not_found = "check the id",
  parameter = "correct the option that the message names",
  rate_limit = "wait a little, then try again",
  server = "the service is in trouble; try again later",
  page = "check that the page opens without signing in, or try again later",
  render_failed = "change the options or the page, and start anew",
  deleted = "start anew",
  cancelled = "try again",
  busy = "wait until that run has ended",
  io = "correct the file or folder that the message names, then try again",
  task = "a function that was called inside the task raised an error",
  webhook = "refuse the delivery",
}

-- Kinds of failures that may pass before the same request is sent again.
local RETRYABLE = {
  network = true, timeout = true, server = true, rate_limit = true,
  protocol = true,
}

-- Kinds of failures that may pass before the same job runs again.
local TRANSIENT = {
  network = true, timeout = true, server = true, rate_limit = true,
  protocol = true, page = true, cancelled = true, busy = true,
}

-- Reasons that never pass, and reasons that may, whatever the kind.
local LASTING = {
  not_video = true, too_large = true, url = true, proxy = true,
  encoding = true, envelope = true, damaged = true,
}
local PASSING = { handshake = true, descriptors = true }

-- What each class of failure of the core means (see `src/failure.h`).
local FAILURES = {
  cancelled = { "cancelled", "the request was cancelled" },
  closed = { "cancelled",
    "the client was closed while the request was in flight" },
  connect_timeout = { "timeout", "no connection within connect_timeout" },
  stall_timeout = { "timeout",
    "the server was silent for longer than stall_timeout" },
  timeout = { "timeout", "no whole answer within timeout" },
  name = { "network", "the host name could not be resolved" },
  connect = { "network", "no connection to the server" },
  broken = { "network", "the connection broke" },
  proxy = { "network", "the proxy of the environment (https_proxy, " ..
    "http_proxy, all_proxy) does not lead to the server" },
  handshake = { "tls", "the TLS handshake failed" },
  certificate = { "tls", "the server's TLS certificate is not trusted" },
  reply = { "protocol", "the answer is not valid HTTP" },
  encoding = { "protocol",
    "the answer is encoded, though plain bytes were asked for" },
  too_large = { "protocol", "the answer is larger than allowed" },
  range = { "protocol",
    "the server did not go on where the download broke off" },
  descriptors = { "io", "no file descriptor was free for a connection" },
  memory = { "io", "memory ran out" },
}

local URL_FAULTS = {
  malformed = "is not a URL",
  scheme = "must begin with https:// (or http:// on this machine)",
  credentials = "must not contain a user name or a password",
  insecure = "must use https; http is allowed to this machine only",
  ["local"] = "leads to this machine, which the service must not send us to",
  private = "leads into a private network, which the service must not send " ..
    "us to",
  memory = "could not be read: out of memory",
}

local VERDICTS = {
  empty = { "empty", "the file is empty" },
  cut = { "cut", "the video file is cut: its last part is missing" },
  foreign = { "not_video", "the file is not an MP4 video" },
}

local FILE_REASONS = {
  EEXIST = "exists", ENOSPC = "full", EDQUOT = "full",
  EMFILE = "descriptors", ENFILE = "descriptors",
}

local FILE_TEXTS = {
  EEXIST = "exists already; pass overwrite = true to replace it, or name " ..
    "another file",
  EISDIR = "is a folder; name a file in it",
  ENOTSUP = "is a device, a pipe or another special file; name a regular file",
  EFBIG = "the process may not write so large a file (see ulimit -f)",
}

local MESSAGE_MAXIMUM = 500 -- bytes

--- Makes an error.
-- @tparam table fields at least `kind` and `message`
-- @treturn table the same table, as an error
function errors.new(fields)
  local kind, reason = fields.kind, fields.reason
  if fields.retryable == nil then
    fields.retryable = (RETRYABLE[kind] or PASSING[reason] or false) and
      not LASTING[reason]
  end
  if fields.transient == nil then
    fields.transient = (TRANSIENT[kind] or PASSING[reason] or false) and
      not LASTING[reason]
  end
  return setmetatable(fields, Error)
end

--- Another error with the same fields.
-- @tparam table err
-- @treturn table
function errors.copy(err)
  local copy = {}
  for name, value in pairs(err) do
    copy[name] = value
  end
  return setmetatable(copy, Error)
end

--- Is this value one of jogg's errors?
-- @param value anything
-- @treturn boolean
function errors.is(value)
  return getmetatable(value) == Error
end

--- The error of data that cannot be used.
-- @tparam string message
-- @treturn table error of kind `parameter`
function errors.parameter(message)
  return errors.new {
    kind = "parameter", outcome = "not_sent", message = message,
  }
end

--- Makes a foreign string fit for a message: one line, at most 500 bytes, no
-- control characters.
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

--- The part of a sentence that says what is wrong with an address.
-- @tparam string word from `core.url_fault`
-- @treturn string
function errors.url_fault(word)
  return URL_FAULTS[word] or URL_FAULTS.malformed
end

-- "/tmp/no/ad.mp4": the folder /tmp/no does not exist.
local function missing_folder(path)
  local folder = path:match "^(.*)/[^/]*$" or "."
  return ("the folder %s does not exist; create it"):format(
    folder == "" and "/" or folder)
end

local function file_error(failure, path, is_read)
  local text = FILE_TEXTS[failure.errno] or failure.system or "failed"
  local joint = (failure.errno == "EFBIG" or not FILE_TEXTS[failure.errno])
    and ": " or " "
  if failure.errno == "ENOENT" and path and not is_read then
    joint, text = ": ", missing_folder(path)
  end
  return errors.new {
    kind = "io", reason = FILE_REASONS[failure.errno] or "file",
    message = (path or "the file") .. joint .. text,
  }
end

local function failure_error(failure, path, is_read)
  local class = failure.class
  if class == "file" then
    return file_error(failure, path, is_read)
  elseif class == "changed" then
    return errors.new {
      kind = "io", reason = "changed",
      message = (path or failure.path or "the file") ..
        " changed while it was uploaded",
    }
  elseif class == "not_whole" then
    local verdict = VERDICTS[failure.verdict] or VERDICTS.foreign
    return errors.new {
      kind = "protocol", reason = verdict[1], message = verdict[2],
    }
  elseif class == "url" then
    return errors.new {
      kind = "protocol", reason = "url",
      message = "the address " .. errors.url_fault(failure.verdict),
    }
  end
  local meaning = FAILURES[class] or FAILURES.broken
  local message = meaning[2]
  if class == "proxy" and failure.status then
    message = ("the proxy refused the connection with HTTP %d; check the " ..
      "proxy variables of the environment"):format(failure.status)
  elseif failure.detail then
    message = ("%s (%s)"):format(message, errors.quoted(failure.detail))
  end
  return errors.new {
    kind = meaning[1], reason = class, message = message,
    }
end

--- The error that a failure of the core means.
-- @tparam table failure from `request:result()`, for example
-- @tparam ?string path of the file that the failure is about
-- @tparam ?boolean is_read true: the file was to be read, not written
-- @treturn table error
function errors.from_failure(failure, path, is_read)
  local err = failure_error(failure, path, is_read)
  err.outcome = failure.sent and "unknown" or "not_sent"
  err.http_status = failure.class ~= "proxy" and failure.status or nil
  return err
end

-- {=== the sentence

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

-- Without a project, resuming is the same as trying again. A job that has ended
-- cannot be resumed.
local function can_resume(err)
  local resume = err.resume
  return type(resume) == "table" and (resume.project_id or resume.sent) and
    err.kind ~= "render_failed" and err.kind ~= "deleted"
end

-- What to do next, for errors whose kind does not say enough.
local function special_advice(err)
  if err.reason == "exists" or err.reason == "damaged" or err.kept then
    return "" -- the message says it
  elseif err.reason == "too_large" and err.phase == "download" then
    return "raise max_bytes, if files may be so large"
  elseif err.reason == "timeout" and err.phase == "create_product" then
    return "raise product_timeout, or try again"
  elseif err.kind == "http" and err.http_status and err.http_status < 400 then
    return "check base_url"
  elseif err.reason == "proxy" then
    return "correct the proxy"
  elseif err.reason == "certificate" then
    return "check the certificates: ca_file, ca_path or JOGG_CA_FILE name " ..
      "others (verification cannot be switched off)"
  elseif err.phase == "download" and err.kind == "not_found" then
    return "try again"
  elseif err.kind == "not_found" and err.phase == "create_product" then
    return "check base_url"
  elseif err.kind == "rate_limit" and err.retry_after then
    return ("try again in %g s"):format(err.retry_after)
  end
end

local function advice(err)
  if err.advice then
    return err.advice
  end
  local text = special_advice(err) or errors.KINDS[err.kind]
  if not can_resume(err) then
    return text
  end
  local resume = err.resume
  if err.outcome == "unknown" and not resume.rendered and
    (resume.render_sent or resume.sent) then
    return RESUME .. ": it finds out what happened before it pays"
  end
  local resuming, n = (text or ""):gsub("try again", RESUME)
  if n == 0 then
    resuming = (text ~= "" and text and text .. "; then " or "then ") .. RESUME
  end
  return resuming
end

function Error.__tostring(err)
  local where = err.phase and err.phase .. ": " or ""
  local tail = advice(err)
  if err.hint then
    tail = (tail and tail ~= "" and tail .. "; " or "") .. err.hint
  end
  return where .. tostring(err.message) .. facts(err) ..
    (tail and tail ~= "" and "; " .. tail or "")
end

function Error.__concat(left, right)
  return tostring(left) .. tostring(right)
end

-- ===}

return errors
