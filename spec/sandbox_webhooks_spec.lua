-- SPDX-License-Identifier: MIT
-- jogg-sandbox by itself: webhook endpoints, and the events that are sent to
-- them: signed, again when they were not taken, and as data.

local cjson = require "cjson"
local process = require "spec.support.process"
local receiver = require "spec.support.receiver"
local sandbox = require "spec.support.sandbox"

-- HMAC-SHA256 by another program.
local function hmac(secret, bytes)
  local folder = process.temporary_folder()
  local path = process.write_file(folder .. "/body", bytes)
  local text, code = process.run { "openssl", "dgst", "-sha256", "-hmac",
    secret, "-hex", path }
  process.remove_folder(folder)
  assert.equal(0, code)
  return text:match "(%x+)%s*$"
end

describe("sandbox webhook endpoints", function()
  local server

  setup(function() server = sandbox.start() end)
  teardown(function() server:stop() end)

  it("have an id and a secret, which never change", function()
    local created = server:new_endpoint("http://127.0.0.1:1/a",
      { "generated_script_success" })
    assert.matches("^wh_", created.endpoint_id)
    assert.matches("^whsec_%x+$", created.secret)
    assert.equal(server:data("GET", "/v2/user/whoami").username,
      created.username)
    local changed = server:data("PUT", "/v2/endpoint/" .. created.endpoint_id,
      '{"url":"https://example.com/b","status":"disabled","events":[]}')
    assert.equal(created.secret, changed.secret)
    assert.equal("disabled", changed.status)
    local _, text = server:request("GET", "/v2/endpoints")
    assert.truthy(text:find('"events":[]', 1, true))
    assert.truthy(text:find(created.secret, 1, true))
    server:data("DELETE", "/v2/endpoint/" .. created.endpoint_id)
    assert.equal(0, #server:data("GET", "/v2/endpoints").endpoints)
  end)

  it("are twenty at most, and everybody's own", function()
    local other = sandbox.start { "--key", "a", "--key", "b" }
    local body = { url = "https://example.com/", status = "enabled",
      events = { "generated_script_success" } }
    for _ = 1, 20 do other:data("POST", "/v2/endpoint", body) end
    assert.equal(40000, other:v2("POST", "/v2/endpoint", body).code)
    assert.equal(0, #other:data("GET", "/v2/endpoints", nil, { key = "b" })
      .endpoints)
    local id = other:data("GET", "/v2/endpoints").endpoints[1].endpoint_id
    assert.equal(10104,
      other:v2("DELETE", "/v2/endpoint/" .. id, nil, { key = "b" }).code)
    other:data("DELETE", "/v2/endpoint/" .. id)
    other:data("POST", "/v2/endpoint", body)
    other:stop()
  end)

  it("are https, or on this machine", function()
    for url, code in pairs { ["https://example.com"] = 0,
      ["http://localhost:1/x"] = 0, ["http://[::1]:1/x"] = 0,
      ["http://127.9.9.9/x"] = 0, ["http://example.com/"] = 40000,
      ["http://localhost.example.com/"] = 40000,
      ["http://127.0.0.1@example.com/"] = 40000, ["ftp://127.0.0.1/"] = 40000,
      [""] = 40000 } do
      assert.equal(code, server:v2("POST", "/v2/endpoint", { url = url,
        status = "disabled", events = { "create_avatar_failed" } }).code, url)
    end
  end)
end)

describe("sandbox events", function()
  local server, inbox, endpoint

  setup(function()
    local slow = tonumber(os.getenv "JOGG_SLOW") or 1
    server = sandbox.start { "--key", "k=1000", "--webhook-seconds", 0.3 * slow }
    inbox = receiver.new()
    endpoint = server:new_endpoint(inbox.url, {
      "generated_video_success", "generated_video_failed",
      "generated_product_video_success", "generated_product_video_failed",
      "generated_avatar_video_success", "generated_avatar_video_failed",
      "generated_template_video_success", "generated_translate_video_success",
      "generated_photo_avatar_success", "generated_product_avatar_success",
      "generated_script_success", "generated_script_failed",
      "generated_image_success", "generated_image_failed",
      "generated_motion_success", "generated_motion_failed",
    })
  end)
  teardown(function()
    server:stop()
    inbox:close()
  end)
  after_each(function()
    server:quirks()
    server:clear_faults()
  end)

  local function take(options)
    local request = assert(inbox:take(options), "no event came")
    return request, cjson.decode(request.body)
  end

  it("are signed over the bytes that are sent", function()
    local id = server:new_job "script"
    local request, event = take()
    assert.equal("POST", request.method)
    assert.equal("/hook", request.path)
    assert.equal("application/json", request.headers["content-type"])
    assert.equal("JoggAI-Webhook/2.0", request.headers["user-agent"])
    assert.equal("generated_script_success",
      request.headers["x-webhook-event"])
    assert.equal(hmac(endpoint.secret, request.body),
      request.headers["x-webhook-signature"])
    assert.equal("generated_script_success", event.event)
    assert.is_true(event.timestamp > 1e9)
    assert.is_nil(event.event_id)
    assert.equal(id, event.data.task_id)
    assert.equal("string", type(event.data.scripts[1].script_paragraphs))
  end)

  it("are signed as the vendor's scheme says", function()
    -- the test vector of the reference, by the other program
    assert.equal(
      "f48be2f0a9b3d30e58a6597168ce7896f8ac943e53f3e9e458522d3b3f98fc8f",
      hmac("whsec_abc123xyz", '{"event":"generated_product_video_success",'
        .. '"timestamp":1732806631}'))
  end)

  it("tell of each kind of job what the samples tell", function()
    local function video(data)
      assert.equal("completed", data.status)
      assert.truthy(data.video_id and data.video_url and data.cover_url)
      assert.equal(1, data.duration)
    end
    local function motion(data)
      assert.truthy(data.motion_id and data.motion_url and data.photo_url)
    end
    local function avatar(data)
      assert.truthy(data.avatar_id and data.preview_url and data.cover_url)
    end
    local cases = {
      { "product_video", { generated_product_video_success = video } },
      { "avatar_video", { generated_avatar_video_success = video } },
      { "template_video", { generated_template_video_success = video } },
      { "translation", { generated_translate_video_success = video } },
      { "photo", { generated_image_success = function(data)
        assert.equal(4, #data.photo_urls)
      end } },
      { "photo_motion", { generated_motion_success = motion,
        generated_photo_avatar_success = avatar } },
    }
    for _, case in ipairs(cases) do
      server:new_job(case[1])
      for _ in pairs(case[2]) do
        local _, event = take()
        assert.truthy(case[2][event.event], event.event)
        case[2][event.event](event.data)
      end
    end
    server:await_job(server:new_job "lip_sync")       -- has no event
    server:new_job "script"
    assert.equal("generated_script_success", select(2, take()).event)
  end)

  it("tell of failure, by object or by string", function()
    server:fault { endpoint = "work", what = "fail", value = "no luck",
      times = 3 }
    server:new_job "product_video"
    local request, event = take()
    assert.equal("generated_product_video_failed", event.event)
    assert.equal("failed", event.data.status)
    assert.same({ code = 50000, message = "no luck" }, event.data.error)
    assert.matches("^evt_", event.event_id)
    assert.equal(hmac(endpoint.secret, request.body),
      request.headers["x-webhook-signature"])
    server:new_job "photo"
    event = select(2, take())
    assert.equal("generated_image_failed", event.event)
    assert.equal("no luck", event.data.error)
    server:new_job "photo_motion"
    assert.equal("no luck", select(2, take()).data.error)
  end)

  it("are sent again until they are taken, three times at most", function()
    server:send_event "generated_video_success"
    local first = take { status = 500 }
    assert.equal(first.body, take { status = 302 }.body)
    assert.equal(first.body, take { silent = true }.body)
    assert.equal(first.body, take { status = 204 }.body)
    local delivery = server:ended_delivery()
    assert.equal("delivered", delivery.state)
    assert.equal(4, #delivery.attempts)
    assert.equal(500, delivery.attempts[1].status)
    assert.equal(302, delivery.attempts[2].status)
    assert.is_nil(delivery.attempts[3].status)
    assert.equal("string", type(delivery.attempts[3].error))
    server:send_event "generated_video_success"
    for _ = 1, 4 do take { status = 503 } end
    assert.is_nil(inbox:take { seconds = 0.1 })
    assert.equal("failed", server:ended_delivery().state)
  end)

  it("come again on demand, with the same event_id", function()
    local sent = server:send_event("generated_video_success", { a = 1 })
    assert.equal(1, sent.receivers)
    local first, event = take()
    assert.equal(sent.event_id, event.event_id)
    assert.same({ a = 1 }, event.data)
    server:deliver_again(server:ended_delivery().id)
    local second = take()
    assert.equal(first.body, second.body)
    assert.equal(first.headers["x-webhook-signature"],
      second.headers["x-webhook-signature"])
    server:quirks "repeat_events"
    server:send_event "generated_video_success"
    assert.equal(take().body, take().body)
  end)

  it("are lost, forged, repeated and late on request", function()
    server:fault { endpoint = "delivery", what = "bad_signature" }
    server:send_event "generated_video_success"
    local request = take()
    assert.are_not.equal(hmac(endpoint.secret, request.body),
      request.headers["x-webhook-signature"])
    server:fault { endpoint = "delivery", what = "repeat", value = 2 }
    server:send_event "generated_video_success"
    assert.equal(take().body, take().body)
    take()
    server:fault { endpoint = "delivery", what = "drop", times = 4 }
    server:send_event "generated_video_success"
    assert.is_nil(inbox:take { seconds = 0.1 })
    local delivery = server:deliveries()[1]
    assert.equal("drop", delivery.attempts[1].fault)
    server:clear_faults()
    server:fault { endpoint = "delivery", what = "delay", value = 0.05 }
    server:send_event "generated_video_success"
    take()
  end)

  it("are shown without the secret", function()
    server:send_event "generated_video_success"
    take()
    for _, path in ipairs { "/sandbox/projects", "/sandbox/deliveries",
      "/sandbox/log" } do
      local status, text = server:request("GET", path)
      assert.equal(200, status)
      assert.is_nil(text:find(endpoint.secret, 1, true), path)
    end
    local state = server:call("GET", "/sandbox/projects")
    assert.equal("generated_video_success", state.deliveries[1].event)
    assert.equal("script", state.jobs[#state.jobs].kind)
    assert.equal(server.storage, state.storage)
  end)

  it("go to those who want them alone", function()
    assert.equal(0, server:send_event "generated_template_video_failed"
      .receivers)
    local status = server:request("POST", "/sandbox/events",
      { json = { event = "no_event" } })
    assert.equal(400, status)
    server:data("PUT", "/v2/endpoint/" .. endpoint.endpoint_id, {
      url = inbox.url, status = "disabled", events = endpoint.events,
    })
    assert.equal(0, server:send_event "generated_video_success".receivers)
    server:data("PUT", "/v2/endpoint/" .. endpoint.endpoint_id, {
      url = inbox.url, status = "enabled", events = endpoint.events,
    })
    assert.equal(1, server:send_event "generated_video_success".receivers)
    take()
  end)

  it("also go to the address that a request names, unsigned", function()
    local own = receiver.new()
    local variable = { type = "text", name = "t", properties = {
      content = "x", webhook_url = own.url .. "/inside" } }
    local cases = {
      { "avatar_video", { webhook_url = own.url } },
      { "product_video", { webhook_url = own.url } },
      { "translation", { callback_url = own.url } },
      { "template_video", { webhook_url = own.url } },
      { "template_video", { variables = { variable } } },
    }
    for _, case in ipairs(cases) do
      server:new_job(case[1], case[2])
      local request = assert(own:take(), case[1])
      assert.equal("JoggAI-Webhook/2.0", request.headers["user-agent"])
      assert.is_nil(request.headers["x-webhook-signature"])
      assert.equal("completed", cjson.decode(request.body).data.status)
      assert.equal(request.body, take().body)
    end
    server:quirks "signed_callbacks"
    server:new_job("avatar_video", { webhook_url = own.url })
    local request = own:take()
    assert.equal(hmac(endpoint.secret, request.body),
      request.headers["x-webhook-signature"])
    take()
    own:close()
  end)

  it("may call the id of a video project_id", function()
    server:quirks "webhook_project_id"
    local id = server:new_job "avatar_video"
    local _, event = take()
    assert.equal(id, event.data.project_id)
    assert.is_nil(event.data.video_id)
  end)

  it("do not exist where webhooks are not found", function()
    server:quirks "no_webhooks"
    for _, path in ipairs { "/v2/endpoints", "/v2/events" } do
      assert.equal(404, (server:request("GET", path)))
    end
    server:await_job(server:new_job "script")
    assert.is_nil(inbox:take { seconds = 0.1 })
  end)
end)

describe("sandbox events", function()
  it("that were not taken are sent by the next run", function()
    local folder = process.temporary_folder()
    local inbox = receiver.new()
    local server = sandbox.start { "--data", folder, "--speed", "0.1" }
    local secret = server:new_endpoint(inbox.url,
      { "generated_script_success" }).secret
    local sent = server:send_event "generated_script_success"
    local first = inbox:take { status = 500 }
    server:stop()
    server = sandbox.start { "--data", folder }
    local request = assert(inbox:take())
    assert.equal(first.body, request.body)
    assert.equal(hmac(secret, request.body),
      request.headers["x-webhook-signature"])
    assert.equal(sent.event_id, cjson.decode(request.body).event_id)
    server:stop()
    assert.equal(0, process.file_count(folder .. "/v2/deliveries"))
    inbox:close()
    process.remove_folder(folder)
  end)
end)
