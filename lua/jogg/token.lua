-- SPDX-License-Identifier: MIT

--- The resume token: what a job needs to go on after a failure, or after the
-- death of its process.
--
-- A small table of texts, numbers and booleans, fit to be stored as JSON. It
-- is always true, because each step is written into it before it is taken.
-- @module jogg.token

local options = require "jogg.options"
local pipelines = require "jogg.pipeline"

local VERSION = 1

local token = {}

--- A copy that shares nothing.
-- @param value
-- @return the copy
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

-- What may be said anew whenever a job is resumed. What shapes the video may,
-- as long as the render was not sent.
local RESUMABLE = {
  resume = true, output = true, overwrite = true, timeout = true, poll = true,
  on_progress = true,
}

local TOKEN = {
  version = { kind = "integer", required = true, minimum = VERSION,
    maximum = VERSION },
  generation = { kind = "text", required = true },
  url = { kind = "url" },
  product_id = { kind = "id" },
  project_id = { kind = "text", filled = true, maximum = 4096 },
  updated = { kind = "boolean" },
  render_sent = { kind = "boolean" }, -- the answer was not seen yet
  rendered = { kind = "boolean" },    -- it certainly was accepted
  output = { kind = "text", filled = true },
  overwrite = { kind = "boolean" },
  phase = { kind = "text" },
}

local known = {} -- generation's operations → fields

local function token_fields(list)
  local fields = known[list]
  if fields then
    return fields
  end
  fields = {
    product = { kind = "fields", fields = list.product },
    video = { kind = "fields", fields = list.video },
  }
  for name, field in pairs(TOKEN) do
    fields[name] = field
  end
  known[list] = fields
  return fields
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

-- What is given beside a token: the same again, or something new where that
-- is still possible.
local function take_anew(pipeline, kept, checked, level)
  local sent = kept.render_sent or kept.rendered
  kept.video = kept.video or {}
  for name, value in pairs(checked) do
    local shapes = pipeline.operations.video[name]
    local old = kept[name]
    if shapes then
      old = kept.video[name]
    end
    if not RESUMABLE[name] and not is_same(value, old) then
      if sent or name == "url" then
        error(("make_video: %s cannot be changed when a job is resumed%s")
          :format(name, name == "url" and "" or " after its render was sent"),
          level)
      elseif shapes then
        kept.video[name] = value
      else
        kept.product, kept.updated = value, nil
      end
    end
  end
end

-- All that will be sent must be fit to be sent, before anything is.
local function check_sizes(pipeline, kept, level)
  local list = pipeline.operations
  if kept.product then
    pipelines.encode(list.update_product, kept.product, "make_video.product",
      level + 1)
  end
  if next(kept.video) then
    pipelines.encode(list.render_project, kept.video, "make_video", level + 1)
  end
end

--- Checks the token of a job that is to go on, and what is given beside it.
-- @tparam Pipeline pipeline of the client
-- @tparam table checked the options of make_video, `resume` among them
-- @tparam integer level as for `error`
-- @treturn table a token
function token.read(pipeline, checked, level)
  local kept = options.check(token_fields(pipeline.operations), checked.resume,
    "make_video.resume", level + 1)
  if kept.generation ~= pipeline.settings.generation then
    error("make_video.resume is of another generation: " .. kept.generation,
      level)
  end
  if not kept.url and not kept.project_id then
    error("make_video.resume says neither url nor project_id", level)
  end
  if not kept.project_id and (kept.product_id or kept.render_sent or
    kept.rendered) then -- to begin anew would be to pay again
    error("make_video.resume is damaged: it has lost its project_id", level)
  end
  if kept.project_id and pipeline.active[kept.project_id] then
    error("make_video.resume: this job is running already", level)
  end
  take_anew(pipeline, kept, checked, level + 1)
  if checked.output then
    kept.output, kept.overwrite = checked.output, nil
  end
  if checked.overwrite ~= nil then
    kept.overwrite = checked.overwrite
  end
  check_sizes(pipeline, kept, level + 1)
  return kept
end

--- The token of a job that begins.
-- @tparam Pipeline pipeline of the client
-- @tparam table checked the options of make_video
-- @tparam integer level as for `error`
-- @treturn table
function token.new(pipeline, checked, level)
  if not checked.url then
    error("make_video: url is missing", level)
  end
  local video = {}
  for name in pairs(pipeline.operations.video) do
    video[name] = checked[name]
  end
  local made = {
    version = VERSION, generation = pipeline.settings.generation,
    url = checked.url, product = checked.product, video = video,
    output = checked.output, overwrite = checked.overwrite,
  }
  check_sizes(pipeline, made, level + 1)
  return made
end

return token
