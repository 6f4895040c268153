-- SPDX-License-Identifier: MIT

-- Sends a request that costs, at most once: generation v2.
--
-- Before it is sent the token says so. After an unknown outcome it is sent again
-- only when it certainly had no effect. Where the service lists such jobs, it is
-- looked up there by the unique name that was sent with it. Elsewhere only the
-- caller can find out, and says it with `resume.resolved`.

local answer = require "jogg.answer"
local budget = require "jogg.budget"
local call = require "jogg.call"
local core = require "jogg.core"
local errors = require "jogg.error"
local pager = require "jogg.pager"

local paid = {}

local TRIES = 3 -- of a request that certainly had no effect
local NAME_MAXIMUM = 100 -- bytes of the caller's own name that are kept

-- The value at a path of a body, and how to set it.
local function place_of(fields, path)
  local last
  for name in path:gmatch "[^.]+" do
    if last then
      fields[last] = fields[last] or {}
      fields = fields[last]
    end
    last = name
  end
  return fields, last
end

-- A name that no other job has: the caller's own, and random digits.
local function unique_name(own)
  local digits = core.random_digits()
  if type(own) ~= "string" or own == "" then
    return "jogg " .. digits
  end
  own = own:sub(1, NAME_MAXIMUM):gsub("[\192-\255][\128-\191]*$", "")
  return ("%s [%s]"):format(own, digits)
end

-- Gives the request its name, the same one in every try.
local function set_name(token, operation, fields)
  if operation.attempt_name then
    local place, last = place_of(fields, operation.attempt_name)
    token.attempt_name = token.attempt_name or unique_name(place[last])
    place[last] = token.attempt_name
  end
end

-- The error of not knowing whether a request took effect.
local function unsure(err, has_list)
  err.message = "whether it was started is not known: " .. err.message
  err.outcome = "unknown"
  if not has_list then
    err.message = err.message .. ". Look for it in the web app; to go on, " ..
      "set resume.resolved to its id, or to \"not_created\""
  end
  return nil, err
end

-- Looks for the name in the list, through all pages. Returns the id; false:
-- it is not there; nil and an error.
local function search(job, operation)
  local client = job.client
  local list = client.api.operations[operation.state_list]
  local items = pager.new(client, list, {
    page_size = list.fields.page_size and 100 or nil,
  }, job)
  local all, err = items:all()
  if not all then
    return nil, err
  end
  for _, item in ipairs(all) do
    if answer.find(item, "title", list.list.item.title) ==
      job.token.attempt_name then
      return answer.find(item, "id", list.list.item.id) or false
    end
  end
  return false
end

-- The same, again and again until the request cannot take effect any more.
local function look_up(job, operation)
  job.sent_at = job.sent_at or core.now() -- by another process: from now
  local settled = false
  while true do
    local id, err = search(job, operation)
    if id == nil or id or settled then
      return id, err
    end
    local left = job.sent_at + job.plan.settle - core.now()
    settled = left <= 0
    if not settled then
      local ok
      ok, err = job.client.scheduler:sleep(math.max(0,
        math.min(left, job.plan.interval, job.deadline - core.now())))
      if not ok then
        return nil, err
      elseif core.now() >= job.deadline then
        return nil, errors.new {
          kind = "timeout", reason = "deadline", outcome = "unknown",
          message = "the time for the whole job is over",
        }
      end
    end
  end
end

-- What became of a request that an earlier try has sent. Returns its id; false:
-- it had no effect; nil and an error.
local function find_out(job, operation)
  local token = job.token
  local resolved = token.resolved
  token.resolved = nil
  if resolved then
    return resolved ~= "not_created" and resolved
  elseif operation.state_list and operation.attempt_name then
    local id, err = look_up(job, operation)
    if id == nil then
      return unsure(err, true)
    end
    return id
  end
  return unsure(errors.new {
    kind = "network", outcome = "unknown", retryable = false,
    transient = false, message = "an earlier answer was lost",
  }, false)
end

-- Sends it once. Returns the id; nil and an error.
local function send(job, operation, fields)
  local token = job.token
  set_name(token, operation, fields)
  token.sent = operation.name -- before it is sent: a kill may come at any time
  local data
  local ok, err = job:enter(operation.name)
  if ok then
    data, err = call.run(job.client, operation, fields, job)
    job.sent_at = core.now()
  end
  local result = operation.result
  local id = data and (answer.find(data, "id", result.id) or result.parts and
    answer.find(data, "items", result.parts.items) and "parts")
  if id then
    return id, data
  elseif data then
    err = errors.new {
      kind = "protocol", outcome = "unknown", retryable = false,
      message = "the answer has no id",
    }
  elseif err.outcome ~= "unknown" and err.outcome ~= "accepted" then
    token.sent = nil -- it had no effect
    return nil, err
  end
  job.set_aside = budget.price(operation, fields)
  return nil, err
end

-- The request that this run of the job has sent had no effect: what was set
-- aside for it may be spent.
local function give_back(job)
  budget.give_back(job.client, job.set_aside or 0)
  job.set_aside = nil
end

-- Has an operation that costs take effect once. Returns the id of what was
-- started; nil and an error.
function paid.run(job, name, fields)
  local token, operation = job.token, job.client.api.operations[name]
  for try = 1, TRIES do
    if token.sent == name then
      local ok, err = job:enter(name)
      if not ok then
        return nil, err
      end
      local id
      id, err = find_out(job, operation)
      if id or id == nil then
        return id, err
      end
      token.sent = nil
      give_back(job)
    end
    local id, err = send(job, operation, fields)
    if id then
      return id, err -- the answer's data
    elseif not token.sent or err.kind == "cancelled" or err.kind == "http" or
      try == TRIES then
      return nil, err
    elseif not (operation.state_list and operation.attempt_name) then
      return unsure(err, false)
    end
  end
end

return paid
