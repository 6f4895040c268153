-- SPDX-License-Identifier: MIT

--- Local files where the service takes a URL: each is uploaded first.
--
-- The service signs an address, and the bytes go there without the API key. From
-- then on the file has a URL at the service. A value is a local file only if the
-- caller said so: see `local_file` in jogg.check. Runs inside a task.
-- @submodule jogg.client

local core = require "jogg.core"
local call = require "jogg.call"
local envelope = require "jogg.envelope"
local errors = require "jogg.error"
local retry = require "jogg.retry"
local tasks = require "jogg.tasks"
local tokens = require "jogg.token"

local upload = {}

local TICK = 0.25 -- s between progress reports
local TRIES = 4   -- each with a fresh signature
local OPERATION = {} -- for envelope.error: nothing special

-- The type that the file's name stands for. Returns the kind of media and its
-- MIME type; nil and an error.
local function type_of(client, path, media)
  local extension = (path:match "%.([%w]+)$" or ""):lower()
  local kinds = media == "media" and { "image", "video" } or { media }
  if media == nil then
    kinds = { "image", "video", "audio" }
  end
  local known = {}
  for _, kind in ipairs(kinds) do
    for name, mime in pairs(client.api.uploads[kind].types) do
      if name == extension then
        return kind, mime
      end
      known[#known + 1] = name
    end
  end
  table.sort(known)
  return nil, errors.parameter(("%s is no file that the service takes here: " ..
    "the name must end in one of .%s"):format(path, table.concat(known, " .")))
end

-- Opens the file. Returns the core's source and its bytes; nil and an error.
local function open(client, path, kind)
  local source = client.core:source { path = path }
  local request = source:open()
  local ok, err = client.scheduler:await(request)
  local size
  if ok then
    ok, size = request:result()
    err = not ok and errors.from_failure(size, path, true) or nil
  end
  local limit = client.api.uploads[kind].bytes
  if ok and size == 0 then
    ok, err = nil, errors.parameter(path .. " is empty")
  elseif ok and size > limit then
    ok, err = nil, errors.parameter(("%s has %d bytes; the service takes at " ..
      "most %d of %s"):format(path, size, limit, kind == "audio" and
        "an audio file" or kind == "image" and "an image" or "a video"))
  end
  if not ok then
    source:close()
    err.outcome = "not_sent"
    return nil, err
  end
  return source, size
end

local function origin_of(url)
  return url:match "^%a+://[^/?#]*":lower()
end

-- Sends the bytes to a signed address. Returns true; nil and an error.
local function send(client, source, path, address, mime, job, on_bytes)
  local ok, err = client.scheduler:check()
  if not ok then
    return nil, err
  end
  if origin_of(address) == client.service then
    return nil, errors.new {
      kind = "protocol", reason = "url", retryable = false,
      message = "the signed address leads to the API itself",
    }
  end
  local settings = client.settings
  local request = client.core:start {
    method = "PUT", url = address, source = source, content_type = mime,
    public = true, beside = tasks.is_beside(),
    connect_timeout = settings.connect_timeout,
    stall_timeout = settings.stall_timeout,
    timeout = job and math.max(0.001, job.deadline - core.now()),
  }
  ok, err = client.scheduler:await(request, on_bytes and TICK, function(sending)
    on_bytes(sending:progress())
  end)
  if not ok then
    return nil, err
  end
  local status, body, why = request:result()
  if not status then
    return nil, errors.from_failure(body, path, true)
  elseif status >= 200 and status < 300 then
    return true
  end
  err = envelope.error(OPERATION, status, nil, why, request:headers())
  err.message = ("the upload was refused with HTTP %d"):format(status)
  return nil, err
end

-- May a fresh signature help?
local function is_passing(err)
  return err.retryable or err.http_status == 403 or err.http_status == 400
end

-- Uploads a file. Returns its URL at the service; nil and an error.
local function run(client, path, media, job, on_bytes)
  local kind, mime = type_of(client, path, media)
  if not kind then
    return nil, mime
  end
  local source, size = open(client, path, kind)
  if not source then
    return nil, size
  end
  local operation = client.api.operations.sign_upload
  local url, err
  for try = 1, TRIES do
    local signed
    signed, err = call.run(client, operation, {
      filename = path:match "[^/]*$", content_type = mime,
      file_size = size,
    }, job)
    local ok = nil
    if signed then
      if type(signed.sign_url) ~= "string" or
        type(signed.asset_url) ~= "string" or core.url_fault(signed.sign_url) or
        core.url_fault(signed.asset_url) then
        err = errors.new { kind = "protocol", outcome = "accepted",
          message = "the answer has no usable sign_url and asset_url",
          retryable = false }
        break
      end
      ok, err = send(client, source, path, signed.sign_url, mime, job, on_bytes)
    end
    if ok then
      url = signed.asset_url
      break
    elseif not signed or err.kind == "cancelled" or not is_passing(err) or
      try == TRIES then
      break
    end
    local seconds = retry.delay(try, err, math.random)
    if job and core.now() + seconds >= job.deadline then
      break
    end
    ok, err = client.scheduler:sleep(seconds)
    if not ok then
      break
    end
  end
  source:close()
  return url, err
end

-- The URL of a file of a job: the same file is uploaded once.
local function url_of(job, path, media)
  local token = job.token
  token.uploads = token.uploads or {}
  if token.uploads[path] then
    return token.uploads[path]
  end
  local ok, err = job:enter "upload"
  if not ok then
    return nil, err
  end
  local url
  url, err = run(job.client, path, media, job, job.on_progress and
    function(...) job:tell_bytes(...) end)
  token.uploads[path] = url
  return url, err
end

-- The fields of a list: the same for each item.
local function items_of(item, n)
  local fields = {}
  for i = 1, n do
    fields[i] = item
  end
  return fields
end

-- May a value of these fields be a local file?
function upload.is_possible(fields)
  for _, field in pairs(fields) do
    local inner = field.fields or field.item and { field.item }
    if field.uploads or inner and upload.is_possible(inner) then
      return true
    end
  end
  return false
end

-- A copy of checked values with `replace(path, media)` in the place of each file.
-- Returns it; nil and an error.
local function walk(fields, values, replace)
  local copy = {}
  for name, value in pairs(values or {}) do
    local field = fields[name] or {}
    local new, err
    if type(value) == "table" and value.file and field.uploads then
      new, err = replace(value.file, field.uploads)
    elseif type(value) == "table" and field.kind == "fields" then
      new, err = walk(field.fields, value, replace)
    elseif type(value) == "table" and field.kind == "list" then
      new, err = walk(items_of(field.item, #value), value, replace)
    else
      new = tokens.copy(value)
    end
    if new == nil then
      return nil, err
    end
    copy[name] = new
  end
  return copy
end

-- Uploads the local files among checked values. Returns a copy with their URLs in
-- place of the files; nil and an error.
function upload.replace(job, fields, values)
  local copy, err = walk(fields, values, function(path, media)
    local url, fault = url_of(job, path, media)
    return url, fault
  end)
  return copy, err
end

-- Can the service take all files that were not uploaded yet? Sends nothing.
-- Returns true; nil and an error.
function upload.check(job, fields, values)
  local client, uploads = job.client, job.token.uploads or {}
  local copy, err = walk(fields, values, function(path, media)
    if uploads[path] then
      return true
    end
    local kind, fault = type_of(client, path, media)
    local source
    if kind then
      source, fault = open(client, path, kind)
    end
    if not source then
      return nil, fault
    end
    source:close()
    return true
  end)
  return copy ~= nil or nil, err
end

-- Calls an operation, with URLs in the place of local files.
function upload.call(client, operation, fields)
  local job = {
    client = client, token = {}, deadline = math.huge,
    enter = function() return true end, tell_wait = function() end,
  }
  local body
  local ok, err = upload.check(job, operation.fields, fields)
  if ok then
    body, err = upload.replace(job, operation.fields, fields)
  end
  if not body then
    return nil, err
  end
  return call.run(client, operation, body)
end

--- Uploads a local file (`v2` only): `POST /v2/upload/asset`, then a PUT to the
-- signed address that the service returned. The API key is not sent to that
-- address.
--
-- The name's ending says what the file is: an image (`.jpg .jpeg .png .webp
-- .gif`, at most 10 MiB), a video (`.mp4 .webm .mov`, 100 MiB) or an audio file
-- (`.mp3 .wav .m4a`, 20 MiB). Page:
-- <https://docs.jogg.ai/api-reference/v2/Asset/UploadAsset>
-- @function Client:upload
-- @tparam table given `file`, the path; `on_progress(p)` with `p.bytes` and
-- `p.percent`
-- @treturn[1] table `url`, the file's address at the service; `asset_url` is
-- the same
-- @treturn[2] nil
-- @treturn[2] table error: of kind `parameter` for a wrong ending or a file
-- that is too large, of kind `io` for a file that cannot be read
-- @raise on misuse, at the caller's line
-- @usage local image = assert(client:upload { file = "lamp.jpg" })
function upload.run(client, options)
  local on_progress = options.on_progress
  local url, err = run(client, options.file.file, nil, nil, on_progress and
    function(bytes, whole)
      tasks.tell(on_progress, { phase = "upload", bytes = bytes,
        percent = whole and whole > 0 and math.floor(100 * bytes / whole) })
    end)
  if not url then
    err.phase = err.phase or "upload"
    return nil, err
  end
  return { asset_url = url, url = url }
end

return upload
