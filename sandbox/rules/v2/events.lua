-- SPDX-License-Identifier: MIT
--
-- The events of the v2 generation: their names, and what each tells of a job
-- that has ended. Some have no event_id, as in the vendor's samples.

local host = require "host"
local json = require "json"
local quirks = require "quirks"
local jobs = require "v2.jobs"
local kinds = require "v2.kinds"
local scripts = require "v2.scripts"

local events = {}

-- Those that the vendor's machine-readable file lists, in its order, and two
-- more that its guide knows.
local NAMES = {
  "generated_video", "create_avatar", "generated_product_video",
  "generated_avatar_video", "generated_template_video",
  "generated_translate_video", "generated_photo_avatar",
  "generated_product_avatar", "generated_script",
}
local MORE = { "generated_image", "generated_motion" }

local known = {}

local function names_of(list, to)
  for _, name in ipairs(list) do
    for _, ending in ipairs { "_success", "_failed" } do
      to[#to + 1] = name .. ending
      known[name .. ending] = true
    end
  end
  return to
end

local usual = names_of(NAMES, {})
local all = names_of(MORE, { table.unpack(usual) })

--- The names that GET /v2/events lists.
function events.list()
  return json.array { table.unpack(quirks.is_on "all_events" and all or usual) }
end

--- Whether there is such an event.
function events.is_known(name)
  return known[name] == true
end

-- {======================================================================
-- What they tell
-- =======================================================================

local function video(job)
  local key = quirks.is_on "webhook_project_id" and "project_id" or "video_id"
  local data = { [key] = job.id, status = job.status }
  if job.error then
    data.error = { code = 50000, message = job.error }
  else
    data.video_url = jobs.address(job, "video.mp4")
    data.cover_url = jobs.address(job, "cover.jpg")
    data.duration = job.duration
  end
  return data
end

local function avatar(job)
  return {
    avatar_id = job.avatar_id, status = job.status, error = job.error,
    preview_url = jobs.address(job, "video.mp4"),
    cover_url = jobs.address(job, "cover.jpg"),
  }
end

local function script(job)
  local list = json.array()
  for i, each in ipairs(scripts.results(job)) do
    local paragraphs = each.script_paragraphs
    list[i] = {
      script_style = each.script_style,
      script_paragraphs = type(paragraphs) == "string" and paragraphs
        or table.concat(paragraphs, "\n"),
    }
  end
  return {
    task_id = job.id, status = job.status, scripts = list, error = job.error,
  }
end

local function image(job)
  local urls = json.array()
  for i, name in ipairs(not job.error and job.files or {}) do
    urls[i] = jobs.address(job, name)
  end
  return { photo_id = job.id, photo_urls = urls, error = job.error }
end

local function motion(job)
  return {
    motion_id = job.id, photo_url = job.image_url, error = job.error,
    motion_url = jobs.address(job, "video.mp4"),
  }
end

local TELL = {
  generated_photo_avatar = avatar, generated_product_avatar = avatar,
  generated_script = script, generated_image = image,
  generated_motion = motion,
}

local WITHOUT_ID = {
  generated_script = true, generated_image = true, generated_motion = true,
}

-- }======================================================================

--- An event.
-- @tparam string name
-- @tparam table data
-- @tparam ?boolean without_id
-- @treturn table name, id (of the sandbox's own), and body, a text
function events.make(name, data, without_id)
  local id = "evt_" .. host.random(12)
  return {
    name = name, id = id, body = json.encode {
      event_id = not without_id and id or nil, event = name,
      timestamp = os.time(), data = data,
    },
  }
end

--- The events of a job that has ended.
-- @treturn {table,...}
function events.of(job)
  local list = {}
  for i, name in ipairs(kinds.ALL[job.kind].events) do
    list[i] = events.make(name .. (job.error and "_failed" or "_success"),
      (TELL[name] or video)(job), WITHOUT_ID[name])
  end
  return list
end

return events
