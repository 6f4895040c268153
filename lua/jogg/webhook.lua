-- SPDX-License-Identifier: MIT

--- Webhooks: the service calls your server when a job has ended.
--
-- A delivery is a POST with a JSON body. Its header `X-Webhook-Signature` holds
-- the HMAC-SHA256 of the body as hexadecimal digits; the key is the `secret` of
-- the endpoint. Verify the bytes exactly as they came: JSON that was decoded
-- and encoded again has another signature.
--
-- A delivery may come from an attacker, so nothing in it raises an error. For a
-- delivery that is refused a function returns `nil, err`, where `err` has kind
-- `webhook` and one of these reasons: `missing`, `not_hex`, `length`, `wrong`
-- (the signature), `too_large` (the body), `json`, `not_event` (the content of
-- the body), `age`, `openssl` (OpenSSL cannot compute the signature). Misuse,
-- such as a body that is not a string or an empty secret, raises at the
-- caller's line. No error contains the secret.
--
-- This module needs no client and does no input or output.
-- @module jogg.webhook
-- @usage local webhook = require "jogg.webhook"
-- local event, err = webhook.unwrap(body, headers, secret)
-- if event and event.status == "completed" then print(event.url) end

local check = require "jogg.check"
local core = require "jogg.core"
local errors = require "jogg.error"
local status_words = require "jogg.status_words"

local webhook = {}

local HEADER = "x-webhook-signature"
local DIGITS = 64                -- of an HMAC-SHA256
local MAX_BYTES = 2 ^ 20         -- of a body
local TOLERANCE = 300            -- s
local REMEMBERED = 1000          -- events
local ID_MAXIMUM = 64            -- bytes of an event id to be kept as it is
local NAME_MAXIMUM = 200         -- bytes of an event's name
local MESSAGE_MAXIMUM = 2000     -- bytes to be made printable

local function refusal(reason, message)
  return errors.new { kind = "webhook", reason = reason, message = message }
end

-- {=== what callers pass

local Seen = { __name = "jogg.webhook.seen" }

local SECRET = { kind = "string", filled = true, secret = true }
local COUNT = { kind = "integer", minimum = 1, maximum = 1000000 }

local VERIFY_FIELDS = {
  max_bytes = { kind = "integer", minimum = 1, maximum = 9e15 },
}
local UNWRAP_FIELDS = {
  max_bytes = VERIFY_FIELDS.max_bytes,
  tolerance = { kind = "seconds" },
  any_age = { kind = "boolean" },
  now = { kind = "callback" },
  seen = { kind = "table" },
}
local INBOX_FIELDS = {
  secret = { kind = "string", filled = true, secret = true, required = true },
}
for name, field in pairs(UNWRAP_FIELDS) do
  INBOX_FIELDS[name] = field
end

local DEFAULTS = {
  max_bytes = MAX_BYTES, tolerance = TOLERANCE, now = os.time,
}

-- Options come from the program, never from a delivery: a wrong value is misuse
-- as well.
local function settings_of(fields, options, name, level)
  if options == nil then
    return DEFAULTS
  end
  local settings, err = check.fields(fields, options, name, level + 1)
  if not settings then
    error(err.message, level)
  elseif settings.seen and getmetatable(settings.seen) ~= Seen then
    error(name .. ".seen must be made by webhook.seen", level)
  end
  return setmetatable(settings, { __index = DEFAULTS })
end

local function check_body(raw_body, name, level)
  if type(raw_body) ~= "string" then
    error(("%s: raw_body must be a string, the bytes as they came, not %s")
      :format(name, raw_body == nil and "nil" or "a " .. type(raw_body)), level)
  end
end

-- A secret that was read from a file often ends in a newline.
local function check_secret(secret, name, level)
  local checked, err = check.value(SECRET, secret, name .. ": secret",
    level + 1)
  if not checked then
    error(err.message, level)
  elseif secret:find "[\r\n]$" then
    error(name .. ": secret ends in a newline; remove it", level)
  end
end

-- The signature among headers. A header that came twice becomes a list, as in
-- HTTP, which is no signature.
local function signature_of(headers, name, level)
  if headers == nil or type(headers) == "string" then
    return headers
  elseif type(headers) ~= "table" then
    error(("%s: headers must be a table, or the signature alone, not a %s")
      :format(name, type(headers)), level)
  end
  local signature
  for key, value in pairs(headers) do
    if type(key) == "string" and key:lower() == HEADER then
      for _, each in ipairs(type(value) == "table" and value or { value }) do
        if type(each) ~= "string" then
          error(("%s: headers[%q] must be a string, not a %s"):format(name, key,
            type(each)), level)
        end
        signature = signature and signature .. ", " .. each or each
      end
    end
  end
  return signature
end

-- ===}

