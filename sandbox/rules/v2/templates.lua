-- SPDX-License-Identifier: MIT
--
-- Videos made from templates: the texts, pictures and films that take the
-- places of a template's variables. With pictures the video is a slideshow,
-- without them a talking person.

local json = require "json"
local quirks = require "quirks"
local slideshow = require "slideshow"
local catalog = require "v2.catalog"
local jobs = require "v2.jobs"
local kinds = require "v2.kinds"
local making = require "v2.making"
local paging = require "v2.paging"
local prices = require "v2.prices"
local videos = require "v2.videos"

local templates = {}

-- The contents of the variables of some types, in their order.
local function contents(body, types)
  local list = {}
  for _, variable in ipairs(body.variables) do
    if types[variable.type] then
      local properties = variable.properties
      list[#list + 1] = {
        type = variable.type == "video" and 2 or 1,
        url = properties.url or properties.content or "",
        text = properties.content,
      }
    end
  end
  return list
end

local function script_of(body, title)
  local parts = {}
  for _, item in ipairs(contents(body, { script = true })) do
    parts[#parts + 1] = item.text
  end
  if #parts == 0 then
    for _, item in ipairs(contents(body, { text = true })) do
      parts[#parts + 1] = item.text
    end
  end
  return #parts > 0 and table.concat(parts, " ") or title
end

function kinds.ALL.template_video.make(task, job)
  local body = job.body
  local medias = json.array(contents(body, { image = true, video = true }))
  local script = script_of(body, job.title)
  if #medias == 0 then return making.template(task, job, script) end
  local texts = contents(body, { text = true })
  local ok, why = slideshow.make(task, {
    title = texts[1] and texts[1].text or job.title,
    intro_text = texts[2] and texts[2].text or "", script = script,
    medias = medias, options = {
      aspect_ratio = catalog.shape(job.aspect_ratio),
      render_subtitle = body.captions_enabled and 1 or 0,
    },
  })
  if ok then job.duration = task.length end
  return ok, why
end

local calls = {}
templates.calls = calls

--- POST /v2/create_video_with_template
function calls.create_video_with_template(account, body)
  local code, message = catalog.check {
    { "template", body.template_id, "template_id" },
    { "avatar", body.avatar_id ~= 0 and body.avatar_id or nil, "avatar_id" },
    { "voice", body.voice_id, "voice_id" },
    { "music", body.background_music_id, "background_music_id" },
  }
  if code then return false, code, message end
  local template = catalog.find("template", body.template_id)
  local title = body.video_name and body.video_name ~= "" and body.video_name
    or template.name
  local job
  job, code, message = jobs.create(account, "template_video", {
    title = title, body = body, aspect_ratio = template.aspect_ratio,
    credits = prices.video(prices.speech(script_of(body, title))),
    files = json.array { "video.mp4", "cover.jpg" },
  })
  if not job then return false, code, message end
  return { video_id = job.id }, "created " .. job.id
end

--- GET /v2/template_video/{video_id}
function calls.template_video(account, _, id)
  local job = jobs.find(account, id, "template_video")
  if not job then return false, 10104, "record not found: video_id" end
  local data = {
    video_id = job.id, status = jobs.word(job), created_at = job.created_at,
    completed_at = job.completed_at,
  }
  local url = jobs.address(job, "video.mp4")
  local cover = jobs.address(job, "cover.jpg")
  if quirks.is_on "flat_template" then
    data.video_url, data.cover_url = url, cover
    data.video_name, data.duration = job.title, job.duration or 0
    data.error = job.error and { code = 50000, message = job.error }
  elseif job.status == "completed" then
    data.data = {
      video_name = job.title, url = url, cover_url = cover,
      duration_seconds = job.duration, deducted_credit = job.credits,
    }
  end
  return data, "none"
end

--- GET /v2/template_videos
function calls.template_videos(account, query)
  local page, about = paging.cut(
    videos.select(account, "template_video", query), query)
  for i, job in ipairs(page) do
    page[i] = {
      video_id = job.id, video_name = job.title, created_at = job.created_at,
      completed_at = job.completed_at,
      -- this list has no word for pending
      status = job.status == "pending" and "processing" or jobs.word(job),
      url = jobs.address(job, "video.mp4"),
      cover_url = jobs.address(job, "cover.jpg"),
      duration_seconds = job.duration or 0,
      error = job.error and { code = "50000", message = job.error },
    }
  end
  return { data = page, pagination = paging.describe(about) }, "none"
end

return templates
