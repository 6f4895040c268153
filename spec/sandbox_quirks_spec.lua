-- SPDX-License-Identifier: MIT
-- jogg-sandbox by itself: where the documents of v2 contradict each other, it
-- does the one or the other as it is told.

local cjson = require "cjson"
local socket = require "socket"
local process = require "spec.support.process"
local sandbox = require "spec.support.sandbox"

describe("sandbox quirks", function()
  local server

  setup(function()
    server = sandbox.start { "--key", "k=1000", "--renders", "2" }
  end)
  teardown(function() server:stop() end)
  after_each(function()
    server:quirks()
    server:clear_faults()
  end)

  -- A job that fails; its state.
  local function failed(kind)
    server:fault { endpoint = "work", what = "fail", value = "no luck",
      kind = kind }
    local id = server:new_job(kind)
    server:await_job(id)
    return server:state(kind, id), id
  end

  it("say success and fail for completed and failed", function()
    server:quirks "success_fail"
    for _, kind in ipairs { "product_video", "avatar_video" } do
      local id = server:new_job(kind)
      server:await_job(id)
      assert.equal("success", server:state(kind, id).status)
      assert.equal("fail", failed(kind).status)
    end
    assert.equal("error", failed "photo".status)
  end)

  it("name the video's id as the guide does", function()
    server:quirks "product_video_id"
    local path, body = server:start_of "product_video"
    local data = server:data("POST", path, body)
    assert.is_nil(data.video_id)
    assert.is_nil(data.status)
    server:await_job(data.product_video_id)
  end)

  it("give a reason, an id and a duration", function()
    assert.is_nil(failed "product_video".error)
    server:quirks "guide_fields"
    local state, id = failed "product_video"
    assert.same({ code = 50000, message = "no luck" }, state.error)
    assert.equal(id, state.id)
    id = server:new_job "avatar_video"
    server:await_job(id)
    assert.equal(1, server:state("avatar_video", id).duration)
  end)

  it("flatten the state of template videos", function()
    local id = server:new_job "template_video"
    server:await_job(id)
    assert.is_nil(server:state("template_video", id).video_url)
    server:quirks "flat_template"
    local state = server:state("template_video", id)
    assert.is_nil(state.data)
    assert.equal(1, state.duration)
    assert.equal(200, (server:request("GET", state.video_url,
      { key = false })))
    assert.same({ code = 50000, message = "no luck" },
      failed "template_video".error)
  end)

  it("tell more of previews", function()
    server:quirks "preview_details"
    local data = server:data("POST",
      "/v2/create_video_from_product/preview_list",
      ('{"product_id":"%s","visual_styles":["Slow Zoom"],"video_spec":'
        .. '{"length":"15"},"avatar":{"id":1},"voice":{},"audio":{},"script":'
        .. '{"style":"Data","language":"english"}}')
        :format(server:new_product()))
    assert.matches("^list_", data.preview_list_id)
    assert.equal("processing", data.previews[1].status)
  end)

  it("ignore override_script", function()
    local made = {}
    for i, script in ipairs { "One thing.", "Another thing." } do
      for j, quirk in ipairs { false, "ignore_override_script" } do
        if quirk then server:quirks(quirk) else server:quirks() end
        local body = select(2, server:start_of "product_video")
          :gsub('"length":"15"', '"length":"15","caption":true')
          :gsub("}$", ',"override_script":"' .. script .. '"}')
        local id = server:data("POST", "/v2/create_video_from_product", body)
          .video_id
        server:await_job(id)
        made[i * 10 + j] = select(2, server:request("GET",
          server:state("product_video", id).video_url, { key = false }))
      end
    end
    assert.is_true(made[11] ~= made[21])
    assert.is_true(made[12] == made[22])
  end)

  it("let voice and audio be left out", function()
    local body = select(2, server:start_of "product_video")
      :gsub('"voice":{},"audio":{},', "")
    assert.equal(40000,
      server:v2("POST", "/v2/create_video_from_product", body).code)
    server:quirks "optional_voice_audio"
    assert.equal(0,
      server:v2("POST", "/v2/create_video_from_product", body).code)
  end)

  it("take ids that no catalog has", function()
    local path, body = server:start_of "avatar_video"
    body.avatar.avatar_id = 987654
    body.voice.voice_id = "xx-XX-Nobody"
    assert.equal(10104, server:v2("POST", path, body).code)
    server:quirks "any_catalog_ids"
    assert.equal("completed",
      server:await_job(server:data("POST", path, body).video_id).status)
  end)

  it("find a new file only the third time", function()
    server:quirks "late_files"
    local id = server:new_job "avatar_video"
    server:await_job(id)
    local url = server:state("avatar_video", id).video_url
    local statuses = {}
    for i = 1, 4 do
      statuses[i] = server:request("GET", url, { key = false })
    end
    assert.same({ 404, 404, 200, 200 }, statuses)
  end)

  it("refuse with HTTP statuses", function()
    server:quirks "http_errors"
    local function status(...)
      return (select(2, server:v2(...)))
    end
    assert.equal(401, status("GET", "/v2/user/whoami", nil, { key = "x" }))
    assert.equal(404, status("GET", "/v2/product_video/nobodys"))
    assert.equal(400, status("POST", "/v2/product", "{}"))
    assert.equal(400, status("POST", "/v2/product", "{"))
    server:set_account { barred = true }
    assert.equal(403, status("GET", "/v2/user/whoami"))
    server:set_account { barred = false }
  end)

  it("put the text of a refusal elsewhere, and null beside it", function()
    server:quirks("error_message", "null_data")
    local _, text = server:request("GET", "/v2/product_video/nobodys")
    assert.truthy(text:find('"message":"record not found', 1, true))
    assert.truthy(text:find('"data":null', 1, true))
    assert.is_nil(text:find('"msg"', 1, true))
  end)

  it("leave the request id empty", function()
    server:quirks "empty_rid"
    assert.equal("", server:v2("GET", "/v2/user/whoami").rid)
  end)

  it("have no quota", function()
    assert.is_true(server:data("GET", "/v2/user/remaining_quota")
      .remaining_quota > 0)
    server:quirks "zero_quota"
    assert.equal(0, server:data("GET", "/v2/user/remaining_quota")
      .remaining_quota)
  end)

  it("answer a new endpoint bare", function()
    server:quirks "bare_endpoint"
    local answer = server:v2("POST", "/v2/endpoint", { url =
      "https://example.com/", status = "enabled", events = {
      "create_avatar_failed" } })
    assert.is_nil(answer.code)
    assert.matches("^wh_", answer.endpoint_id)
  end)

  it("write scripts as a string", function()
    server:quirks "text_scripts"
    local id = server:new_job "script"
    server:await_job(id)
    assert.equal("string", type(server:state("script", id).data
      .generated_scripts[1].script_paragraphs))
  end)

  it("redirect what lacks its slash", function()
    server:quirks "slash_redirect"
    local status, _, headers = server:request("POST", "/v2/video_translate",
      { json = { a = 1 } })
    assert.equal(307, status)
    assert.equal("/v2/video_translate/", headers.location)
  end)

  it("find the latest lip sync of the same input", function()
    server:quirks "lip_sync_lookup"
    local path = "/v2/lip_sync_video?audio_url=" .. server.storage
      .. "/catalog/voices/en-US-JennyNeural.mp3"
    assert.equal(10104, server:v2("GET", path).code)
    server:new_job "lip_sync"
    local last = server:new_job "lip_sync"
    assert.equal(last, server:data("GET", path).task_id)
    assert.equal(10104,
      server:v2("GET", path .. "&playback_type=normal_reverse").code)
    server:await_job(last)
  end)

  it("are checked", function()
    for _, body in ipairs { '{"quirks":["nothing"]}', '{"quirks":"x"}', "{}",
      "[]", "7" } do
      assert.equal(400, (server:request("PUT", "/sandbox/quirks",
        { body = body })), body)
    end
    local program = os.getenv "JOGG_SANDBOX" or "build/jogg-sandbox"
    local text, code = process.run({ program, "--quirks", "late_files,x" },
      { stderr = "merge" })
    assert.equal(2, code)
    assert.truthy(text:find("x is no quirk", 1, true), text)
    text, code = process.run { program, "--quirks", "list" }
    assert.equal(0, code)
    local known = server:call("GET", "/sandbox/quirks").known
    for name in pairs(known) do
      assert.truthy(text:find("\n" .. name) or text:find("^" .. name), name)
    end
  end)

  it("are taken from the command line", function()
    local other = sandbox.start { "--quirks", "zero_quota,empty_rid",
      "--quirks=null_data" }
    assert.same({ "empty_rid", "null_data", "zero_quota" },
      other:call("GET", "/sandbox/quirks").quirks)
    other:stop()
  end)
end)

