-- SPDX-License-Identifier: MIT
--
-- The videos and previews of products: the calls that start them, tell of
-- their state, and list them.

local config = require "config"
local host = require "host"
local json = require "json"
local quirks = require "quirks"
local slideshow = require "slideshow"
local catalog = require "v2.catalog"
local jobs = require "v2.jobs"
local kinds = require "v2.kinds"
local paging = require "v2.paging"
local prices = require "v2.prices"
local products = require "v2.products"
local scripts = require "v2.scripts"

local videos = {}

local FILES = { "video.mp4", "cover.jpg" }

-- {======================================================================
-- Making them
-- =======================================================================

local function script_of(job)
  local body = job.body
  if body.override_script and body.override_script ~= ""
    and not quirks.is_on "ignore_override_script" then
    return body.override_script
  end
  return table.concat(scripts.write(job.product, body.script.style,
    body.video_spec.length), " ")
end

local function make(task, job)
  local spec, product = job.body.video_spec, job.product
  local ok, why = slideshow.make(task, {
    title = product.name, intro_text = product.description,
    price = product.price, medias = product.media, script = script_of(job),
    options = {
      aspect_ratio = catalog.shape(spec.aspect_ratio or "landscape"),
      render_subtitle = spec.caption and 1 or 0,
    },
  })
  if ok then job.duration = task.length end
  return ok, why
end

kinds.ALL.product_video.make = make
kinds.ALL.preview.make = make

-- }======================================================================

-- {======================================================================
-- Starting them
-- =======================================================================

local function find_catalog(body)
  return catalog.check {
    { "avatar", body.avatar.id, "avatar.id", body.avatar.type },
    { "voice", body.voice and body.voice.id, "voice.id" },
    { "music", body.audio and body.audio.music_id, "audio.music_id" },
    { "style", body.visual_style, "visual_style" },
  }
end

-- What a record of a video or a preview holds.
local function record(product, body, style, credits)
  local spec = body.video_spec
  return {
    title = spec.name and spec.name ~= "" and spec.name or product.name,
    credits = credits, body = body, style = style,
    files = json.array { FILES[1], FILES[2] },
    product = {
      name = product.name, description = product.description,
      price = product.price, media = product.media,
    },
  }
end

local function started(job)
  if quirks.is_on "product_video_id" then
    return { product_video_id = job.id }
  end
  return { video_id = job.id, status = jobs.word(job) }
end

local calls = {}
videos.calls = calls

--- POST /v2/create_video_from_product
function calls.create_video_from_product(account, body)
  local product = products.find(account, body.product_id)
  if not product then return false, 10104, "record not found: product_id" end
  local code, message = find_catalog(body)
  if code then return false, code, message end
  local job
  job, code, message = jobs.create(account, "product_video",
    record(product, body, body.visual_style,
      prices.video(tonumber(body.video_spec.length))))
  if not job then return false, code, message end
  return started(job), "created " .. job.id
end

local function list_previews(account, product, body)
  local records = {}
  for _, style in ipairs(body.visual_styles) do
    if catalog.find("style", style) then
      records[#records + 1] = record(product, body, style,
        prices.preview(tonumber(body.video_spec.length)))
    end
  end
  local list, code, message = jobs.create_all(account, "preview", records)
  if not list then return false, code, message end
  local previews, next_job = json.array(), 1
  for i, style in ipairs(body.visual_styles) do
    local job = list[next_job]
    if job and job.style == style then
      next_job = next_job + 1
      previews[i] = {
        visual_style = style, preview_id = job.id,
        status = quirks.is_on "preview_details" and jobs.word(job) or nil,
      }
    else
      previews[i] = { visual_style = style, err_msg = "unknown visual style" }
    end
  end
  return previews
end

--- POST /v2/create_video_from_product/preview_list
function calls.preview_list(account, body)
  local product = products.find(account, body.product_id)
  if not product then return false, 10104, "record not found: product_id" end
  local code, message = find_catalog(body)
  if code then return false, code, message end
  local previews
  previews, code, message = list_previews(account, product, body)
  if not previews then return false, code, message end
  local data = { previews = previews }
  if quirks.is_on "preview_details" then
    data.preview_list_id = "list_" .. host.random(12)
  end
  return data, ("created %d previews"):format(#previews)
end

--- POST /v2/create_video_from_product/render_single_preview
function calls.render_single_preview(account, body)
  local preview = jobs.find(account, body.preview_id, "preview")
  if not preview then return false, 10104, "record not found: preview_id" end
  local copy = {}
  for name, value in pairs(preview.body) do copy[name] = value end
  copy.webhook_url = nil               -- this call takes none
  local job, code, message = jobs.create(account, "product_video",
    record(preview.product, copy, preview.style,
      prices.video(tonumber(copy.video_spec.length))))
  if not job then return false, code, message end
  return started(job), "created " .. job.id
end

-- }======================================================================

-- {======================================================================
-- Looking at them
-- =======================================================================

--- The service's number for a state.
videos.STATUS = { processing = 3, pending = 3, completed = 4, failed = 5 }

--- GET /v2/product_video/{product_video_id}
function calls.product_video(account, _, id)
  local job = jobs.find(account, id, "product_video")
  if not job then return false, 10104, "record not found: video" end
  local data = {
    status = jobs.word(job), title = job.title, created_at = job.created_at,
    video_url = jobs.address(job, "video.mp4"),
    cover_url = jobs.address(job, "cover.jpg"),
    deducted_credit = job.credits,
  }
  if quirks.is_on "guide_fields" then
    data.id = job.id
    data.duration = job.duration or 0
    data.error = job.error and { code = 50000, message = job.error }
  end
  return data, "none"
end

local function describe(job)
  local id = job.id
  if job.kind == "preview" and quirks.is_on "preview_ids" then
    id = "pp_" .. id:match "(%x+)$"
  end
  return {
    id = id, title = job.title, status = jobs.word(job),
    created_at = job.created_at, video_duration = job.duration or 0,
    video_url = jobs.address(job, "video.mp4"),
    cover_url = jobs.address(job, "cover.jpg"),
  }
end

local SORTABLE = {
  title = function(job) return job.title end,
  video_name = function(job) return job.title end,
  status = function(job) return videos.STATUS[job.status] end,
  video_duration = function(job) return job.duration or 0 end,
}

--- The jobs of a kind, filtered and sorted as a list's query says.
function videos.select(account, kind, query)
  local list = {}
  for _, job in ipairs(jobs.all(kind, account)) do
    if not query.status or videos.STATUS[job.status] == query.status then
      list[#list + 1] = job
    end
  end
  local key = SORTABLE[query.sort_by] or function(job)
    return job.created_at
  end
  table.sort(list, function(a, b)
    if query.sort_order ~= "asc" then a, b = b, a end
    local ka, kb = key(a), key(b)
    if ka ~= kb then return ka < kb end
    return a.number < b.number
  end)
  return list
end

local function list_of(kind, name)
  return function(account, query)
    local page, about = paging.cut(videos.select(account, kind, query), query)
    for i, job in ipairs(page) do page[i] = describe(job) end
    return {
      [name] = page, total = about.total, page = about.page,
      page_size = about.page_size,
    }, "none"
  end
end

--- GET /v2/product_videos
calls.product_videos = list_of("product_video", "videos")

--- GET /v2/product_previews
calls.product_previews = list_of("preview", "previews")

-- }======================================================================

--- The address of what a job made, for the web page of the sandbox itself.
function videos.own_address(job, name)
  local address = jobs.address(job, name)
  return address ~= "" and config.base .. address:sub(#config.storage + 1) or ""
end

return videos
