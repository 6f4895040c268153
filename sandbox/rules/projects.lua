-- SPDX-License-Identifier: MIT
--
-- Products and the projects made of them: one record each, kept in one
-- file. The four calls of the service end here, once their bodies are
-- checked; each returns data (or nothing), or false, a code and a message.

local host = require "host"
local config = require "config"
local fields = require "fields"
local json = require "json"
local store = require "store"
local accounts = require "accounts"
local files = require "files"
local page_reader = require "page_reader"
local render = require "render"
local slideshow = require "slideshow"

local projects = {}

projects.NOT_STARTED, projects.QUEUED, projects.WORKING = 1, 2, 3
projects.DONE, projects.FAILED, projects.DELETED = 4, 5, 99

local FIRST_PRODUCT = 3924
local CREDITS_A_RENDER = 1        -- videos are shorter than two minutes here
local QUEUE_SECONDS, WORK_SECONDS = 10, 60       -- of real time

local by_id, by_product, order = {}, {}, {}
local next_product = FIRST_PRODUCT

local function now()
  return os.time()
end

--- Writes a project down.
-- @treturn[1] boolean
-- @treturn[2] nil
-- @treturn[2] string why not
function projects.save(project)
  project.updated_at = now()
  return store.write("projects/" .. project.id, project)
end

-- Changes a project, but not when that cannot be written down.
local function change(project, changes)
  local old = {}
  for name, value in pairs(changes) do
    old[name], project[name] = project[name], value
  end
  local ok, why = projects.save(project)
  if ok then return true end
  for name in pairs(changes) do project[name] = old[name] end
  return nil, why
end

