-- SPDX-License-Identifier: MIT
--
-- Avatars that users make: photos, images of products, and the motion that
-- makes avatars of them. The calls that start them, tell their state and list
-- them.

local host = require "host"
local json = require "json"
local catalog = require "v2.catalog"
local jobs = require "v2.jobs"
local paging = require "v2.paging"
local prices = require "v2.prices"

local avatars = {}

local PHOTOS = 4
local NUMBERS = { pending = 0, processing = 0, completed = 1, failed = 2 }
local SHAPES = { portrait = 0, landscape = 1, square = 2 }

-- Photo and product avatars are valid wherever an avatar's id is.
catalog.also("avatar", function(id)
  for _, kind in ipairs { "photo_motion", "product_motion" } do
    for _, job in ipairs(jobs.all(kind)) do
      if job.avatar_id == id then return job end
    end
  end
end)

local function missing(name)
  return false, 10104, "record not found: " .. name
end

local calls = {}
avatars.calls = calls

-- {======================================================================
-- Photos
-- =======================================================================

--- POST /v2/photo_avatar/photo/generate
function calls.generate_photo(account, body)
  local names = json.array()
  for i = 1, PHOTOS do names[i] = ("photo%d.jpg"):format(i) end
  local job, code, message = jobs.create(account, "photo", {
    title = ("%s, %s"):format(body.gender, body.age), body = body,
    credits = PHOTOS * prices.IMAGE, files = names,
  })
  if not job then return false, code, message end
  return { photo_id = job.id }, "created " .. job.id
end

--- GET /v2/photo_avatar/photo
function calls.photo(account, query)
  local job = jobs.find(account, query.photo_id, "photo")
  if not job then return missing "photo_id" end
  local urls, keys = json.array(), json.array()
  if job.status == "completed" then
    for i, name in ipairs(job.files) do
      urls[i] = jobs.address(job, name)
      keys[i] = ("files/%s/%s"):format(job.id, name)
    end
  end
  return {
    photo_id = job.id, status = jobs.word(job), image_url_list = urls,
    image_key_list = keys, msg = job.error or json.null,
  }, "none"
end

-- }======================================================================

-- {======================================================================
-- Images of products
-- =======================================================================

--- POST /v2/product_avatar/generation
function calls.generate_product_avatar(account, body)
  local source = body.avatar_source
  local code, message = catalog.check {
    { "avatar", source.type == "id" and source.avatar_id or nil,
      "avatar_source.avatar_id" },
  }
  if code then return false, code, message end
  local batch, list = "batch_" .. host.random(12), {}
  for i = 1, body.num_images do
    list[i] = {
      title = ("Image %d of %d"):format(i, body.num_images), body = body,
      credits = prices.IMAGE, files = json.array { "image.jpg" },
      batch = batch,
    }
  end
  list, code, message = jobs.create_all(account, "product_image", list)
  if not list then return false, code, message end
  local generations = json.array()
  for i, job in ipairs(list) do
    generations[i] = {
      generation_id = job.id, status = jobs.word(job),
      created_at = job.created_at,
    }
  end
  return {
    batch_id = batch, total_submitted = #list, generations = generations,
  }, "created " .. batch
end

--- GET /v2/product_avatar/generation/{batch_id}
function calls.product_avatar_generation(account, _, id)
  local generations = json.array()
  local summary = { total = 0, pending = 0, processing = 0, completed = 0,
    failed = 0 }
  for _, job in ipairs(jobs.all("product_image", account)) do
    if job.batch == id then
      summary.total = summary.total + 1
      summary[job.status] = summary[job.status] + 1
      local done = job.status == "completed"
      generations[summary.total] = {
        generation_id = job.id, status = jobs.word(job),
        created_at = job.created_at, completed_at = job.completed_at,
        image_id = done and "img_" .. job.id:match "(%x+)$" or "",
        url = jobs.address(job, "image.jpg"),
      }
    end
  end
  if summary.total == 0 then return missing "batch_id" end
  return { batch_id = id, summary = summary, generations = generations },
    "none"
end

-- }======================================================================

