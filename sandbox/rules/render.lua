-- SPDX-License-Identifier: MIT
--
-- The queue and the work: pictures are fetched, made into slides, and put
-- together by ffmpeg, while the project's status and progress follow.

local host = require "host"
local config = require "config"
local store = require "store"
local projects = require "projects"
local faults = require "faults"
local video = require "video"

local render = {}

local PICTURE_BYTES = 20 * 1024 * 1024
local PICTURE_SECONDS = 15
local SLIDE_SECONDS, VIDEO_SECONDS = 30, 300

local queue = {}
local jobs = {}              -- project id -> the job that is worked on
local results = {}           -- inputs -> {project id, length} of a render
local delivered = {}         -- project id -> inputs of the files it shows

--- Puts a project at the end of the queue.
function render.enqueue(project)
  queue[#queue + 1] = {
    project = project, run = project.renders, since = host.monotonic(),
    token = ("%s:%d"):format(project.id, project.renders),
  }
  host.wake()
end

-- A job is outdated when its project was rendered again or deleted.
local function current(job)
  local project = job.project
  return job.run == project.renders and project.status ~= projects.DELETED
    and not host.stopping()
end

-- {======================================================================
-- Progress
-- =======================================================================

--- Hears from ffmpeg.
-- @tparam string token the job's
-- @tparam integer microseconds
-- @treturn boolean whether it is to go on
function render.progress(token, microseconds)
  local job = jobs[token:match "^%x+"]
  if not job or job.token ~= token or not current(job) then return false end
  job.encoded = math.min(1, microseconds / 1e6 / job.length)
  return true
end

local function place_of(project)
  for i, job in ipairs(queue) do
    if job.project == project and job.run == project.renders then return i end
  end
  return 0
end

--- Percent and a description for prj_info. The work takes at least the time
-- it takes in life, by --speed: until then that time caps ffmpeg's progress.
function render.report(project)
  local status, job = project.status, jobs[project.id]
  if status == projects.DONE then return 100, "completed" end
  if status == projects.QUEUED then
    local place = place_of(project)
    return 0, place > 0 and ("waiting, place %d"):format(place) or "waiting"
  end
  if status ~= projects.WORKING or not job then return 0, "" end
  local least = config.lasting(config.LIFE_WORK)
  local lived = (host.monotonic() - job.began) / least
  local real = 0.1 * (job.prepared or 0) + 0.9 * (job.encoded or 0)
  return math.min(99, math.floor(100 * math.min(real, lived))), job.doing
end

-- }======================================================================

-- {======================================================================
-- Work
-- =======================================================================

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

local function make_slides(job)
  local count, medias = 0, job.subject.medias
  job.doing = "reading the pictures"
  for i, media in ipairs(medias) do
    if count == job.shape.slides or not current(job) then break end
    if make_slide(job, media, count + 1) then count = count + 1 end
    job.prepared = math.min(1, i / math.min(#medias, job.shape.slides))
  end
  if count == 0 then
    local ok, why = host.run(
      video.background(job.shape, job.subject.title, 1), job.folder,
      SLIDE_SECONDS)
    if not ok then return nil, why end
    count = 1
  end
  job.prepared = 1
  return count
end

local function folder_of(project_id)
  return ("%s/files/%s"):format(config.data, project_id)
end

local function publish(job, name)
  local folder = folder_of(job.project.id)
  local ok, why = host.make_folder(folder)
  if not ok then return nil, why end
  delivered[job.project.id] = nil
  return os.rename(job.folder .. "/" .. name, folder .. "/" .. name)
end

-- Links a finished render's files instead of making them anew, if they were
-- not replaced meanwhile.
local function reuse(job)
  local old = config.reuse and results[job.inputs]
  if not old or delivered[old.project_id] ~= job.inputs then return false end
  for _, name in ipairs { "video.mp4", "cover.jpg" } do
    if not host.link(folder_of(old.project_id) .. "/" .. name,
      job.folder .. "/" .. name) or not publish(job, name) then
      return false
    end
  end
  delivered[job.project.id] = job.inputs
  job.length, job.encoded = old.length, 1
  job.project.cover = true
  return true
end

-- What the video shows, as it is now: a PUT during the work changes the
-- project, not the video.
local function subject_of(project)
  return {
    title = project.title, intro_text = project.intro_text,
    price = project.price, medias = project.medias, options = project.options,
  }
end

-- Makes video.mp4 and cover.jpg; nil and why when it cannot.
local function produce(job)
  local project, subject = job.project, subject_of(job.project)
  job.subject = subject
  job.shape = video.shape(subject.options.aspect_ratio, config.video)
  job.inputs = video.inputs(subject, config.video)
  if reuse(job) then return true end
  local slides, why = make_slides(job)
  if not slides or not current(job) then return nil, why end
  local plan = video.plan(job.shape, slides)
  job.length, job.doing = plan.length, "rendering"
  local ok
  ok, why = host.write(job.folder .. "/text.ass",
    video.text(job.shape, plan, subject))
  if not ok then return nil, why end
  ok, why = host.run(video.cover(job.shape), job.folder, SLIDE_SECONDS)
  if not ok or not current(job) then return nil, why end
  ok, why = publish(job, "cover.jpg")
  if not ok then return nil, why end
  project.cover = true
  ok, why = host.run(video.encode(job.shape, plan), job.folder, VIDEO_SECONDS,
    job.token)
  if not ok or not current(job) then return nil, why end
  ok, why = publish(job, "video.mp4")
  if not ok then return nil, why end
  delivered[project.id] = job.inputs
  results[job.inputs] = { project_id = project.id, length = job.length }
  return true
end

local function finish(job, ok, why)
  local project = job.project
  if not current(job) then return end
  if ok then
    project.status = projects.DONE
    project.video_duration = math.ceil(job.length)
  else
    project.status, project.err_msg = projects.FAILED, why or "unknown"
  end
  projects.save(project)        -- if not on the disk, then here: clients wait
end

local function wait_until(time)
  host.sleep(time - host.monotonic())
end

local function work_on(job)
  local project = job.project
  if not current(job) then return end
  wait_until(job.since + config.lasting(config.LIFE_QUEUE))
  if not current(job) then return end
  job.began, job.doing = host.monotonic(), "starting"
  jobs[project.id] = job
  project.status = projects.WORKING
  projects.save(project)
  local fault = faults.strike "work"
  local ok, why
  job.folder, why = store.work_folder()
  if fault then
    why = fault.value
  elseif job.folder then
    ok, why = produce(job)
  end
  if current(job) then
    wait_until(job.began + config.lasting(config.LIFE_WORK))
  end
  finish(job, ok, why)
  if job.folder then host.remove_folder(job.folder) end
  if jobs[project.id] == job then jobs[project.id] = nil end
end

local function complain(why)
  io.stderr:write("jogg-sandbox: ", tostring(why), "\n")
end

-- A rule that raises must not end the worker: the project fails.
local function give_up(job, why)
  complain(why)
  jobs[job.project.id] = nil
  local ok, again = pcall(finish, job, false, "the sandbox has a fault")
  if not ok then complain(again) end
end

--- Works until the sandbox stops.
function render.work()
  while not host.stopping() do
    local job = table.remove(queue, 1)
    if job then
      local ok, why = pcall(work_on, job)
      if not ok then give_up(job, why) end
    else
      host.work()
    end
  end
end

-- }======================================================================

return render
