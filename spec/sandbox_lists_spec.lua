-- SPDX-License-Identifier: MIT
-- jogg-sandbox by itself: the lists of v2 page, filter and sort, and go wrong
-- as they are told to.

local cjson = require "cjson"
local sandbox = require "spec.support.sandbox"

local function ids_of(list, name)
  local ids = {}
  for i, item in ipairs(list) do ids[i] = item[name or "id"] end
  return ids
end

describe("sandbox lists of v2", function()
  local server, videos

  local function order(name, length)
    local body = select(2, server:start_of "product_video")
      :gsub('"length":"15"', ('"length":"%s","name":"%s"'):format(
        length or "15", name))
    return server:data("POST", "/v2/create_video_from_product", body).video_id
  end

  setup(function()
    server = sandbox.start { "--key", "k=1000", "--renders", "2", "--reuse" }
    videos = {}
    for i = 1, 7 do videos[i] = order(("video %d"):format(i)) end
    server:fault { endpoint = "work", what = "fail", kind = "product_video" }
    for _, id in ipairs(videos) do server:await_job(id) end
  end)
  teardown(function() server:stop() end)
  after_each(function()
    server:quirks()
    server:clear_faults()
  end)

  local function list(query)
    return server:data("GET", "/v2/product_videos" .. (query or ""))
  end

  it("are whole when walked page by page, newest first", function()
    local seen = {}
    for page = 1, 3 do
      local data = list(("?page=%d&page_size=3"):format(page))
      assert.equal(7, data.total)
      assert.equal(page, data.page)
      assert.equal(3, data.page_size)
      for _, id in ipairs(ids_of(data.videos)) do seen[#seen + 1] = id end
    end
    assert.equal(7, #seen)
    for i, id in ipairs(seen) do assert.equal(videos[8 - i], id) end
    local beyond = list "?page=4&page_size=3"
    assert.same({}, beyond.videos)
    assert.equal(7, beyond.total)
  end)

  it("have ten items a page by default, and empty ones are arrays", function()
    assert.equal(10, list().page_size)
    local _, text = server:request("GET", "/v2/product_videos?page=9")
    assert.truthy(text:find('"videos":[]', 1, true))
  end)

  it("sort", function()
    assert.same(videos, ids_of(list "?sort_order=asc".videos))
    local titles = ids_of(list "?sort_by=title&sort_order=asc".videos, "title")
    for i, title in ipairs(titles) do
      assert.equal("video " .. i, title)
    end
    assert.same(videos, ids_of(list "?sort_by=nothing&sort_order=asc".videos))
  end)

  it("filter by number what they tell by word", function()
    local counts = {}
    for status, word in pairs { [3] = "processing", [4] = "completed",
      [5] = "failed" } do
      local found = list("?page_size=100&status=" .. status).videos
      counts[word] = #found
      for _, video in ipairs(found) do assert.equal(word, video.status) end
    end
    assert.equal(7, counts.completed + counts.failed)
    assert.equal(0, counts.processing)
  end)

  it("tell of each item what its state tells", function()
    local item = list "?status=4".videos[1]
    local state = server:state("product_video", item.id)
    for _, name in ipairs { "title", "status", "video_url", "cover_url",
      "created_at" } do
      assert.equal(state[name], item[name], name)
    end
    assert.equal(1, item.video_duration)
  end)

  it("are one's own", function()
    local other = sandbox.start { "--key", "a", "--key", "b" }
    other:await_job(other:new_job "product_video")
    assert.equal(1, other:data("GET", "/v2/product_videos").total)
    assert.equal(0, other:data("GET", "/v2/product_videos", nil,
      { key = "b" }).total)
    other:stop()
  end)

  it("of templates and music have a pagination of their own", function()
    local id = server:new_job "template_video"
    server:await_job(id)
    local data = server:data("GET", "/v2/template_videos?page_size=5")
    assert.same({ page = 1, page_size = 5, total_items = #data.data,
      total_pages = 1 }, data.pagination)
    local music = server:data("GET", "/v2/musics?page=2&page_size=10")
    assert.equal(13, music.pagination.total_items)
    assert.equal(2, music.pagination.total_pages)
    assert.equal(3, #music.music)
  end)

  it("of failed template videos say why, the code as a string", function()
    server:fault { endpoint = "work", what = "fail", value = "no luck",
      kind = "template_video" }
    server:await_job(server:new_job "template_video")
    assert.same({ code = "50000", message = "no luck" },
      server:data("GET", "/v2/template_videos?status=5").data[1].error)
  end)

  it("of voices say whether there is more", function()
    local first = server:data("GET", "/v2/voices?page_size=20")
    assert.equal(20, #first.voices)
    assert.is_true(first.has_more)
    local last = server:data("GET", "/v2/voices?page=2&page_size=20")
    assert.is_false(last.has_more)
    for _, voice in ipairs(server:data("GET",
      "/v2/voices?language=english&gender=male&page_size=100").voices) do
      assert.equal("english", voice.language)
      assert.equal("male", voice.gender)
    end
    local own = server:data("GET", "/v2/voices/custom")
    assert.equal(#own.voices, own.total)
    assert.equal("", own.voices[2].language)
  end)

  it("of avatars filter, and have neither total nor has_more", function()
    local all = server:data("GET", "/v2/avatars/public?page_size=100")
    assert.is_true(#all.avatars > 30)
    assert.is_nil(all.total)
    local some = server:data("GET",
      "/v2/avatars/public?page_size=100&gender=female&aspect_ratio=portrait")
    assert.is_true(#some.avatars > 0 and #some.avatars < #all.avatars)
    for _, avatar in ipairs(some.avatars) do
      assert.equal("female", avatar.gender)
      assert.equal(0, avatar.aspect_ratio)
    end
    local own = server:data("GET", "/v2/avatars/custom?name=own").avatars
    assert.equal(1, #own)
    assert.is_true(own[1].api_only)
    local failed = server:data("GET", "/v2/avatars/custom?status=failed")
      .avatars[1]
    assert.equal("failed", failed.avatar_status)
    assert.is_true(#failed.fail_msg > 0)
  end)

  it("of photo avatars filter by word and tell a number", function()
    local id = server:new_job("photo_motion", { name = "Somebody" })
    server:await_job(id)
    server:fault { endpoint = "work", what = "fail", value = "no face",
      kind = "photo_motion" }
    server:await_job(server:new_job("photo_motion", { name = "Nobody" }))
    local done = server:data("GET",
      "/v2/avatars/photo_avatars?status=completed").avatars
    assert.equal(1, #done)
    assert.equal(1, done[1].status)
    assert.equal(server:state("photo_motion", id).avatar_id, done[1].id)
    local failed = server:data("GET",
      "/v2/avatars/photo_avatars?name=Nobody").avatars
    assert.equal(2, failed[1].status)
    assert.equal("no face", failed[1].fail_msg)
  end)

  it("show styles and templates that fit a shape", function()
    local all = server:data("GET", "/v2/visual_styles").visual_styles
    local wide = server:data("GET", "/v2/visual_styles?aspect_ratio=landscape")
      .visual_styles
    assert.is_true(#wide < #all)
    for _, template in ipairs(server:data("GET",
      "/v2/templates?aspect_ratio=portrait").templates) do
      assert.equal(0, template.aspect_ratio)
    end
    local own = server:data("GET", "/v2/templates/custom").templates[1]
    local one = server:data("GET",
      ("/v2/template/custom/%d"):format(own.id))
    assert.equal(own.id, one.template_id)
    assert.same({ type = "text", name = "title" }, one.variables[1])
    assert.equal(40000, server:v2("GET", "/v2/template/custom/x").code)
    assert.equal(54, #server:data("GET",
      "/v2/video_translate/target_languages").languages)
  end)

  it("have pictures, films and sounds that are there", function()
    local function get(url)
      local status, bytes, headers = server:request("GET", url,
        { key = false })
      assert.equal(200, status, url)
      assert.is_true(#bytes > 500, url)
      return headers["content-type"]
    end
    local avatar = server:data("GET", "/v2/avatars/public").avatars[1]
    assert.equal("image/jpeg", get(avatar.cover_url))
    assert.equal("video/mp4", get(avatar.video_url))
    assert.equal("audio/mpeg",
      get(server:data("GET", "/v2/voices").voices[1].audio_url))
    assert.equal("audio/mpeg",
      get(server:data("GET", "/v2/musics").music[1].music_url))
    local template = server:data("GET", "/v2/templates").templates[1]
    assert.equal("image/jpeg", get(template.cover_url))
    assert.equal("video/mp4", get(template.preview_url))
    assert.equal(404, (server:request("GET", server.storage
      .. "/catalog/avatars/7.jpg", { key = false })))
  end)

  it("come whole when they ignore paging", function()
    server:quirks "whole_lists"
    for page = 1, 2 do
      assert.equal(7, #list("?page=" .. page .. "&page_size=2").videos)
    end
    assert.is_true(#server:data("GET", "/v2/avatars/public").avatars > 30)
  end)

  it("repeat items, and never end", function()
    server:quirks "repeated_items"
    local first = ids_of(list "?page_size=3".videos)
    local second = ids_of(list "?page=2&page_size=3".videos)
    assert.equal(3, #first)
    assert.equal(4, #second)
    assert.equal(first[3], second[1])
    assert.same({ videos[1] }, ids_of(list "?page=9&page_size=3".videos))
  end)

  it("can say what is not so", function()
    server:fault { endpoint = "product_videos", what = "unknown_status",
      value = "rendering" }
    for _, video in ipairs(list().videos) do
      assert.equal("rendering", video.status)
      assert.equal("", video.video_url)
    end
    server:fault { endpoint = "product_videos", what = "empty_url" }
    for _, video in ipairs(list().videos) do
      assert.equal("completed", video.status)
      assert.equal("", video.video_url)
    end
    assert.are_not.equal("", list "?status=4".videos[1].video_url)
  end)

  it("of previews have other ids if they are told so", function()
    local product = server:new_product()
    local preview = server:data("POST",
      "/v2/create_video_from_product/preview_list",
      ('{"product_id":"%s","visual_styles":["Slow Zoom"],"video_spec":'
        .. '{"length":"15"},"avatar":{"id":1},"voice":{},"audio":{},"script":'
        .. '{"style":"Data","language":"english"}}'):format(product))
      .previews[1].preview_id
    assert.equal(preview,
      server:data("GET", "/v2/product_previews").previews[1].id)
    server:quirks "preview_ids"
    assert.are_not.equal(preview,
      server:data("GET", "/v2/product_previews").previews[1].id)
  end)

  it("name their events, image and motion ones only when asked", function()
    assert.equal(18, #server:data("GET", "/v2/events").events)
    server:quirks "all_events"
    local events = server:data("GET", "/v2/events").events
    assert.equal(22, #events)
    assert.truthy(cjson.encode(events):find("generated_motion_failed", 1, true))
  end)
end)
