-- SPDX-License-Identifier: MIT
-- The jobs of generation v2, at the sandbox: each kind from its options to its
-- files.

local faults = require "spec.support.faults"
local flow = require "spec.support.flow"
local jogg = require "jogg"
local process = require "spec.support.process"
local sandbox = require "spec.support.sandbox"
local support = require "spec.support.misuse"
local v2 = require "spec.support.v2"

describe("generation v2", function()
  local server, client, folder

  setup(function()
    server = sandbox.start { "--key", "spec-key=100000" }
  end)
  teardown(function() server:stop() end)
  before_each(function()
    server:clear_faults()
    folder = process.temporary_folder()
    client = jogg.client { api_key = server.key, base_url = server.url,
      generation = "v2", posts_per_minute = 0 }
  end)
  after_each(function()
    client:close()
    process.remove_folder(folder)
  end)

  local function make(method, more)
    local options = v2.OPTIONS[method](client, server)
    options.poll = v2.POLL
    for name, value in pairs(more or {}) do options[name] = value end
    local result, err = client[method](client, options)
    return result, err
  end

  for method, files in pairs {
    make_video = { output = "v.mp4", cover_output = "c.jpg" },
    make_avatar_video = { output = "v.mp4" },
    make_template_video = { output = "v.mp4" },
    lip_sync_video = { output = "v.mp4" },
    translate_video = { output = "v.mp4", subtitle_output = "v.srt" },
    make_script = {}, make_avatar_photos = { output = "p%d.jpg" },
    make_photo_avatar = {}, make_product_pictures = { output = "p%d.png" },
    make_product_avatar = {},
  } do
    it(method .. " does the whole job, and the same line returns it again",
      function()
        local more = { job_file = folder .. "/job" }
        for option, name in pairs(files) do
          more[option] = folder .. "/" .. name
        end
        local options = v2.OPTIONS[method](client, server)
        local before = v2.count(server, method)
        local phases = {}
        more.on_progress = function(p) phases[p.phase] = true end
        more.poll = v2.POLL
        for name, value in pairs(more) do options[name] = value end
        local result = assert(client[method](client, options))
        assert.equal("completed", result.status)
        assert.is_string(result.project_id)
        assert.is_true(phases.wait)
        local expected = method == "make_product_pictures" and 2 or 1
        assert.equal(before + expected, v2.count(server, method))
        if more.output and more.output:find "%%d" then
          assert.equal(more.output:gsub("%%d", "1"), result.paths[1])
        elseif more.output then
          assert.equal(more.output, result.path)
        end
        local names = { "job" }
        for _, name in pairs(files) do
          if name:find "%%d" then
            for i = 1, result.urls and #result.urls or #result.parts do
              names[#names + 1] = (name:gsub("%%d", tostring(i)))
            end
          else
            names[#names + 1] = name
          end
        end
        table.sort(names)
        assert.same(names, process.files(folder))
        local _, since = server:log()
        local again = assert(client[method](client, options))
        assert.equal(result.project_id, again.project_id)
        assert.same({}, (server:log(since)))
      end)
  end

  it("asks for a number in the name where there may be several files",
    function()
      local options = v2.OPTIONS.make_avatar_photos(client, server)
      options.output = folder .. "/photo.png"
      local ok, message = pcall(client.make_avatar_photos, client, options)
      assert.is_false(ok)
      assert.truthy(message:find("output must have %d", 1, true), message)
    end)

  it("has the files that its kind can have, and no others", function()
    for method, option in pairs { make_script = "output",
      make_photo_avatar = "subtitle_output", make_video = "subtitle_output",
      make_avatar_photos = "cover_output" } do
      local options = { [option] = folder .. "/x%d" }
      support.check(function() client[method](client, options) end,
        ('%s: unknown option "%s"'):format(method, option))
    end
  end)

  it("a cover that cannot be fetched does not take the video away", function()
    local fault = faults.start()
    finally(function() fault:stop() end)
    local other = jogg.client { api_key = "k", base_url = fault.url,
      generation = "v2", posts_per_minute = 0, retries = 0 }
    fault:on("GET", "/v2/product_video/*", { json = { code = 0, data = {
      status = "completed", video_url = fault.url .. "/v.mp4",
      cover_url = fault.url .. "/c.jpg" } } })
    fault:on("GET", "/v.mp4", { body = flow.VIDEO,
      headers = { ["Content-Type"] = "video/mp4" } })
    fault:on("GET", "/c.jpg", { status = 403 })
    local options = { project_id = "V", poll = v2.POLL,
      job_file = folder .. "/job", output = folder .. "/v.mp4",
      cover_output = folder .. "/c.jpg" }
    local video = assert(other:make_video(options))
    assert.equal(folder .. "/v.mp4", video.path)
    assert.equal(403, video.failed.cover_output.http_status)
    -- the same line fetches what is missing, and nothing else
    fault:clear()
    fault:on("GET", "/v2/product_video/*", { json = { code = 0, data = {
      status = "completed", video_url = fault.url .. "/v.mp4",
      cover_url = fault.url .. "/c.jpg" } } })
    fault:on("GET", "/c.jpg", { body = "a cover" })
    video = assert(other:make_video(options))
    assert.is_nil(video.failed)
    assert.same({ "c.jpg", "job", "v.mp4" }, process.files(folder))
    for _, request in ipairs(fault:requests()) do
      assert.are_not.equal("/v.mp4", request.path)
    end
    -- and then nothing is asked at all
    fault:clear()
    assert(other:make_video(options))
    assert.equal(0, #fault:requests())
    -- a cover that the service did not make is told, too
    fault:on("GET", "/v2/product_video/*", { json = { code = 0, data = {
      status = "completed", video_url = fault.url .. "/v.mp4" } } })
    options.job_file, options.overwrite = nil, true
    fault:on("GET", "/v.mp4", { body = flow.VIDEO })
    video = assert(other:make_video(options))
    assert.matches("made no file for cover_output",
      video.failed.cover_output.message)
    other:close()
  end)

  it("an avatar that was made can be used at once", function()
    local made = assert(make("make_photo_avatar", {
      output = folder .. "/sample.mp4" }))
    assert.same({ "sample.mp4" }, process.files(folder))
    local options = v2.OPTIONS.make_avatar_video(client, server)
    options.avatar = { avatar_id = made.avatar_id, avatar_type = 1 }
    options.poll = v2.POLL
    assert.equal("completed", assert(client:make_avatar_video(options)).status)
  end)

  it("a batch has the numbers of its parts, and waits for their files",
    function()
      local fault = faults.start()
      finally(function() fault:stop() end)
      local other = jogg.client { api_key = "k", base_url = fault.url,
        generation = "v2", posts_per_minute = 0, retries = 0 }
      local function batch(...)
        return { json = { code = 0, data = { batch_id = "B",
          generations = { ... } } } }
      end
      local failed = { generation_id = "1", status = "failed",
        error = "too dark" }
      fault:on("GET", "/v2/product_avatar/generation/*", {
        batch(failed, { generation_id = "2", status = "completed" }),
        batch(failed, { generation_id = "2", status = "completed",
          url = fault.url .. "/2.png" }) })
      fault:on("GET", "/2.png", { body = "a picture" })
      local pictures = assert(other:make_product_pictures { project_id = "B",
        poll = v2.POLL, output = folder .. "/p%d.png",
        job_file = folder .. "/job" })
      assert.same({ [2] = folder .. "/p2.png" }, pictures.paths)
      assert.equal("too dark", pictures.parts[1].message)
      assert.same(pictures, other:make_product_pictures { project_id = "B",
        output = folder .. "/p%d.png", job_file = folder .. "/job" })
      fault:on("GET", "/v2/product_avatar/generation/*", batch(failed, failed))
      local none, err = other:make_product_pictures { project_id = "B",
        poll = v2.POLL }
      assert.is_nil(none)
      assert.equal("render_failed", err.kind)
      assert.matches("too dark", err.message)
      other:close()
    end)

  it("has a path for each of its files", function()
    local _, since = server:log()
    for _, options in ipairs { { output = "a", job_file = "a" },
      { output = "a", cover_output = "a" },
      { cover_output = "a", job_file = "a" } } do
      options.url, options.avatar_id = "https://a.example/", 81
      support.unusable(function() return client:make_video(options) end,
        "are the same file")
    end
    -- and no two jobs write to one file
    local options = v2.OPTIONS.make_video(client, server)
    options.poll, options.output = v2.POLL, folder .. "/v.mp4"
    local before = v2.count(server, "make_video")
    local rows = assert(client:make_videos { options, options })
    local busy = rows[1].err or rows[2].err
    assert.equal("busy", busy.kind)
    assert.matches("the file of another job", busy.message)
    assert.equal(before + 1, v2.count(server, "make_video"))
    assert.is_number(since)
  end)

  it("looks for all that can fail by itself before anything is sent", function()
    local options = v2.OPTIONS.make_product_pictures(client, server)
    options.output = folder .. "/p%d.png"
    process.write_file(folder .. "/p2.png", "mine")
    process.write_file(folder .. "/empty.png", "")
    process.write_file(folder .. "/good.png", "x")
    local _, since = server:log()
    local result, err = client:make_product_pictures(options)
    assert.is_nil(result)
    assert.same({ "io", "exists" }, { err.kind, err.reason })
    for name, why in pairs { ["empty.png"] = "is empty",
      ["a.txt"] = "no file that the service takes",
      ["missing.png"] = "No such file" } do
      result, err = client:make_video { avatar_id = 81,
        url = server:sample "mug", product = { media = {
          { type = "image", url = { file = folder .. "/good.png" } },
          { type = "image", url = { file = folder .. "/" .. name } } } } }
      assert.is_nil(result)
      assert.equal("not_sent", err.outcome)
      assert.matches(why, err.message)
    end
    assert.same({}, (server:log(since)))
  end)

  it("make_video sends the friendly options as v2 has them", function()
    local fault = faults.start()
    finally(function() fault:stop() end)
    local other = jogg.client { api_key = "k", base_url = fault.url,
      generation = "v2", posts_per_minute = 0 }
    fault:on("POST", "/v2/product", { json = { code = 0,
      data = { product_id = "P" } } })
    fault:on("POST", "/v2/create_video_from_product", { json = { code = 0,
      data = { video_id = "V", status = "processing" } } })
    fault:on("GET", "/v2/product_video/*", { json = { code = 0,
      data = { status = "SUCCESS", video_url = "https://x/v.mp4" } } })
    local video = assert(other:make_video { url = "https://shop.example/",
      lang = "German", render_subtitle = true, aspect_ratio = "9:16",
      avatar_id = 81, length = 30, video_name = "Lamp", music_id = 7,
      visual_style = "Simple", voice_id = "v", poll = v2.POLL })
    assert.same({ "completed", "V" }, { video.status, video.project_id })
    local sent
    for _, request in ipairs(fault:requests()) do
      if request.path == "/v2/create_video_from_product" then
        sent = require "cjson".decode(request.body)
      end
    end
    assert.matches("^Lamp %[%x+%]$", sent.video_spec.name)
    sent.video_spec.name = nil
    assert.same({ product_id = "P", visual_style = "Simple",
      video_spec = { length = "30", aspect_ratio = "portrait",
        caption = true }, avatar = { id = 81 }, voice = { id = "v" },
      audio = { music_id = 7 },
      script = { style = "Storytime", language = "german" } }, sent)
    other:close()
  end)

  it("products come from data as well", function()
    local before = v2.count(server, "make_video")
    local video = assert(client:make_video { avatar_id = 81, poll = v2.POLL,
      product = { name = "Mug", description = "Holds tea",
        media = { { type = "image", url = server:sample "mug" } } } })
    assert.equal("completed", video.status)
    assert.equal(before + 1, v2.count(server, "make_video"))
  end)

  it("a preview is chosen by the caller", function()
    local shown
    local video = assert(client:make_video { url = server:sample "mug",
      avatar_id = 81, poll = v2.POLL,
      visual_styles = { "Simple Product Switch" },
      preview = function(previews)
        shown = previews
        return previews[1].preview_id
      end })
    assert.equal("completed", video.status)
    assert.equal("Simple Product Switch", shown[1].visual_style)
  end)

  it("refuses before anything is paid what a generation cannot do", function()
    local before = server:account().charged
    for option, value in pairs { template_name = "Card Stacking",
      template_type = "common", index_template_name = "x" } do
      support.check(function()
        client:make_video { url = "https://a.example/", avatar_id = 81,
          [option] = value }
      end, option .. '" (generation open of the service has it)')
    end
    local old = jogg.client { api_key = "k", base_url = server.url }
    for option, value in pairs { length = 30, visual_style = "x",
      voice_id = "v", music_id = 7 } do
      support.check(function()
        old:make_video { url = "https://a.example/", [option] = value }
      end, option .. '" (generation v2 of the service has it)')
    end
    support.check(function() old:make_script {} end,
      "make_script is a method of generation v2; this client speaks open")
    support.check(function() client:project_info "p" end,
      "project_info is a method of generation open; this client speaks v2")
    old:close()
    assert.equal(before, server:account().charged)
  end)

  it("refuses the token of another generation, or of another method", function()
    local _, since = server:log()
    local function refused(method, token, expected)
      support.refused(function()
        local video, err = client[method](client, { resume = token })
        return video, err
      end, method .. ".resume " .. expected)
    end
    refused("make_video", { version = 1, generation = "open",
      url = "https://shop.example/", product_id = 1, project_id = "p" },
      "is of another generation of the service; use a client with generation")
    refused("make_script", { version = 1, generation = "open",
      project_id = "p" }, "is of another generation of the service; use a client with generation")
    refused("make_script", { version = 1, generation = "v2",
      kind = "make_avatar_video", project_id = "p" },
      "belongs to another method: make_avatar_video")
    assert.same({}, (server:log(since)))
  end)

  it("calls operations, with ids that look like paths", function()
    assert.is_table(client:whoami())
    assert.is_number(client:remaining_quota().remaining_quota)
    for _, id in ipairs { "../x", "a/b?c", "a b", "ö", "%2e%2e" } do
      local state, err = client:product_video(id)
      assert.is_nil(state)
      assert.equal("not_found", err.kind, tostring(err))
    end
    for _, id in ipairs { ".", "..", "" } do
      support.unusable(function() return client:product_video(id) end,
        "product_video.product_video_id must be")
    end
  end)

  it("lists everything once, page after page", function()
    local seen, n = {}, 0
    for avatar in client:avatars { page_size = 5 } do
      assert.is_nil(seen[avatar.id])
      seen[avatar.id], n = true, n + 1
    end
    assert.is_true(n > 10)
    local all = assert(client:avatars {}:all())
    assert.equal(n, #all)
    assert.equal(5, #assert(client:avatars { page_size = 5, page = 1 }:all()))
    local list = client:target_languages()
    assert.is_true(#assert(list:all()) > 3)
    server:fault { endpoint = "public_avatars", call = 2, what = "code",
      value = 40000, times = 9 }
    list = client:avatars { page_size = 5 }
    n = 0
    for _ in list do n = n + 1 end
    assert.equal(5, n)
    assert.equal("parameter", list.err.kind)
  end)

  it("spends no more credits than it may", function()
    client:close()
    client = jogg.client { api_key = server.key, base_url = server.url,
      generation = "v2", posts_per_minute = 0, max_credits = 1.5 }
    local before = server:account().charged
    assert(make "make_video")
    local video, err = make "make_video"
    assert.is_nil(video)
    assert.same({ "credit", "max_credits", "not_sent" }, { err.kind,
      err.reason, err.outcome })
    assert.matches("already; raise max_credits, or use another client$",
      tostring(err))
    assert.equal(before + 1, server:account().charged)
  end)

  it("says how to try the other generation", function()
    local other = faults.start()
    finally(function() other:stop() end)
    local function hinted(step, options)
      other:on("*", "*", step)
      options.api_key, options.retries = "k", 0
      options.base_url = options.base_url or other.url
      local own = jogg.client(options)
      local _, err = own:create_product { url = "https://a.example/" }
      own:close()
      return tostring(err):match 'generation = "(%w+)"'
    end
    local nowhere = { status = 404, body = "<html>",
      headers = { ["Content-Type"] = "text/html" } }
    local unknown = { status = 404, json = { code = 404, msg = "no route" } }
    for _, step in ipairs { nowhere, unknown, { body = "<html>" } } do
      assert.equal("v2", hinted(step, {}))
      assert.equal("open", hinted(step, { generation = "v2" }))
    end
    local refused_key = { status = 401, json = { code = 10105 } }
    assert.equal("v2", hinted(refused_key, {})) -- it may be a key of today
    assert.is_nil(hinted(refused_key, { generation = "v2" }))
    for _, step in ipairs {
      { status = 404, json = { code = 10104, msg = "no such id" } },
      { status = 500, json = { code = 50000 } } } do
      assert.is_nil(hinted(step, {}))
      assert.is_nil(hinted(step, { generation = "v2" }))
    end
  end)

  it("sends no id that would lead elsewhere, wherever it comes from",
    function()
      local other = faults.start()
      local own = jogg.client { api_key = "k", base_url = other.url,
        generation = "v2", posts_per_minute = 0 }
      finally(function()
        own:close()
        other:stop()
      end)
      for _, id in ipairs { ".", ".." } do
        for _, call in ipairs {
          function() return own:avatar_video(id) end,
          function() return own:delete_endpoint(id) end,
          function() return own:update_endpoint { endpoint_id = id,
            url = "https://a.example/", status = "enabled", events = {} } end,
          function() return own:make_video { project_id = id,
            poll = v2.POLL } end,
          function() return nil, own:watch(id)().err end,
        } do
          support.unusable(call, ('must be an id, not "%s"'):format(id))
        end
      end
      support.unusable(function() return own:delete_endpoint "" end, "not empty")
      assert.equal(0, #other:requests())
    end)

  it("is watched with the id in each info", function()
    local video = assert(make "make_video")
    local ids = {}
    for info in client:watch(video.project_id, { poll = v2.POLL }) do
      assert.is_nil(info.err)
      ids[#ids + 1] = info.project_id
    end
    assert.same({ video.project_id }, ids)
  end)

  describe("states", function()
    local fault, other

    before_each(function()
      fault = faults.start()
      other = jogg.client { api_key = "k", base_url = fault.url,
        generation = "v2", posts_per_minute = 0, retries = 0 }
    end)
    after_each(function()
      other:close()
      fault:stop()
    end)

    local function state(data)
      fault:on("GET", "/v2/product_video/*", { json = { code = 0,
        data = data } })
      local video, err = other:make_video { project_id = "V", poll = v2.POLL,
        timeout = 0.3 }
      return video, err
    end

    it("are folded, whatever the word and its case", function()
      for _, word in ipairs { "completed", "success", "SUCCEEDED" } do
        assert.equal("completed", assert(state { status = word,
          video_url = "https://x" }).status)
      end
      for _, word in ipairs { "failed", "fail", "Error", "cancelled",
        "canceled" } do
        local _, err = state { status = word }
        assert.equal("render_failed", err.kind)
      end
      for _, word in ipairs { "pending", "queued", "in_progress", "new word",
        7, false } do
        local _, err = state { status = word, video_url = "https://x" }
        assert.equal("timeout", err.kind)
      end
    end)

    it("are done only with an address", function()
      for _, url in ipairs { "", false } do
        local _, err = state { status = "completed", video_url = url or nil }
        assert.equal("timeout", err.kind)
      end
    end)

    it("say why it failed, wherever the service writes that", function()
      for _, data in ipairs { { error = { code = 7, message = "no avatar" } },
        { error = "no avatar" }, { err_msg = "no avatar" },
        { error_message = "no avatar" }, { error_msg = "no avatar" },
        { fail_msg = "no avatar" } } do
        data.status = "failed"
        local _, err = state(data)
        assert.matches("no avatar", err.message)
      end
    end)
  end)
end)
