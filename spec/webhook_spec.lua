-- SPDX-License-Identifier: MIT
-- Webhooks: only what the service signed is believed, byte for byte, once, and
-- not for long; what it says is read whatever spelling it uses.

local core = require "jogg.core"
local errors = require "jogg.error"
local misuse = require("spec.support.misuse").check
local process = require "spec.support.process"
local webhook = require "jogg.webhook"

-- The test vector of the API's reference.
local SECRET = "whsec_abc123xyz"
local BODY = '{"event":"generated_product_video_success",' ..
  '"timestamp":1732806631}'
local SIGNATURE =
  "f48be2f0a9b3d30e58a6597168ce7896f8ac943e53f3e9e458522d3b3f98fc8f"
local SENT = 1732806631

local function at(moment)
  return function() return moment end
end

-- A body that the service might send.
local function body_of(event, data, more)
  return ('{"event":"%s","timestamp":%d,%s"data":%s}'):format(event, SENT,
    more or "", data)
end

-- Unwraps what is signed right, at the time when it was sent.
local function unwrap(body, options)
  options = options or {}
  options.now = options.now or at(SENT)
  local event, err = webhook.unwrap(body, webhook.sign(body, SECRET), SECRET,
    options)
  return event, err
end

local function is_refused(reason, value, err)
  assert.is_nil(value)
  assert.is_true(errors.is(err))
  assert.equal("webhook", err.kind)
  assert.equal(reason, err.reason, err.message)
  assert.is_false(err.retryable)
  assert.truthy(tostring(err):find "; refuse the delivery$")
  for _, text in pairs(err) do
    assert.falsy(tostring(text):find(SECRET, 1, true))
  end
end

