-- SPDX-License-Identifier: MIT

--- The jobs of generation v2.
--
-- One request that costs starts a job, and another one asks for its state. The
-- API as data (`jogg.api.v2`) says which these are, and where their answers
-- have what. Only the video of a product has further steps before the request
-- that costs.
-- @submodule jogg.client

local answer = require "jogg.answer"
local call = require "jogg.call"
local errors = require "jogg.error"
local paid = require "jogg.jobs.paid"
local status_words = require "jogg.status_words"
local tasks = require "jogg.tasks"
local tokens = require "jogg.token"
local upload = require "jogg.upload"
local v2 = require "jogg.api.v2"

local operations = v2.operations

-- {=== what the state says

-- A batch has no state of its own. Returns its state, and why it failed.
local function status_of_parts(parts)
  local completed, message = false, nil
  for _, part in ipairs(parts) do
    if part.status == "completed" and not part.url then
      part.status = "processing"
    end
    if not status_words.FINAL[part.status] then
      return "processing"
    end
    completed = completed or part.status == "completed"
    message = message or part.message
  end
  return #parts == 0 and "processing" or completed and "completed" or "failed",
    message
end

-- What an answer or an item of a list says, in our words. What is done needs
-- its file.
local function read(kind, shape, data)
  local info = answer.read(shape, data)
  if info.parts and not info.status then
    info.status, info.message = status_of_parts(info.parts)
  end
  local result = kind.result and info[kind.result]
  if info.status == "completed" and kind.result and
    (not result or type(result) == "table" and #result == 0) then
    info.status = "processing"
  end
  info.video_url, info.raw = info.url, data
  return info
end

-- ===}

-- {=== the simple kinds: the options are the fields of one operation

--- Makes a video of an avatar that speaks a script or an audio file: `POST
-- /v2/create_video_from_avatar`, then polls and fetches the file. It costs
-- credits. Page:
-- <https://docs.jogg.ai/api-reference/v2/Video/CreateVideoFromAvatar>
-- @function Client:make_avatar_video
-- @tparam table given the fields of create_avatar_video (@{jogg.api.v2}); the
-- options of every job: `output`, `cover_output`, `overwrite`, `job_file`,
-- `timeout`, `download_timeout`, `poll`, `on_progress`, `webhook`, `extra`; or
-- `resume`, or `project_id` (the `video_id` of a job that was started
-- elsewhere)
-- @treturn[1] table `url`, `cover_url`, `duration` (seconds), `credit` (what
-- was charged), `status`, `project_id` (the `video_id`), `path` and `bytes` of
-- `output`, `raw` (the service's own answer)
-- @treturn[2] nil
-- @treturn[2] table error. The service has no list of these jobs: after a lost
-- answer `err.outcome` is `unknown`, and the job goes on when
-- `err.resume.resolved` says what became of it
-- @raise on misuse, at the caller's line
-- @usage local video = assert(client:make_avatar_video {
--   avatar = { avatar_id = 81, avatar_type = "public" },
--   voice = { type = "script", script = "Hello!", voice_id = voice_id },
--   aspect_ratio = "9:16", screen_style = 1, output = "hello.mp4" })

--- Makes a video of a template and its variables: `POST
-- /v2/create_video_with_template`, then polls and fetches the file. It costs
-- credits. After a lost answer the job is looked up in `template_videos`. Page:
-- <https://docs.jogg.ai/api-reference/v2/Video/CreateVideoWithTemplate>
-- @function Client:make_template_video
-- @tparam table given the fields of create_template_video (@{jogg.api.v2}), and
-- the options of every job: see @{Client:make_avatar_video}. jogg makes
-- `video_name` unique
-- @treturn[1] table as that of make_avatar_video
-- @treturn[2] nil
-- @treturn[2] table error
-- @raise on misuse, at the caller's line

--- Makes a video whose lips follow an audio file: `POST
-- /v2/create_lip_sync_video`, then polls and fetches the file. It costs
-- credits. Page:
-- <https://docs.jogg.ai/api-reference/v2/Video/CreateLipSyncVideo>
-- @function Client:lip_sync_video
-- @tparam table given the fields of create_lip_sync (@{jogg.api.v2}), and the
-- options of every job: see @{Client:make_avatar_video}
-- @treturn[1] table `url`, `cover_url`, `duration` (seconds), `status`,
-- `project_id` (the `task_id`), `path`, `bytes`, `raw`
-- @treturn[2] nil
-- @treturn[2] table error, as for make_avatar_video
-- @raise on misuse, at the caller's line

--- Translates a video into another language: `POST /v2/video_translate/`, then
-- polls and fetches the file. It costs credits. Page:
-- <https://docs.jogg.ai/api-reference/v2/Video/VideoTranslateCreate>
-- @function Client:translate_video
-- @tparam table given the fields of create_translation (@{jogg.api.v2});
-- `subtitle_output`, the path of the subtitles; and the options of every job:
-- see @{Client:make_avatar_video}
-- @treturn[1] table `url`, `subtitle_url`, `status`, `project_id` (the
-- `video_translate_id`), `path`, `bytes`, `raw`
-- @treturn[2] nil
-- @treturn[2] table error, as for make_avatar_video
-- @raise on misuse, at the caller's line

--- Generates a script: `POST /v2/ai_scripts`, then polls. It costs credits. A
-- script is not a file: leave out `output`. Page:
-- <https://docs.jogg.ai/api-reference/v2/Asset/CreateAIScript>
-- @function Client:make_script
-- @tparam table given the fields of create_script (@{jogg.api.v2}); `job_file`,
-- `timeout`, `poll`, `on_progress`, `webhook`, `extra`; or `resume`, or
-- `project_id` (the `task_id`)
-- @treturn[1] table `parts`, a list with the `title` (the style) and the
-- `paragraphs` (a list of strings, or a string if the service sends one) of
-- each script; `status`, `project_id` (the `task_id`), `raw`
-- @treturn[2] nil
-- @treturn[2] table error, as for make_avatar_video
-- @raise on misuse, at the caller's line

--- Generates photos of an avatar, usually four: `POST
-- /v2/photo_avatar/photo/generate`, then polls and fetches the files. It costs
-- credits. Page:
-- <https://docs.jogg.ai/api-reference/v2/Avatar/PhotoAvatarGenerate>
-- @function Client:make_avatar_photos
-- @tparam table given the fields of create_avatar_photo (@{jogg.api.v2}), and
-- the options of every job: see @{Client:make_avatar_video}. `output` must
-- contain `%d`, which becomes 1, 2, 3, ...
-- @treturn[1] table `urls`, `paths` (lists), `status`, `project_id` (the
-- `photo_id`), `raw`
-- @treturn[2] nil
-- @treturn[2] table error, as for make_avatar_video
-- @raise on misuse, at the caller's line
-- @usage local photos = assert(client:make_avatar_photos {
--   age = "Adult", avatar_style = "Social", gender = "Female",
--   model = "modern", aspect_ratio = "9:16", output = "ann-%d.jpg" })

--- Turns a photo into an avatar: `POST /v2/photo_avatar/add_motion`, then
-- polls. It costs credits. Page:
-- <https://docs.jogg.ai/api-reference/v2/Avatar/PhotoAvatarMotionAdd>
-- @function Client:make_photo_avatar
-- @tparam table given the fields of create_photo_motion (@{jogg.api.v2}), and
-- the options of every job: see @{Client:make_avatar_video}. `output` gets the
-- sample video of the avatar, if the service has one
-- @treturn[1] table `avatar_id` (integer), `url` (of the sample video), `cover_url`, `status`,
-- `project_id` (the `motion_id`), `path`, `bytes`, `raw`
-- @treturn[2] nil
-- @treturn[2] table error, as for make_avatar_video
-- @raise on misuse, at the caller's line

--- Generates pictures of an avatar that holds a product: `POST
-- /v2/product_avatar/generation`, then polls and fetches the files. It costs
-- credits. The vendor's reference has no page for it, only its OpenAPI file.
-- @function Client:make_product_pictures
-- @tparam table given the fields of create_product_avatar_batch
-- (@{jogg.api.v2}), and the options of every job: see
-- @{Client:make_avatar_video}. `output` must contain `%d`, which becomes 1, 2,
-- 3, ...
-- @treturn[1] table `parts`, a list of `id` (the `generation_id`), `status`,
-- `url`, `message`; `paths`, the files of the parts that have a `url`, in
-- order; `status`: `completed` if at least one part is; `project_id` (the
-- `batch_id`), `raw`
-- @treturn[2] nil
-- @treturn[2] table error, as for make_avatar_video
-- @raise on misuse, at the caller's line

--- Turns a product picture into an avatar: `POST
-- /v2/product_avatar/add_motion`, then polls. It costs credits. The vendor's
-- reference has no page for it, only its OpenAPI file.
-- @function Client:make_product_avatar
-- @tparam table given the fields of create_product_motion (@{jogg.api.v2}), and
-- the options of every job: see @{Client:make_avatar_video}. `output` gets the
-- sample video of the avatar, if the service has one
-- @treturn[1] table as that of make_photo_avatar
-- @treturn[2] nil
-- @treturn[2] table error, as for make_avatar_video
-- @raise on misuse, at the caller's line

-- For each method: the operation that starts it, the field that a finished job
-- must have, and what makes its file whole.
local SIMPLE = {
  make_avatar_video = { "create_avatar_video", "url", "mp4" },
  make_template_video = { "create_template_video", "url", "mp4" },
  lip_sync_video = { "create_lip_sync", "url", "mp4" },
  translate_video = { "create_translation", "url", "mp4" },
  make_script = { "create_script" },
  make_avatar_photos = { "create_avatar_photo", "urls", "length" },
  make_photo_avatar = { "create_photo_motion", "avatar_id", "length" },
  make_product_pictures = { "create_product_avatar_batch", "parts", "length" },
  make_product_avatar = { "create_product_motion", "avatar_id", "length" },
}

local function new_kind(name, start, result, whole)
  local operation = operations[start]
  local state = operations[operation.state]
  local kind = {
    name = name, operation = operation.state, result = result, whole = whole,
    FINAL = status_words.FINAL, video = operation.fields,
    options = { webhook = { kind = "table" } },
    outputs = {
      output = whole and true,
      cover_output = state.result.cover_url and true,
      subtitle_output = state.result.subtitle_url and true,
    },
    has_sample = result == "avatar_id", state_list = operation.state_list,
  }
  if result == "urls" or result == "parts" then
    kind.several = operation.credits and operation.credits.each or result
  end

  function kind.note_sent(token, call_name)
    token.sent = call_name
  end

  function kind.fields(token)
    return { [state.argument] = token.project_id }
  end

  function kind.read(data)
    return read(kind, state.result, data)
  end

  function kind.read_item(item)
    return read(kind, operations[operation.state_list].list.item, item)
  end

  return kind
end

-- Starts a job whose body is `fields`, unless it was started.
local function start_once(job, name, fields)
  local token = job.token
  local body, err = upload.replace(job, operations[name].fields, fields)
  local ok
  if body then
    ok, err = paid.run(job, name, body, function(list)
      token.project_id, token.sent, token.rendered = list[1].id, nil, true
    end)
  end
  if not ok then
    return nil, err
  end
  return job:claim(true)
end

-- ===}

-- {=== the video of a product

-- Creates the product, from a page or from data.
local function create_product(job)
  local token = job.token
  local fields, err = { url = token.url }, nil
  if not token.url then
    fields, err = upload.replace(job, operations.create_product.fields,
      token.product)
    token.updated = true -- it is what the caller said already
  end
  local ok = fields
  if ok then
    ok, err = job:enter "create_product"
  end
  local data
  if ok then
    data, err = call.run(job.client, operations.create_product, fields, job)
  end
  local id = data and answer.find(data, "id", { "product_id" })
  if data and not id then
    err = errors.new {
      kind = "protocol", outcome = "accepted", retryable = false,
      message = "the answer has no usable product_id",
    }
  end
  token.product_id = id
  return id and true, err
end

local function update_product(job)
  local token = job.token
  if not token.product or next(token.product) == nil or token.updated then
    return true
  end
  local fields, err = upload.replace(job, operations.update_product.fields,
    token.product)
  local ok = fields
  if ok then
    ok, err = job:enter "update_product"
  end
  if not ok then
    return nil, err
  end
  fields.product_id = token.product_id
  ok, err = call.run(job.client, operations.update_product, fields, job)
  token.updated = ok or nil
  return ok, err
end

-- The body of create_product_video: each option has its path in it.
local function body_of(token, without)
  local body = { product_id = token.product_id, voice = {}, audio = {} }
  for name, field in pairs(v2.video) do
    local value = token.video[name]
    if value == nil then
      value = field.default
    end
    if value ~= nil and name ~= without then
      local place, last = body, nil
      for part in field.to:gmatch "[^.]+" do
        if last then
          place[last] = place[last] or {}
          place = place[last]
        end
        last = part
      end
      place[last] = value
    end
  end
  return body
end

-- Has previews made. Returns true; nil and an error.
local function make_previews(job)
  local token = job.token
  local ok, err = paid.run(job, "create_product_previews",
    tokens.merge(body_of(token, "visual_style"), token.extra),
    function(list)
      token.previews, token.sent = {}, nil
      for i, part in ipairs(list) do
        token.previews[i] = { preview_id = part.id, visual_style = part.title,
          message = part.message }
      end
    end)
  if ok then
    ok, err = job:enter "choose_preview"
  end
  return ok, err
end

-- The error of previews that all failed.
local function no_previews(previews)
  local messages = {}
  for i, preview in ipairs(previews) do
    messages[i] = ("%s: %s"):format(preview.visual_style or "?",
      preview.message or "the service does not say why")
  end
  return errors.new {
    kind = "render_failed", outcome = "accepted", retryable = false,
    message = "the service could not make any preview: " ..
      errors.quoted(table.concat(messages, "; ")),
  }
end

-- Has previews made, and the caller choose one of them. Returns true; nil and an
-- error.
local function choose_preview(job)
  local token = job.token
  if token.preview_id then
    return true
  elseif not job.given.preview then
    return nil, errors.parameter("make_video: preview is missing, a function " ..
      "that chooses one of the previews")
  end
  if not token.previews then
    local ok, err = make_previews(job)
    if not ok then
      return nil, err
    end
  end
  local known = {}
  for _, preview in ipairs(token.previews) do
    known[preview.preview_id or 0] = true
  end
  known[0] = nil
  if next(known) == nil then
    return nil, no_previews(token.previews)
  end
  local chosen = tasks.tell(job.given.preview, tokens.copy(token.previews))
  if not known[chosen] then
    return nil, errors.new {
      kind = "parameter", outcome = "accepted",
      message = "preview returned no preview_id of its list; resume with " ..
        "another function",
    }
  end
  token.preview_id = chosen
  return true
end

-- Local files that cannot be uploaded are found before anything is sent.
local function check_files(job)
  local token = job.token
  local ok, err = upload.check(job, v2.product, token.product)
  if ok then
    ok, err = upload.check(job, job.kind.video, token.video)
  end
  return ok, err
end

local function start_product_video(job)
  local token = job.token
  if token.project_id then
    local ok, err = job:claim()
    return ok, err
  end
  local ok, err = check_files(job)
  if ok and not token.product_id then
    ok, err = create_product(job)
  end
  if ok then
    ok, err = update_product(job)
  end
  if ok and token.video.visual_styles then
    ok, err = choose_preview(job)
    if ok then
      ok, err = start_once(job, "render_preview",
        { preview_id = token.preview_id })
    end
  elseif ok then
    ok, err = start_once(job, "create_product_video",
      tokens.merge(body_of(token), token.extra))
  end
  return ok, err
end

-- ===}

local kinds = {}

for name, definition in pairs(SIMPLE) do
  local start, result, whole = definition[1], definition[2], definition[3]
  local kind = new_kind(name, start, result, whole)

  local required = {}
  for field, meaning in pairs(kind.video) do
    if meaning.required then
      table.insert(required, field)
    end
  end
  table.sort(required)

  function kind.check(options)
    for _, field in ipairs(required) do
      if options[field] == nil then
        return field, kind.video[field].found_in
      end
    end
  end

  function kind.start(job)
    local ok, err
    if job.token.project_id then
      ok, err = job:claim()
    else
      ok, err = check_files(job)
      if ok then
        ok, err = start_once(job, start,
          tokens.merge(tokens.copy(job.token.video), job.token.extra))
      end
    end
    return ok, err
  end
  kinds[name] = kind
end

local product_video = new_kind("make_video", "create_product_video", "url",
  "mp4")
product_video.video, product_video.start = v2.video, start_product_video
product_video.options.url = { kind = "url" }
product_video.options.product = { kind = "fields", fields = v2.product }
product_video.options.preview = { kind = "callback" }

-- What a video of a product lacks.
function product_video.check(options)
  local product = options.product or {}
  if not options.url and not product.name then
    return "url (or product.name)"
  elseif options.preview and not options.visual_styles then
    return "visual_styles"
  elseif options.visual_styles and not options.preview then
    return "preview"
  end
  for name, field in pairs(v2.video) do
    if field.needed and options[name] == nil then
      return name, field.found_in
    end
  end
end

kinds.make_video = product_video

return kinds
