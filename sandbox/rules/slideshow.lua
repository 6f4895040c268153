-- SPDX-License-Identifier: MIT
--
-- The video of a product: its pictures are fetched, made into slides, and put
-- together by ffmpeg. What it shows, the subject, is title, intro_text, price,
-- script, medias, and options (aspect_ratio, render_subtitle).

local host = require "host"
local config = require "config"
local files = require "files"
local render = require "render"
local video = require "video"

local slideshow = {}

local PICTURE_BYTES = 20 * 1024 * 1024
local PICTURE_SECONDS = 15
local SLIDE_SECONDS, VIDEO_SECONDS = 30, 300

local results = {}           -- inputs -> {id, length} of a finished video
local delivered = {}         -- id -> inputs of the files it shows

-- A picture's address; that of a video is fetched when it has no other.
local function address_of(media)
  local names = media.type == 2 and { "cover_url", "preview_url", "url" }
    or { "url" }
  for _, name in ipairs(names) do
    local address = media[name]
    if address and address ~= "" then return address end
  end
end

-- Fetches one picture and makes a slide of it; false if it cannot be used.
local function make_slide(job, media, index)
  local address = address_of(media)
  local url = address and host.join(nil, address)
  local picture = url and host.fetch(url, PICTURE_BYTES, PICTURE_SECONDS)
  if not picture or picture.status ~= 200 then return false end
  local format = video.format_of(picture.body)
  local name = ("picture%d"):format(index)
  if not format
    or not host.write(job.folder .. "/" .. name, picture.body) then
    return false
  end
  return host.run(video.slide(job.shape, format, name, index), job.folder,
    SLIDE_SECONDS)
end

local function make_slides(job, subject)
  local count, medias = 0, subject.medias
  job.doing = "reading the pictures"
  for i, media in ipairs(medias) do
    if count == job.shape.slides or not render.wanted(job) then break end
    if make_slide(job, media, count + 1) then count = count + 1 end
    job.prepared = math.min(1, i / math.min(#medias, job.shape.slides))
  end
  if count == 0 then
    local ok, why = host.run(video.background(job.shape, subject.title, 1),
      job.folder, SLIDE_SECONDS)
    if not ok then return nil, why end
    count = 1
  end
  job.prepared = 1
  return count
end

local function publish(job, name)
  delivered[job.id] = nil
  return files.publish(job, name)
end

-- Links a finished video's files instead of making them anew, if they were
-- not replaced meanwhile.
local function reuse(job, inputs)
  local old = config.reuse and results[inputs]
  if not old or delivered[old.id] ~= inputs then return false end
  for _, name in ipairs { "video.mp4", "cover.jpg" } do
    if not host.link(files.path(old.id, name), job.folder .. "/" .. name)
      or not publish(job, name) then
      return false
    end
  end
  delivered[job.id] = inputs
  job.length, job.encoded = old.length, 1
  return true
end

--- Makes video.mp4 and cover.jpg, the cover first.
-- @tparam table job of render.lua; its length is set
-- @tparam table subject what it shows
-- @tparam ?function on_cover called when the cover is there
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] ?string why not; nothing when it is no longer wanted
function slideshow.make(job, subject, on_cover)
  on_cover = on_cover or function() end
  job.shape = video.shape(subject.options.aspect_ratio, config.video)
  local inputs = video.inputs(subject, config.video)
  if reuse(job, inputs) then
    on_cover()
    return true
  end
  local slides, why = make_slides(job, subject)
  if not slides or not render.wanted(job) then return nil, why end
  local plan = video.plan(job.shape, slides)
  job.length, job.doing = plan.length, "rendering"
  local ok
  ok, why = host.write(job.folder .. "/text.ass",
    video.text(job.shape, plan, subject))
  if not ok then return nil, why end
  ok, why = host.run(video.cover(job.shape), job.folder, SLIDE_SECONDS)
  if not ok or not render.wanted(job) then return nil, why end
  ok, why = publish(job, "cover.jpg")
  if not ok then return nil, why end
  on_cover()
  ok, why = host.run(video.encode(job.shape, plan), job.folder, VIDEO_SECONDS,
    job.token)
  if not ok or not render.wanted(job) then return nil, why end
  ok, why = publish(job, "video.mp4")
  if not ok then return nil, why end
  delivered[job.id] = inputs
  results[inputs] = { id = job.id, length = job.length }
  return true
end

return slideshow
