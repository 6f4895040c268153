-- SPDX-License-Identifier: MIT
-- jogg-sandbox by itself, spoken to without jogg: each of the 47 operations of
-- v2 does its work, and refuses what it should.

local cjson = require "cjson"
local sandbox = require "spec.support.sandbox"

local KEYLESS = { [false] = "no key", wrong = "a wrong key" }

-- The bodies are JSON, $NAME stands for an id; each is sent as it is, then
-- without each of the fields of `required`, then with each of `wrong`: a field
-- (a path with dots) and a value that it must not have. `unknown`: the field
-- whose id is unknown then.
local BODIES = {
  {
    "POST", "/v2/product", '{"name":"Mug","media":[{"type":1,"url":"x"}]}',
    required = { "name" },
    wrong = { { "name", "7" }, { "media", "{}" }, { "media.1.type", "3" },
      { "media.1.type", '"1"' }, { "url", '"ftp://x/y"' },
      { "description", "null" } },
  },
  {
    "PUT", "/v2/product", '{"product_id":"$product","name":"New"}',
    required = { "product_id" }, unknown = "product_id",
    wrong = { { "product_id", "7" }, { "media", '"x"' }, { "name", "true" } },
  },
  {
    "POST", "/v2/create_video_from_product",
    '{"product_id":"$product","visual_style":"Simple Product Switch",'
      .. '"video_spec":{"length":"30","aspect_ratio":"square","caption":true,'
      .. '"name":"Mine"},"avatar":{"id":81,"type":0},'
      .. '"voice":{"id":"en-US-ChristopherNeural"},"audio":{"music_id":13},'
      .. '"script":{"style":"Storytime","language":"english"},'
      .. '"override_script":"Say this."}',
    required = { "product_id", "video_spec", "video_spec.length", "avatar",
      "avatar.id", "voice", "audio", "script", "script.style",
      "script.language" },
    unknown = "product_id",
    wrong = { { "video_spec.length", "30" }, { "video_spec.length", '"45"' },
      { "video_spec.aspect_ratio", "1" },
      { "video_spec.aspect_ratio", '"9:16"' },
      { "video_spec.caption", "1" }, { "avatar.id", '"81"' },
      { "avatar.id", "81.0" }, { "avatar.type", "2" }, { "voice", "[]" },
      { "audio", "[]" }, { "audio.music_id", "-1" },
      { "script.language", '"English"' }, { "script.style", '""' },
      { "override_script", "[]" }, { "webhook_url", '"http://example.com/"' } },
  },
  {
    "POST", "/v2/create_video_from_product/preview_list",
    '{"product_id":"$product","visual_styles":["Card Stacking"],'
      .. '"video_spec":{"length":"15"},"avatar":{"id":1},"voice":{},'
      .. '"audio":{},"script":{"style":"Data_stage","language":"english"},'
      .. '"language":"english","preview_seconds":5,"pay_type":1}',
    required = { "product_id", "visual_styles", "video_spec", "avatar",
      "voice", "audio", "script", "script.language" },
    unknown = "product_id",
    wrong = { { "visual_styles", '"Card Stacking"' }, { "visual_styles", "{}" },
      { "visual_styles.1", "7" } },
  },
  {
    "POST", "/v2/create_video_from_product/render_single_preview",
    '{"preview_id":"$preview"}', required = { "preview_id" },
    unknown = "preview_id", wrong = { { "preview_id", "1" } },
  },
  {
    "POST", "/v2/create_video_from_avatar",
    '{"avatar":{"avatar_id":81,"avatar_type":0},"voice":{"type":"script",'
      .. '"voice_id":"en-US-ChristopherNeural","script":"Hello"},'
      .. '"aspect_ratio":"portrait","screen_style":1,"caption":true,'
      .. '"video_name":"Mine"}',
    required = { "avatar", "avatar.avatar_id", "avatar.avatar_type", "voice",
      "voice.type", "voice.voice_id", "voice.script", "aspect_ratio",
      "screen_style" },
    wrong = { { "avatar.avatar_id", '"81"' }, { "avatar.avatar_type", '"0"' },
      { "voice.type", '"text"' }, { "voice.type", '"audio"' },
      { "voice.script", '""' }, { "voice.audio_url", '"x"' },
      { "aspect_ratio", '"tall"' }, { "screen_style", "4" },
      { "screen_style", '"1"' }, { "caption", '"yes"' } },
    unknown = "avatar.avatar_id",
  },
  {
    "POST", "/v2/create_video_with_template",
    '{"template_id":1234,"voice_language":"english","avatar_id":1,'
      .. '"avatar_type":0,"voice_id":"en-US-ChristopherNeural",'
      .. '"captions_enabled":true,"background_music_id":1,'
      .. '"variables":[{"type":"text","name":"title","properties":'
      .. '{"content":"x"}}],"disable_trans":false,"disable_moving":false,'
      .. '"disable_random_trans":false,"disable_random_moving":false}',
    required = { "template_id", "voice_language", "variables",
      "variables.1.type", "variables.1.name", "variables.1.properties",
      "variables.1.properties.content" },
    unknown = "template_id",
    wrong = { { "template_id", '"1234"' }, { "variables", "{}" },
      { "variables.1", '"x"' }, { "variables.1.type", '"sound"' },
      { "variables.1.properties.asset_id", '"7"' },
      { "variables.1.properties.webhook_url", '"x"' },
      { "voice_language", '"klingon"' }, { "captions_enabled", "0" },
      { "disable_trans", "1" }, { "avatar_type", "2" } },
  },
  {
    "POST", "/v2/create_lip_sync_video",
    '{"video_url":"$film","audio_url":"$sound","playback_type":"normal"}',
    required = { "video_url", "audio_url" },
    wrong = { { "video_url", "7" }, { "audio_url", '"x"' },
      { "playback_type", '"loop"' } },
  },
  {
    "POST", "/v2/video_translate/",
    '{"video_url":"$film","output_language":"french","title":"T",'
      .. '"output_voice":"fr-FR-HenriNeural","add_subtitles":true,'
      .. '"translate_audio_only":false,"enable_dynamic_duration":true}',
    required = { "video_url", "output_language" }, unknown = "output_voice",
    wrong = { { "video_url", '"file:///x"' }, { "output_language", '"French"' },
      { "add_subtitles", '"true"' }, { "callback_url", '"x"' } },
  },
  {
    "POST", "/v2/upload/asset",
    '{"filename":"a.png","content_type":"image/png","file_size":10}',
    required = { "filename", "content_type" },
    wrong = { { "file_size", "0" }, { "file_size", '"10"' },
      { "content_type", '"text/html"' }, { "content_type", "7" },
      { "filename", '""' }, { "file_size", "10485761" } },
  },
  {
    "POST", "/v2/ai_scripts",
    '{"language":"english","video_length_seconds":"30","script_style":"Data",'
      .. '"product_info":{"source_type":"id","data":{"id":"$product"}},'
      .. '"target_audience":"all"}',
    required = { "language", "video_length_seconds", "script_style",
      "product_info", "product_info.source_type", "product_info.data",
      "product_info.data.id" },
    unknown = "product_info.data.id",
    wrong = { { "video_length_seconds", "30" }, { "language", '"en"' },
      { "product_info.source_type", '"url"' },
      { "product_info.source_type", '"details"' },
      { "product_info.data", "[]" } },
  },
  {
    "POST", "/v2/photo_avatar/photo/generate",
    '{"age":"Young adult","avatar_style":"Professional","gender":"Male",'
      .. '"model":"classic","aspect_ratio":"landscape","ethnicity":'
      .. '"South Asian","background":"b","appearance":"a","image_url":"string"}',
    required = { "age", "avatar_style", "gender", "model", "aspect_ratio" },
    wrong = { { "age", '"adult"' }, { "gender", '"female"' },
      { "model", '"old"' }, { "ethnicity", '"south_asian"' },
      { "image_url", "7" } },
  },
  {
    "POST", "/v2/photo_avatar/add_motion",
    '{"image_url":"$picture","name":"N","voice_id":"en-US-ChristopherNeural",'
      .. '"model":"2.0-Pro","photo_id":"","description":"d",'
      .. '"welcome_msg":"Hello"}',
    required = { "image_url", "name", "voice_id", "model" },
    unknown = "photo_id",
    wrong = { { "model", "2.0" }, { "model", '"4.0"' },
      { "image_url", '"x.png"' }, { "photo_id", "7" } },
  },
  {
    "POST", "/v2/product_avatar/generation",
    '{"product_image_url":"$picture","avatar_source":{"type":"id",'
      .. '"avatar_id":81,"avatar_type":"public"},"quality":"low",'
      .. '"aspect_ratio":"1:1","num_images":1,"prompt":"p"}',
    required = { "product_image_url", "avatar_source", "avatar_source.type",
      "avatar_source.avatar_id", "avatar_source.avatar_type", "quality",
      "aspect_ratio", "num_images" },
    unknown = "avatar_source.avatar_id",
    wrong = { { "num_images", "5" }, { "num_images", "0" },
      { "num_images", '"1"' }, { "aspect_ratio", '"portrait"' },
      { "avatar_source.avatar_type", "0" }, { "avatar_source.type", '"image"' },
      { "quality", '"best"' } },
  },
  {
    "POST", "/v2/product_avatar/add_motion",
    '{"generation_id":"$image","name":"N","voice_id":"en-US-JennyNeural",'
      .. '"description":"d","model":1,"aspect_ratio":"portrait"}',
    required = { "generation_id", "name", "voice_id", "description" },
    unknown = "generation_id",
    wrong = { { "model", "3" }, { "model", '"2.0"' }, { "description", "7" } },
  },
  {
    "POST", "/v2/endpoint",
    '{"url":"https://example.com/hook","status":"enabled",'
      .. '"events":["generated_script_success"]}',
    required = { "url", "status", "events" },
    wrong = { { "url", '"http://example.com/hook"' }, { "status", '"on"' },
      { "events", "{}" }, { "events", '"x"' }, { "events.1", '"video.done"' },
      { "url", '"http://127.0.0.1.example.com/"' } },
  },
  {
    "PUT", "/v2/endpoint/$endpoint",
    '{"url":"http://127.0.0.1:1/hook","status":"disabled",'
      .. '"events":["generated_image_failed"]}',
    required = { "url", "status", "events" },
    wrong = { { "status", "1" }, { "events", "null" } },
  },
}

