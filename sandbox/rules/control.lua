-- SPDX-License-Identifier: MIT
--
-- The sandbox's own calls below /sandbox/: what the web page shows, and
-- what specs set up and look at. None of it exists at the real service.

local host = require "host"
local config = require "config"
local json = require "json"
local accounts = require "accounts"
local answers = require "answers"
local fault = require "fault"
local faults = require "faults"
local log = require "log"
local projects = require "projects"
local quirks = require "quirks"
local deliveries = require "v2.deliveries"
local endpoints = require "v2.endpoints"
local events = require "v2.events"
local jobs = require "v2.jobs"
local uploads = require "v2.uploads"
local videos = require "v2.videos"

local control = {}

local function count_renders(account)
  local renders, total = {}, 0
  for _, project in ipairs(projects.all()) do
    if project.owner == account.id then
      renders[project.id] = project.renders
      total = total + project.renders
    end
  end
  return renders, total
end

local function count_jobs(account)
  local counts, total = {}, 0
  for _, job in ipairs(jobs.all(nil, account)) do
    counts[job.kind] = (counts[job.kind] or 0) + 1
    total = total + 1
  end
  return counts, total
end

local function describe_account(account)
  local renders, total = count_renders(account)
  local counts, jobs_total = count_jobs(account)
  return {
    name = account.name, credits = accounts.credits(account),
    posts = account.posts, products = account.products,
    charged = accounts.charged(account),
    renders = renders, renders_total = total, jobs = counts,
    jobs_total = jobs_total, barred = account.barred == true,
  }
end

local function account_of(request)
  return accounts.find(request.headers["x-api-key"])
end

local function body_of(request)
  local kind = (request.headers["content-type"] or ""):lower()
  if not kind:find "^application/json" then
    return nil, answers.bad_request "Content-Type must be application/json"
  end
  local body, why = json.decode(request.body)
  if type(body) ~= "table" then
    return nil, answers.bad_request("the body is not JSON: "
      .. (why or "no object"))
  end
  return body
end

