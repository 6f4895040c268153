-- SPDX-License-Identifier: MIT
--
-- Talking avatars, lip sync and translations: the calls that start them and
-- tell of their state.

local json = require "json"
local quirks = require "quirks"
local catalog = require "v2.catalog"
local jobs = require "v2.jobs"
local prices = require "v2.prices"

local films = {}

local FILES = { "video.mp4", "cover.jpg" }

local calls = {}
films.calls = calls

-- {======================================================================
-- Talking avatars
-- =======================================================================

--- POST /v2/create_video_from_avatar
function calls.create_video_from_avatar(account, body)
  local code, message = catalog.check {
    { "avatar", body.avatar.avatar_id, "avatar.avatar_id" },
    { "voice", body.voice.voice_id, "voice.voice_id" },
  }
  if code then return false, code, message end
  local voice = catalog.find("voice", body.voice.voice_id)
  local name = body.video_name
  local job
  job, code, message = jobs.create(account, "avatar_video", {
    title = name and name ~= "" and name or "Avatar video", body = body,
    credits = prices.video(prices.speech(body.voice.script or "")),
    language = voice and voice.language or "", files = json.array { FILES[1],
      FILES[2] },
  })
  if not job then return false, code, message end
  return { video_id = job.id }, "created " .. job.id
end

--- GET /v2/avatar_video/{id}
function calls.avatar_video(account, _, id)
  local job = jobs.find(account, id, "avatar_video")
  if not job then return false, 10104, "record not found: id" end
  local data = {
    video_id = job.id, status = jobs.word(job), created_at = job.created_at,
    video_url = jobs.address(job, "video.mp4"),
    cover_url = jobs.address(job, "cover.jpg"),
  }
  if quirks.is_on "guide_fields" then
    data.duration = job.duration or 0
    data.error = job.error and { code = 50000, message = job.error }
  end
  return data, "none"
end

-- }======================================================================

-- {======================================================================
-- Lip sync
-- =======================================================================

--- POST /v2/create_lip_sync_video
function calls.create_lip_sync_video(account, body)
  local job, code, message = jobs.create(account, "lip_sync", {
    title = "Lip sync", body = body, credits = prices.lip_sync(),
    files = json.array { FILES[1], FILES[2] },
  })
  if not job then return false, code, message end
  return { task_id = job.id, status = jobs.word(job) }, "created " .. job.id
end

local function describe_lip_sync(job)
  local data = {
    task_id = job.id, status = jobs.word(job), created_at = job.created_at,
    completed_at = job.completed_at, data = json.null, error = json.null,
  }
  if job.status == "completed" then
    data.data = {
      result_url = jobs.address(job, "video.mp4"),
      cover_url = jobs.address(job, "cover.jpg"),
      duration_seconds = job.duration,
    }
  elseif job.error then
    data.error = { message = job.error }
  end
  return data
end

--- GET /v2/lip_sync_video/{task_id}
function calls.lip_sync_video(account, _, id)
  local job = jobs.find(account, id, "lip_sync")
  if not job then return false, 10104, "record not found: task_id" end
  return describe_lip_sync(job), "none"
end

--- GET /v2/lip_sync_video, with the quirk lip_sync_lookup: the latest task of
-- the same input, which the vendor's own client asks for.
function films.find_lip_sync(account, query)
  local list = jobs.all("lip_sync", account)
  for i = #list, 1, -1 do
    local body, same = list[i].body, true
    for _, name in ipairs { "video_url", "audio_url", "playback_type" } do
      local default = name == "playback_type" and "normal" or nil
      same = same and (query[name] == nil
        or query[name] == (body[name] or default))
    end
    if same then return describe_lip_sync(list[i]), "none" end
  end
  return false, 10104, "record not found"
end

-- }======================================================================

-- {======================================================================
-- Translations
-- =======================================================================

--- POST /v2/video_translate/
function calls.create_video_translate(account, body)
  local code, message = catalog.check {
    { "voice", body.output_voice, "output_voice" },
  }
  if code then return false, code, message end
  local job
  job, code, message = jobs.create(account, "translation", {
    title = body.title and body.title ~= "" and body.title
      or "Translated video",
    body = body, credits = prices.translation(),
    files = json.array { FILES[1], FILES[2], "subtitle.srt" },
  })
  if not job then return false, code, message end
  return { video_translate_id = job.id }, "created " .. job.id
end

--- GET /v2/video_translate/{video_translate_id}
function calls.video_translate(account, _, id)
  local job = jobs.find(account, id, "translation")
  if not job then return false, 10104, "record not found: video_translate_id" end
  return {
    video_translate_id = job.id, title = job.title, status = jobs.word(job),
    url = jobs.address(job, "video.mp4"),
    subtitle_url = jobs.address(job, "subtitle.srt"),
  }, "none"
end

-- }======================================================================

return films