-- What has no body: method, path, names that the data must have; `missing`: a
-- path without a required part of the query; the last part of paths with an id
-- is replaced by an unknown id.
local OTHERS = {
  { "GET", "/v2/product_video/$video", "status", "video_url", "cover_url",
    "title", "created_at", "deducted_credit", id = true },
  { "GET", "/v2/product_videos?page=1&status=3&sort_order=asc", "videos",
    "total", "page", "page_size", wrong = { "page=0", "page=x",
      "page_size=101", "status=6", "status=processing", "sort_order=up" } },
  { "GET", "/v2/product_previews", "previews", "total", "page", "page_size",
    wrong = { "page=-1", "page_size=0" } },
  { "GET", "/v2/avatar_video/$avatar_video", "video_id", "status", "video_url",
    "created_at", id = true },
  { "GET", "/v2/template_video/$template_video", "video_id", "status",
    id = true },
  { "GET", "/v2/template_videos", "data", "pagination",
    wrong = { "status=1" } },
  { "GET", "/v2/lip_sync_video/$lip_sync", "task_id", "status", "created_at",
    id = true },
  { "GET", "/v2/video_translate/$translation", "video_translate_id", "status",
    "title", id = true },
  { "GET", "/v2/video_translate/target_languages", "languages" },
  { "GET", "/v2/musics?page_size=2", "music", "pagination",
    wrong = { "page_size=1.5" } },
  { "GET", "/v2/visual_styles?aspect_ratio=square", "visual_styles",
    wrong = { "aspect_ratio=1:1" } },
  { "GET", "/v2/ai_scripts/results/$script", "task_id", "status", id = true },
  { "GET", "/v2/templates?aspect_ratio=portrait", "templates",
    wrong = { "aspect_ratio=0" } },
  { "GET", "/v2/templates/custom", "templates",
    wrong = { "aspect_ratio=x" } },
  { "GET", "/v2/template/custom/123", "template_id", "name", "variables",
    id = true },
  { "GET", "/v2/voices?gender=male&age=young", "voices", "has_more",
    wrong = { "gender=Male", "age=30" } },
  { "GET", "/v2/voices/custom", "voices", "total" },
  { "GET", "/v2/avatars/public?scene=news", "avatars",
    wrong = { "style=funny", "scene=moon", "ethnicity=x", "gender=Female",
      "age=Adult", "aspect_ratio=2" } },
  { "GET", "/v2/avatars/custom?status=completed", "avatars",
    wrong = { "status=1" } },
  { "GET", "/v2/avatars/photo_avatars", "avatars", wrong = { "status=done" } },
  { "GET", "/v2/avatars/product_avatars?aspect_ratio=portrait",
    "product_avatars", wrong = { "aspect_ratio=square" } },
  { "GET", "/v2/photo_avatar/photo?photo_id=$photo", "photo_id", "status",
    "image_url_list", "image_key_list", id = true,
    missing = "/v2/photo_avatar/photo" },
  { "GET", "/v2/photo_avatar?motion_id=$photo_motion", "motion_id",
    "avatar_id", "status", "motion_preview_url", id = true,
    missing = "/v2/photo_avatar" },
  { "GET", "/v2/product_avatar/generation/$batch", "batch_id", "summary",
    "generations", id = true },
  { "GET", "/v2/product_avatar?motion_id=$product_motion", "motion_id",
    "avatar_id", "status", id = true, missing = "/v2/product_avatar" },
  { "GET", "/v2/user/whoami", "email", "username" },
  { "GET", "/v2/user/remaining_quota", "remaining_quota" },
  { "GET", "/v2/endpoints", "endpoints" },
  { "DELETE", "/v2/endpoint/$endpoint", "message", id = true },
  { "GET", "/v2/events", "events" },
}

