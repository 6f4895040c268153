-- SPDX-License-Identifier: MIT
--
-- Deliveries of webhooks: each event is sent to each receiver until one of at
-- most four attempts is answered with 2xx. Pending deliveries are stored, and
-- resumed by the next run.

local host = require "host"
local config = require "config"
local faults = require "faults"
local json = require "json"
local lanes = require "lanes"
local quirks = require "quirks"
local store = require "store"

local deliveries = {}

local FOLDER = "v2/deliveries/"
local MOST = 500             -- that are kept in memory
local ATTEMPTS = 4           -- the first, and three more
local PAUSE = 5              -- seconds of real time between them

local list = {}              -- oldest first
local enqueue

-- {======================================================================
-- Sending
-- =======================================================================

local function headers_of(delivery, signature)
  local headers = {
    "Content-Type: application/json",
    "X-Webhook-Event: " .. delivery.event,
    "User-Agent: JoggAI-Webhook/2.0",
  }
  if signature then
    headers[#headers + 1] = "X-Webhook-Signature: " .. signature
  end
  return headers
end

-- HTTP status, or nil and why there is none.
local function send(delivery, fault)
  if fault and fault.what == "drop" then return nil, "dropped on request" end
  local signature = delivery.secret
    and host.hmac(delivery.secret, delivery.body)
  if signature and fault and fault.what == "bad_signature" then
    signature = signature:reverse()
  end
  local answer, why = host.post(delivery.url, headers_of(delivery, signature),
    delivery.body, config.webhook)
  if not answer then return nil, why end
  return answer.status
end

local function settle(delivery, state)
  delivery.state = state
  store.remove(FOLDER .. delivery.id)
end

local function note(delivery, status, why, fault)
  local attempts = delivery.attempts
  attempts[#attempts + 1] = {
    time = os.time(), status = status, error = why,
    fault = fault and fault.what or nil,
  }
  if status and status >= 200 and status <= 299 then
    settle(delivery, "delivered")
  elseif #attempts % ATTEMPTS == 0 then
    settle(delivery, "failed")
  else
    store.write(FOLDER .. delivery.id, delivery)
    enqueue(delivery, config.lasting(PAUSE))
  end
end

local function attempt(delivery)
  local fault = faults.strike "delivery"
  if fault and fault.what == "delay" then host.sleep(fault.value) end
  local status, why = send(delivery, fault)
  if host.stopping() then return end       -- it is sent again by the next run
  if status and fault and fault.what == "repeat" then
    for _ = 1, fault.value do send(delivery) end
  end
  note(delivery, status, why, fault)
end

function enqueue(delivery, seconds)
  lanes.add("courier", function() attempt(delivery) end, seconds)
end

-- }======================================================================

local function adopt(delivery)
  list[#list + 1] = delivery
  if #list > MOST then table.remove(list, 1) end
end

local function add(owner, event, url, secret, endpoint_id)
  local delivery = {
    id = "whd_" .. host.random(12), owner = owner, event = event.name,
    event_id = event.id, body = event.body, url = url, secret = secret,
    endpoint_id = endpoint_id, created_at = os.time(), state = "waiting",
    attempts = json.array(), number = #list > 0 and list[#list].number + 1 or 1,
  }
  adopt(delivery)
  store.write(FOLDER .. delivery.id, delivery)
  enqueue(delivery)
end

--- Sends an event to a receiver.
-- @tparam string owner the account's id
-- @tparam table event of events.lua
-- @tparam string url
-- @tparam ?string secret to sign with
-- @tparam ?string endpoint_id
function deliveries.add(owner, event, url, secret, endpoint_id)
  add(owner, event, url, secret, endpoint_id)
  if quirks.is_on "repeat_events" then
    add(owner, event, url, secret, endpoint_id)
  end
end

--- All that are remembered, oldest first.
function deliveries.all()
  return list
end

--- Repeats a delivery with the same bytes.
-- @treturn boolean whether there is such a delivery
function deliveries.again(id)
  for _, delivery in ipairs(list) do
    if delivery.id == id then
      add(delivery.owner, {
        name = delivery.event, id = delivery.event_id, body = delivery.body,
      }, delivery.url, delivery.secret, delivery.endpoint_id)
      return true
    end
  end
  return false
end

--- Resumes the pending deliveries of an earlier run.
function deliveries.resume()
  for _, name in ipairs(store.names(FOLDER)) do
    local delivery = store.read(FOLDER .. name)
    if delivery and delivery.id == name and type(delivery.url) == "string"
      and type(delivery.body) == "string" and type(delivery.event) == "string"
      and type(delivery.attempts) == "table"
      and math.type(delivery.number) == "integer" then
      adopt(delivery)
    elseif delivery then
      store.complain(FOLDER .. name, "it is no delivery")
    end
  end
  table.sort(list, function(a, b) return a.number < b.number end)
  for _, delivery in ipairs(list) do enqueue(delivery) end
end

return deliveries
