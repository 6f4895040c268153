-- SPDX-License-Identifier: MIT
--
-- The v2 generation: from a request to an answer. Refuses in this order: path,
-- method, key, pace, body, fields; what a call then does is its module's
-- business. Modules have `calls`: the name of an operation to a function of the
-- account, the fields of the body or query, and what stood in the path. It
-- returns data (or nothing) and its effect for the log, or false, a code and a
-- message.

local host = require "host"
local config = require "config"
local accounts = require "accounts"
local answers = require "answers"
local faults = require "faults"
local fields = require "fields"
local json = require "json"
local log = require "log"
local quirks = require "quirks"
local envelope = require "v2.envelope"
local kinds = require "v2.kinds"
local operations = require "v2.operations"

local service = {}

local jobs = require "v2.jobs"
local products = require "v2.products"
local endpoints = require "v2.endpoints"
local uploads = require "v2.uploads"
local deliveries = require "v2.deliveries"
local films = require "v2.films"

local calls = {}
for _, module in ipairs { products, endpoints, uploads, films,
  require "v2.videos", require "v2.templates", require "v2.scripts",
  require "v2.avatars", require "v2.catalog", require "v2.users" } do
  for name, call in pairs(module.calls) do calls[name] = call end
end

-- {======================================================================
-- Which operation
-- =======================================================================

local static, patterns = {}, {}     -- path -> method -> operation

for _, operation in ipairs(operations) do
  assert(calls[operation.name], operation.name)
  local path = operation.path
  if path:find "{" then
    path = "^" .. path:gsub("{[%w_]+}", "([^/]+)") .. "$"
    patterns[path] = patterns[path] or {}
    patterns[path][operation.method] = operation
  else
    static[path] = static[path] or {}
    static[path][operation.method] = operation
  end
end

-- The vendor's own client knows one more.
local LOOKUP = {
  name = "lip_sync_lookup", method = "GET",
  query = {
    video_url = { type = "string" }, audio_url = { type = "string" },
    playback_type = { type = "string" },
  },
}
calls.lip_sync_lookup = films.find_lip_sync

local function find(path)
  if path == "/v2/lip_sync_video" and quirks.is_on "lip_sync_lookup" then
    return { GET = LOOKUP }
  end
  if static[path] then return static[path] end
  for pattern, methods in pairs(patterns) do
    local id = path:match(pattern)
    if id then return methods, id end
  end
end

-- }======================================================================

-- {======================================================================
-- Reading the input
-- =======================================================================

local function wrong_field(message)
  return nil, envelope.refuse(40000, "parameter error: " .. message)
end

local function read_body(request, operation)
  local kind = (request.headers["content-type"] or ""):lower()
  if request.too_long then
    return nil, envelope.refuse(40000, "the body is too long", 413)
  elseif not kind:find "^%s*application/json%s*$"
    and not kind:find "^%s*application/json%s*;" then
    return wrong_field "Content-Type must be application/json"
  end
  local body, why = json.decode(request.body)
  if body == nil then
    return wrong_field("the body is not JSON: " .. why)
  elseif not json.is_object(body) or body == json.null then
    return wrong_field "the body must be a JSON object"
  end
  local wrong = fields.check(operation.body, body, operation.needs)
  if wrong then return wrong_field(wrong) end
  return body
end

-- The query with the types of its rules; what has no rule is let through.
local function read_query(request, operation)
  local query = {}
  for name, value in pairs(request.query) do
    local rule = operation.query and operation.query[name]
    if rule and rule.type == "integer" then
      query[name] = value:find "^-?%d+$" and math.tointeger(tonumber(value))
        or value
    else
      query[name] = value
    end
  end
  local wrong = fields.check(operation.query or {}, query)
  if wrong then return wrong_field(wrong) end
  return query
end

-- }======================================================================

-- {======================================================================
-- Serving
-- =======================================================================

local function honest(request, operation, account, entry, fault, id)
  local input, refusal
  if operation.body then
    input, refusal = read_body(request, operation)
  else
    input, refusal = read_query(request, operation)
  end
  if not input then return refusal end
  local data, code, message = calls[operation.name](account, input, id)
  if data == false then return envelope.refuse(code, message) end
  entry.effect = code                -- on success the second result
  if operation.state and data then
    faults.apply_state(fault, data, kinds.word(operation.state, "completed"))
  end
  if operation.name == "create_endpoint" and quirks.is_on "bare_endpoint" then
    return answers.json_text(200, data)
  end
  return envelope.success(data)
end

-- Whether the state of something is asked for again too soon.
local function polls_too_fast(account, operation, request)
  if not operation.state or not quirks.is_on "poll_limit" then return false end
  local asked, now = account.asked or {}, host.monotonic()
  account.asked = asked
  local what = request.path .. "?" .. (request.query.motion_id
    or request.query.photo_id or "")
  local last = asked[what]
  asked[what] = now
  return last ~= nil and now - last < config.lasting(5)
end

local function serve(request, operation, entry, fault, id)
  local account = accounts.find(request.headers["x-api-key"])
  if not account then return envelope.refuse(10105, "invalid API key") end
  entry.key = account.name
  if account.barred then
    return envelope.refuse(18025, "no permission to call the API")
  end
  if polls_too_fast(account, operation, request) then
    return envelope.slow_down(math.max(1, math.ceil(config.lasting(5))))
  end
  if request.method ~= "POST" then
    return honest(request, operation, account, entry, fault, id)
  end
  local left, wait = accounts.admit(account)
  local answer = wait and envelope.slow_down(wait)
    or honest(request, operation, account, entry, fault, id)
  if left then
    answer.headers["X-RateLimit-Remaining"] = tostring(left)
    answer.headers["X-RateLimit-Limit"] = tostring(config.posts)
    if quirks.is_on "rate_headers" then
      answer.headers["X-RateLimit-Reset"] = tostring(os.time()
        + math.ceil(config.minute))
      answer.headers["X-RateLimit-Type"] = "user"
    end
  end
  return answer
end

local function redirect(path)
  return { status = 307, body = "", headers = { Location = path } }
end

local function wrong_method(methods)
  local allowed = {}
  for method in pairs(methods) do allowed[#allowed + 1] = method end
  table.sort(allowed)
  return answers.wrong_method(table.concat(allowed, ", "))
end

local WEBHOOKS = { endpoints = true, create_endpoint = true,
  update_endpoint = true, delete_endpoint = true, events = true }

--- Answers a request below /v2/.
function service.answer(request)
  local methods, id = find(request.path)
  local operation = methods and methods[request.method]
  local entry = log.begin(request, operation and operation.name or "none")
  local answer
  if operation and not (WEBHOOKS[operation.name]
    and quirks.is_on "no_webhooks") then
    local fault = faults.strike(operation.name)
    entry.fault = fault and fault.what
    answer = faults.apply(fault, function()
      return serve(request, operation, entry, fault, id)
    end)
  elseif request.path == "/v2/video_translate"
    and quirks.is_on "slash_redirect" then
    answer = redirect "/v2/video_translate/"
  elseif methods and not operation then
    answer = wrong_method(methods)
  else
    answer = answers.not_found()
  end
  log.conclude(entry, answer)
  return answer
end

--- Reads what an earlier run stored, and resumes its jobs and deliveries.
function service.resume()
  jobs.when_finished(endpoints.finished)
  products.resume()
  uploads.resume()
  endpoints.resume()
  deliveries.resume()
  jobs.resume()
end

-- }======================================================================

return service
