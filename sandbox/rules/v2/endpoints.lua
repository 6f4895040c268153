-- SPDX-License-Identifier: MIT
--
-- Webhook endpoints: which events a user wants at which address, and the
-- receivers of a job's events.

local fields = require "fields"
local host = require "host"
local json = require "json"
local quirks = require "quirks"
local store = require "store"
local deliveries = require "v2.deliveries"
local events = require "v2.events"

local endpoints = {}

local FOLDER = "v2/endpoints/"
local MOST = 20              -- of a user

local text = { type = "string", required = true }

local RECORD = {
  id = text, owner = text, url = text, secret = text, status = text,
  username = text, created_at = { type = "integer", required = true },
  number = { type = "integer", required = true },
  events = { type = "array", each = { type = "string" }, required = true },
}

local order, next_number = {}, 1

local function adopt(endpoint)
  order[#order + 1] = endpoint
  next_number = math.max(next_number, endpoint.number + 1)
end

local function find(account, id)
  for i, endpoint in ipairs(order) do
    if endpoint.id == id and endpoint.owner == account.id then
      return endpoint, i
    end
  end
end

local function of(owner)
  local list = {}
  for _, endpoint in ipairs(order) do
    if endpoint.owner == owner then list[#list + 1] = endpoint end
  end
  return list
end

local function describe(endpoint)
  return {
    endpoint_id = endpoint.id, url = endpoint.url, secret = endpoint.secret,
    status = endpoint.status, events = endpoint.events,
    username = endpoint.username, created_at = endpoint.created_at,
  }
end

local function check_events(body)
  for i, name in ipairs(body.events) do
    if not events.is_known(name) then
      return ("parameter error: events[%d] is no event"):format(i - 1)
    end
  end
end

local calls = {}
endpoints.calls = calls

--- GET /v2/endpoints
function calls.endpoints(account)
  local list = json.array()
  for i, endpoint in ipairs(of(account.id)) do list[i] = describe(endpoint) end
  return { endpoints = list }, "none"
end

--- POST /v2/endpoint
function calls.create_endpoint(account, body)
  local wrong = check_events(body)
  if wrong then return false, 40000, wrong end
  if #of(account.id) >= MOST then
    return false, 40000, ("parameter error: there are %d endpoints already")
      :format(MOST)
  end
  local endpoint = {
    id = "wh_" .. host.random(12), owner = account.id, url = body.url,
    secret = "whsec_" .. host.random(16), status = body.status,
    events = body.events, username = account.username,
    created_at = os.time(), number = next_number,
  }
  local ok, why = store.write(FOLDER .. endpoint.id, endpoint)
  if not ok then return false, 50000, "system error: " .. why end
  adopt(endpoint)
  return describe(endpoint), "created " .. endpoint.id
end

--- PUT /v2/endpoint/{endpoint_id}
function calls.update_endpoint(account, body, id)
  local endpoint, i = find(account, id)
  if not endpoint then return false, 10104, "record not found: endpoint_id" end
  local wrong = check_events(body)
  if wrong then return false, 40000, wrong end
  local changed = {}
  for name, value in pairs(endpoint) do changed[name] = value end
  changed.url, changed.status = body.url, body.status
  changed.events = body.events
  local ok, why = store.write(FOLDER .. id, changed)
  if not ok then return false, 50000, "system error: " .. why end
  order[i] = changed
  return describe(changed), "changed " .. id
end

--- DELETE /v2/endpoint/{endpoint_id}
function calls.delete_endpoint(account, _, id)
  local endpoint, i = find(account, id)
  if not endpoint then return false, 10104, "record not found: endpoint_id" end
  table.remove(order, i)
  store.remove(FOLDER .. id)
  return { message = "webhook deleted" }, "deleted " .. id
end

--- GET /v2/events
function calls.events()
  return { events = events.list() }, "none"
end

-- {======================================================================
-- Receivers of events
-- =======================================================================

local function listens(endpoint, name)
  for _, each in ipairs(endpoint.status == "enabled" and endpoint.events or {})
  do
    if each == name then return true end
  end
  return false
end

--- Sends an event to those endpoints of a user that want it.
-- @tparam string owner the account's id
-- @tparam table event of events.lua
-- @treturn integer to how many
function endpoints.tell(owner, event)
  local count = 0
  for _, endpoint in ipairs(of(owner)) do
    if listens(endpoint, event.name) then
      deliveries.add(owner, event, endpoint.url, endpoint.secret, endpoint.id)
      count = count + 1
    end
  end
  return count
end

-- The addresses that a job's request named for its events.
local function callbacks(body)
  local list = { body.webhook_url or body.callback_url }
  for _, variable in ipairs(body.variables or {}) do
    list[#list + 1] = variable.properties.webhook_url
  end
  local seen, unique = {}, {}
  for _, url in ipairs(list) do
    if url ~= "" and not seen[url] then
      seen[url] = true
      unique[#unique + 1] = url
    end
  end
  return unique
end

--- Sends the events of a job that has ended.
function endpoints.finished(job)
  local first = of(job.owner)[1]
  local secret = quirks.is_on "signed_callbacks" and first and first.secret
    or nil
  for _, event in ipairs(events.of(job)) do
    if not quirks.is_on "no_webhooks" then endpoints.tell(job.owner, event) end
    for _, url in ipairs(callbacks(job.body)) do
      deliveries.add(job.owner, event, url, secret)
    end
  end
end

-- }======================================================================

--- Reads what an earlier run stored.
function endpoints.resume()
  for _, name in ipairs(store.names(FOLDER)) do
    local endpoint = store.read(FOLDER .. name)
    local wrong = endpoint and fields.check(RECORD, endpoint)
      or endpoint and endpoint.id ~= name and "id must be as the file's name"
    if wrong then
      store.complain(FOLDER .. name, wrong)
    elseif endpoint then
      adopt(endpoint)
    end
  end
  table.sort(order, function(a, b) return a.number < b.number end)
end

return endpoints
