-- SPDX-License-Identifier: MIT
-- Generation v2 as data: complete, consistent, and right about what the service
-- takes, where its operations differ from each other and from their guides.

local check = require "jogg.check"
local core = require "jogg.core"
local errors = require "jogg.error"
local retry = require "jogg.retry"
local support = require "spec.support.misuse"
local status_words = require "jogg.status_words"
local v2 = require "jogg.api.v2"
local misuse = support.check

local PAGE = "https://shop.example/lamp"
local FILE = "https://cdn.example/file"

local OPERATIONS = [[
DELETE /v2/endpoint/{endpoint_id}
GET /v2/ai_scripts/results/{task_id}
GET /v2/avatar_video/{id}
GET /v2/avatars/custom
GET /v2/avatars/photo_avatars
GET /v2/avatars/product_avatars
GET /v2/avatars/public
GET /v2/endpoints
GET /v2/events
GET /v2/lip_sync_video/{task_id}
GET /v2/musics
GET /v2/photo_avatar
GET /v2/photo_avatar/photo
GET /v2/product_avatar
GET /v2/product_avatar/generation/{batch_id}
GET /v2/product_previews
GET /v2/product_video/{product_video_id}
GET /v2/product_videos
GET /v2/template/custom/{id}
GET /v2/template_video/{video_id}
GET /v2/template_videos
GET /v2/templates
GET /v2/templates/custom
GET /v2/user/remaining_quota
GET /v2/user/whoami
GET /v2/video_translate/target_languages
GET /v2/video_translate/{video_translate_id}
GET /v2/visual_styles
GET /v2/voices
GET /v2/voices/custom
POST /v2/ai_scripts
POST /v2/create_lip_sync_video
POST /v2/create_video_from_avatar
POST /v2/create_video_from_product
POST /v2/create_video_from_product/preview_list
POST /v2/create_video_from_product/render_single_preview
POST /v2/create_video_with_template
POST /v2/endpoint
POST /v2/photo_avatar/add_motion
POST /v2/photo_avatar/photo/generate
POST /v2/product
POST /v2/product_avatar/add_motion
POST /v2/product_avatar/generation
POST /v2/upload/asset
POST /v2/video_translate/
PUT /v2/endpoint/{endpoint_id}
PUT /v2/product
]]

-- Checks the fields of an operation, as its method does.
local function ask(name, fields)
  local checked, err = check.fields(v2.operations[name].fields, fields or {},
    name, 3)
  return checked, err
end

-- The operation refuses these fields, and says so.
local function refused(name, fields, expected)
  return support.refused(function()
    local checked, err = ask(name, fields)
    return checked, err
  end, expected)
end

-- `fields` with one more, or with one replaced; false removes it.
local function with(fields, more)
  local all = {}
  for key, value in pairs(fields) do
    all[key] = value
  end
  for key, value in pairs(more) do
    all[key] = value ~= false and value or nil
  end
  return all
end

local function names_of(set)
  local names = {}
  for name in pairs(set) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

-- The field at a path of names and dots, or nil.
local function field_at(fields, path)
  local field
  for name in path:gmatch "[^.]+" do
    field = fields and fields[name]
    fields = field and field.fields
  end
  return field
end

-- Calls f with each field, its name, and the fields beside it.
local function each_field(fields, f)
  for name, field in pairs(fields) do
    f(field, name, fields)
    if field.kind == "list" then
      each_field({ [name .. "[]"] = field.item }, f)
    elseif field.kind == "fields" then
      each_field(field.fields, f)
    end
  end
end

