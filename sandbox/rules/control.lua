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

local function describe_account(account)
  local renders, total = count_renders(account)
  return {
    name = account.name, credits = account.credits, posts = account.posts,
    products = account.products, charged = account.charged,
    renders = renders, renders_total = total,
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
  if body == nil then
    return nil, answers.bad_request("the body is not JSON: " .. why)
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
  local credits = type(body) == "table" and body.credits
  if math.type(credits) ~= "integer" or credits < 0 then
    return answers.bad_request "credits must be a whole number"
  end
  account.credits = credits
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
}

local function delete_project(id)
  local project = projects.get(id)
  if not project then return answers.not_found() end
  local ok, why = projects.delete(project)
  if not ok then return answers.bad_request(why, 500) end
  return answers.json { deleted = id }
end

--- Answers a request below /sandbox/.
function control.answer(request)
  local id = request.path:match "^/sandbox/projects/(%x+)$"
  if id then
    return request.method == "DELETE" and delete_project(id)
      or answers.wrong_method "DELETE"
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