describe("sandbox pace of v2", function()
  local server

  setup(function()
    server = sandbox.start { "--posts-per-minute", "3", "--speed", "1",
      "--key", "k", "--key", "other" }
    for _ = 1, 3 do
      local _, status, headers = server:v2("POST", "/v2/product", "{}")
      assert.equal(200, status)
      assert.equal("3", headers["x-ratelimit-limit"])
      assert.truthy(headers["x-ratelimit-remaining"])
      assert.is_nil(headers["x-ratelimit-reset"])
    end
  end)
  teardown(function() server:stop() end)

  -- A refusal with these quirks.
  local function refusal(...)
    server:quirks(...)
    local answer, status, headers = server:v2("POST", "/v2/product", "{}")
    assert.equal(429, answer.code)
    return answer, status, headers
  end

  it("tells in each spelling how long to wait", function()
    local _
    local answer, status, headers = refusal()
    assert.equal(429, status)
    assert.is_true(answer.data.retryAfter >= 1 and answer.data.retryAfter <= 60)
    assert.is_nil(headers["retry-after"])
    answer, _, headers = refusal "retry_header"
    assert.is_nil(answer.data)
    assert.matches("^%d%d?$", headers["retry-after"])
    assert.matches("^%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT$",
      select(3, refusal "retry_date")["retry-after"])
    answer = refusal "retry_top"
    assert.is_true(answer.retryAfter >= 1)
    assert.is_nil(answer.data)
    assert.is_true(refusal "retry_snake".retry_after >= 1)
    answer, _, headers = refusal "retry_none"
    assert.is_nil(answer.data)
    assert.is_nil(headers["retry-after"])
    assert.equal(200, (select(2, refusal "retry_200")))
    assert.equal(cjson.null, refusal("retry_none", "null_data").data)
    headers = select(3, refusal "rate_headers")
    assert.truthy(tonumber(headers["x-ratelimit-reset"]))
    assert.truthy(headers["x-ratelimit-type"])
  end)

  it("counts neither other keys nor other methods, and both generations",
  function()
    server:quirks()
    assert.equal(40000,
      server:v2("POST", "/v2/product", "{}", { key = "other" }).code)
    assert.equal(40000, server:v2("PUT", "/v2/product", "{}").code)
    assert.equal(0, server:v2("GET", "/v2/user/whoami").code)
    assert.equal(429, (select(2, server:call("POST", "/open/product",
      { body = "{}" }))))
  end)

  it("lets in again after that time", function()
    local other = sandbox.start { "--posts-per-minute", "1", "--minute", "1" }
    assert.equal(40000, other:v2("POST", "/v2/product", "{}").code)
    local answer = other:v2("POST", "/v2/product", "{}")
    if answer.code == 429 then socket.sleep(answer.data.retryAfter) end
    assert.equal(40000, other:v2("POST", "/v2/product", "{}").code)
    other:stop()
  end)

  it("may count those who ask for a state too often", function()
    local id = server:data("POST", "/v2/ai_scripts",
      select(2, server:start_of "script"), { key = "other" }).task_id
    local path = server:state_path("script", id)
    server:quirks "poll_limit"
    local function ask()
      return server:v2("GET", path, nil, { key = "other" }).code
    end
    assert.equal(0, ask())
    assert.equal(429, ask())
    server:quirks()
    assert.equal(0, ask())
  end)
end)