-- {======================================================================
-- Calls
-- =======================================================================

local function get_account(request)
  local account = account_of(request)
  if not account then return answers.bad_request("no such key", 401) end
  return answers.json(describe_account(account))
end

local function put_account(request)
  local account = account_of(request)
  if not account then return answers.bad_request("no such key", 401) end
  local body, refusal = body_of(request)
  if not body then return refusal end
  local credits, barred = body.credits, body.barred
  if credits ~= nil
    and (type(credits) ~= "number" or credits < 0 or credits > 1e9) then
    return answers.bad_request "credits must be a number from 0 to 1e9"
  elseif barred ~= nil and type(barred) ~= "boolean" then
    return answers.bad_request "barred must be a boolean"
  end
  if credits then accounts.set_credits(account, credits) end
  if barred ~= nil then account.barred = barred end
  local ok, why = accounts.save()
  if not ok then return answers.bad_request(why, 500) end
  return answers.json(describe_account(account))
end

local function get_log(request)
  local entries, last = log.since(tonumber(request.query.since) or 0)
  return answers.json { last = last, entries = entries }
end

local function get_faults()
  return answers.json { faults = faults.all() }
end

local function post_faults(request)
  local body, refusal = body_of(request)
  if not body then return refusal end
  local list = json.is_array(body) and body or { body }
  for _, given in ipairs(list) do
    local ok, why = fault.check(given)
    if not ok then return answers.bad_request(why) end
  end
  for _, given in ipairs(list) do faults.add(given) end
  return get_faults()
end

local function delete_faults()
  faults.clear()
  return get_faults()
end

local function name_of(owner)
  local account = accounts.of(owner)
  return account and account.name or ""
end

local function describe_job(job)
  local percent, doing = jobs.progress(job)
  return {
    id = job.id, kind = job.kind, title = job.title, status = job.status,
    account = name_of(job.owner), credits = job.credits, error = job.error,
    progress = percent, progress_desc = doing, duration = job.duration,
    created_at = job.created_at, completed_at = job.completed_at,
    files = job.files or json.array(), batch = job.batch,
    scripts = job.scripts and job.status == "completed" and job.scripts or nil,
    address = videos.own_address(job, ""),
  }
end

-- Newest first.
local function describe_all(list, describe, most)
  local described = json.array()
  for i = #list, math.max(1, #list - (most or #list) + 1), -1 do
    described[#described + 1] = describe(list[i])
  end
  return described
end

local function get_jobs(request)
  return answers.json {
    jobs = describe_all(jobs.all(request.query.kind), describe_job),
  }
end

local function describe_delivery(delivery)
  return {
    id = delivery.id, event = delivery.event, event_id = delivery.event_id,
    url = delivery.url, endpoint_id = delivery.endpoint_id,
    account = name_of(delivery.owner), state = delivery.state,
    attempts = delivery.attempts, created_at = delivery.created_at,
    signed = delivery.secret ~= nil, body = delivery.body,
  }
end

local function get_deliveries()
  return answers.json {
    deliveries = describe_all(deliveries.all(), describe_delivery),
  }
end

-- Sends a made-up event, to try receivers with.
local function post_events(request)
  local account = account_of(request)
  if not account then return answers.bad_request("no such key", 401) end
  local body, refusal = body_of(request)
  if not body then return refusal end
  if type(body.event) ~= "string" or not events.is_known(body.event) then
    return answers.bad_request "event must be the name of one"
  end
  local event = events.make(body.event, body.data or {},
    body.without_id == true)
  return answers.json {
    event_id = event.id, receivers = endpoints.tell(account.id, event),
  }
end

local function get_quirks()
  return answers.json {
    quirks = json.array(quirks.list()), known = quirks.KNOWN,
  }
end

local function put_quirks(request)
  local body, refusal = body_of(request)
  if not body then return refusal end
  local names = body.quirks
  if not json.is_array(names) then
    return answers.bad_request "quirks must be an array"
  end
  for _, name in ipairs(names) do
    if not quirks.KNOWN[name] then
      return answers.bad_request(tostring(name) .. " is no quirk")
    end
  end
  quirks.set(names)
  return get_quirks()
end

local MOST_SHOWN = 60        -- of deliveries and uploads, on the web page

local function describe_upload(upload)
  return {
    id = upload.id, name = upload.name, content_type = upload.content_type,
    size = upload.size, account = name_of(upload.owner),
    url = config.storage .. uploads.path(upload),
  }
end

local function get_projects()
  local list, keys = json.array(), json.array()
  for i, project in ipairs(projects.all()) do
    local info = projects.describe(project)
    info.product_id, info.url = project.product_id, project.url
    info.renders, info.price = project.renders, project.price
    list[#projects.all() + 1 - i] = info
  end
  for i, account in ipairs(accounts.all()) do
    keys[i] = describe_account(account)
    keys[i].renders = nil
  end
  return answers.json {
    projects = list, accounts = keys, faults = faults.all(),
    jobs = describe_all(jobs.all(), describe_job),
    deliveries = describe_all(deliveries.all(), describe_delivery, MOST_SHOWN),
    uploads = describe_all(uploads.all(), describe_upload, MOST_SHOWN),
    quirks = json.array(quirks.list()), storage = config.storage,
    speed = config.speed, video = config.video, version = config.VERSION,
  }
end

-- }======================================================================

local CALLS = {
  ["/sandbox/account"] = { GET = get_account, PUT = put_account },
  ["/sandbox/log"] = { GET = get_log },
  ["/sandbox/faults"] = {
    GET = get_faults, POST = post_faults, DELETE = delete_faults,
  },
  ["/sandbox/projects"] = { GET = get_projects },
  ["/sandbox/jobs"] = { GET = get_jobs },
  ["/sandbox/deliveries"] = { GET = get_deliveries },
  ["/sandbox/events"] = { POST = post_events },
  ["/sandbox/quirks"] = { GET = get_quirks, PUT = put_quirks },
}

local function delete_project(id)
  local project = projects.get(id)
  if not project then return answers.not_found() end
  local ok, why = projects.delete(project)
  if not ok then return answers.bad_request(why, 500) end
  return answers.json { deleted = id }
end

local function delete_job(id)
  local job = jobs.get(id)
  if not job then return answers.not_found() end
  local ok, why = jobs.delete(job)
  if not ok then return answers.bad_request(why, 500) end
  return answers.json { deleted = id }
end

local function post_delivery(id)
  if not deliveries.again(id) then return answers.not_found() end
  return answers.json { again = id }
end

-- folder below /sandbox/ -> what can be done with one of its members
local MEMBERS = {
  projects = { DELETE = delete_project }, jobs = { DELETE = delete_job },
  deliveries = { POST = post_delivery },
}

--- Answers a request below /sandbox/.
function control.answer(request)
  local folder, id = request.path:match "^/sandbox/(%l+)/([%w_-]+)$"
  local member = MEMBERS[folder]
  if member then
    local call = member[request.method]
    return call and call(id) or answers.wrong_method((next(member)))
  end
  local methods = CALLS[request.path]
  if not methods then return answers.not_found() end
  local call = methods[request.method]
  return call and call(request) or answers.wrong_method "GET"
end

--- The web page.
function control.page()
  local answer = answers.text(host.embedded "web/index.html",
    "text/html; charset=utf-8")
  answer.headers["Content-Security-Policy"] = "default-src 'self'; "
    .. "style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    .. "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
  return answer
end

return control
