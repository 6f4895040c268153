-- SPDX-License-Identifier: MIT
--
-- How jobs of the v2 generation are made, except the videos of products and
-- scripts: plainly, by ffmpeg. Films, sounds and pictures are fetched first; a
-- job fails if one of them cannot be fetched or is something else.

local config = require "config"
local files = require "files"
local host = require "host"
local media = require "media"
local overlay = require "overlay"
local portrait = require "portrait"
local render = require "render"
local video = require "video"
local jobs = require "v2.jobs"
local kinds = require "v2.kinds"
local languages = require "v2.languages"
local prices = require "v2.prices"

local making = {}

local SECONDS = 300                  -- for one program at most
local FETCH_SECONDS = 60
local MB = 1024 * 1024
local LARGEST = { image = 10 * MB, video = 100 * MB, audio = 20 * MB }
local LONGEST = { video = 300, audio = 600 }     -- seconds
local MOST_SPEECH = 600
local QUICK_SECONDS, QUICK_TEXT = 1, 60

local SHAPES = { portrait = 0, landscape = 1, square = 2 }

-- The same number for the same text.
local function seed_of(value)
  if math.type(value) == "integer" then return value end
  local sum = 0
  for i = 1, #value do sum = (sum * 31 + value:byte(i)) % 1000003 end
  return sum
end

-- {======================================================================
-- Steps
-- =======================================================================

local function run(task, arguments, told)
  local ok, why = host.run(arguments, task.folder, SECONDS, told and task.token)
  if not ok then return nil, why end
  return render.wanted(task)
end

-- Runs what makes video.mp4, then makes the cover, and publishes both.
local function film(task, job, arguments, length)
  task.length, task.prepared, task.doing = length, 1, "rendering"
  local ok, why = run(task, arguments, true)
  if ok then ok, why = run(task, media.cover()) end
  if ok then ok, why = files.publish(task, "cover.jpg") end
  if ok then ok, why = files.publish(task, "video.mp4") end
  if not ok then return nil, why end
  job.duration = length
  return true
end

local function head_of(path)
  local file = io.open(path, "rb")
  local head = file and file:read(16) or ""
  if file then file:close() end
  return head
end

-- Fetches a film, a sound or a picture.
-- {file, demuxer}, and its length; or nil and why not
local function fetch(task, kind, url)
  task.doing = "fetching the " .. kind
  local path = ("%s/%s"):format(task.folder, kind)
  local answer, why = host.fetch(host.join(nil, url), LARGEST[kind],
    FETCH_SECONDS, path)
  if not answer then return nil, ("%s fetch failed: %s"):format(kind, why) end
  if answer.status ~= 200 then
    return nil, ("%s fetch failed: HTTP %d"):format(kind, answer.status)
  end
  local is, format = media.kind_of(head_of(path))
  if is ~= kind and not (kind == "audio" and format == "mov") then
    return nil, ("%s fetch failed: it is no %s"):format(kind, kind)
  end
  if kind == "image" then return { kind, format } end
  local ok, length = host.run(media.length(kind, format), task.folder, SECONDS)
  length = ok and tonumber(length)
  if not length or length <= 0 then
    return nil, kind .. " duration fetch failed"
  elseif length > LONGEST[kind] then
    return nil, ("%s is longer than %d s"):format(kind, LONGEST[kind])
  end
  return { kind, format }, length
end

-- Fetches a film. {file, demuxer}, its length, and the shape for a video of it;
-- or nil and why not
local function fetch_film(task, url)
  local source, length = fetch(task, "video", url)
  if not source then return nil, length end
  local _, size = host.run(media.size(source[1], source[2]), task.folder, SECONDS)
  local width, height = tostring(size):match "^(%d+)x(%d+)"
  if not width then return nil, "video fetch failed: it has no picture" end
  local difference = tonumber(width) - tonumber(height)
  local shape = difference < 0 and 0 or difference > 0 and 1 or 2
  return source, length, video.shape(shape, config.video)
end

-- Speaks a text. {file, demuxer} or nil where there is no espeak-ng, and the
-- length.
local function speak(task, text, language)
  task.doing = "speaking"
  local quick = config.video == "quick"
  local sound
  if quick then text = text:sub(1, (utf8.offset(text, QUICK_TEXT) or 0) - 1) end
  local seconds = math.min(MOST_SPEECH, math.max(2, prices.speech(text)))
  if text:find "%S" and host.write(task.folder .. "/voice.txt", text)
    and host.run(media.speak(languages.voice(language)), task.folder, SECONDS)
  then
    sound = { "voice.wav", "wav" }
    local ok, length = host.run(media.length("voice.wav", "wav"), task.folder,
      SECONDS)
    length = ok and tonumber(length) or 0
    if length > 0 then seconds = math.min(MOST_SPEECH, length + 0.5) end
  end
  return sound, quick and QUICK_SECONDS or seconds
end

local function shorten(seconds)
  return config.video == "quick" and math.min(seconds, QUICK_SECONDS) or seconds
end

-- }======================================================================

