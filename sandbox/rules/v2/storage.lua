-- SPDX-License-Identifier: MIT
--
-- The storage: a second origin. It takes signed uploads, and serves them, the
-- files of jobs and those of the catalog. It knows no keys, and refuses
-- requests that carry one. Refusals are XML, as with storage services.

local host = require "host"
local answers = require "answers"
local faults = require "faults"
local files = require "files"
local log = require "log"
local store = require "store"
local catalog_media = require "v2.catalog_media"
local jobs = require "v2.jobs"
local uploads = require "v2.uploads"

local storage = {}

local pending, last_ticket = {}, 0   -- ticket -> {upload, entry, fault}

local XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
  .. "<Error><Code>%s</Code><Message>%s</Message></Error>\n"

local function refuse(status, code, message)
  return {
    status = status, body = XML:format(code, message),
    headers = { ["Content-Type"] = "application/xml" },
  }
end

local function conclude(entry, fault, answer)
  if entry then
    entry.fault = fault and fault.what
    log.conclude(entry, answer)
  end
  return answer
end

local function with_key(request)
  return request.headers["x-api-key"] and refuse(400, "InvalidRequest",
    "an API key has no business here")
end

local function find(path)
  local id, name = path:match "^/assets/(%x+)/([%w._-]+)$"
  local upload = id and uploads.find(id)
  return upload and upload.name == name and upload or nil
end

-- {======================================================================
-- Uploads
-- =======================================================================

-- What speaks against an upload before its body comes.
local function objection(request, upload)
  local refusal = with_key(request)
  if refusal then return refusal end
  if not upload then return refuse(404, "NoSuchKey", "there is no such key") end
  local ok, why = uploads.is_signed(upload, request.query)
  if not ok then return refuse(403, "AccessDenied", why) end
  if request.headers["content-type"] ~= upload.content_type then
    return refuse(403, "SignatureDoesNotMatch",
      "the Content-Type is not the one that was signed")
  end
  local length = tonumber(request.headers["content-length"])
  if length and length > upload.limit then
    return refuse(413, "EntityTooLarge", "the file is too large")
  end
end

local function begin(upload, entry, fault)
  local folder, why = store.work_folder()
  if not folder then return refuse(500, "InternalError", why) end
  last_ticket = last_ticket + 1
  pending[last_ticket] = {
    upload = upload, entry = entry, fault = fault, folder = folder,
  }
  return {
    ticket = last_ticket, path = folder .. "/body", limit = upload.limit,
    reset_at = fault and fault.what == "reset_during"
      and math.tointeger(fault.value) or nil,
  }
end

local function put(request)
  local upload = find(request.path)
  local entry = log.begin(request, "storage")
  local fault = faults.strike "storage"
  local refusal = objection(request, upload)
  if not refusal then
    local admission = begin(upload, entry, fault)
    if admission.ticket then return admission end
    refusal = admission
  end
  return conclude(entry, fault, faults.apply(fault, function()
    return refusal
  end))
end

local function keep(upload, body)
  if body.length > upload.limit then
    return refuse(413, "EntityTooLarge", "the file is too large")
  elseif body.broken then
    return refuse(500, "InternalError", "it cannot be written")
  end
  local ok, why = files.take(upload.id, upload.name, body.path)
  if ok then ok, why = uploads.came(upload, body.length) end
  if not ok then return refuse(500, "InternalError", why) end
  return { status = 200, body = "", headers = {} }
end

local function forget(ticket)
  local waiting = pending[ticket]
  pending[ticket] = nil
  if waiting then host.remove_folder(waiting.folder) end
  return waiting
end

--- Answers a PUT whose body is there.
function storage.receive(request)
  local waiting = pending[request.ticket]
  local entry, body = waiting.entry, request.upload
  entry.bytes = body.length
  local answer = faults.apply(waiting.fault, function()
    local kept = keep(waiting.upload, body)
    if kept.status == 200 then entry.effect = "stored " .. waiting.upload.id end
    return kept
  end)
  forget(request.ticket)
  return conclude(entry, waiting.fault, answer)
end

--- Drops an upload whose body did not arrive whole.
function storage.abandon(ticket)
  local waiting = forget(ticket)
  if waiting then
    waiting.entry.status = 0
    waiting.entry.fault = waiting.fault and waiting.fault.what
  end
end

-- }======================================================================

-- {======================================================================
-- Files
-- =======================================================================

local function asset(request)
  local upload = find(request.path)
  if not upload or not upload.size then
    return refuse(404, "NoSuchKey", "there is no such key")
  end
  return answers.file(files.path(upload.id, upload.name), upload.content_type)
end

local function file(request)
  local path = request.path
  if path:find "^/assets/" then return asset(request) end
  if path:find "^/catalog/" then return catalog_media.answer(request) end
  if files.is_hidden(request) then return answers.not_found() end
  return files.answer(request, jobs.get)
end

local function get(request)
  local path = request.path
  local endpoint = path:find "^/assets/" and "asset"
    or path:find "^/files/.*%.mp4$" and "video"
  -- pictures are not worth a line, unless a key came along
  local entry = (endpoint or request.headers["x-api-key"])
    and log.begin(request, endpoint or "none")
  local fault = endpoint and faults.strike(endpoint)
  return conclude(entry, fault, faults.apply(fault, function()
    return with_key(request) or file(request)
  end))
end

-- }======================================================================

--- Answers a request, or says where the body of an upload is to go.
function storage.admit(request)
  if request.method == "PUT" then return put(request) end
  if request.method == "GET" or request.method == "HEAD" then
    return get(request)
  end
  return answers.wrong_method "GET, HEAD, PUT"
end

return storage