describe("the api of generation v2", function()
  it("has the 47 operations of the service", function()
    local seen = {}
    for _, operation in pairs(v2.operations) do
      seen[operation.method .. " " .. operation.path] = true
    end
    local names = names_of(seen)
    assert.equal(47, #names)
    assert.equal(OPERATIONS, table.concat(names, "\n") .. "\n")
    assert.equal("https://api.jogg.ai", v2.base_url)
    assert.equal("v2", v2.generation)
  end)

  it("is data: no functions, no metatables", function()
    local seen = {}
    local function walk(value, path)
      assert.not_equal("function", type(value), path)
      if type(value) == "table" and not seen[value] then
        seen[value] = true
        assert.is_nil(getmetatable(value), path)
        for key, item in pairs(value) do
          walk(item, path .. "." .. tostring(key))
        end
      end
    end
    walk(v2, "v2")
  end)

  it("has kinds that check knows, and lists that are lists", function()
    local lists = {}
    for _, operation in pairs(v2.operations) do
      each_field(operation.fields, function(field, name)
        assert.equal("string", type(field.kind), name)
        if field.kind == "list" then
          lists[name] = true
        elseif field.kind ~= "fields" then
          local ok, err = pcall(check.value, field, print, name, 1)
          assert.is_false(ok, name)
          assert.truthy(err:find(name .. " must be", 1, true), err)
        end
      end)
      each_field(operation.fields, function(field, name)
        assert.equal(field.kind == "list", v2.lists[name] or false, name)
      end)
    end
    assert.same(lists, v2.lists)
  end)

  it("has names and aliases that mean one field each", function()
    for name, operation in pairs(v2.operations) do
      each_field(operation.fields, function(field, field_name, beside)
        for _, alias in ipairs(field.aliases or {}) do
          assert.is_nil(beside[alias], name .. ": " .. alias)
          for other, sibling in pairs(beside) do
            for _, another in ipairs(sibling.aliases or {}) do
              assert.is_true(other == field_name or another ~= alias,
                name .. ": " .. alias)
            end
          end
        end
      end)
    end
  end)

  it("has what its entries refer to", function()
    for name, operation in pairs(v2.operations) do
      local fields = operation.fields
      assert.is_string(operation.topic, name)
      assert.is_true(not operation.argument or
        fields[operation.argument] ~= nil, name)
      for placeholder in operation.path:gmatch "{(.-)}" do
        assert.is_true(fields[placeholder].required, name)
        assert.is_true(fields[placeholder].kind == "segment" or
          fields[placeholder].kind == "integer", name)
      end
      if operation.state then
        local state = v2.operations[operation.state]
        assert.is_true(state.polls and state.argument ~= nil, name)
        assert.truthy(operation.result.id, name)
      end
      if operation.state_list then
        local list = v2.operations[operation.state_list].list
        assert.is_true(list.item.id ~= nil and list.item.status ~= nil, name)
        assert.is_true(not operation.attempt_name or
          list.item.title ~= nil, name)
      end
      if operation.attempt_name then
        assert.equal("string", field_at(fields, operation.attempt_name).kind)
      end
      each_field(fields, function(field, field_name, beside)
        for value, paths in pairs(field.needs or {}) do
          assert.equal(value, field.values[value], name)
          for _, path in ipairs(type(paths) == "table" and paths or { paths })
          do
            assert.truthy(field_at(beside, path), field_name .. ": " .. path)
          end
        end
        for other, value in pairs(field.uploads_when or {}) do
          assert.equal(value, beside[other].values[value], field_name)
        end
        assert.is_true(not field.uploads or field.uploads == "media" or
          v2.uploads[field.uploads] ~= nil, field_name)
        assert.is_true(not field.uploads or field.kind == "url" or
          field.uploads_when ~= nil, field_name)
      end)
    end
  end)

  it("names one state for everything that takes its time", function()
    local followed = {}
    for _, operation in pairs(v2.operations) do
      if operation.state then
        followed[operation.state] = true
      end
    end
    assert.same({ "avatar_photo", "avatar_video", "lip_sync", "photo_motion",
      "product_avatar_batch", "product_motion", "product_video", "script",
      "template_video", "translation" }, names_of(followed))
  end)

  it("has places of results that are lists of paths", function()
    local function walk(where, name)
      for key, paths in pairs(where) do
        if key == "parts" then
          walk({ items = paths.items }, name)
          walk(paths.item, name)
        else
          assert.is_true(#paths > 0, name .. ": " .. key)
          for _, path in ipairs(paths) do
            assert.truthy(path:match "^[%l_][%l_.]*$", name .. ": " .. key)
          end
        end
      end
    end
    for name, operation in pairs(v2.operations) do
      walk(operation.result or {}, name)
      if operation.list then
        walk({ items = operation.list.items }, name)
        walk({ total = operation.list.total }, name)
        walk(operation.list.item or {}, name)
        assert.equal("GET", operation.method)
      end
    end
  end)

  it("puts only plain values into a query", function()
    for name, operation in pairs(v2.operations) do
      if operation.method == "GET" or operation.method == "DELETE" then
        for field_name, field in pairs(operation.fields) do
          assert.is_true(field.kind ~= "list" and field.kind ~= "fields" and
            field.kind ~= "object", name .. ": " .. field_name)
        end
      end
    end
  end)

  describe("says what costs", function()
    it("and how much (see budget_spec), for twelve operations", function()
      local paid = {}
      for name, operation in pairs(v2.operations) do
        assert.equal(operation.costs ~= nil, operation.credits ~= nil, name)
        if operation.costs then
          paid[name] = true
          assert.equal("POST", operation.method)
          assert.is_nil(operation.repeatable, name)
          local credits, fields = operation.credits, operation.fields
          assert.is_true(credits.amount > 0, name)
          for _, path in pairs { credits.length, credits.each, credits.by } do
            assert.truthy(field_at(fields, path), name .. ": " .. path)
          end
          for value in pairs(credits.amounts or {}) do
            assert.equal(value, fields[credits.by].values[value], name)
          end
        end
      end
      assert.same({ "create_avatar_photo", "create_avatar_video",
        "create_lip_sync", "create_photo_motion", "create_product_avatar_batch",
        "create_product_motion", "create_product_previews",
        "create_product_video", "create_script", "create_template_video",
        "create_translation", "render_preview" }, names_of(paid))
    end)

    it("and never sends it again when it may have had an effect", function()
      local err = errors.new { kind = "server", message = "x",
        retryable = true, outcome = "unknown" }
      for name, operation in pairs(v2.operations) do
        assert.equal(not operation.costs and (operation.method ~= "POST" or
          operation.repeatable or false), retry.is_safe(operation, err), name)
      end
    end)
  end)

  it("folds the words of states, those of the live service as well", function()
    local WORDS = {
      completed = { "completed", "success", "succeeded", "Completed" },
      failed = { "failed", "fail", "error", "cancelled", "canceled" },
      pending = { "pending" }, queued = { "queued" },
      processing = { "processing", "in_progress", "running", "rendering" },
    }
    for state, words in pairs(WORDS) do
      for _, word in ipairs(words) do
        assert.equal(state, status_words.fold(word), word)
      end
    end
    assert.equal("processing", status_words.fold(nil))
    for _, name in ipairs { "photo_avatars", "product_avatars" } do
      assert.same({ [0] = "processing", [1] = "completed", [2] = "failed" },
        v2.operations[name].list.states)
    end
  end)

  it("knows what may be uploaded", function()
    assert.equal(10 * 2 ^ 20, v2.uploads.image.bytes)
    assert.equal(100 * 2 ^ 20, v2.uploads.video.bytes)
    assert.equal(20 * 2 ^ 20, v2.uploads.audio.bytes)
    assert.same({ "gif", "jpeg", "jpg", "png", "webp" },
      names_of(v2.uploads.image.types))
    assert.same({ "mov", "mp4", "webm" }, names_of(v2.uploads.video.types))
    assert.same({ "m4a", "mp3", "wav" }, names_of(v2.uploads.audio.types))
  end)
end)

describe("v2: a product", function()
  it("is made of a page, or of a name", function()
    assert.same({ url = PAGE }, ask("create_product", { url = PAGE }))
    assert.same({ name = "Lamp" }, ask("create_product", { name = "Lamp" }))
    misuse(function() ask("create_product", { description = "x" }) end,
      "create_product: url or name is missing")
  end)

  it("has media with a number for a type, in a list even if empty", function()
    local product = ask("create_product", { name = "Lamp", media = {
      { type = "image", url = FILE }, { type = "video", url = FILE, name = "n",
        description = "d" }, { type = 2 } } })
    assert.equal(1, product.media[1].type)
    assert.equal(2, product.media[2].type)
    assert.equal(2, product.media[3].type)
    assert.equal('{"media":[]}', core.encode({ media = {} }, v2.lists))
    refused("create_product", { name = "x", media = { { type = "audio" } } },
      "create_product.media[1].type must be one of 1, 2")
    refused("create_product", { name = "x", media = { { url = "lamp.jpg" } } },
      "create_product.media[1].url must be a URL")
  end)

  it("keeps its id a string, and has the names of generation open", function()
    assert.same({ product_id = "NTQ0MTkzNjg", name = "T", description = "I",
      media = {} }, ask("update_product", { id = "NTQ0MTkzNjg", title = "T",
        intro_text = "I", intro_medias = {} }))
    refused("update_product", { product_id = 3924 }, "must be a string")
    refused("update_product", { product_id = "" }, "not empty")
    refused("update_product", { name = "x" }, "product_id is missing")
  end)

  it("answers a change without data", function()
    assert.is_nil(v2.operations.update_product.data)
  end)
end)

describe("v2: a video of a product", function()
  local LEAST = {
    product_id = "p", video_spec = { length = 30 }, avatar = { id = 81 },
    script = { style = "Storytime", language = "english" },
  }

  it("has its length as a string", function()
    for given, sent in pairs { [15] = "15", ["30"] = "30", [60.0] = "60" } do
      local body = ask("create_product_video", with(LEAST,
        { video_spec = { length = given } }))
      assert.equal(sent, body.video_spec.length)
    end
    refused("create_product_video", with(LEAST,
      { video_spec = { length = 45 } }), 'one of 15, 30, 60, "15", "30", "60"')
    refused("create_product_video", with(LEAST,
      { video_spec = { length = "30s" } }), 'not "30s"')
    refused("create_product_video", with(LEAST, { video_spec = {} }),
      "create_product_video.video_spec: length is missing")
  end)

  it("has an object for audio and voice, even if empty", function()
    local body = ask("create_product_video", LEAST)
    assert.same({}, body.audio)
    assert.same({}, body.voice)
    local text = core.encode(body, v2.lists)
    assert.truthy(text:find('"audio":{}', 1, true), text)
    assert.truthy(text:find('"voice":{}', 1, true), text)
    body = ask("create_product_video", with(LEAST,
      { audio = { music_id = 13.0 }, voice = { voice_id = "v" } }))
    assert.same({ music_id = 13 }, body.audio)
    assert.same({ id = "v" }, body.voice)
    text = core.encode(body, v2.lists)
    assert.truthy(text:find('"music_id":13}', 1, true), text)
    refused("create_product_video", with(LEAST,
      { audio = { music_id = -1 } }), "at least 0")
    refused("create_product_video", with(LEAST,
      { audio = { music_id = "13" } }), "an integer")
  end)

  it("has integers for its avatar, called id and type", function()
    local body = ask("create_product_video", with(LEAST,
      { avatar = { id = 81.0, type = "custom" } }))
    assert.same({ id = 81, type = 1 }, body.avatar)
    body = ask("create_product_video", with(LEAST,
      { avatar = { avatar_id = 81, avatar_type = 0 } }))
    assert.same({ id = 81, type = 0 }, body.avatar)
    for _, value in ipairs { "0", 2, true } do
      refused("create_product_video", with(LEAST,
        { avatar = { id = 81, type = value } }), "avatar.type must be one of")
    end
    refused("create_product_video", with(LEAST, { avatar = { id = "81" } }),
      "avatar.id must be an integer")
    refused("create_product_video", with(LEAST, { avatar = {} }),
      "create_product_video.avatar: id is missing")
  end)

  it("has a word for its aspect ratio", function()
    for given, sent in pairs { ["9:16"] = "portrait", ["16:9"] = "landscape",
      ["1:1"] = "square", portrait = "portrait", landscape = "landscape",
      square = "square", [0] = "portrait", [1] = "landscape", [2] = "square" }
    do
      local body = ask("create_product_video", with(LEAST,
        { video_spec = { length = 15, aspect_ratio = given } }))
      assert.equal(sent, body.video_spec.aspect_ratio)
    end
  end)

  it("has any style, and a language in lower case", function()
    for _, style in ipairs { "Don't Worry", "Top 3 Reasons", "Data_stage",
      "Something new" } do
      local body = ask("create_product_video", with(LEAST,
        { script = { style = style, lang = "German" } }))
      assert.same({ style = style, language = "german" }, body.script)
    end
    refused("create_product_video", with(LEAST,
      { script = { style = "Data", language = "en-US" } }), "a language")
    refused("create_product_video", with(LEAST, { script = { style = "x" } }),
      "create_product_video.script: language is missing")
  end)

  it("knows 54 languages", function()
    local n = 0
    for language in pairs(v2.video.lang.known) do
      n = n + 1
      assert.equal(language, ask("create_script", { language = language,
        video_length_seconds = 15, script_style = "Data", product_info = {
          source_type = "id", data = { id = "p" } } }).language)
    end
    assert.equal(54, n)
  end)

  it("takes a script of one's own, though the live service ignores it",
    function()
      assert.equal("Hi", ask("create_product_video", with(LEAST,
        { override_script = "Hi" })).override_script)
    end)

  it("is flat nowhere: what old pages say is refused", function()
    for _, name in ipairs { "avatar_id", "video_length", "template_id",
      "script_style", "language" } do
      refused("create_product_video", with(LEAST, { [name] = "x" }),
        ('create_product_video: unknown option "%s"'):format(name))
    end
  end)

  it("needs all that the service requires", function()
    for _, name in ipairs { "product_id", "video_spec", "avatar", "script" } do
      refused("create_product_video", with(LEAST, { [name] = false }),
        name .. " is missing")
    end
  end)

  it("has previews of many styles, with the language in the script", function()
    local body = ask("create_product_previews", with(LEAST,
      { visual_styles = { "Simple Product Switch" } }))
    assert.same({ "Simple Product Switch" }, body.visual_styles)
    assert.equal("english", body.script.language)
    assert.is_nil(body.language)
    refused("create_product_previews", LEAST, "visual_styles is missing")
    refused("create_product_previews", with(LEAST,
      { visual_styles = {}, visual_style = "x" }),
      'unknown option "visual_style", did you mean "visual_styles"?')
    refused("create_product_previews", with(LEAST, { visual_styles = "x" }),
      "visual_styles must be a list")
    local text = core.encode(ask("create_product_previews", with(LEAST,
      { visual_styles = {} })), v2.lists)
    assert.truthy(text:find('"visual_styles":[]', 1, true), text)
    refused("create_product_video", with(LEAST, { visual_styles = { "x" } }),
      'did you mean "visual_style"?')
  end)

  it("is rendered from a preview by its id and nothing else", function()
    assert.same({ preview_id = "p" }, ask("render_preview", { id = "p" }))
    refused("render_preview", { preview_id = "p", webhook_url = FILE },
      'unknown option "webhook_url"')
    assert.equal("preview_id", v2.operations.render_preview.argument)
  end)

  it("is found by either spelling of its id", function()
    for _, name in ipairs { "create_product_video", "render_preview" } do
      local operation = v2.operations[name]
      assert.same({ "video_id", "product_video_id" }, operation.result.id)
      assert.same({ video_id = "product_video_id",
        product_video_id = "video_id" }, operation.aliases)
    end
    assert.same({ product_video_id = "v" }, ask("product_video",
      { video_id = "v" }))
  end)

  it("may carry a name that is found again in the list", function()
    local operation = v2.operations.create_product_video
    assert.equal("video_spec.name", operation.attempt_name)
    assert.same({ "title" },
      v2.operations[operation.state_list].list.item.title)
  end)
end)

describe("v2: lists of videos", function()
  it("have a number for a filter", function()
    for _, name in ipairs { "product_videos", "product_previews",
      "template_videos" } do
      for given, sent in pairs { processing = 3, completed = 4, success = 4,
        failed = 5, [3] = 3, [4] = 4, [5] = 5 } do
        assert.equal(sent, ask(name, { status = given }).status)
      end
      refused(name, { status = 1 }, name .. ".status must be one of 3, 4, 5")
      assert.same({ page = 2, page_size = 100, sort_by = "created_at",
        sort_order = "asc" }, ask(name, { page = 2, page_size = 100,
          sort_by = "created_at", sort_order = "asc" }))
      refused(name, { page = 0 }, "at least 1")
      refused(name, { page_size = 101 }, "at most 100")
    end
  end)

  it("have their number of items in two places", function()
    assert.same({ "total" }, v2.operations.product_videos.list.total)
    assert.equal("pagination.total_items",
      v2.operations.template_videos.list.total[1])
    assert.equal("pagination.total_items", v2.operations.musics.list.total[1])
  end)
end)

describe("v2: a video of an avatar", function()
  local LEAST = {
    avatar = { avatar_id = 81, avatar_type = 0 }, aspect_ratio = "9:16",
    voice = { type = "script", script = "Hi", voice_id = "v" },
    screen_style = 1,
  }

  it("calls its avatar avatar_id and avatar_type", function()
    local body = ask("create_avatar_video", LEAST)
    assert.same({ avatar_id = 81, avatar_type = 0 }, body.avatar)
    assert.equal("portrait", body.aspect_ratio)
    body = ask("create_avatar_video", with(LEAST,
      { avatar = { id = 81, type = "photo" } }))
    assert.same({ avatar_id = 81, avatar_type = 1 }, body.avatar)
    refused("create_avatar_video", with(LEAST,
      { avatar = { avatar_id = 81, avatar_type = "0" } }),
      "avatar_type must be one of")
    refused("create_avatar_video", with(LEAST, { avatar = { avatar_id = 1 } }),
      "avatar_type is missing")
  end)

  it("speaks a script or an audio file", function()
    refused("create_avatar_video", with(LEAST,
      { voice = { type = "script", voice_id = "v" } }),
      'create_avatar_video.voice: script is missing: type = "script"')
    refused("create_avatar_video", with(LEAST,
      { voice = { type = "audio", voice_id = "v", script = "x" } }),
      'create_avatar_video.voice: audio_url is missing: type = "audio"')
    refused("create_avatar_video", with(LEAST,
      { voice = { type = "audio", audio_url = FILE } }), "voice_id is missing")
    assert.truthy(ask("create_avatar_video", with(LEAST,
      { voice = { type = "audio", voice_id = "v", audio_url = FILE } })))
  end)

  it("has one of three screen styles, by number", function()
    for style = 1, 3 do
      assert.equal(style, ask("create_avatar_video", with(LEAST,
        { screen_style = style })).screen_style)
    end
    for _, style in ipairs { 0, 4, "1", "full" } do
      refused("create_avatar_video", with(LEAST, { screen_style = style }),
        "screen_style must be one of 1, 2, 3")
    end
    refused("create_avatar_video", with(LEAST, { screen_style = false }),
      "screen_style is missing")
  end)

  it("has its name beside, not in a video_spec", function()
    local body = ask("create_avatar_video", with(LEAST,
      { video_name = "n", caption = true, webhook_url = FILE }))
    assert.equal("n", body.video_name)
    refused("create_avatar_video", with(LEAST, { video_spec = {} }),
      'unknown option "video_spec"')
  end)
end)

describe("v2: a video of a template", function()
  local LEAST = { template_id = 1234, voice_language = "english",
    variables = {} }

  it("has its avatar, voice and webhook at the top", function()
    local given = { template_id = 1234, voice_language = "english",
      variables = {}, avatar_id = 1, avatar_type = 1, voice_id = "v",
      captions_enabled = true, background_music_id = 0, video_name = "n",
      webhook_url = FILE, disable_trans = true, disable_random_trans = false,
      disable_moving = true, disable_random_moving = true }
    assert.same(given, ask("create_template_video", given))
    assert.same(with(LEAST, { avatar_type = 1, captions_enabled = true }),
      ask("create_template_video", with(LEAST, { avatar_type = "custom",
        caption = true })))
    refused("create_template_video", with(LEAST, { variables = { {
      type = "text", name = "n", properties = { content = "c",
        webhook_url = FILE } } } }), 'unknown option "webhook_url"')
  end)

  it("has variables in a list, even if empty", function()
    local text = core.encode(ask("create_template_video", LEAST), v2.lists)
    assert.truthy(text:find('"variables":[]', 1, true), text)
    refused("create_template_video", with(LEAST, { variables = false }),
      "variables is missing")
  end)

  it("has content for text, and a URL for media", function()
    local variables = {
      { type = "text", name = "a", properties = { content = "c" } },
      { type = "script", name = "b", properties = { content = "" } },
      { type = "image", name = "c", properties = { url = FILE } },
      { type = "video", name = "d", properties = { content = FILE } },
      { type = "image", name = "e", properties = { asset_id = 5.0 } },
    }
    assert.same(variables, ask("create_template_video", with(LEAST,
      { variables = variables })).variables)
    refused("create_template_video", with(LEAST, { variables = {
      { type = "script", name = "b", properties = { url = FILE } } } }),
      "variables[1]: properties.content is missing")
    refused("create_template_video", with(LEAST, { variables = {
      { type = "image", name = "b", properties = { asset_id = FILE } } } }),
      "variables[1].properties.asset_id must be an integer")
    for _, name in ipairs { "type", "name", "properties" } do
      refused("create_template_video", with(LEAST, { variables = {
        with(variables[1], { [name] = false }) } }),
        "variables[1]: " .. name .. " is missing")
    end
  end)

  it("has its result in a second data, or beside", function()
    local result = v2.operations.template_video.result
    assert.same({ "data.url", "data.video_url", "video_url", "url" },
      result.url)
    assert.same({ "data", "videos" }, v2.operations.template_videos.list.items)
    assert.equal("video_name", v2.operations.create_template_video.attempt_name)
  end)

  it("asks for a template by a number", function()
    assert.same({ id = 5 }, ask("custom_template", { template_id = 5.0 }))
    refused("custom_template", { id = 0 }, "at least 1")
    refused("custom_template", { id = "5" }, "an integer")
    assert.equal("/v2/template/custom/{id}",
      v2.operations.custom_template.path)
    assert.equal("/v2/templates/custom", v2.operations.custom_templates.path)
  end)
end)

describe("v2: lip sync and translation", function()
  it("know how a short video is played", function()
    local least = { video_url = FILE, audio_url = FILE }
    for _, word in ipairs { "normal", "normal_reverse",
      "normal_reverse_by_audio" } do
      assert.equal(word, ask("create_lip_sync", with(least,
        { playback_type = word })).playback_type)
    end
    refused("create_lip_sync", with(least, { playback_type = "loop" }),
      "playback_type must be one of")
    refused("create_lip_sync", { video_url = FILE }, "audio_url is missing")
    assert.equal("data.result_url", v2.operations.lip_sync.result.url[1])
  end)

  it("keep the slash at the end of a path", function()
    assert.equal("/v2/video_translate/", v2.operations.create_translation.path)
  end)

  it("know the names of other pages", function()
    assert.same({ video_url = FILE, output_language = "Spanish (Mexico)",
      output_voice = "v", add_subtitles = false, callback_url = PAGE },
      ask("create_translation", { video_url = FILE,
        target_language = "Spanish (Mexico)", voice_id = "v",
        enable_subtitles = false, webhook_url = PAGE }))
    refused("create_translation", { video_url = FILE },
      "output_language is missing")
  end)
end)

describe("v2: avatars", function()
  it("are filtered by words in lower case", function()
    assert.same({ gender = "male", age = "young_adult", scene = "news",
      ethnicity = "south_asian", style = "social", aspect_ratio = "square",
      page = 1, page_size = 50 }, ask("avatars", { gender = "Male",
        age = "young_adult", scene = "news", ethnicity = "south_asian",
        style = "social", aspect_ratio = 2, page = 1, page_size = 50 }))
    refused("avatars", { age = "young" }, "avatars.age must be one of")
    assert.same({ gender = "female", age = "young", language = "english" },
      ask("voices", { gender = "Female", age = "young",
        language = "english" }))
    refused("voices", { age = "young_adult" }, "voices.age must be one of")
    refused("voices", { language = "en-US" }, "a language")
  end)

  it("of one's own are filtered by a word, though some have a number",
    function()
      for _, name in ipairs { "custom_avatars", "photo_avatars" } do
        assert.same({ status = "completed", name = "n" },
          ask(name, { status = "completed", name = "n" }))
        refused(name, { status = 1 }, "must be one of")
      end
      assert.same({ "avatar_status" },
        v2.operations.custom_avatars.list.item.status)
    end)

  it("that hold a product have avatar_id, and no square ones", function()
    assert.same({ "avatar_id" }, v2.operations.product_avatars.list.item.id)
    assert.same({ aspect_ratio = "portrait" }, ask("product_avatars",
      { aspect_ratio = "9:16" }))
    refused("product_avatars", { aspect_ratio = "square" }, "must be one of")
  end)

  it("of photos are described in words with capitals", function()
    local least = { age = "young_adult", avatar_style = "social",
      gender = "female", model = "modern", aspect_ratio = "1:1" }
    assert.same({ age = "Young adult", avatar_style = "Social",
      gender = "Female", model = "modern", aspect_ratio = "square",
      ethnicity = "Middle Eastern", image_url = FILE },
      ask("create_avatar_photo", with(least, { ethnicity = "middle_eastern",
        image_url = FILE })))
    assert.equal("Elderly", ask("create_avatar_photo", with(least,
      { age = "Elderly" })).age)
    refused("create_avatar_photo", with(least, { model = "Modern" }),
      "must be one of")
    for _, name in ipairs { "age", "avatar_style", "gender", "model",
      "aspect_ratio" } do
      refused("create_avatar_photo", with(least, { [name] = false }),
        name .. " is missing")
    end
    refused("create_avatar_photo", with(least, { photo_url = FILE }),
      'unknown option "photo_url"')
  end)

  it("of photos have a model with a name like a number", function()
    local least = { image_url = FILE, name = "n", voice_id = "v" }
    for given, sent in pairs { ["1.0"] = "1.0", ["2.0-pro"] = "2.0-Pro",
      ["2.0-Pro"] = "2.0-Pro", [1] = "1.0", [2.0] = "2.0", [3] = "3.0" } do
      assert.equal(sent, ask("create_photo_motion", with(least,
        { model = given })).model)
    end
    refused("create_photo_motion", with(least, { model = 4 }),
      "model must be one of")
    refused("create_photo_motion", least, "model is missing")
  end)

  it("of products have a model that is a number", function()
    local least = { generation_id = "g", name = "n", voice_id = "v",
      description = "d" }
    assert.same(with(least, { model = 2, aspect_ratio = "portrait" }),
      ask("create_product_motion", with(least, { model = 2.0,
        aspect_ratio = "9:16" })))
    refused("create_product_motion", with(least, { model = 3 }), "at most 2")
    refused("create_product_motion", with(least, { model = "2.0" }),
      "an integer")
    refused("create_product_motion", with(least, { description = false }),
      "description is missing")
  end)

  it("of products come from an id with a word for its type, an image or a text",
    function()
      local least = { product_image_url = FILE, quality = "high",
        aspect_ratio = "portrait", num_images = 4, avatar_source = {
          type = "id", avatar_id = 81, avatar_type = "public" } }
      assert.same(with(least, { aspect_ratio = "2:3" }),
        ask("create_product_avatar_batch", least))
      local function source(fields, expected)
        refused("create_product_avatar_batch", with(least,
          { avatar_source = fields }), expected)
      end
      source({ type = "id", avatar_id = 81 }, "avatar_type is missing")
      source({ type = "id", avatar_id = 81, avatar_type = 0 },
        "avatar_type must be one of")
      source({ type = "image" }, "value is missing")
      source({ type = "description" }, "value is missing")
      refused("create_product_avatar_batch", with(least, { num_images = 5 }),
        "at most 4")
      refused("create_product_avatar_batch", with(least, { num_images = 0 }),
        "at least 1")
      refused("create_product_avatar_batch", with(least,
        { aspect_ratio = "16:9" }), 'one of "1:1", "2:3", "3:2"')
    end)

  it("are asked for by a query, where the path has no id", function()
    for name, id in pairs { avatar_photo = "photo_id",
      photo_motion = "motion_id", product_motion = "motion_id" } do
      assert.same({ [id] = "a/b?c" }, ask(name, { id = "a/b?c" }))
      assert.is_nil(v2.operations[name].path:find("{", 1, true))
    end
  end)
end)

describe("v2: an id in a path", function()
  it("is a segment, whatever is in it", function()
    for name, operation in pairs(v2.operations) do
      for id in operation.path:gmatch "{(.-)}" do
        if operation.fields[id].kind == "segment" and
          operation.method ~= "PUT" then
          for _, given in ipairs { "../x", "a/b?c", "a#b", "%2e%2e" } do
            assert.equal(given, ask(name, { [id] = given })[id])
          end
          assert.equal("5", ask(name, { [id] = 5.0 })[id])
          for _, given in ipairs { "", "a\0b", "\255", 0.5 } do
            refused(name, { [id] = given }, name .. "." .. id .. " must be")
          end
          refused(name, {}, id .. " is missing")
        end
      end
    end
  end)
end)

describe("v2: a script", function()
  it("has its length as a string, and a product in one of two ways", function()
    local least = { language = "english", script_style = "Data",
      video_length_seconds = 30,
      product_info = { source_type = "id", data = { id = "p" } } }
    assert.same(with(least, { video_length_seconds = "30" }),
      ask("create_script", least))
    local function info(fields, expected)
      refused("create_script", with(least, { product_info = fields }),
        expected)
    end
    info({ source_type = "id", data = {} }, "data.id is missing")
    info({ source_type = "details", data = { id = "p", name = "n" } },
      "data.description is missing")
    info({ source_type = "id" }, "data is missing")
    info({ source_type = "url", data = {} }, "source_type must be one of")
    assert.truthy(ask("create_script", with(least, { product_info = {
      source_type = "details", data = { name = "n", description = "d" } } })))
  end)
end)

describe("v2: an upload", function()
  it("is signed by name, type and perhaps size", function()
    assert.same({ filename = "a.png", content_type = "image/png",
      file_size = 5 }, ask("sign_upload", { filename = "a.png",
        content_type = "image/png", file_size = 5.0 }))
    refused("sign_upload", { filename = "a.png", content_type = "image/png",
      file_size = 0 }, "at least 1")
    refused("sign_upload", { filename = "a.png" }, "content_type is missing")
    assert.is_true(v2.operations.sign_upload.repeatable)
  end)
end)

describe("v2: an endpoint", function()
  local LEAST = { url = "https://me.example/hook", status = "enabled",
    events = { "generated_product_video_success" } }

  it("has all three fields, in a change as well", function()
    assert.same(LEAST, ask("create_endpoint", LEAST))
    assert.same(with(LEAST, { endpoint_id = "wh" }),
      ask("update_endpoint", with(LEAST, { id = "wh" })))
    for name in pairs(LEAST) do
      refused("create_endpoint", with(LEAST, { [name] = false }),
        name .. " is missing")
      refused("update_endpoint", with(LEAST, { [name] = false, id = "wh" }),
        name .. " is missing")
    end
    refused("create_endpoint", with(LEAST, { status = "on" }), "must be one of")
  end)

  it("has events in a list, even if empty, and of any name", function()
    local text = core.encode(ask("create_endpoint", with(LEAST,
      { events = {} })), v2.lists)
    assert.truthy(text:find('"events":[]', 1, true), text)
    assert.truthy(ask("create_endpoint", with(LEAST,
      { events = { "generated_image_success", "new_one" } })))
  end)

  it("has one path for one, and another for all", function()
    assert.equal("/v2/endpoints", v2.operations.endpoints.path)
    assert.equal("/v2/endpoint", v2.operations.create_endpoint.path)
    assert.equal("DELETE", v2.operations.delete_endpoint.method)
  end)
end)

describe("v2: make_video", function()
  it("has a place for each option, which takes what the option sends", function()
    local video = v2.operations.create_product_video.fields
    local previews = v2.operations.create_product_previews.fields
    for name, option in pairs(v2.video) do
      local field = field_at(video, option.to) or field_at(previews, option.to)
      assert.truthy(field, name)
      for _, sent in pairs(option.values or {}) do
        assert.equal(sent, check.value(field, sent, name, 1), name)
      end
      if option.default then
        assert.equal(option.default, check.value(option, option.default, name,
          1), name)
      end
    end
  end)

  it("fills all that the service requires", function()
    local filled = { product_id = true }
    for _, option in pairs(v2.video) do
      if option.needed or option.default then
        filled[option.to] = true
      end
    end
    local function walk(fields, before)
      for name, field in pairs(fields) do
        if field.required and field.kind == "fields" then
          walk(field.fields, before .. name .. ".")
        elseif field.required then
          assert.is_true(filled[before .. name], before .. name)
        end
      end
    end
    walk(v2.operations.create_product_video.fields, "")
  end)

  it("takes the options of generation open", function()
    local function make(given)
      local checked, err = check.fields(v2.video, given, "make_video", 3)
      return checked, err
    end
    assert.same({ lang = "german", aspect_ratio = "portrait",
      render_subtitle = true, avatar_id = 37, script_style = "Data" },
      make { lang = "german", aspect_ratio = 0, render_subtitle = 1,
        avatar_id = 37, script_style = "Data" })
    assert.is_false(make { caption = 0 }.render_subtitle)
    assert.same({ lang = "zulu", length = "60" },
      make { language = "Zulu", length = 60 })
  end)
end)
