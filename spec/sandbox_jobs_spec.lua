-- SPDX-License-Identifier: MIT
-- jogg-sandbox by itself: the jobs of v2 go through their states, cost what
-- they cost, make real files, fail with a reason, and outlive a restart.

local socket = require "socket"
local process = require "spec.support.process"
local sandbox = require "spec.support.sandbox"
local kinds = require "spec.support.sandbox_v2".KINDS

local WORDS = {
  product_video = { "processing", "processing", "completed", "failed" },
  avatar_video = { "pending", "processing", "completed", "failed" },
  template_video = { "pending", "processing", "completed", "failed" },
  lip_sync = { "pending", "processing", "success", "failed" },
  translation = { "pending", "processing", "completed", "failed" },
  script = { "pending", "processing", "completed", "failed" },
  photo = { "in_progress", "in_progress", "success", "error" },
  photo_motion = { "pending", "processing", "completed", "failed" },
}

local PRICES = {
  product_video = 1, avatar_video = 1, template_video = 1, lip_sync = 1,
  translation = 0.5, script = 0.2, photo = 0.2, photo_motion = 2,
}

-- Where the address of the video stands in the state of a kind.
local function address_of(kind, state)
  if kind == "product_video" or kind == "avatar_video" then
    return state.video_url
  elseif kind == "template_video" then
    return state.data and state.data.url
  elseif kind == "lip_sync" then
    return type(state.data) == "table" and state.data.result_url
  elseif kind == "translation" then
    return state.url
  elseif kind == "photo_motion" then
    return state.motion_preview_url
  end
end

local function probe(path, entries)
  local text, code = process.run({ "ffprobe", "-v", "error",
    "-show_entries", entries, "-of", "csv=p=0", path }, { stderr = "merge" })
  assert.equal(0, code, text)
  return (text:gsub("%s+$", ""):gsub("%s*\n%s*", " "))
end

