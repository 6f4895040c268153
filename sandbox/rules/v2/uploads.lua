-- SPDX-License-Identifier: MIT
--
-- Signed uploads: the call that signs an address, and their records. The bytes
-- are storage.lua's business.

local config = require "config"
local fields = require "fields"
local host = require "host"
local store = require "store"

local uploads = {}

local FOLDER = "v2/assets/"
local MB = 1024 * 1024

-- type -> bytes at most
local LIMITS = {
  ["image/jpeg"] = 10 * MB, ["image/jpg"] = 10 * MB, ["image/png"] = 10 * MB,
  ["image/webp"] = 10 * MB, ["image/gif"] = 10 * MB,
  ["video/mp4"] = 100 * MB, ["video/webm"] = 100 * MB,
  ["video/quicktime"] = 100 * MB,
  ["audio/mpeg"] = 20 * MB, ["audio/mp3"] = 20 * MB, ["audio/wav"] = 20 * MB,
  ["audio/x-wav"] = 20 * MB, ["audio/wave"] = 20 * MB,
  ["audio/mp4"] = 20 * MB, ["audio/m4a"] = 20 * MB, ["audio/x-m4a"] = 20 * MB,
}

local text = { type = "string", required = true }

local RECORD = {
  id = text, owner = text, name = text, content_type = text,
  limit = { type = "integer", required = true },
  size = { type = "integer" },
}

local by_id = {}
local secret = host.random(32)       -- signs the addresses of this run

--- What may be put at an id, and was.
function uploads.find(id)
  return by_id[id]
end

--- Takes down that an upload came whole.
function uploads.came(upload, size)
  upload.size = size
  return store.write(FOLDER .. upload.id, upload)
end

--- The path of an upload below the address of the storage.
function uploads.path(upload)
  return ("/assets/%s/%s"):format(upload.id, upload.name)
end

-- {======================================================================
-- Signing
-- =======================================================================

local function sign(upload, expires)
  return host.hmac(secret, table.concat({ "PUT", uploads.path(upload),
    upload.content_type, expires }, "\n"))
end

--- Whether an address was signed for an upload, and still holds.
-- @tparam table upload
-- @tparam table query of the address: expires, signature
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] string why not
function uploads.is_signed(upload, query)
  local expires = query.expires or ""
  if query.signature ~= sign(upload, expires) then
    return nil, "the signature is wrong"
  elseif host.monotonic() > (tonumber(expires) or 0) then
    return nil, "the address has expired"
  end
  return true
end

-- A name that can stand in a path and in a folder as it is.
local function plain_name(name)
  name = name:gsub("^.*[/\\]", ""):gsub("[^%w._-]", "_"):gsub("^%.+", "")
  return name ~= "" and name:sub(-100) or "file"
end

-- Without parameters such as a charset.
local function limit_of(content_type)
  return LIMITS[content_type:lower():match "^%s*([^%s;]+)"]
end

local calls = {}
uploads.calls = calls

--- POST /v2/upload/asset
function calls.upload_asset(account, body)
  local limit = limit_of(body.content_type)
  if not limit then
    return false, 40000, "parameter error: content_type is not supported"
  elseif body.file_size and body.file_size > limit then
    return false, 40000, ("parameter error: file_size is more than %d MB")
      :format(limit // MB)
  end
  local upload = {
    id = host.random(16), owner = account.id, limit = limit,
    name = plain_name(body.filename), content_type = body.content_type,
  }
  local ok, why = store.write(FOLDER .. upload.id, upload)
  if not ok then return false, 50000, "system error: " .. why end
  by_id[upload.id] = upload
  local address = config.storage .. uploads.path(upload)
  local expires = ("%.3f"):format(host.monotonic() + config.upload)
  return {
    sign_url = ("%s?expires=%s&signature=%s"):format(address, expires,
      sign(upload, expires)),
    asset_url = address,
  }, "signed " .. upload.id
end

-- }======================================================================

--- All uploads that came, for the web page.
function uploads.all()
  local list = {}
  for _, upload in pairs(by_id) do
    if upload.size then list[#list + 1] = upload end
  end
  table.sort(list, function(a, b) return a.id < b.id end)
  return list
end

--- Reads what an earlier run stored.
function uploads.resume()
  for _, name in ipairs(store.names(FOLDER)) do
    local upload = store.read(FOLDER .. name)
    local wrong = upload and fields.check(RECORD, upload)
      or upload and (upload.id ~= name or upload.name ~= plain_name(upload.name))
      and "id must be as the file's name, and name plain"
    if wrong then
      store.complain(FOLDER .. name, wrong)
    elseif upload then
      by_id[name] = upload
    end
  end
end

return uploads