-- {======================================================================
-- Motion
-- =======================================================================

local FILES = { "video.mp4", "cover.jpg" }

local function create_motion(account, kind, job)
  job.files, job.gives_avatar = json.array { FILES[1], FILES[2] }, true
  job.title = job.body.name
  job.credits = prices.motion(job.body.model)
  return jobs.create(account, kind, job)
end

--- POST /v2/photo_avatar/add_motion
function calls.add_photo_motion(account, body)
  local code, message = catalog.check { { "voice", body.voice_id, "voice_id" } }
  if code then return false, code, message end
  if body.photo_id and body.photo_id ~= ""
    and not jobs.find(account, body.photo_id, "photo") then
    return missing "photo_id"
  end
  local job
  job, code, message = create_motion(account, "photo_motion",
    { body = body, image_url = body.image_url })
  if not job then return false, code, message end
  return {
    avatar_id = job.avatar_id, motion_id = job.id, status = jobs.word(job),
  }, "created " .. job.id
end

--- POST /v2/product_avatar/add_motion
function calls.add_product_motion(account, body)
  local code, message = catalog.check { { "voice", body.voice_id, "voice_id" } }
  if code then return false, code, message end
  local image = jobs.find(account, body.generation_id, "product_image")
  if not image then return missing "generation_id" end
  if image.status ~= "completed" then
    return false, 40000, "parameter error: generation_id is not completed"
  end
  local job
  job, code, message = create_motion(account, "product_motion", {
    body = body, image_url = jobs.address(image, "image.jpg"),
    aspect_ratio = body.aspect_ratio,
  })
  if not job then return false, code, message end
  return {
    avatar_id = job.avatar_id, motion_id = job.id, name = body.name,
  }, "created " .. job.id
end

local function state_of(kind)
  return function(account, query)
    local job = jobs.find(account, query.motion_id, kind)
    if not job then return missing "motion_id" end
    return {
      motion_id = job.id, avatar_id = job.avatar_id, name = job.title,
      image_url = job.image_url, status = jobs.word(job),
      motion_preview_url = jobs.address(job, "video.mp4"),
      voice_id = job.body.voice_id, error_msg = job.error or json.null,
    }, "none"
  end
end

--- GET /v2/photo_avatar
calls.photo_motion = state_of "photo_motion"

--- GET /v2/product_avatar
calls.product_motion = state_of "product_motion"

-- }======================================================================

-- {======================================================================
-- Lists
-- =======================================================================

local function wanted(job, query)
  local status = job.status == "pending" and "processing" or job.status
  return (not query.status or status == query.status)
    and (not query.name or job.title:find(query.name, 1, true) ~= nil)
end

--- GET /v2/avatars/photo_avatars
function calls.photo_avatars(account, query)
  local found = {}
  for _, job in ipairs(jobs.all("photo_motion", account)) do
    if wanted(job, query) then table.insert(found, 1, job) end
  end
  local page = paging.cut(found, query)
  for i, job in ipairs(page) do
    page[i] = {
      id = job.avatar_id, name = job.title, status = NUMBERS[job.status],
      cover_url = jobs.address(job, "cover.jpg"), fail_msg = job.error or "",
    }
  end
  return { avatars = page }, "none"
end

--- GET /v2/avatars/product_avatars
function calls.product_avatars(account, query)
  local list = json.array()
  for _, job in ipairs(jobs.all("product_motion", account)) do
    local ratio = job.aspect_ratio or "portrait"
    if not query.aspect_ratio or ratio == query.aspect_ratio then
      table.insert(list, 1, {
        avatar_id = job.avatar_id, name = job.title,
        status = NUMBERS[job.status], fail_msg = job.error or "",
        cover_url = jobs.address(job, "cover.jpg"),
        avatar_url = jobs.address(job, "video.mp4"),
        aspect_ratio = SHAPES[ratio], gender = "female",
      })
    end
  end
  return { product_avatars = list }, "none"
end

-- }======================================================================

return avatars