-- {======================================================================
-- JSON with parts taken out or replaced
-- =======================================================================

-- A body without a field, or with `value` (JSON) in its place. No array in it
-- may be empty.
local function changed(text, path, value)
  local body = cjson.decode(text)
  local object, last = body, nil
  for part in path:gmatch "[^.]+" do
    if last then object = object[last] end
    last = tonumber(part) or part
  end
  object[last] = value and "@@" or nil
  return (cjson.encode(body):gsub('"@@"', function() return value end))
end

-- }======================================================================

describe("sandbox v2", function()
  local server, ids

  setup(function()
    server = sandbox.start { "--key", "k=1000", "--video", "quick" }
    ids = {
      product = server:new_product(),
      film = server.storage .. "/catalog/avatars/81.mp4",
      sound = server.storage .. "/catalog/voices/en-US-JennyNeural.mp3",
      picture = server.storage .. "/catalog/avatars/81.jpg",
      endpoint = server:new_endpoint("http://127.0.0.1:1/", {
        "generated_script_failed" }).endpoint_id,
    }
    for _, kind in ipairs(server.KINDS) do ids[kind] = server:new_job(kind) end
    ids.video = ids.product_video
    local batch = server:data("POST", "/v2/product_avatar/generation", {
      product_image_url = ids.picture, quality = "low", num_images = 1,
      avatar_source = { type = "description", value = "x" },
      aspect_ratio = "1:1",
    })
    ids.batch, ids.image = batch.batch_id, batch.generations[1].generation_id
    assert.equal("completed", server:await_job(ids.image).status)
    ids.product_motion = server:data("POST", "/v2/product_avatar/add_motion", {
      generation_id = ids.image, name = "N", description = "d",
      voice_id = "en-US-JennyNeural",
    }).motion_id
    ids.preview = server:data("POST",
      "/v2/create_video_from_product/preview_list",
      ('{"product_id":"%s","visual_styles":["Slow Zoom"],"video_spec":'
        .. '{"length":"15"},"avatar":{"id":1},"voice":{},"audio":{},"script":'
        .. '{"style":"Data","language":"english"}}'):format(ids.product))
      .previews[1].preview_id
  end)
  teardown(function() server:stop() end)

  local function fill(text)
    return (text:gsub("%$([%w_]+)", ids))
  end

  local function refused(answer, status, code, part)
    assert.equal(code, answer.code, answer.msg)
    assert.equal(200, status)
    assert.is_nil(answer.data)
    assert.matches("^%x+$", answer.rid)
    if part then assert.truthy(answer.msg:find(part, 1, true), answer.msg) end
  end

  for _, case in ipairs(BODIES) do
    local method, path, body = case[1], case[2], case[3]

    describe(method .. " " .. path, function()
      it("does its work", function()
        local answer, status = server:v2(method, fill(path), fill(body))
        assert.equal(0, answer.code, answer.msg)
        assert.equal(200, status)
        assert.matches("^%x+$", answer.rid)
      end)

      it("wants its required fields", function()
        for _, field in ipairs(case.required) do
          local answer, status = server:v2(method, fill(path),
            fill(changed(body, field)))
          refused(answer, status, 40000, field:match "[^.]+$")
        end
      end)

      it("refuses values that it does not take", function()
        for _, wrong in ipairs(case.wrong) do
          local answer, status = server:v2(method, fill(path),
            fill(changed(body, wrong[1], wrong[2])))
          refused(answer, status, 40000)
        end
      end)

      it("wants a key that it knows", function()
        for key in pairs(KEYLESS) do
          refused(server:v2(method, fill(path), fill(body), { key = key }), 200,
            10105)
        end
      end)

      if case.unknown then
        it("does not know every id", function()
          local value = case.unknown:find "avatar_id" and "999999"
            or case.unknown == "template_id" and "7" or '"nobodys"'
          refused(server:v2(method, fill(path),
            fill(changed(body, case.unknown, value))), 200, 10104)
        end)
      end
    end)
  end

  for _, case in ipairs(OTHERS) do
    local method, path = case[1], case[2]

    describe(method .. " " .. path, function()
      if case.id then
        it("does not know every id", function()
          local other = method == "GET" and path:find "custom" and "7"
            or "nobodys"
          refused(server:v2(method, (path:gsub("[^/=]+$", other))), 200, 10104)
        end)
      end

      it("wants a key that it knows", function()
        for key in pairs(KEYLESS) do
          refused(server:v2(method, fill(path), nil, { key = key }), 200,
            10105)
        end
      end)

      it("does its work", function()
        local answer, status = server:v2(method, fill(path))
        assert.equal(0, answer.code, answer.msg)
        assert.equal(200, status)
        for i = 3, #case do
          assert.not_nil(answer.data[case[i]], case[i])
        end
      end)

      if case.missing or case.wrong then
        it("refuses queries that it does not take", function()
          if case.missing then
            refused(server:v2(method, case.missing), 200, 40000, "required")
          end
          for _, query in ipairs(case.wrong or {}) do
            refused(server:v2(method, path:gsub("%?.*", "") .. "?" .. query),
              200, 40000, query:match "^[^=]+")
          end
        end)
      end
    end)
  end

  it("has 47 operations, and no others", function()
    assert.equal(47, #BODIES + #OTHERS)
    for _, path in ipairs { "/v2/", "/v2/nothing", "/v2/product_video/",
      "/v2/video_translate", "/v2/lip_sync_video", "/v2/product_video/a/b",
      "/v2/template/custom/" } do
      assert.equal(404, (server:request("GET", path)), path)
    end
    local status, _, headers = server:request("DELETE", "/v2/product")
    assert.equal(405, status)
    assert.equal("POST, PUT", headers.allow)
  end)

  it("keeps the accounts apart", function()
    local other = sandbox.start { "--key", "a", "--key", "b" }
    local id = other:new_job "script"
    assert.equal(10104, other:v2("GET", other:state_path("script", id), nil,
      { key = "b" }).code)
    other:stop()
  end)

  it("refuses what is not JSON in its envelope", function()
    for _, body in ipairs { "", "{", "[]", "null", '{"name":"\255"}' } do
      refused(server:v2("POST", "/v2/product", body), 200, 40000)
    end
    refused(server:v2("POST", "/v2/product", "{}",
      { headers = { ["content-type"] = "text/plain" } }), 200, 40000)
    local answer, status = server:v2("POST", "/v2/product",
      '{"name":"' .. ("x"):rep(1100000) .. '"}')
    assert.equal(413, status)
    assert.equal(40000, answer.code)
  end)
end)