-- {======================================================================
-- Talking avatars and templates
-- =======================================================================

-- screen_style -> where the person is: whole, split, picture in picture
local PLACES = {
  { x = 0.5, y = 0.14, size = 0.86 }, { x = 0.25, y = 0.3, size = 0.7 },
  { x = 0.82, y = 0.62, size = 0.38 },
}

local function talking(task, job, about)
  local shape = video.shape(SHAPES[about.aspect_ratio], config.video)
  local place = PLACES[about.screen_style or 1]
  local sound, seconds = about.sound, about.seconds
  if not seconds then
    sound, seconds = speak(task, about.script, about.language)
  end
  local ok, why = jobs.charge(job, prices.video(about.seconds or seconds))
  if ok then
    ok, why = host.write(task.folder .. "/text.ass", portrait.script {
      width = shape.width, height = shape.height, seed = about.seed,
      length = shorten(seconds), x = place.x, y = place.y, size = place.size,
      talks = true,
      lines = about.caption and overlay.lines_of(about.script, 200) or {},
    })
  end
  if not ok then return nil, why end
  return film(task, job, media.drawn(shape, about.seed, shorten(seconds), sound),
    shorten(seconds))
end

function kinds.ALL.avatar_video.make(task, job)
  local body = job.body
  local about = {
    aspect_ratio = body.aspect_ratio, screen_style = body.screen_style,
    caption = body.caption, seed = body.avatar.avatar_id,
    script = body.voice.script or job.title, language = job.language,
  }
  if body.voice.type == "audio" then
    local sound, length = fetch(task, "audio", body.voice.audio_url)
    if not sound then return nil, length end
    about.sound, about.seconds = sound, length
  end
  return talking(task, job, about)
end

-- A template with pictures is a slideshow (v2/templates.lua); this is one
-- without.
function making.template(task, job, script)
  return talking(task, job, {
    aspect_ratio = job.aspect_ratio, caption = job.body.captions_enabled,
    seed = job.body.avatar_id or job.body.template_id, script = script,
    language = job.body.voice_language,
  })
end

-- }======================================================================

-- {======================================================================
-- Films that are fetched
-- =======================================================================

function kinds.ALL.lip_sync.make(task, job)
  local source, why, shape = fetch_film(task, job.body.video_url)
  if not source then return nil, why end
  task.prepared = 0.5
  local sound, length = fetch(task, "audio", job.body.audio_url)
  if not sound then return nil, length end
  local ok
  ok, why = jobs.charge(job, prices.lip_sync(length))
  if not ok then return nil, why end
  length = shorten(length)
  return film(task, job, media.dubbed(shape, source, sound, length), length)
end

local function subtitles(lines, length)
  local parts = {}
  for i, line in ipairs(lines) do
    local function time(at)
      local ms = math.floor(at * 1000 + 0.5)
      return ("%02d:%02d:%02d,%03d"):format(ms // 3600000, ms // 60000 % 60,
        ms // 1000 % 60, ms % 1000)
    end
    parts[i] = ("%d\n%s --> %s\n%s\n"):format(i, time((i - 1) * length / #lines),
      time(i * length / #lines), line)
  end
  return table.concat(parts, "\n")
end

function kinds.ALL.translation.make(task, job)
  local body = job.body
  local source, length, shape = fetch_film(task, body.video_url)
  if not source then return nil, length end
  local ok, why = jobs.charge(job, prices.translation(length))
  if not ok then return nil, why end
  length = shorten(length)
  local text = ("%s. Translated into %s."):format(job.title,
    body.output_language)
  local sound = speak(task, text, body.output_language)
  local lines = overlay.lines_of(text)
  ok, why = host.write(task.folder .. "/subtitle.srt", subtitles(lines, length))
  if ok then ok, why = files.publish(task, "subtitle.srt") end
  if ok then
    ok, why = host.write(task.folder .. "/text.ass", overlay.subtitles(shape,
      length, lines))
  end
  if not ok then return nil, why end
  return film(task, job, media.dubbed(shape, source, sound, length,
    body.add_subtitles ~= false), length)
end

-- }======================================================================

-- {======================================================================
-- Photos and their motion
-- =======================================================================

local SIZES = {
  portrait = { 432, 768 }, landscape = { 768, 432 }, square = { 576, 576 },
  ["2:3"] = { 480, 720 }, ["3:2"] = { 720, 480 }, ["1:1"] = { 576, 576 },
}

-- Draws a person into NAME.
local function draw(task, name, ratio, seed, picture)
  local size = SIZES[ratio]
  local ok, why = host.write(task.folder .. "/text.ass", portrait.script {
    width = size[1], height = size[2], seed = seed, length = 9,
    x = picture and 0.35 or 0.5, y = 0.16, size = 0.84,
  })
  if ok then
    ok, why = run(task, media.picture(size[1], size[2], seed, name, picture))
  end
  if not ok then return nil, why end
  return files.publish(task, name)
end

function kinds.ALL.photo.make(task, job)
  task.doing = "drawing"
  for i, name in ipairs(job.files) do
    local ok, why = draw(task, name, job.body.aspect_ratio,
      seed_of(job.id) + 13 * i)
    if not ok then return nil, why end
    task.prepared = i / #job.files
  end
  return true
end

function kinds.ALL.product_image.make(task, job)
  local picture, why = fetch(task, "image", job.body.product_image_url)
  if not picture then return nil, why end
  task.doing = "drawing"
  return draw(task, job.files[1], job.body.aspect_ratio, seed_of(job.id),
    picture)
end

local MOTION_SECONDS = 3

local function motion(task, job)
  local shape = video.shape(SHAPES[job.aspect_ratio or "portrait"],
    config.video)
  local picture, why = fetch(task, "image", job.image_url)
  if not picture then return nil, why end
  local length = shorten(MOTION_SECONDS)
  return film(task, job, media.moving(shape, picture, length), length)
end

kinds.ALL.photo_motion.make = motion
kinds.ALL.product_motion.make = motion

-- }======================================================================

return making
