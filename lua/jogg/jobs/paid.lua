-- SPDX-License-Identifier: MIT

-- Sends a request that costs, at most once: generation v2.
--
-- Before it is sent the token says so. After an unknown outcome it is sent again
-- only when it certainly had no effect. Where the service lists such jobs, it is
-- looked up there by the unique name that was sent with it. Elsewhere only the
-- caller can find out, and says it with `resume.resolved`.

local answer = require "jogg.answer"
local call = require "jogg.call"
local core = require "jogg.core"
local errors = require "jogg.error"
local pager = require "jogg.pager"

local paid = {}

local TRIES = 3 -- of a request that certainly had no effect
local NAME_MAXIMUM = 100 -- bytes of the caller's own name that are kept

-- The table in a body that a path leads to, and the last name of the path. Nil
-- if something else is in the way.
local function place_of(fields, path)
  local last
  for name in path:gmatch "[^.]+" do
    if last then
      fields[last] = fields[last] or {}
      fields = fields[last]
      if type(fields) ~= "table" then
        return nil
      end
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
  elseif #own > NAME_MAXIMUM then -- no character is cut in two
    own = own:sub(1, NAME_MAXIMUM):gsub("[\192-\255][\128-\191]*$", "")
  end
  return ("%s [%s]"):format(own, digits)
end

-- Gives the request its name, the same one in every try. Returns true; nil and
-- an error.
local function set_name(token, operation, fields)
  if operation.attempt_name then
    local place, last = place_of(fields, operation.attempt_name)
    if not place then
      return nil, errors.parameter(("extra: %s must be an object"):format(
        operation.attempt_name:match "^[^.]+"))
    end
    token.attempt_name = token.attempt_name or unique_name(place[last])
    place[last] = token.attempt_name
  end
  return true
end

-- Does the service list such jobs by the name that was sent with them?
local function has_list(operation)
  return operation.state_list and operation.attempt_name
end

-- The error of not knowing whether a request took effect.
local function unsure(err, operation)
  err.message = "whether it was started is not known: " .. err.message
  err.outcome = "unknown"
  if not has_list(operation) then
    err.transient = false
    err.advice = "look for it in the web app; to go on, resume with " ..
      "err.resume.resolved = its id, or \"not_created\""
  end
  return nil, err
end

local function untrustworthy(why)
  return nil, errors.new {
    kind = "protocol", reason = "list", outcome = "unknown",
    message = "the service's list cannot be trusted: " .. why,
  }
end