describe("sandbox jobs of v2", function()
  local server, folder

  setup(function()
    server = sandbox.start { "--key", "k=100", "--key", "poor=0" }
    folder = process.temporary_folder()
  end)
  teardown(function()
    server:stop()
    process.remove_folder(folder)
  end)
  after_each(function() server:clear_faults() end)

  local function save(url, name)
    local status, bytes = server:request("GET", url, { key = false })
    assert.equal(200, status, url)
    return process.write_file(folder .. "/" .. name, bytes)
  end

  local function credits()
    return server:account().credits
  end

  for _, kind in ipairs(kinds) do
    it("are made: " .. kind, function()
      local before = credits()
      local id = server:new_job(kind)
      assert.equal(PRICES[kind], math.floor((before - credits()) * 1000 + 0.5)
        / 1000)
      local job = server:await_job(id)
      assert.equal("completed", job.status, job.error)
      assert.equal(PRICES[kind], job.credits)
      local state = server:state(kind, id)
      assert.equal(WORDS[kind][3], state.status)
      local address = address_of(kind, state)
      if kind == "script" then
        assert.equal(3, #state.data.generated_scripts[1].script_paragraphs)
      elseif kind == "photo" then
        assert.equal(4, #state.image_url_list)
        assert.equal(4, #state.image_key_list)
        for i, url in ipairs(state.image_url_list) do
          assert.equal("mjpeg,576,576",
            probe(save(url, i .. ".jpg"), "stream=codec_name,width,height"))
        end
      else
        assert.equal(server.storage, address:sub(1, #server.storage))
        local file = save(address, "v.mp4")
        assert.equal("h264 aac", probe(file, "stream=codec_name"))
        local seconds = tonumber(probe(file, "format=duration"))
        assert.is_true(math.abs(seconds - 1) < 0.2, kind .. " " .. seconds)
      end
    end)

    it("fail: " .. kind, function()
      server:fault { endpoint = "work", what = "fail", kind = kind,
        value = "no luck" }
      local other = kind == "script" and "photo" or "script"
      assert.equal("completed", server:await_job(server:new_job(other)).status)
      local id = server:new_job(kind)
      assert.equal("no luck", server:await_job(id).error)
      local state = server:state(kind, id)
      assert.equal(WORDS[kind][4], state.status)
      assert.truthy(({ [""] = true })[address_of(kind, state) or ""])
      local reason = kind == "lip_sync" and state.error.message
        or kind == "script" and state.err_msg
        or kind == "photo" and state.msg
        or kind == "photo_motion" and state.error_msg or nil
      -- the vendor's file has no place for the reason in the other kinds
      assert.truthy(reason == nil or reason == "no luck")
    end)

    it("are not made without credits: " .. kind, function()
      local path, body = server:start_of(kind)
      if kind == "product_video" then
        local product = server:data("POST", "/v2/product", { name = "x" },
          { key = "poor" }).product_id
        body = body:gsub('("product_id":)"[^"]+"', '%1"' .. product .. '"')
      end
      local answer, status = server:v2("POST", path, body, { key = "poor" })
      assert.equal(18020, answer.code)
      assert.equal(200, status)
      assert.equal(0, server:account("poor").jobs_total)
    end)
  end

  it("cost by what they are asked for", function()
    local function cost(call)
      local before = credits()
      call()
      return math.floor((before - credits()) * 1000 + 0.5) / 1000
    end
    local long = ("word "):rep(320)              -- 128 seconds
    assert.equal(2, cost(function()
      server:new_job("avatar_video", { voice = { type = "script",
        voice_id = "en-US-JennyNeural", script = long } })
    end))
    assert.equal(3, cost(function()
      server:new_job("photo_motion", { model = "2.0-Pro" })
    end))
    local product = server:new_product()
    assert.equal(1, cost(function()
      local previews = server:data("POST",
        "/v2/create_video_from_product/preview_list",
        ('{"product_id":"%s","visual_styles":["Slow Zoom","no style",'
          .. '"Card Stacking"],"video_spec":{"length":"60"},"avatar":{"id":1},'
          .. '"voice":{},"audio":{},"script":{"style":"Data","language":'
          .. '"english"}}'):format(product)).previews
      assert.equal(3, #previews)
      assert.truthy(previews[1].preview_id and previews[3].preview_id)
      assert.is_nil(previews[1].err_msg)
      assert.is_nil(previews[2].preview_id)
      assert.equal("string", type(previews[2].err_msg))
      assert.equal("no style", previews[2].visual_style)
    end))
    assert.equal(0.15, cost(function()
      server:data("POST", "/v2/product_avatar/generation", {
        product_image_url = server.storage .. "/catalog/avatars/81.jpg",
        avatar_source = { type = "description", value = "x" },
        quality = "low", aspect_ratio = "3:2", num_images = 3,
      })
    end))
  end)

  it("cost more when a film turns out to be longer", function()
    local path = folder .. "/long.wav"
    assert.equal(0, (select(2, process.run { "ffmpeg", "-v", "error",
      "-nostdin", "-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "126",
      "-c:a", "pcm_u8", path })))
    local url = server:upload("long.wav", "audio/wav",
      process.read_file(path))
    local id = server:new_job("lip_sync", { audio_url = url })
    assert.equal("completed", server:await_job(id).status)
    assert.equal(2, server:job(id).credits)
  end)

  it("render previews, and videos of them", function()
    local product = server:new_product()
    local preview = server:data("POST",
      "/v2/create_video_from_product/preview_list",
      ('{"product_id":"%s","visual_styles":["Slow Zoom"],"video_spec":'
        .. '{"length":"15","name":"Seen before"},"avatar":{"id":1},"voice":{},'
        .. '"audio":{},"script":{"style":"Data","language":"english"}}')
        :format(product)).previews[1].preview_id
    local video = server:data("POST",
      "/v2/create_video_from_product/render_single_preview",
      { preview_id = preview })
    assert.equal("processing", video.status)
    assert.equal("completed", server:await_job(preview).status)
    assert.equal("completed", server:await_job(video.video_id).status)
    local listed = server:data("GET", "/v2/product_previews").previews[1]
    assert.equal(preview, listed.id)
    assert.equal("Seen before", listed.title)
    assert.equal(200, (server:request("GET", listed.video_url,
      { key = false })))
    assert.equal("Seen before",
      server:state("product_video", video.video_id).title)
  end)

  it("make product avatars of images in batches", function()
    local batch = server:data("POST", "/v2/product_avatar/generation", {
      product_image_url = server.url .. "/samples/lamp-1.jpg",
      avatar_source = { type = "id", avatar_id = 81, avatar_type = "public" },
      quality = "high", aspect_ratio = "2:3", num_images = 2,
    })
    assert.equal(2, batch.total_submitted)
    for _, generation in ipairs(batch.generations) do
      assert.equal("completed",
        server:await_job(generation.generation_id).status)
    end
    local state = server:state("product_image", batch.batch_id)
    assert.same({ total = 2, pending = 0, processing = 0, completed = 2,
      failed = 0 }, state.summary)
    local first = state.generations[1]
    assert.equal("480,720", probe(save(first.url, "g.jpg"),
      "stream=width,height"))
    local motion = server:data("POST", "/v2/product_avatar/add_motion", {
      generation_id = first.generation_id, name = "Presenter",
      voice_id = "en-US-JennyNeural", description = "d", model = 0,
      aspect_ratio = "landscape",
    })
    assert.equal("Presenter", motion.name)
    assert.equal("completed", server:await_job(motion.motion_id).status)
    assert.equal("320,180", probe(save(server:state("product_motion",
      motion.motion_id).motion_preview_url, "m.mp4"),
      "stream=width,height"):match "^[^ ]+")
    local listed = server:data("GET",
      "/v2/avatars/product_avatars?aspect_ratio=landscape").product_avatars[1]
    assert.equal(motion.avatar_id, listed.avatar_id)
    assert.equal(1, listed.status)
    assert.equal(0, #server:data("GET",
      "/v2/avatars/product_avatars?aspect_ratio=portrait").product_avatars)
    -- and can talk
    local id = server:new_job("avatar_video",
      { avatar = { avatar_id = motion.avatar_id, avatar_type = 1 } })
    assert.equal("completed", server:await_job(id).status)
  end)

  it("show what products were when the video was ordered", function()
    local product = server:new_product { url = server:sample "mug" }
    local body = ('{"product_id":"%s","video_spec":{"length":"15","caption":'
      .. 'true},"avatar":{"id":1},"voice":{},"audio":{},"script":{"style":'
      .. '"Data","language":"english"}}'):format(product)
    local id = server:data("POST", "/v2/create_video_from_product", body)
      .video_id
    assert.equal("Café Crème Enamel Mug", server:state("product_video", id)
      .title)
    assert.is_nil(server:data("PUT", "/v2/product",
      { product_id = product, name = "New" }))
    local later = server:data("POST", "/v2/create_video_from_product", body)
      .video_id
    assert.equal("New", server:state("product_video", later).title)
    server:await_job(later)
  end)

  it("fail when what they are to show cannot be had", function()
    local page = server.url .. "/samples/lamp.html"
    local cases = {
      { "lip_sync", { video_url = server.url .. "/nothing.mp4" },
        "video fetch failed: HTTP 404" },
      { "lip_sync", { audio_url = page }, "it is no audio" },
      { "translation", { video_url = "http://127.0.0.1:1/x.mp4" },
        "video fetch failed" },
      { "translation", { video_url = server.url .. "/samples/lamp-1.jpg" },
        "it is no video" },
      { "photo_motion", { image_url = page }, "it is no image" },
      { "avatar_video", { voice = { type = "audio", audio_url = page,
        voice_id = "en-US-JennyNeural" } }, "it is no audio" },
    }
    for _, case in ipairs(cases) do
      local job = server:await_job(server:new_job(case[1], case[2]))
      assert.equal("failed", job.status, case[3])
      assert.truthy(job.error:find(case[3], 1, true), job.error)
    end
  end)

  it("speak audio of one's own, in every shape and style", function()
    local sound = server.storage .. "/catalog/musics/3.mp3"
    for style, shape in ipairs { "portrait", "landscape", "square" } do
      local id = server:new_job("avatar_video", {
        voice = { type = "audio", audio_url = sound,
          voice_id = "en-US-JennyNeural" },
        aspect_ratio = shape, screen_style = style, caption = true,
      })
      assert.equal("completed", server:await_job(id).status)
    end
  end)

  it("fill templates with pictures and speech", function()
    local id = server:new_job("template_video", {
      template_id = 1234, captions_enabled = true, variables = {
        { type = "text", name = "title", properties = { content = "T" } },
        { type = "image", name = "picture",
          properties = { url = server.url .. "/samples/lamp-1.jpg" } },
        { type = "image", name = "other", properties = { content = "no url" } },
        { type = "script", name = "speech", properties = { content = "S" } },
      },
    })
    local job = server:await_job(id)
    assert.equal("completed", job.status, job.error)
    local state = server:state("template_video", id)
    assert.equal("320,180", probe(save(state.data.url, "t.mp4"),
      "stream=width,height"):match "^[^ ]+")
    assert.equal(1, state.data.deducted_credit)
    local listed = server:data("GET", "/v2/template_videos").data[1]
    assert.equal(id, listed.video_id)
    assert.equal(state.data.url, listed.url)
  end)

  it("can be deleted, and are unknown then", function()
    local id = server:new_job "script"
    server:await_job(id)
    assert.equal(200, (server:request("DELETE", "/sandbox/jobs/" .. id)))
    assert.equal(10104, server:v2("GET", server:state_path("script", id)).code)
    assert.equal(404, (server:request("DELETE", "/sandbox/jobs/" .. id)))
  end)

  it("are refused to an account that may not call the API", function()
    server:set_account { barred = true }
    local answer, status = server:v2("GET", "/v2/user/whoami")
    server:set_account { barred = false }
    assert.equal(18025, answer.code)
    assert.equal(200, status)
  end)
end)

describe("sandbox jobs of v2", function()
  it("wait in states of their own, and outlive a restart", function()
    local folder = process.temporary_folder()
    local arguments = { "--data", folder, "--key", "k=50" }
    local server = sandbox.start { "--data", folder, "--key", "k=50",
      "--speed", "0.5", "--renders", "2" }
    local ids = {}
    for _, kind in ipairs { "product_video", "avatar_video", "script",
      "photo" } do
      ids[kind] = server:new_job(kind)
      assert.equal(WORDS[kind][1], server:state(kind, ids[kind]).status)
    end
    assert.equal("", server:state("product_video", ids.product_video)
      .video_url)
    local endpoint = server:new_endpoint("http://127.0.0.1:1/",
      { "generated_script_success" })
    local asset = server:upload("a.png", "image/png", "\137PNG")
    local credits = server:account().credits
    server:stop()

    server = sandbox.start(arguments)
    assert.equal(credits, server:account().credits)
    for kind, id in pairs(ids) do
      assert.equal("completed", server:await_job(id).status, kind)
      assert.equal(WORDS[kind][3], server:state(kind, id).status)
    end
    assert.equal(endpoint.secret,
      server:data("GET", "/v2/endpoints").endpoints[1].secret)
    assert.equal(200, (server:request("GET",
      server.storage .. asset:match "^http://[^/]+(.*)", { key = false })))
    local later = server:new_product()
    local product = server:jobs("product_video")[1]
    assert.equal("Lamp", product.title)
    server:stop()

    server = sandbox.start(arguments)
    assert.is_nil(server:data("PUT", "/v2/product",
      { product_id = later, name = "x" }))
    assert.are_not.equal(later, server:new_product())
    server:stop()
    process.remove_folder(folder)
  end)

  it("pass through processing", function()
    local slow = tonumber(os.getenv "JOGG_SLOW") or 1
    local server = sandbox.start { "--speed", 50 / slow, "--renders", "4" }
    local seen, left = {}, {}
    for _, kind in ipairs { "product_video", "avatar_video", "photo" } do
      left[kind], seen[kind] = server:new_job(kind), {}
    end
    while next(left) do
      for kind, id in pairs(left) do
        local status = server:state(kind, id).status
        seen[kind][status] = true
        if status == WORDS[kind][3] then left[kind] = nil end
      end
      socket.sleep(0.005)
    end
    assert.is_true(seen.avatar_video.pending)
    assert.is_true(seen.avatar_video.processing)
    assert.same({ processing = true, completed = true }, seen.product_video)
    assert.same({ in_progress = true, success = true }, seen.photo)
    server:stop()
  end)

  it("answer 50000 when they cannot be written, and take no credit", function()
    local folder = process.temporary_folder()
    local server = sandbox.start({ "--data", folder, "--key", "k=5" },
      { stderr = folder .. "/complaints" })
    local path, body = server:start_of "script"
    process.run { "rm", "-rf", folder .. "/v2/jobs" }
    process.write_file(folder .. "/v2/jobs", "")
    assert.equal(50000, server:v2("POST", path, body).code)
    assert.equal(5, server:account().credits)
    assert.equal(0, server:account().jobs_total)
    server:stop()
    process.remove_folder(folder)
  end)

  it("skip records that are none", function()
    local folder = process.temporary_folder()
    local server = sandbox.start { "--data", folder }
    local id = server:new_job "script"
    server:await_job(id)
    server:stop()
    for _, name in ipairs { "jobs", "products", "endpoints", "assets",
      "deliveries" } do
      process.write_file(("%s/v2/%s/other.json"):format(folder, name),
        '{"id":"x"}')
    end
    server = sandbox.start({ "--data", folder },
      { stderr = folder .. "/complaints" })
    assert.equal("completed", server:state("script", id).status)
    local said = process.read_file(folder .. "/complaints")
    for _, name in ipairs { "jobs", "products", "endpoints", "assets",
      "deliveries" } do
      assert.truthy(said:find(name .. "/other.json: ", 1, true), said)
    end
    server:stop()
    process.remove_folder(folder)
  end)
end)
