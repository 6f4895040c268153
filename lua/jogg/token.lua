-- SPDX-License-Identifier: MIT

-- The resume token: everything that a job needs to go on after a failure, or
-- after its process was killed.
--
-- A small table of strings, numbers, booleans and tables of them, fit to be
-- stored as JSON. Each step is noted in the token before the step is taken, so
-- that the token never says less than what was done.

local check = require "jogg.check"
local core = require "jogg.core"
local errors = require "jogg.error"

local VERSION = 1

local token = {}

-- A copy that shares nothing.
function token.copy(value)
  if type(value) ~= "table" then
    return value
  end
  local twin = {}
  for key, item in pairs(value) do
    twin[key] = token.copy(item)
  end
  return twin
end

-- Puts `more` into a table, field by field; a list replaces what was there.
-- Nothing is shared afterwards. Returns the table.
function token.merge(into, more)
  for name, value in pairs(more or {}) do
    local old = into[name]
    if type(old) == "table" and type(value) == "table" and old[1] == nil and
      value[1] == nil then
      token.merge(old, value)
    else
      into[name] = token.copy(value)
    end
  end
  return into
end

-- Options that belong to one run, not to the job.
local OF_RUN = {
  resume = true, job_file = true, timeout = true, download_timeout = true,
  poll = true, on_progress = true, webhook = true, preview = true,
  output = true, cover_output = true, subtitle_output = true, overwrite = true,
}

local FILE = { kind = "string", filled = true }

local TOKEN = {
  version = { kind = "integer", required = true, minimum = VERSION,
    maximum = VERSION },
  generation = { kind = "string", required = true },
  kind = { kind = "string" },          -- the method; nil: make_video
  id = { kind = "string" },            -- of the job, the same in all copies
  url = { kind = "url" },
  product_id = { kind = "id" },
  project_id = { kind = "string", filled = true, maximum = 4096 },
  video = { kind = "object" },         -- how the result is to be
  extra = { kind = "object" },         -- further fields of the service
  updated = { kind = "boolean" },      -- the product was changed
  render_sent = { kind = "boolean" },  -- open: the answer was not seen yet
  rendered = { kind = "boolean" },     -- it certainly was accepted
  sent = { kind = "string" },          -- v2: the call that costs whose answer
                                       -- was not seen yet
  attempt = { kind = "integer" },      -- how often a call that costs was sent
  attempt_name = { kind = "string" },  -- v2: the unique name sent with it
  resolved = { kind = "segment" },     -- v2: what the caller found out
  previews = { kind = "table" },
  preview_id = { kind = "string" },
  uploads = { kind = "table" },        -- local file → its URL at the service
  output = FILE, cover_output = FILE, subtitle_output = FILE,
  overwrite = { kind = "boolean" },
  phase = { kind = "string" },
  keys = { kind = "table" },           -- file → key of its temporary name
  fetched = { kind = "table" },        -- file → bytes, once it came whole
  result = { kind = "table" },         -- of a job that is done
}

local known = setmetatable({}, { __mode = "k" }) -- kind → fields

local function token_fields(kind)
  if not known[kind] then
    local fields = { product = kind.options and kind.options.product }
    for name, field in pairs(TOKEN) do
      fields[name] = field
    end
    known[kind] = fields
  end
  return known[kind]
end