local function adopt(project)
  by_id[project.id] = project
  by_product[project.product_id] = project
  order[#order + 1] = project
  next_product = math.max(next_product, project.product_id + 1)
end

-- {======================================================================
-- Rendering
-- =======================================================================

-- What the video shows, as it is now: a PUT during the work changes the
-- project, not the video.
local function subject_of(project)
  return {
    title = project.title, intro_text = project.intro_text,
    price = project.price, medias = project.medias, options = project.options,
  }
end

local function token_of(project)
  return ("%s:%d"):format(project.id, project.renders)
end

local function enqueue(project)
  local run = project.renders
  local job = {
    id = project.id, token = token_of(project), lane = "render",
    kind = "project", queue = QUEUE_SECONDS, work = WORK_SECONDS,
  }
  function job.current()
    return run == project.renders and project.status ~= projects.DELETED
  end
  function job.begin()
    project.status = projects.WORKING
    projects.save(project)
  end
  function job.produce()
    return slideshow.make(job, subject_of(project), function()
      project.cover = true
    end)
  end
  function job.finish(ok, why)
    if ok then
      project.status = projects.DONE
      project.video_duration = math.ceil(job.length)
    else
      project.status, project.err_msg = projects.FAILED, why or "unknown"
    end
    projects.save(project)      -- if not on the disk, then here: clients wait
  end
  render.enqueue(job)
end

-- Percent and a description for prj_info.
local function progress_of(project)
  local status = project.status
  if status == projects.DONE then return 100, "completed" end
  if status == projects.QUEUED then
    local place = render.place("render", token_of(project))
    return 0, place > 0 and ("waiting, place %d"):format(place) or "waiting"
  end
  local percent, doing
  if status == projects.WORKING then
    percent, doing = render.report(project.id)
  end
  return percent or 0, doing or ""
end

-- }======================================================================

-- Continues a stored project, unless the record is not one.
local function resume(name)
  local project = store.read("projects/" .. name)
  if not project then return end
  local wrong = fields.check(fields.project, project)
  if not wrong and (project.id ~= name or not name:find "^%x+$") then
    wrong = "id must be as the file's name"
  elseif not wrong and by_product[project.product_id] then
    wrong = "product_id is another project's"
  end
  if wrong then return store.complain("projects/" .. name, wrong) end
  if project.status == projects.WORKING then
    project.status = projects.QUEUED
  end
  adopt(project)
end

--- Reads what an earlier run left, and takes up its renders again.
function projects.resume()
  if config.temporary then return end
  for _, name in ipairs(store.names "projects") do resume(name) end
  -- by itself, for records that are skipped had a number as well
  local kept = store.read "products"
  if kept and math.type(kept.next) == "integer" then
    next_product = math.max(next_product, kept.next)
  end
  table.sort(order, function(a, b) return a.product_id < b.product_id end)
  for _, project in ipairs(order) do
    if project.status == projects.QUEUED then enqueue(project) end
  end
end

--- All projects, oldest first.
function projects.all()
  return order
end

--- A project by its id, of any account.
function projects.get(id)
  return by_id[id]
end

local function owned(project, account)
  return project and project.owner == account.id and project or nil
end

-- What can still be changed and rendered.
local function usable(project, account)
  project = owned(project, account)
  return project and project.status ~= projects.DELETED and project or nil
end

-- {======================================================================
-- The four calls
-- =======================================================================

local function media_of(picture)
  return {
    type = 1, url = picture, name = picture:match "^[^?#]*/([^/?#]*)" or "",
  }
end

local function unsaved(why)
  return false, 50000, "system error: " .. why
end

--- POST /open/product
function projects.create(account, body)
  if not fields.is_address(body.url) then
    return false, 40000, "parameter error: url must be an http or https URL"
  end
  local page, why = page_reader.study(body.url)
  if not page then
    return false, 50000, "url: the page could not be read: " .. why
  end
  local medias = json.array()
  for i, picture in ipairs(page.pictures) do medias[i] = media_of(picture) end
  local project = {
    id = host.random(16), product_id = next_product, owner = account.id,
    url = body.url, title = page.title, intro_text = page.intro_text,
    price = page.price, target_audience = "", medias = medias,
    status = projects.NOT_STARTED, renders = 0, created_at = now(),
    options = {}, err_msg = "", video_duration = 0,
  }
  local ok
  ok, why = store.write("products", { next = next_product + 1 })
  if ok then ok, why = projects.save(project) end
  if not ok then return unsaved(why) end
  adopt(project)
  account.products = account.products + 1
  accounts.save()              -- a mere count: not worth a refusal
  return { id = project.product_id, prj_id = project.id },
    ("product %d created"):format(project.product_id)
end

--- PUT /open/product
function projects.update(account, body)
  local project = usable(by_product[body.product_id], account)
  if not project then return false, 10104, "record not found: product_id" end
  local ok, why = change(project, {
    title = body.title, intro_text = body.intro_text,
    target_audience = body.target_audience, medias = body.intro_medias,
  })
  if not ok then return unsaved(why) end
  return nil, ("product %d changed"):format(project.product_id)
end

--- POST /open/project/render. A project that runs or is done starts again,
-- and is paid again: nothing documented says otherwise, and it is the worst
-- that can happen to a client.
function projects.render(account, body)
  local project = usable(by_id[body.project_id], account)
  if not project then return false, 10104, "record not found: project_id" end
  local ok, why = accounts.charge(account, CREDITS_A_RENDER)
  if ok == false then return false, 18020, "insufficient credit" end
  if not ok then return unsaved(why) end
  local options = {
    aspect_ratio = body.aspect_ratio or 0,
    render_subtitle = body.render_subtitle or 0,
    lang = body.lang or "english", avatar_id = body.avatar_id or 0,
    template_type = body.template_type or "common",
    template_name = body.template_name, script_style = body.script_style,
    index_template_name = body.index_template_name,
  }
  ok, why = change(project, {
    options = options, renders = project.renders + 1,
    status = projects.QUEUED, err_msg = "", video_duration = 0, cover = false,
  })
  if not ok then
    accounts.charge(account, -CREDITS_A_RENDER)
    return unsaved(why)
  end
  enqueue(project)
  return nil, "render started " .. project.id
end

--- GET /open/prj_info
function projects.info(account, id)
  local project = owned(by_id[id], account)
  if not project then return false, 10104, "record not found: project_id" end
  return projects.describe(project), "none"
end

-- }======================================================================

--- What prj_info says of a project.
function projects.describe(project)
  local done = project.status == projects.DONE
  local progress, description = progress_of(project)
  local file = "files/" .. project.id
  local address = config.base .. "/" .. file
  return {
    id = project.id, title = project.title, status = project.status,
    progress = progress, progress_desc = description, step = 0,
    err_msg = project.err_msg,
    video_url = done and address .. "/video.mp4" or "",
    video_path = done and file .. "/video.mp4" or "",
    video_duration = project.video_duration,
    cover_url = project.cover and address .. "/cover.jpg" or "",
    cover_path = project.cover and file .. "/cover.jpg" or "",
    placeholder_cover_url = "",
    aspect_ratio = project.options.aspect_ratio or 0,
    template_id = 0, template_type = project.options.template_type or "common",
    index_template_id = 0, person_id = project.options.avatar_id or 0,
    workspace_index = 0, created_at = project.created_at,
    updated_at = project.updated_at,
  }
end

--- Deletes a project as its owner could in the web app: status 99.
-- @treturn[1] boolean
-- @treturn[2] nil
-- @treturn[2] string why not
function projects.delete(project)
  local ok, why = change(project, { status = projects.DELETED })
  if not ok then return nil, why end
  return files.remove(project.id)
end

return projects