-- The items of a list with the job's name: the first one, or all. Returns them;
-- nil and an error, also when the list may lack some.
local function search(job, list, all)
  local digits = job.token.attempt_name:match "(%x+)%]?$"
  local items = pager.new(job.client, list, {
    page_size = list.fields.page_size and 100 or nil,
  }, job)
  local shape, found, count, titles = list.list.item, {}, 0, 0
  local item = items() -- Lua 5.1 cannot suspend in the iterator of a for
  while item do
    local title = answer.find(item, "title", shape.title)
    count, titles = count + 1, titles + (title and 1 or 0)
    if title and title:find(digits, 1, true) then
      local part = answer.read(shape, item)
      if not part.id then
        return untrustworthy "an item has no id"
      end
      found[#found + 1] = part
      if not all then
        return found
      end
    end
    item = items()
  end
  if items.err then
    return nil, items.err
  elseif items.is_missing and items.total ~= 0 then
    return untrustworthy "it is not in the answer"
  elseif items.unreadable > 0 then
    return untrustworthy "it has items that are not objects"
  elseif items.total and count < items.total then
    return untrustworthy(("it has %d items of %g"):format(count, items.total))
  elseif count > 0 and titles == 0 then
    return untrustworthy "its items have no names"
  end
  return found
end

-- The same, again and again until the request cannot take effect any more.
-- `job.lost` is the error of the lost answer, if this run has lost it.
local function look_up(job, operation)
  local list = job.client.api.operations[operation.state_list]
  job.sent_at = job.sent_at or core.now() -- by another process: from now
  local settled = false
  while true do
    local found, err = search(job, list, operation.result.parts ~= nil)
    local is_final = found and found[1] or not found and err.reason ~= "list"
    if is_final or settled then
      return found, err
    end
    local left = job.sent_at + job.plan.settle - core.now()
    settled = left <= 0
    if not settled then
      local ok
      job:tell_wait("retry", job.lost)
      ok, err = job.client.scheduler:sleep(math.max(0,
        math.min(left, job.plan.interval, job.deadline - core.now())))
      if not ok then
        return nil, err
      elseif core.now() >= job.deadline then
        return nil, errors.new {
          kind = "timeout", reason = "deadline",
          message = "the time for the whole job is over",
        }
      end
    end
  end
end

-- What became of a request that an earlier try has sent. Returns a list of what
-- it started, which is empty when it had no effect; nil and an error.
local function find_out(job, operation)
  local token = job.token
  local resolved = token.resolved
  token.resolved = nil
  if resolved == "not_created" then
    return {}
  elseif resolved and not operation.state then -- a preview
    return { { id = resolved } }
  elseif resolved then
    token.project_id = resolved
    local info, err = job:poll()
    token.project_id = nil
    if not info then
      return unsure(err, operation)
    end
    return { { id = resolved } }
  elseif not has_list(operation) then
    return unsure(errors.new {
      kind = "network", retryable = false,
      message = "an earlier answer was lost",
    }, operation)
  end
  local found, err = look_up(job, operation)
  if not found then
    return unsure(err, operation)
  end
  for _, part in ipairs(found) do
    part.title = nil -- it is the name of the attempt
  end
  return found
end

-- What an answer says was started: a list. Nil where it says nothing.
local function started(operation, data)
  local result = operation.result
  if result.parts and not operation.state then -- previews have no common id
    local parts = answer.read({ parts = result.parts }, data).parts
    for _, part in ipairs(parts) do
      if part.id or part.message then
        return parts
      end
    end
    return nil
  end
  local id = answer.find(data, "id", result.id)
  return id and { { id = id } }
end

-- Sends it once. Returns true; nil and an error.
local function send(job, operation, fields, store)
  local ok, err = set_name(job.token, operation, fields)
  if not ok then
    return nil, err
  end
  job.token.phase = operation.name
  local is_stored = false
  function job.on_answer(data)
    local list = started(operation, data)
    if list then
      is_stored = true
      store(list)
      job:set_aside(nil)
      job:save() -- where that fails, the next phase says it
    end
  end
  local data
  data, err = call.run(job.client, operation, fields, job)
  job.on_answer, job.sent_at = nil, core.now()
  if is_stored then
    return true
  elseif data then
    err = errors.new {
      kind = "protocol", outcome = "unknown", retryable = false,
      message = "the answer has no id",
    }
  end
  return nil, err
end

-- Has an operation that costs take effect once. `store` is called with a list of
-- what it started, each with its `id`, and puts that into the token. Returns
-- true; nil and an error.
function paid.run(job, name, fields, store)
  local token, operation = job.token, job.client.api.operations[name]
  if token.sent and token.sent ~= name then
    return nil, errors.parameter "the token is damaged: another call was sent"
  end
  for try = 1, TRIES do
    if token.sent then
      local ok, err = job:enter(name)
      if not ok then
        return nil, err
      end
      local found
      found, err = find_out(job, operation)
      if not found then
        return nil, err
      elseif found[1] then
        store(found)
        return true
      end
      token.sent = nil
      job:give_back()
    end
    local ok, err = send(job, operation, fields, store)
    if ok then
      return true
    elseif not token.sent then
      return nil, err -- it had no effect
    elseif not has_list(operation) then
      return unsure(err, operation)
    elseif err.kind == "cancelled" or err.kind == "http" or try == TRIES then
      return unsure(err, operation)
    end
    job.lost = err
  end
end

return paid