local function is_same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key, value in pairs(a) do
    if not is_same(value, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

-- Takes what is given beside a token: the same again, or something new where
-- that is still possible. Returns true; or nil and an error.
local function take_given(kind, kept, given)
  local is_sent = kept.render_sent or kept.rendered or kept.sent
  for name, value in pairs(given) do
    local target = kind.video[name] and kept.video or kept
    local changes = not OF_RUN[name] and not is_same(value, target[name])
    if changes and (name == "url" or name == "project_id") then
      return nil, errors.parameter(("%s: %s cannot be changed when a job is " ..
        "resumed; to make another video, start another job, with another " ..
        "job_file if it has one"):format(kind.name, name))
    elseif changes and is_sent then
      return nil, errors.parameter(("%s: %s cannot be changed when a job is " ..
        "resumed after its render was sent"):format(kind.name, name))
    elseif changes then
      target[name] = value
      kept.attempt_name = nil -- it begins with the caller's own
      if name == "product" then
        kept.updated = nil
      end
    end
  end
  if given.output then
    kept.overwrite = nil
  end
  for _, name in ipairs { "output", "cover_output", "subtitle_output",
    "overwrite" } do
    if given[name] ~= nil then
      kept[name] = given[name]
    end
  end
  return true
end

-- Checks before the first request that every body is small enough to be sent.
-- Returns the token; or nil and an error.
local function check_sizes(api, kind, kept)
  for name, fields in pairs { product = kept.product, video = kept.video } do
    local text, length = core.encode(fields, api.lists)
    if not text then
      return nil, errors.parameter(("%s%s is too large: %d bytes as " ..
        "JSON, at most %d are sent"):format(kind.name,
          name == "product" and ".product" or "", length, core.body_maximum))
    end
  end
  return kept
end

-- Is this neither an id nor "not_created"? As an id it would never be found.
local function is_unclear(resolved)
  return type(resolved) == "string" and resolved ~= "not_created" and
    (resolved:find "%s" or resolved:find "^%.*$" or
      resolved:lower():gsub("%A", "") == "notcreated")
end

-- Does a table have values of one type only?
local function has_values(values, expected, pattern)
  for _, value in pairs(type(values) == "table" and values or {}) do
    if type(value) ~= expected or pattern and not value:find(pattern) then
      return false
    end
  end
  return true
end

-- Is this what a token says of the call that was sent?
local function is_call(api, stored)
  local operation = api.operations[stored.sent]
  return operation and operation.costs and (stored.attempt_name or
    not (operation.attempt_name and operation.state_list))
end

-- What makes a token useless, or nil.
local function fault_of(api, kind, stored)
  if is_unclear(stored.resolved) then
    return '.resolved must be an id or "not_created"'
  elseif not has_values(stored.keys, "string", "^%w%w%w%w%w%w$") or
    not has_values(stored.fetched, "number") or
    not has_values(stored.uploads, "string") then
    return " is damaged: it names files that jogg did not write"
  elseif stored.sent ~= nil and not is_call(api, stored) then
    return " is damaged: it does not say which call was sent"
  elseif stored.resolved ~= nil and stored.resolved ~= "not_created" and
    not stored.sent and not stored.project_id then
    return '.resolved: no call was sent whose outcome is unknown'
  end
  if stored.generation ~= nil and stored.generation ~= api.generation then
    return (" is of another generation of the service; use a client with " ..
      "generation = %q"):format(errors.quoted(tostring(stored.generation)))
  elseif (stored.kind or "make_video") ~= kind.name then
    return " belongs to another method: " ..
      errors.quoted(tostring(stored.kind or "make_video"))
  elseif not stored.project_id and (stored.rendered or stored.render_sent or
    api.generation == "open" and stored.product_id) then
    return " is damaged: it has lost its project_id" -- anew would be paid anew
  end
end

-- Checks the token of a job that is to go on, and what is given beside it.
-- Returns a token; or nil and an error of kind `parameter`. `path` is how
-- messages call the token.
function token.read(api, kind, stored, given, path)
  local fault = fault_of(api, kind, stored)
  if fault then
    return nil, errors.parameter(path .. fault)
  end
  local kept, err = check.as_data(check.fields, token_fields(kind), stored,
    path, 1)
  if not kept then
    return nil, err
  end
  kept = token.copy(kept) -- the job changes it
  kept.video, kept.id = kept.video or {}, kept.id or core.random_digits()
  local ok, missing = true, nil
  if not (kept.rendered or kept.render_sent or kept.sent) then
    kept.video, err = check.as_data(check.fields, kind.video, kept.video,
      path .. ".video", 1)
    ok = kept.video
  end
  if ok then
    ok, err = take_given(kind, kept, given)
  end
  if not ok then
    return nil, err
  end
  if not kept.project_id and not kept.product_id and not kept.sent then
    local options = token.copy(kept.video)
    options.url, options.product = kept.url, kept.product
    options.preview = given.preview
    missing = kind.check(options)
  end
  if missing then
    return nil, errors.parameter(("%s says neither %s nor project_id"):format(
      path, missing))
  end
  return check_sizes(api, kind, kept)
end

-- What two tokens of one job may know differently.
local KNOWLEDGE = {
  "attempt", "attempt_name", "sent", "resolved", "product_id", "project_id",
  "updated", "render_sent", "rendered", "previews", "preview_id",
}

-- Brings together the token of a job file and the one that the caller resumes
-- with, which may know more: the file could not be written, or the caller found
-- out what became of a call. Returns the first one; or nil and an error.
function token.combine(stored, given, path)
  if stored.id ~= given.id or given.project_id and stored.project_id and
    given.project_id ~= stored.project_id then
    return nil, errors.parameter(path .. " belongs to another job than resume")
  end
  local attempt, other = stored.attempt or 0, given.attempt or 0
  if other > attempt or other == attempt and given.project_id and
    not stored.project_id then
    for _, name in ipairs(KNOWLEDGE) do
      stored[name] = given[name]
    end
  elseif other == attempt then
    stored.resolved = given.resolved
  end
  return stored
end

-- The token of a job that begins. Returns it; or nil and an error.
function token.new(api, kind, given)
  local video = {}
  for name in pairs(kind.video) do
    video[name] = given[name]
  end
  local is_elsewhere = given.project_id and true
  return check_sizes(api, kind, {
    version = VERSION, generation = api.generation, id = core.random_digits(),
    kind = kind.name ~= "make_video" and kind.name or nil,
    url = given.url, product = given.product, video = video,
    extra = given.extra, project_id = given.project_id,
    render_sent = is_elsewhere, rendered = is_elsewhere,
    output = given.output, cover_output = given.cover_output,
    subtitle_output = given.subtitle_output, overwrite = given.overwrite,
  })
end

return token