describe("webhook.verify", function()
  it("accepts the test vector", function()
    assert.is_true(webhook.verify(BODY, SIGNATURE, SECRET))
    assert.equal(SIGNATURE, webhook.sign(BODY, SECRET))
  end)

  it("takes digits in any case of letters, with blanks around them", function()
    for _, signature in ipairs { SIGNATURE:upper(), " " .. SIGNATURE,
      SIGNATURE .. "\r\n", "\t" .. SIGNATURE:sub(1, 9):upper() ..
      SIGNATURE:sub(10) .. "  " } do
      assert.is_true(webhook.verify(BODY, signature, SECRET))
    end
  end)

  it("says why it refuses", function()
    for _, case in ipairs {
      { nil, "missing" }, { "", "missing" }, { " \t ", "missing" },
      { (" "):rep(100000), "missing" },
      { SIGNATURE:sub(1, 63), "length" }, { SIGNATURE .. "0", "length" },
      { SIGNATURE:sub(1, 32), "length" }, { SIGNATURE:rep(1000), "length" },
      { "sha256=" .. SIGNATURE, "not_hex" }, { SIGNATURE .. "==", "not_hex" },
      { SIGNATURE:sub(1, 63) .. "g", "not_hex" },
      { SIGNATURE:sub(1, 63) .. "\0", "not_hex" },
      { SIGNATURE:sub(1, 32) .. " " .. SIGNATURE:sub(33), "not_hex" },
      { SIGNATURE:sub(1, 63) .. "\239\188\145", "not_hex" },
      { "a" .. (" "):rep(100000) .. "a", "not_hex" },
      { ("0"):rep(64), "wrong" }, { SIGNATURE:reverse(), "wrong" },
      { SIGNATURE:gsub("f$", "e"), "wrong" },
      { SIGNATURE:gsub("^f", "e"), "wrong" },
    } do
      is_refused(case[2] or "missing", webhook.verify(BODY, case[1], SECRET))
    end
    is_refused("missing", webhook.verify(BODY, nil, SECRET))
    is_refused("wrong", webhook.verify(BODY, SIGNATURE, SECRET .. "x"))
    is_refused("wrong", webhook.verify(BODY, webhook.sign(BODY, "x"), SECRET))
  end)

  it("notices any other byte of the body", function()
    for i = 1, #BODY do
      is_refused("wrong", webhook.verify(BODY:sub(1, i - 1) .. "~" ..
        BODY:sub(i + 1), SIGNATURE, SECRET))
    end
    for _, body in ipairs { "", " " .. BODY, BODY .. "\n", BODY .. "\0",
      BODY:sub(1, -2) } do
      is_refused("wrong", webhook.verify(body, SIGNATURE, SECRET))
    end
    assert.is_true(webhook.verify("\0\255\r\n", webhook.sign("\0\255\r\n", "k"),
      "k"))
    assert.is_true(webhook.verify("", webhook.sign("", "k"), "k"))
  end)

  -- What an endpoint of a web framework may be tempted to do.
  it("refuses a body that was decoded and encoded again", function()
    local body = '{ "event": "x", "timestamp": 1e0, "a": "\\u00e9\\/" }'
    local again = core.encode(core.decode(body), {})
    local signature = webhook.sign(body, SECRET)
    assert.is_true(webhook.verify(body, signature, SECRET))
    is_refused("wrong", webhook.verify(again, signature, SECRET))
  end)

  it("refuses a large body without hashing it", function()
    local hash, hashed = core.hmac_sha256, 0
    core.hmac_sha256 = function(...)
      hashed = hashed + 1
      return hash(...)
    end
    local body = ("x"):rep(100 * 1000 * 1000)
    local before = os.clock()
    local ok, err = webhook.verify(body, SIGNATURE, SECRET)
    local event, why = webhook.unwrap(body, SIGNATURE, SECRET)
    local status = webhook.inbox { secret = SECRET }:receive(body, SIGNATURE)
    local seconds = os.clock() - before
    core.hmac_sha256 = hash
    is_refused("too_large", ok, err)
    is_refused("too_large", event, why)
    assert.equal(413, status)
    assert.truthy(err.message:find("100000000 bytes; at most 1048576", 1, true))
    assert.equal(0, hashed)
    assert.is_true(seconds < 0.05, seconds .. " s")
  end)

  it("has a maximum that can be set", function()
    local largest = ("x"):rep(2 ^ 20)
    assert.is_true(webhook.verify(largest, webhook.sign(largest, "k"), "k"))
    local larger = largest .. "x"
    local signature = webhook.sign(larger, "k")
    is_refused("too_large", webhook.verify(larger, signature, "k"))
    assert.is_true(webhook.verify(larger, signature, "k",
      { max_bytes = 2 ^ 20 + 1 }))
    is_refused("too_large", webhook.verify(BODY, SIGNATURE, SECRET,
      { max_bytes = #BODY - 1 }))
  end)

  it("refuses when OpenSSL cannot compute", function()
    local hash = core.hmac_sha256
    core.hmac_sha256 = function() return nil end
    local ok, err = webhook.verify(BODY, SIGNATURE, SECRET)
    core.hmac_sha256 = hash
    is_refused("openssl", ok, err)
  end)
end)

describe("webhook.unwrap", function()
  it("finds the signature among headers", function()
    for _, headers in ipairs {
      SIGNATURE, { ["X-Webhook-Signature"] = SIGNATURE },
      { ["x-webhook-signature"] = " " .. SIGNATURE:upper(), host = "h", [1] = 2 },
      { ["X-WEBHOOK-SIGNATURE"] = { SIGNATURE } },
    } do
      local event = webhook.unwrap(BODY, headers, SECRET, { now = at(SENT) })
      assert.equal("generated_product_video_success", event.event)
      assert.equal("completed", event.status)
      assert.equal(SENT, event.timestamp)
      assert.is_false(event.repeated)
      assert.same({}, event.data)
      assert.is_nil(event.id_of_job)
      assert.is_nil(event.id)
    end
  end)

  it("refuses headers without it, and with two of them", function()
    local function refused(reason, headers)
      local event, err = webhook.unwrap(BODY, headers, SECRET,
        { now = at(SENT) })
      is_refused(reason, event, err)
    end
    refused("missing", nil)
    refused("missing", {})
    refused("missing", { ["X-Webhook-Signature"] = "" })
    refused("missing", { ["X-Webhook-Signature"] = {} })
    refused("missing", { ["Webhook-Signature"] = SIGNATURE })
    refused("not_hex", { ["X-Webhook-Signature"] = { SIGNATURE, SIGNATURE } })
    refused("not_hex", { ["X-Webhook-Signature"] = SIGNATURE,
      ["x-webhook-signature"] = ("0"):rep(64) })
    refused("wrong", { ["X-Webhook-Signature"] = ("0"):rep(64) })
  end)

  -- Every event of v2, with what its samples hold: name, data, id.
  local SUBJECTS = {
    { "generated_video", '"project_id":"p1"', "p1" },
    { "generated_video", '"video_id":"v1"', "v1" },
    { "generated_product_video", '"video_id":"v1"', "v1" },
    { "generated_product_video", '"product_video_id":17', "17" },
    { "generated_avatar_video", '"video_id":"v1","avatar_id":3', "v1" },
    { "generated_template_video", '"video_id":"v1","project_id":"p1"', "p1" },
    { "generated_translate_video", '"video_translate_id":"t1"', "t1" },
    { "create_avatar", '"avatar_id":123', "123" },
    { "generated_photo_avatar", '"avatar_id":"a1"', "a1" },
    { "generated_product_avatar", '"generation_id":"g1"', "g1" },
    { "generated_script", '"task_id":"s1"', "s1" },
    { "generated_image", '"photo_id":"i1"', "i1" },
    { "generated_motion", '"motion_id":"m1","photo_id":"i1"', "m1" },
    { "generated_hologram", '"video_id":"","task_id":"h1"', "h1" },
  }

  it("reads each event, whatever it calls the job", function()
    for _, subject in ipairs(SUBJECTS) do
      for suffix, status in pairs { success = "completed", failed = "failed" } do
        local name = subject[1] .. "_" .. suffix
        local event = unwrap(body_of(name, "{" .. subject[2] .. "}"))
        assert.equal(name, event.event)
        assert.equal(status, event.status, name)
        assert.equal(subject[3], event.id_of_job, name)
      end
    end
  end)

  it("reads what an ended job says", function()
    local event = unwrap(body_of("generated_video_success",
      '{"video_id":"v1","status":"completed","video_url":"https://a/v.mp4",' ..
      '"cover_url":"https://a/c.jpg","duration":30}', '"event_id":"evt_1",'))
    assert.equal("evt_1", event.id)
    assert.equal("https://a/v.mp4", event.url)
    assert.equal("https://a/c.jpg", event.cover_url)
    assert.equal(30, event.duration)
    assert.is_nil(event.message)
    assert.equal("v1", event.data.video_id)
    for name, event_name in pairs { motion_url = "generated_motion_success",
      preview_url = "create_avatar_success", url = "generated_video_success",
      result_url = "generated_video_success" } do
      event = unwrap(body_of(event_name, '{"' .. name .. '":"https://a/x"}'))
      assert.equal("https://a/x", event.url)
    end
    event = unwrap(body_of("generated_video_success",
      '{"video_url":"","url":null,"cover_url":7,"duration":"x",' ..
      '"duration_seconds":"12.5"}'))
    assert.is_nil(event.url)
    assert.is_nil(event.cover_url)
    assert.equal(12.5, event.duration)
    event = unwrap(body_of("generated_image_success",
      '{"photo_id":"i","photo_urls":["https://a/1","https://a/2"]}'))
    assert.same({ "https://a/1", "https://a/2" }, event.data.photo_urls)
  end)

  it("reads a failure as an object and as a string", function()
    for data, message in pairs {
      ['{"error":{"code":50000,"message":"no\\nway"}}'] = "no way",
      ['{"error":{"code":50000,"msg":"no way"}}'] = "no way",
      ['{"error":"no way"}'] = "no way",
      ['{"error":"","err_msg":"no way"}'] = "no way",
      ['{"error":null,"error_msg":"\\u001b[1mno"}'] = "[1mno",
      ['{"fail_msg":"no way"}'] = "no way",
    } do
      local event = unwrap(body_of("generated_motion_failed", data))
      assert.equal("failed", event.status)
      assert.equal(message, event.message, data)
      assert.equal(data:find "50000" and 50000 or nil, event.code)
    end
    for _, data in ipairs { "{}", '{"error":{}}', '{"error":[1]}',
      '{"error":{"message":{}}}', '{"error":true}' } do
      local event = unwrap(body_of("generated_video_failed", data))
      assert.is_nil(event.message)
      assert.is_nil(event.code)
    end
    local event = unwrap(body_of("generated_video_failed", '{"error":"' ..
      (" x"):rep(100000) .. '"}'))
    assert.is_true(#event.message < 1000)
  end)

  it("folds the status; the event's name counts where that is not final",
  function()
    for _, case in ipairs {
      { "generated_video_success", '"success"', "completed" },
      { "generated_video_success", '"SUCCEEDED"', "completed" },
      { "generated_video_failed", '"fail"', "failed" },
      { "generated_video_failed", '"error"', "failed" },
      { "generated_video_failed", '"Cancelled"', "failed" },
      { "generated_video_failed", '"canceled"', "failed" },
      { "generated_video_success", '"processing"', "completed" },
      { "generated_video_failed", "3", "failed" },
      { "generated_video_success", "null", "completed" },
      { "generated_video_started", '"pending"', "pending" },
      { "generated_video_started", '"queued"', "queued" },
      { "generated_video_started", '"in_progress"', "processing" },
      { "generated_video_started", '"levitating"', "processing" },
      { "generated_video_42", '"deleted"', "deleted" },
      { "generated_video_42", "null", "processing" },
      { "video.completed", "null", "completed" },
      { "generated_video_failed", '"completed"', "completed" },
    } do
      local event = unwrap(body_of(case[1], '{"status":' .. case[2] .. "}"))
      assert.equal(case[3], event.status, case[1] .. " " .. case[2])
    end
  end)

  it("keeps every digit of an id", function()
    for json, id in pairs { ["9007199254740993"] = "9007199254740993",
      ["12"] = "12", ["12.0"] = "12", ['"012"'] = "012" } do
      local event = unwrap(body_of("generated_video_success",
        '{"video_id":' .. json .. "}"))
      assert.equal(id, event.id_of_job)
    end
  end)

  it("refuses what is signed and no event", function()
    for _, body in ipairs { "", "{", "nonsense", "{'event':1}",
      ("["):rep(1000), '{"event":"a"} {}' } do
      is_refused("json", unwrap(body))
    end
    for _, body in ipairs { "null", "1", '"event"', "[]", "{}", '{"event":1}',
      '{"event":""}', '{"event":"a","data":"text"}', '{"event":"a","data":7}',
      '{"event":"' .. ("a"):rep(201) .. '"}' } do
      is_refused("not_event", unwrap(body))
    end
  end)

  it("refuses an event that is old, or from the future", function()
    assert.truthy(unwrap(BODY, { now = at(SENT + 300) }))
    assert.truthy(unwrap(BODY, { now = at(SENT - 300) }))
    local event, err = unwrap(BODY, { now = at(SENT + 301) })
    is_refused("age", event, err)
    assert.truthy(err.message:find("301 s old; at most 300 ", 1, true))
    event, err = unwrap(BODY, { now = at(SENT - 301) })
    is_refused("age", event, err)
    assert.truthy(err.message:find("301 s ahead of this machine's clock", 1,
      true))
    is_refused("age", unwrap(BODY, { now = at(SENT + 6), tolerance = 5 }))
    assert.truthy(unwrap(BODY, { now = at(SENT), tolerance = 0 }))
    assert.truthy(unwrap(BODY, { now = at(SENT + 1e9), any_age = true }))
    assert.truthy(unwrap('{"event":"a","timestamp":"1732806631"}'))
    for _, time in ipairs { "null", '"x"', '"nan"', '"inf"', "-1", "{}", "true",
      "1e300", "0" } do
      local body = '{"event":"a","timestamp":' .. time .. "}"
      is_refused("age", unwrap(body))
      assert.truthy(unwrap(body, { any_age = true }))
    end
    -- the clock of this machine, if no other is given
    is_refused("age", webhook.unwrap(BODY, SIGNATURE, SECRET))
    local fresh = ('{"event":"a","timestamp":%d}'):format(os.time())
    assert.truthy(webhook.unwrap(fresh, webhook.sign(fresh, "k"), "k"))
  end)

  it("recognises repeats, by the event's id or by the body", function()
    local seen = webhook.seen(3)
    local function repeated(body)
      local event = assert(unwrap(body, { seen = seen }))
      return event.repeated
    end
    local function numbered(n, data)
      return body_of("generated_video_success", data or "{}",
        '"event_id":"evt_' .. n .. '",')
    end
    assert.is_false(repeated(numbered(1)))
    assert.is_true(repeated(numbered(1)))
    assert.is_true(repeated(numbered(1, '{"a":1}'))) -- the same event
    assert.is_false(repeated(BODY))
    assert.is_true(repeated(BODY))
    assert.is_false(repeated(BODY .. " "))
    assert.is_true(repeated(numbered(1)))
    assert.is_false(repeated(numbered(2))) -- forgets the first
    assert.is_false(repeated(numbered(1)))
    assert.is_true(repeated(numbered(2)))
    local long = ("x"):rep(100000)
    assert.is_false(repeated(numbered(long)))
    assert.is_true(repeated(numbered(long, '{"a":1}')))
    assert.is_false(repeated(numbered(long .. "y")))
  end)

  it("remembers nothing that it refused", function()
    local seen = webhook.seen()
    is_refused("wrong", webhook.unwrap(BODY, ("0"):rep(64), SECRET,
      { now = at(SENT), seen = seen }))
    is_refused("age", unwrap(BODY, { now = at(0), seen = seen }))
    assert.is_false(unwrap(BODY, { seen = seen }).repeated)
    assert.is_true(unwrap(BODY, { seen = seen }).repeated)
    assert.is_false(unwrap(BODY).repeated)
  end)

  it("has a memory of bounded size", function()
    local seen = webhook.seen(10)
    for i = 1, 1000 do
      unwrap(body_of("a", "{}", '"event_id":' .. i .. ","), { seen = seen })
    end
    local known = 0
    for _ in pairs(seen.known) do known = known + 1 end
    assert.equal(10, known)
    assert.equal(10, #seen.keys)
  end)
end)

describe("webhook.inbox", function()
  local VIDEO = body_of("generated_video_success", '{"project_id":"p1",' ..
    '"video_id":"v1","video_url":"https://a/v.mp4"}')
  local inbox

  before_each(function()
    inbox = webhook.inbox { secret = SECRET, now = at(SENT) }
  end)

  local function receive(body, signature)
    local status, event = inbox:receive(body, {
      ["X-Webhook-Signature"] = signature or webhook.sign(body, SECRET) })
    return status, event
  end

  it("answers what a server should answer", function()
    local status, event = receive(VIDEO)
    assert.equal(200, status)
    assert.equal("https://a/v.mp4", event.url)
    assert.is_false(event.repeated)
    status, event = receive(VIDEO)
    assert.equal(200, status)
    assert.is_true(event.repeated)
    for reason, case in pairs {
      wrong = { 401, VIDEO, ("0"):rep(64) }, not_hex = { 401, VIDEO, "x" },
      missing = { 401, VIDEO, "" }, length = { 401, VIDEO, "abc" },
      json = { 400, "{" }, not_event = { 400, "{}" },
      age = { 400, '{"event":"a","timestamp":1}' },
      too_large = { 413, ("x"):rep(2 ^ 20 + 1) },
    } do
      local err
      status, err = receive(case[2], case[3])
      assert.equal(case[1], status, reason)
      is_refused(reason, nil, err)
    end
    assert.equal(401, (inbox:receive(VIDEO, {})))
    assert.equal(401, (inbox:receive(VIDEO)))
  end)

  it("calls the listeners of the job, by either spelling, once", function()
    local calls = {}
    local function note(name)
      return function(event)
        calls[#calls + 1] = name .. " " .. event.status
      end
    end
    local both = note "both"
    inbox:on("v1", note "v1")
    inbox:on("p1", both)
    inbox:on("v1", both)
    inbox:on("p1", both)
    inbox:on("other", note "other")
    receive(VIDEO)
    receive(VIDEO)
    table.sort(calls)
    assert.same({ "both completed", "v1 completed" }, calls)
  end)

  it("takes an id as a number or as a string", function()
    local calls = 0
    local function count() calls = calls + 1 end
    inbox:on(123, count)
    inbox:on("124", count)
    receive(body_of("create_avatar_success", '{"avatar_id":"123"}'))
    receive(body_of("create_avatar_success", '{"avatar_id":124}'))
    assert.equal(2, calls)
    inbox:off("123", count)
    inbox:off(124)
    receive(body_of("create_avatar_failed", '{"avatar_id":"123"}'))
    receive(body_of("create_avatar_failed", '{"avatar_id":124}'))
    assert.equal(2, calls)
    assert.is_nil(next(inbox.listeners))
  end)

  it("calls nobody for what is not verified", function()
    inbox:on("p1", function() error "called" end)
    assert.equal(401, (receive(VIDEO, ("0"):rep(64))))
    assert.equal(401, (inbox:receive(VIDEO, {})))
    local old = VIDEO:gsub(SENT, "1")
    assert.equal(400, (receive(old)))
    assert.equal(200, (receive(body_of("generated_script_success",
      '{"project_id":"p1","task_id":"t"}')))) -- not about a video
  end)

  it("lets a listener come and go while it is called", function()
    local calls = {}
    local function second() calls[#calls + 1] = "second" end
    local function first()
      calls[#calls + 1] = "first"
      inbox:off("p1", second)
      inbox:on("p1", function() calls[#calls + 1] = "third" end)
    end
    inbox:on("p1", first)
    inbox:on("p1", second)
    receive(VIDEO)
    assert.same({ "first", "second" }, calls)
    inbox:off("p1", first)
    inbox:off("p1", function() end)
    receive(VIDEO .. " ")
    assert.same({ "first", "second", "third" }, calls)
  end)

  it("has not received an event whose listener raised", function()
    local broken = true
    inbox:on("p1", function() if broken then error("no", 0) end end)
    local ok, raised = pcall(receive, VIDEO)
    assert.is_false(ok)
    assert.equal("no", raised)
    broken = false
    local _, event = receive(VIDEO)
    assert.is_false(event.repeated)
  end)

  it("shares its memory if it is given one", function()
    local seen = webhook.seen()
    inbox = webhook.inbox { secret = SECRET, seen = seen, any_age = true }
    local other = webhook.inbox { secret = "b", seen = seen, any_age = true }
    local body = body_of("a", "{}", '"event_id":"e",')
    assert.is_false(select(2, receive(body)).repeated)
    local _, event = other:receive(body, webhook.sign(body, "b"))
    assert.is_true(event.repeated)
  end)

  it("shows its secret to nobody", function()
    local visited = {}
    local function visit(value)
      assert.falsy(tostring(value):find(SECRET, 1, true))
      if type(value) == "table" and not visited[value] then
        visited[value] = true
        for key, item in pairs(value) do
          visit(key)
          visit(item)
        end
      end
    end
    receive(VIDEO)
    receive(VIDEO, "x")
    visit(inbox)
    assert.equal("jogg.webhook.inbox", tostring(inbox))
    assert.equal("jogg.webhook.seen", tostring(inbox.settings.seen))
    assert.is_true(webhook.is_inbox(inbox))
    for _, value in ipairs { {}, "x", 1, webhook.seen() } do
      assert.is_false(webhook.is_inbox(value))
    end
    assert.is_false(webhook.is_inbox(nil))
  end)

  it("is collected with its listeners", function()
    local list = setmetatable({}, { __mode = "k" })
    do
      local made = webhook.inbox { secret = SECRET }
      made:on("id", function() return made end)
      list[made] = true
    end
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(list))
  end)
end)

describe("misuse of webhooks", function()
  local function of_all(call, expected)
    misuse(call, expected)
    local ok, raised = pcall(call)
    assert.is_false(ok)
    assert.falsy(raised:find(SECRET, 1, true))
  end

  it("raises for a body that is no string", function()
    of_all(function() webhook.verify(nil, SIGNATURE, SECRET) end,
      "webhook.verify: raw_body must be a string, the bytes as they came, not nil")
    of_all(function() webhook.unwrap({}, SIGNATURE, SECRET) end,
      "webhook.unwrap: raw_body must be a string, the bytes as they came, " ..
      "not a table")
    of_all(function() webhook.sign(5, SECRET) end, "webhook.sign: raw_body must")
    of_all(function() webhook.inbox { secret = SECRET }:receive({}, {}) end,
      "inbox:receive: raw_body must")
  end)

  it("raises without a secret, and for one that cannot be meant", function()
    for _, name in ipairs { "verify", "unwrap" } do
      for _, secret in ipairs { false, "", 5, {} } do
        of_all(function() webhook[name](BODY, SIGNATURE, secret or nil) end,
          "webhook." .. name .. ": secret must be a string")
      end
      of_all(function() webhook[name](BODY, SIGNATURE, SECRET .. "\n") end,
        "webhook." .. name .. ": secret ends in a newline; remove it")
    end
    of_all(function() webhook.sign(BODY, "") end, "webhook.sign: secret must be")
    of_all(function() webhook.inbox {} end, "webhook.inbox: secret is missing")
    of_all(function() webhook.inbox() end, "webhook.inbox: secret is missing")
    of_all(function() webhook.inbox { secret = "" } end,
      "webhook.inbox.secret must be a string that is not empty")
    of_all(function() webhook.inbox { secret = SECRET .. "\n" } end,
      "webhook.inbox: secret ends in a newline")
    of_all(function() webhook.inbox { secret = SECRET .. "\0" } end,
      "webhook.inbox.secret must be a string: byte 16 is a NUL")
  end)

  it("raises for headers and signatures of another type", function()
    of_all(function() webhook.verify(BODY, {}, SECRET) end,
      "webhook.verify: signature must be a string, not a table")
    of_all(function() webhook.unwrap(BODY, 5, SECRET) end,
      "webhook.unwrap: headers must be a table, or the signature alone, not a " ..
      "number")
    of_all(function()
      webhook.unwrap(BODY, { ["X-Webhook-Signature"] = 5 }, SECRET)
    end, 'webhook.unwrap: headers["X-Webhook-Signature"] must be a string, not')
    of_all(function()
      webhook.inbox { secret = SECRET }:receive(BODY, true)
    end, "inbox:receive: headers must be a table")
  end)

  it("raises for options that are wrong or unknown", function()
    for options, expected in pairs {
      [{ tolerence = 5 }] = 'unknown option "tolerence", did you mean "tolerance"',
      [{ tolerance = -1 }] = ".tolerance must be a number of seconds",
      [{ tolerance = "5" }] = ".tolerance must be a number of seconds",
      [{ max_bytes = 0 }] = ".max_bytes must be an integer of at least 1",
      [{ now = 5 }] = ".now must be a function",
      [{ seen = {} }] = ".seen must be made by webhook.seen",
      [{ seen = 5 }] = ".seen must be a table",
      [5] = " must be a table, not 5",
    } do
      of_all(function() webhook.unwrap(BODY, SIGNATURE, SECRET, options) end,
        expected)
      if type(options) == "table" then
        options.secret = SECRET
        of_all(function() webhook.inbox(options) end, expected)
      end
    end
    of_all(function() webhook.verify(BODY, SIGNATURE, SECRET, { now = 1 }) end,
      'webhook.verify: unknown option "now"')
    of_all(function()
      webhook.unwrap(BODY, SIGNATURE, SECRET, { now = function() end })
    end, "webhook.unwrap.now must return a number")
    of_all(function()
      webhook.inbox { secret = SECRET, now = function() end }:receive(BODY, SIGNATURE)
    end, "webhook.inbox.now must return a number")
    for _, n in ipairs { 0, -1, 1.5, 1e9, "5", {} } do
      of_all(function() webhook.seen(n) end, "webhook.seen: n must be an integer")
    end
  end)

  it("raises for listeners that are none", function()
    local inbox = webhook.inbox { secret = SECRET }
    of_all(function() inbox:on(nil, print) end, "inbox:on: id must be")
    of_all(function() inbox:on("", print) end, "inbox:on: id must be")
    of_all(function() inbox:on(1.5, print) end, "inbox:on: id must be")
    of_all(function() inbox:on("id", 5) end, "inbox:on: listener must be a function")
    of_all(function() inbox:off({}) end, "inbox:off: id must be")
    for _, method in ipairs { "receive", "on", "off" } do
      of_all(function() inbox[method]("id", print) end,
        method .. " is a method: call it as inbox:" .. method .. "(...)")
    end
  end)

  it("needs neither a client nor the debug library", function()
    local code = ([[
      debug = nil
      package.loaded.debug = nil
      local webhook = require "jogg.webhook"
      assert(webhook.verify(%q, %q, %q))
      local ok, raised = pcall(function()
        webhook.verify(nil, "", "")
      end)
      assert(not ok and raised:find ":6: webhook.verify: raw_body", raised)
      assert(not package.loaded["jogg.client"])
      io.write "done"]]):format(BODY, SIGNATURE, SECRET)
    local output = process.run({ os.getenv "JOGG_LUA" or "lua5.4", "-e", code },
      { stderr = "merge" })
    assert.equal("done", output)
  end)
end)
