-- SPDX-License-Identifier: MIT
--
-- From a request to an answer: finds whose it is and, for the calls of the
-- /open generation, refuses in the service's order: path, method, key, pace,
-- body, fields. What a call then does is in projects.lua.

local json = require "json"
local config = require "config"
local answers = require "answers"
local accounts = require "accounts"
local control = require "control"
local faults = require "faults"
local fields = require "fields"
local log = require "log"
local projects = require "projects"
local samples = require "samples"
local files = require "files"
local jobs = require "v2.jobs"
local v2 = require "v2.service"

local router = {}

-- path -> method -> endpoint
local SERVICE = {
  ["/open/product"] = {
    POST = { name = "product", fields = fields.product,
      call = projects.create },
    PUT = { name = "update", fields = fields.update, call = projects.update },
  },
  ["/open/project/render"] = {
    POST = { name = "render", fields = fields.render,
      call = projects.render },
  },
  ["/open/prj_info"] = {
    GET = { name = "prj_info", call = projects.info },
  },
}

-- {======================================================================
-- The service
-- =======================================================================

-- The decoded body, or nil and an answer.
local function read_body(request, rules)
  local kind = (request.headers["content-type"] or ""):lower()
  if request.too_long then
    return nil, answers.bad_request("the body is too long", 413)
  elseif not kind:find "^%s*application/json%s*$"
    and not kind:find "^%s*application/json%s*;" then
    return nil, answers.bad_request("Content-Type must be application/json")
  end
  local body, why = json.decode(request.body)
  if body == nil then
    return nil, answers.bad_request("the body is not JSON: " .. why)
  elseif not json.is_object(body) or body == json.null then
    return nil, answers.bad_request("the body must be a JSON object")
  end
  local wrong = fields.check(rules, body)
  if wrong then
    return nil, answers.code(40000, "parameter error: " .. wrong)
  end
  return body
end

local function read_input(request, endpoint)
  if endpoint.fields then return read_body(request, endpoint.fields) end
  local id = request.query.project_id
  if not id or id == "" then
    return nil, answers.code(40000, "parameter error: project_id is required")
  end
  return id
end

local function honest(request, endpoint, account, entry, fault)
  local input, refusal = read_input(request, endpoint)
  if not input then return refusal end
  local data, code, message = endpoint.call(account, input)
  if data == false then return answers.code(code, message) end
  entry.effect = code                -- on success the second result
  if endpoint.name == "prj_info" then faults.apply_info(fault, data) end
  return answers.success(data)
end

local function admit(request, account)
  if request.method ~= "POST" then return nil end
  local left, wait = accounts.admit(account)
  if wait then
    return left, answers.code(429, "too many requests", 429,
      { retryAfter = wait })
  end
  return left
end

local function serve(request, endpoint, entry, fault)
  local account = accounts.find(request.headers["x-api-key"])
  if not account then return answers.code(10105, "invalid API key", 401) end
  entry.key = account.name
  local left, refusal = admit(request, account)
  local answer = refusal or honest(request, endpoint, account, entry, fault)
  if left then
    answer.headers["X-RateLimit-Limit"] = tostring(config.posts)
    answer.headers["X-RateLimit-Remaining"] = tostring(left)
  end
  return answer
end

local function service(request)
  local methods = SERVICE[request.path]
  local endpoint = methods and methods[request.method]
  local entry = log.begin(request, endpoint and endpoint.name or "none")
  local answer
  if endpoint then
    local fault = faults.strike(endpoint.name)
    entry.fault = fault and fault.what
    answer = faults.apply(fault, function()
      return serve(request, endpoint, entry, fault)
    end)
  elseif methods then
    local allowed = {}
    for method in pairs(methods) do allowed[#allowed + 1] = method end
    table.sort(allowed)
    answer = answers.wrong_method(table.concat(allowed, ", "))
  else
    answer = answers.not_found()
  end
  log.conclude(entry, answer)
  return answer
end

-- }======================================================================

-- {======================================================================
-- Files and pages
-- =======================================================================

local function is_read(request)
  return request.method == "GET" or request.method == "HEAD"
end

-- Those of /v2 are at the storage; here the page of the sandbox shows them.
local function file_of(request)
  return files.answer(request, function(id)
    local project = projects.get(id)
    return project and project.status ~= projects.DELETED or jobs.get(id)
  end)
end

local function under_fault(request, endpoint, call)
  if not is_read(request) then return answers.wrong_method "GET, HEAD" end
  local entry = endpoint == "video" and log.begin(request, endpoint)
  local fault = faults.strike(endpoint)
  local answer = faults.apply(fault, function() return call(request) end)
  if entry then
    entry.fault = fault and fault.what
    log.conclude(entry, answer)
  end
  return answer
end

-- The pages that show or change the sandbox answer only to requests that name
-- this machine as their host: no other site's page can pose as the sandbox.
local function is_local(request)
  local name = (request.headers.host or ""):gsub(":%d+$", "")
  return name == "127.0.0.1" or name == "localhost"
end

-- }======================================================================

--- Answers a request.
-- @tparam table request method, path, query, headers, body, too_long
-- @treturn table status, headers, and body or file
function router.request(request)
  local path = request.path
  if path:find "^/open/" then return service(request) end
  if path:find "^/v2/" then return v2.answer(request) end
  if path:find "^/files/.*%.mp4$" then
    return under_fault(request, "video", file_of)
  elseif path:find "^/files/" then
    return is_read(request) and file_of(request)
      or answers.wrong_method "GET, HEAD"
  elseif path:find "^/samples/" or path:find "^/site/" then
    return under_fault(request, "page", samples.answer)
  elseif not is_local(request) then
    return answers.not_found()
  elseif path:find "^/sandbox/" then
    return control.answer(request)
  elseif path == "/" then
    return is_read(request) and control.page() or answers.wrong_method "GET"
  end
  return log.begin(request, "none") and answers.not_found()
end

return router