-- {=== the signature

-- Returns the right signature if that is the one that was given; or nil and an
-- error.
local function authenticate(raw_body, signature, secret, max_bytes)
  if #raw_body > max_bytes then
    return nil, refusal("too_large", ("the webhook's body has %.0f bytes; " ..
      "at most %.0f are allowed"):format(#raw_body, max_bytes))
  end
  signature = signature and signature:gsub("^%s+", ""):match "^(.*%S)"
  if not signature then
    return nil, refusal("missing",
      "the webhook has no signature (header X-Webhook-Signature)")
  elseif signature:find "[^0-9A-Fa-f]" then
    return nil, refusal("not_hex",
      "the webhook's signature is not hexadecimal")
  elseif #signature ~= DIGITS then
    return nil, refusal("length",
      ("the webhook's signature has %d digits, not %d"):format(#signature,
        DIGITS))
  end
  local right = core.hmac_sha256(secret, raw_body)
  if not right then
    return nil, refusal("openssl",
      "OpenSSL cannot compute HMAC-SHA256 with this secret")
  elseif not core.equal(right, signature:lower()) then
    return nil, refusal("wrong", "the webhook's signature is wrong: the " ..
      "secret is another one, or the body is not what was signed")
  end
  return right
end

--- Verifies the signature of a delivery.
-- @tparam string raw_body the bytes as they came
-- @tparam ?string signature the value of the header `X-Webhook-Signature`; nil
-- if the delivery has no such header
-- @tparam string secret of the endpoint
-- @tparam ?table options `max_bytes` (1 MiB): a larger body is refused before
-- anything is computed
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] table error
-- @raise on misuse
function webhook.verify(raw_body, signature, secret, options)
  local name = "webhook.verify"
  check_body(raw_body, name, 3)
  check_secret(secret, name, 3)
  if signature ~= nil and type(signature) ~= "string" then
    error(("%s: signature must be a string, not a %s"):format(name,
      type(signature)), 2)
  end
  local settings = settings_of(VERIFY_FIELDS, options, name, 3)
  local right, err = authenticate(raw_body, signature, secret,
    settings.max_bytes)
  if not right then
    return nil, err
  end
  return true
end

--- Signs a body as the service does, for tests.
-- @tparam string raw_body
-- @tparam string secret
-- @treturn string 64 hexadecimal digits
-- @raise on misuse
function webhook.sign(raw_body, secret)
  check_body(raw_body, "webhook.sign", 3)
  check_secret(secret, "webhook.sign", 3)
  return assert(core.hmac_sha256(secret, raw_body))
end

-- ===}

-- {=== the event

local function string_of(value)
  if type(value) == "string" and value ~= "" then
    return value
  end
end

local function number_of(value)
  value = tonumber(value)
  if value and value >= 0 and value < math.huge then
    return value
  end
end

-- The value of the first field that `read` accepts.
local function first(data, names, read)
  for _, name in ipairs(names) do
    local value = read(data[name])
    if value then
      return value
    end
  end
end

-- An id as a string, even if the service sent a number.
local function id_of(value)
  if type(value) == "number" and value == math.floor(value) and
    value > -2 ^ 63 and value < 2 ^ 63 then
    return ("%d"):format(value)
  end
  return string_of(value)
end

local URLS = { "video_url", "url", "result_url", "motion_url", "preview_url" }
local DURATIONS = { "duration", "video_duration", "duration_seconds" }
local TROUBLES = { "error", "err_msg", "error_msg", "fail_msg" }
local NESTED = { "message", "msg" }

-- The fields that name the job, by what the event's name contains. The first
-- word that fits counts.
local IDS = {
  { "video", "project_id", "video_id", "product_video_id",
    "video_translate_id", "task_id" },
  { "avatar", "avatar_id", "motion_id", "generation_id", "batch_id" },
  { "script", "task_id" },
  { "image", "photo_id" },
  { "motion", "motion_id" },
  { "", "project_id", "video_id", "product_video_id", "video_translate_id",
    "task_id", "motion_id", "photo_id", "generation_id", "batch_id",
    "avatar_id" },
}

-- All ids of the job that an event is about.
local function ids_of(event, data)
  local ids = {}
  for _, names in ipairs(IDS) do
    if event:find(names[1], 1, true) then
      for i = 2, #names do
        ids[#ids + 1] = id_of(data[names[i]])
      end
      break
    end
  end
  return ids
end

-- The status in the data counts if it is final. Otherwise the last word of the
-- event's name counts, because the data need not have a status.
local function status_of(event, data)
  local of_data = status_words.fold(data.status)
  local of_name = status_words.fold(event:match "(%a+)$")
  if not status_words.FINAL[of_data] and status_words.FINAL[of_name] then
    return of_name
  end
  return of_data
end

-- A failure is explained by a string, or by an object with a code.
local function trouble_of(value)
  if type(value) == "table" then
    return first(value, NESTED, string_of)
  end
  return string_of(value)
end

local function event_of(body)
  local name, data = string_of(body.event), body.data
  if not name or #name > NAME_MAXIMUM or
    data ~= nil and type(data) ~= "table" then
    return nil
  end
  data = data or {}
  local message = first(data, TROUBLES, trouble_of)
  return {
    id = id_of(body.event_id),
    event = name,
    timestamp = number_of(body.timestamp),
    status = status_of(name, data),
    id_of_job = ids_of(name, data)[1],
    url = first(data, URLS, string_of),
    cover_url = string_of(data.cover_url),
    duration = first(data, DURATIONS, number_of),
    message = message and errors.quoted(message:sub(1, MESSAGE_MAXIMUM)),
    code = type(data.error) == "table" and number_of(data.error.code) or nil,
    repeated = false,
    data = data,
  }
end

-- Why an event of this time is not taken now, if so.
local function age_fault(timestamp, settings, name, level)
  if settings.any_age then
    return nil
  end
  local now = settings.now()
  if type(now) ~= "number" then
    error(name .. ".now must return a number", level)
  elseif not timestamp then
    return "the event has no timestamp, so its age is unknown"
  end
  local age = now - timestamp
  if age > settings.tolerance then
    return ("the event is %.0f s old; at most %.0f are allowed"):format(
      math.min(age, 1e15), settings.tolerance)
  elseif -age > settings.tolerance then
    return ("the event's time is %.0f s ahead of this machine's clock; at " ..
      "most %.0f are allowed"):format(math.min(-age, 1e15), settings.tolerance)
  end
end

-- Reads a delivery. Returns the event and what tells its repeats; or nil and an
-- error.
local function read(raw_body, signature, secret, settings, name, level)
  local right, err = authenticate(raw_body, signature, secret,
    settings.max_bytes)
  if not right then
    return nil, err
  end
  local body, why = core.decode(raw_body)
  if body == nil and why then
    return nil, refusal("json", "the webhook's body is not JSON: " ..
      errors.quoted(tostring(why)))
  end
  local event = type(body) == "table" and event_of(body)
  if not event then
    return nil, refusal("not_event",
      "the webhook's body is not an event of the service")
  end
  local fault = age_fault(event.timestamp, settings, name, level + 1)
  if fault then
    return nil, refusal("age", fault)
  end
  local key = event.id
  if not key then
    key = "body " .. right -- a keyed hash of the body
  elseif #key > ID_MAXIMUM then
    key = "id# " .. core.hmac_sha256("id", key)
  else
    key = "id " .. key
  end
  return event, key
end

-- ===}

-- {=== repeats

function Seen.__tostring()
  return Seen.__name
end

local function knows(seen, key)
  return seen.known[key] or false
end

local function remember(seen, key)
  if knows(seen, key) then
    return
  end
  seen.last = seen.last % seen.n + 1
  local oldest = seen.keys[seen.last]
  if oldest then
    seen.known[oldest] = nil
  end
  seen.keys[seen.last] = key
  seen.known[key] = true
end

--- Makes a memory of events, which recognises repeated events. The service
-- sends an event again when it got no answer in time. The memory is the
-- process's own and ends with the process.
-- @tparam ?integer n how many events to remember (1000)
-- @treturn table for the option `seen`
-- @raise on misuse
function webhook.seen(n)
  local count, err = check.value(COUNT, n == nil and REMEMBERED or n,
    "webhook.seen: n", 3)
  if not count then
    error(err.message, 2)
  end
  return setmetatable({ n = count, last = 0, keys = {}, known = {} }, Seen)
end

-- ===}

--- Verifies a delivery and reads its event.
--
-- The event has `event` (its name), `status` (`pending queued processing
-- completed failed deleted`), `id_of_job` (a string: the service writes
-- `video_id`, `project_id` or another name, depending on the job), `url`,
-- `cover_url`, `duration` (seconds), `message` and `code` (of a failure), `id`
-- (of the event), `timestamp` (Unix time), `repeated` (the memory `seen` knows
-- the event) and `data`, as it came. Only `event`, `status`, `repeated` and
-- `data` are always set.
--
-- An event whose time differs from the clock's by more than `tolerance` is
-- refused, and so is an event without a time: an attacker may have recorded an
-- old delivery.
-- @tparam string raw_body the bytes as they came
-- @tparam ?string|table headers all headers, with their names in upper or lower
-- case; or the value of `X-Webhook-Signature`
-- @tparam string secret of the endpoint
-- @tparam ?table options `max_bytes` (1 MiB), `tolerance` (seconds, 300),
-- `any_age` (true: no check of the age), `now` (a function that returns Unix
-- time, `os.time`), `seen` (see @{seen})
-- @treturn[1] table event
-- @treturn[2] nil
-- @treturn[2] table error
-- @raise on misuse
function webhook.unwrap(raw_body, headers, secret, options)
  local name = "webhook.unwrap"
  check_body(raw_body, name, 3)
  check_secret(secret, name, 3)
  local signature = signature_of(headers, name, 3)
  local settings = settings_of(UNWRAP_FIELDS, options, name, 3)
  local event, key = read(raw_body, signature, secret, settings, name, 3)
  if not event then
    return nil, key
  end
  if settings.seen then
    event.repeated = knows(settings.seen, key)
    remember(settings.seen, key)
  end
  return event
end

-- {=== inbox

--- Receives deliveries and passes their events to listeners, such as waiting
-- jobs. @{webhook.inbox} makes one.
-- @type inbox
local inbox = {}
local Inbox = { __name = "jogg.webhook.inbox", __index = inbox }

function Inbox.__tostring()
  return Inbox.__name
end

-- Not in the inbox itself: printing its fields must not print the secret.
local secrets = setmetatable({}, { __mode = "k" })

local STATUSES = { too_large = 413, json = 400, not_event = 400, age = 400 }

local function check_inbox(self, method, level)
  if getmetatable(self) ~= Inbox then
    error(("%s is a method: call it as inbox:%s(...)"):format(method, method),
      level)
  end
end

-- Checks an id and returns it as a string, as events have it.
local function check_id(id, name, level)
  local checked, err = check.value({ kind = "id" }, id, name, level + 1)
  if checked == nil then
    error(err.message, level)
  end
  return id_of(checked)
end

--- Takes a delivery and calls the listeners of its job, unless the event came
-- before. If a listener raises an error, `receive` raises it too, and the event
-- counts as not received: the service sends it again if your server answers
-- with 500.
-- @tparam string raw_body the bytes as they came
-- @tparam ?string|table headers as for @{unwrap}
-- @treturn[1] integer 200: the HTTP status to answer with
-- @treturn[1] table event
-- @treturn[2] integer 413 for `too_large`; 400 for `json`, `not_event` and
-- `age`; 401 for all other reasons
-- @treturn[2] table error
-- @raise on misuse
function inbox:receive(raw_body, headers)
  local name = "inbox:receive"
  check_inbox(self, "receive", 3)
  check_body(raw_body, name, 3)
  local signature = signature_of(headers, name, 3)
  local settings = self.settings
  local event, key = read(raw_body, signature, secrets[self], settings,
    "webhook.inbox", 3)
  if not event then
    return STATUSES[key.reason] or 401, key
  end
  event.repeated = knows(settings.seen, key)
  if event.repeated then
    return 200, event
  end
  local called = {} -- a job may have two ids and one listener
  for _, id in ipairs(ids_of(event.event, event.data)) do
    -- on and off make new lists, so a listener may call them
    for _, listener in ipairs(self.listeners[id] or {}) do
      if not called[listener] then
        called[listener] = true
        listener(event)
      end
    end
  end
  remember(settings.seen, key)
  return 200, event
end

--- Calls a function, `listener(event)`, when an event of a job arrives. The
-- function should return soon, because the service waits for an answer.
-- @tparam string|integer id the job's id. If an event names several ids of the
-- job (`project_id`, `video_id`, ...), each of them matches
-- @tparam function listener
-- @raise on misuse
function inbox:on(id, listener)
  check_inbox(self, "on", 3)
  id = check_id(id, "inbox:on: id", 3)
  check.value({ kind = "callback" }, listener, "inbox:on: listener", 3)
  self:off(id, listener)
  local list = self.listeners[id] or {}
  self.listeners[id] = list
  list[#list + 1] = listener
end

--- Undoes @{inbox:on}.
-- @tparam string|integer id
-- @tparam ?function listener nil: all listeners of the id
-- @raise on misuse
function inbox:off(id, listener)
  check_inbox(self, "off", 3)
  id = check_id(id, "inbox:off: id", 3)
  local kept = {}
  for _, each in ipairs(listener ~= nil and self.listeners[id] or {}) do
    if each ~= listener then
      kept[#kept + 1] = each
    end
  end
  self.listeners[id] = kept[1] and kept or nil
end

--- @section end

--- Makes an inbox.
-- @tparam table options `secret` (of the endpoint), and those of @{unwrap}
-- @treturn table inbox
-- @raise on misuse
function webhook.inbox(options)
  local name = "webhook.inbox"
  local settings = settings_of(INBOX_FIELDS, options == nil and {} or options,
    name, 3)
  check_secret(settings.secret, name, 3)
  local made = setmetatable({ settings = settings, listeners = {} }, Inbox)
  secrets[made] = settings.secret
  settings.secret = nil
  settings.seen = settings.seen or webhook.seen()
  return made
end

--- Is this value an inbox?
-- @param value anything
-- @treturn boolean
function webhook.is_inbox(value)
  return getmetatable(value) == Inbox
end

-- ===}

return webhook
