-- SPDX-License-Identifier: MIT
-- jogg-sandbox by itself: the videos it makes are real and are served well.

local socket = require "socket"
local process = require "spec.support.process"
local sandbox = require "spec.support.sandbox"

local function put(server, body)
  return server:call("PUT", "/open/product", { body = body })
end

local function render(server, body)
  return server:call("POST", "/open/project/render", { body = body })
end

-- What ffprobe says of an entry, as a string.
local function probe(path, entries, stream)
  local text, code = process.run({
    "ffprobe", "-v", "error", "-select_streams", stream or "v:0",
    "-show_entries", entries, "-of", "csv=p=0", path,
  }, { stderr = "merge" })
  assert.equal(0, code, text)
  return (text:gsub("%s+$", ""):gsub(",$", ""))
end

-- How far the brightest pixel of the first frame is from the darkest.
local function contrast(path)
  local text = process.run({
    "ffmpeg", "-v", "error", "-nostdin", "-i", path, "-frames:v", "1",
    "-vf", "signalstats,metadata=print:file=-", "-f", "null", "-",
  })
  local low = tonumber(text:match "signalstats%.YMIN=(%d+)")
  local high = tonumber(text:match "signalstats%.YMAX=(%d+)")
  return high - low
end

describe("sandbox: a real video", function()
  local server, product, info, file, folder

  setup(function()
    server = sandbox.start { "--video", "full", "--speed", "100" }
    folder = process.temporary_folder()
    product = server:product(server:sample "backpack")
  end)
  teardown(function()
    server:stop()
    process.remove_folder(folder)
  end)

  it("goes through the states with ffmpeg's progress", function()
    local seen, progress, last, cover = {}, {}, 0, nil
    assert.equal(0, render(server, ('{"project_id":"%s","aspect_ratio":2,'
      .. '"render_subtitle":1}'):format(product.prj_id)).code)
    repeat
      info = server:info(product.prj_id)
      seen[info.status] = true
      assert.is_true(info.progress >= last, "progress goes back")
      last = info.progress
      if info.status == 3 then
        progress[info.progress] = true
        cover = cover or info.cover_url ~= ""
        assert.equal("", info.video_url)
      end
      socket.sleep(0.02)
    until info.status > 3
    assert.equal(4, info.status, info.err_msg)
    assert.is_true(seen[2] and seen[3])
    assert.is_true(cover, "the cover comes early")
    local steps = 0
    for percent in pairs(progress) do
      if percent > 10 and percent < 100 then steps = steps + 1 end
    end
    assert.is_true(steps >= 3, "only " .. steps .. " steps seen")
    assert.equal(100, info.progress)
  end)

  it("is an H.264 MP4 of the shape, the length, and not blank", function()
    local status, bytes, headers = server:request("GET", info.video_url)
    assert.equal(200, status)
    assert.equal("video/mp4", headers["content-type"])
    assert.equal(#bytes, tonumber(headers["content-length"]))
    file = process.write_file(folder .. "/video.mp4", bytes)
    assert.equal("h264,720,720,yuv420p",
      probe(file, "stream=codec_name,width,height,pix_fmt"))
    assert.are_not.equal("pc", probe(file, "stream=color_range"))
    local seconds = tonumber(probe(file, "format=duration"))
    assert.is_true(math.abs(seconds - info.video_duration) < 0.1)
    assert.equal("aac", probe(file, "stream=codec_name", "a:0"))
    assert.is_true(contrast(file) > 80)
    local moov, mdat = bytes:find("moov", 1, true), bytes:find("mdat", 1, true)
    assert.is_true(moov < mdat, "it can be played while it arrives")
  end)

  it("has subtitles if they are asked for, and only then", function()
    local function strip(subtitle, name) -- of a frame, where they would be
      local made = server:product(server:sample "backpack")
      render(server, ('{"project_id":"%s","aspect_ratio":2,' ..
        '"render_subtitle":%d}'):format(made.prj_id, subtitle))
      local done = server:await(made.prj_id)
      local path = process.write_file(folder .. "/" .. name,
        (select(2, server:request("GET", done.video_url))))
      local sum, code = process.run { "ffmpeg", "-v", "error", "-nostdin",
        "-ss", "1", "-i", path, "-frames:v", "1", "-vf",
        "crop=iw:ih/8:0:7*ih/8", "-f", "md5", "-" }
      assert.equal(0, code)
      assert.matches("^MD5=%x+", sum)
      return sum
    end
    local without = strip(0, "a.mp4")
    assert.equal(without, strip(0, "b.mp4"))
    assert.are_not.equal(without, strip(1, "c.mp4"))
  end)

  it("has a cover that is a picture", function()
    local status, bytes = server:request("GET", info.cover_url)
    assert.equal(200, status)
    local path = process.write_file(folder .. "/cover.jpg", bytes)
    assert.equal("720,720", probe(path, "stream=width,height"))
    assert.is_true(contrast(path) > 80)
  end)

  it("is served in parts", function()
    local _, whole, headers = server:request("GET", info.video_url)
    local etag, size = headers.etag, #whole
    local function part(range, condition)
      return server:request("GET", info.video_url,
        { headers = { range = range, ["if-range"] = condition } })
    end
    local status, bytes, answer = part("bytes=100-199", etag)
    assert.equal(206, status)
    assert.equal(whole:sub(101, 200), bytes)
    assert.equal(("bytes 100-199/%d"):format(size), answer["content-range"])
    status, bytes = part(("bytes=%d-"):format(size - 5))
    assert.equal(206, status)
    assert.equal(whole:sub(-5), bytes)
    status, bytes = part("bytes=-7")
    assert.equal(206, status)
    assert.equal(whole:sub(-7), bytes)
    assert.equal(416, (part(("bytes=%s-"):format(("9"):rep(30)))))
    assert.equal(whole, select(2, part(("bytes=0-%s"):format(("9"):rep(30)))))
    status, bytes, answer = part(("bytes=%d-"):format(size))
    assert.equal(416, status)
    assert.equal("", bytes)
    assert.equal(("bytes */%d"):format(size), answer["content-range"])
    for _, range in ipairs { "bytes=5-2", "bytes=0-1,4-5", "lines=1-2",
      "bytes=-", ("bytes=%s-5"):format(("9"):rep(30)) } do
      assert.equal(200, (part(range)))
    end
    status, bytes = part("bytes=100-199", '"another"')
    assert.equal(200, status)
    assert.equal(size, #bytes)
    local _, before = server:log()
    part "bytes=0-9"
    part(("bytes=%d-"):format(size))
    local entries = server:log(before)
    assert.equal(206, entries[1].status)
    assert.equal(416, entries[2].status)
    status, bytes, answer = server:request("HEAD", info.video_url)
    assert.equal(200, status)
    assert.equal("", bytes)
    assert.equal(size, tonumber(answer["content-length"]))
    assert.equal(404, (server:request("GET",
      "/files/" .. product.prj_id .. "/../x.mp4")))
    assert.equal(405, (server:request("PUT", info.video_url, { body = "" })))
  end)
end)

describe("sandbox: quick videos", function()
  local server, folder

  setup(function()
    server = sandbox.start { "--reuse" }
    folder = process.temporary_folder()
  end)
  teardown(function()
    server:stop()
    process.remove_folder(folder)
  end)

  it("come in every shape, also without a picture that can be read", function()
    local shapes = { [0] = "180,320", "320,180", "180,180" }
    for aspect_ratio = 0, 2 do
      local product = server:product()
      if aspect_ratio == 1 then
        assert.equal(0, put(server, ('{"product_id":%d,"title":"%s",'
          .. '"intro_medias":[{"type":1,"url":"%s/samples/none.jpg"},'
          .. '{"type":1,"url":"%s/samples/lamp.html"},{"type":2},'
          .. '{"url":"file:///etc/passwd"}]}'):format(product.id,
          "{\\\\b1}'\\\"%; 日本語", server.url, server.url)).code)
      end
      local info = server:render(product.prj_id,
        { aspect_ratio = aspect_ratio, render_subtitle = 1 })
      assert.equal(4, info.status, info.err_msg)
      local _, bytes = server:request("GET", info.video_url)
      local path = process.write_file(folder .. "/v.mp4", bytes)
      assert.equal("h264," .. shapes[aspect_ratio],
        probe(path, "stream=codec_name,width,height"))
      assert.is_true(contrast(path) > 40)
    end
  end)

  -- Renders a project with a title and nothing else to read; its file.
  local function titled(title, name)
    local product = server:product()
    assert.equal(0, (server:call("PUT", "/open/product", { json = {
      product_id = product.id, title = title, intro_text = "" } })).code)
    local info = server:render(product.prj_id, { aspect_ratio = 0 })
    assert.equal(4, info.status, info.err_msg)
    return process.write_file(folder .. "/" .. name,
      (select(2, server:request("GET", info.video_url))))
  end

  -- The greatest difference of two videos within a part of the picture.
  local function difference(one, other, part)
    local text, code = process.run { "ffmpeg", "-v", "error", "-nostdin",
      "-i", one, "-i", other, "-frames:v", "1", "-lavfi", "blend=all_mode="
        .. "difference,crop=" .. part .. ",signalstats,metadata=print:file=-",
      "-f", "null", "-" }
    assert.equal(0, code)
    return tonumber(text:match "signalstats%.YMAX=(%d+)")
  end

  it("show titles in other scripts as they are", function()
    for language, letters in pairs { ["zh-cn"] = { "东", "西" },
      ja = { "の", "ぬ" }, ko = { "한", "글" }, ar = { "ب", "ج" },
      hi = { "क", "ग" } } do
      if process.run { "fc-list", ":lang=" .. language, "file" } == "" then
        return pending("no font for " .. language)
      end
      -- what has no glyph is drawn as a box, each like the other
      local one = titled(letters[1]:rep(5), "one.mp4")
      local other = titled(letters[2]:rep(5), "other.mp4")
      assert.is_true(difference(one, other, "iw:ih/4:0:ih*0.6") > 60, language)
    end
  end)

  it("keep a long title without a blank within the picture", function()
    local none = titled("", "none.mp4")
    for _, title in ipairs { ("夏季大促销能自动找到你书桌的智能台灯"):rep(3),
      ("机の上を明るく照らすスマートランプ"):rep(3) } do
      local long = titled(title, "long.mp4")
      assert.is_true(difference(none, long, "iw:ih/4:0:ih*0.55") > 60)
      assert.is_true(difference(none, long, "iw*0.04:ih:0:0") < 40)
      assert.is_true(difference(none, long, "iw*0.04:ih:iw*0.96:0") < 40)
    end
  end)

  it("come soon, however many blanks stand in the text", function()
    local product = server:product()
    assert.equal(0, put(server, ('{"product_id":%d,"intro_medias":[],'
      .. '"intro_text":"a%sb"}'):format(product.id, (" "):rep(500000))).code)
    assert.equal(4, server:render(product.prj_id,
      { render_subtitle = 1 }).status)
  end)

  it("are reused for identical inputs, and paid again", function()
    local one, other = server:product(), server:product()
    local first = server:render(one.prj_id)
    local before = server:account().charged
    local second = server:render(other.prj_id)
    local _, a = server:request("GET", first.video_url)
    local _, b = server:request("GET", second.video_url)
    assert.is_true(#a > 1000 and a == b)
    assert.equal(before + 1, server:account().charged)
  end)

  local function shape_of(info)
    local _, bytes = server:request("GET", info.video_url)
    local path = process.write_file(folder .. "/v.mp4", bytes)
    return probe(path, "stream=width,height")
  end

  it("are not reused once they are replaced", function()
    local one, other = server:product(), server:product()
    local function title(product)
      put(server, ('{"product_id":%d,"title":"Twice"}'):format(product.id))
    end
    title(one)
    title(other)
    server:render(one.prj_id, { aspect_ratio = 0 })
    server:render(one.prj_id, { aspect_ratio = 2 })
    assert.equal("180,320",
      shape_of(server:render(other.prj_id, { aspect_ratio = 0 })))
    assert.equal("180,180",
      shape_of(server:render(other.prj_id, { aspect_ratio = 2 })))
  end)

  it("show the first address of a medium that is one", function()
    local product = server:product()
    local _, before = server:log()
    assert.equal(0, put(server, ('{"product_id":%d,"intro_medias":[{"type":2,'
      .. '"cover_url":"","preview_url":"","url":"%s/files/00/x.mp4"}]}')
      :format(product.id, server.url)).code)
    assert.equal(4, server:render(product.prj_id).status)
    local fetched
    for _, entry in ipairs(server:log(before)) do
      fetched = fetched or entry.path == "/files/00/x.mp4"
    end
    assert.is_true(fetched)
  end)
end)

describe("sandbox: a render that is outdated", function()
  local server

  setup(function()
    server = sandbox.start { "--video", "full", "--speed", "1000",
      "--renders", "2" }
  end)
  teardown(function() server:stop() end)

  it("does not meddle with the one that follows", function()
    local id = server:product().prj_id
    local body = ('{"project_id":"%s"}'):format(id)
    assert.equal(0, render(server, body).code)
    local function await_progress(least)
      local info
      repeat
        socket.sleep(0.01)
        info = server:info(id)
      until info.status > 3 or info.status == 3 and info.progress >= least
      return info
    end
    assert.equal(3, await_progress(40).status)
    assert.equal(0, render(server, body).code)
    local last = 0
    repeat
      local info = await_progress(0)
      assert.is_true(info.progress >= last, "progress goes back")
      last = info.progress
    until info.status > 3
    assert.equal(100, last)
  end)
end)
