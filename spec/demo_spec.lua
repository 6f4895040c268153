-- SPDX-License-Identifier: MIT
-- What `make demo` does, and what it promises of its video: the codec, the
-- shape, the length, and that there is something to be seen.

local jogg = require "jogg"
local process = require "spec.support.process"
local sandbox = require "spec.support.sandbox"

local function probe(path, entries, stream)
  local text, code = process.run { "ffprobe", "-v", "error", "-select_streams",
    stream, "-show_entries", entries, "-of", "csv=p=0", path }
  assert.equal(0, code)
  return (text:gsub("%s+$", ""):gsub(",$", ""))
end

-- How far the brightest pixel is from the darkest, and how much changes from
-- one frame to the next, in the liveliest of some frames.
local function look(path)
  local text = process.run { "ffmpeg", "-v", "error", "-nostdin", "-i", path,
    "-vf", "fps=2,signalstats,metadata=print:file=-", "-f", "null", "-" }
  local contrast, change, frames = 0, 0, 0
  local low
  for name, value in text:gmatch "signalstats%.(%u+)=([%d.]+)" do
    value = tonumber(value)
    if name == "YMIN" then
      low, frames = value, frames + 1
    elseif name == "YMAX" then
      contrast = math.max(contrast, value - low)
    elseif name == "YDIF" then
      change = math.max(change, value)
    end
  end
  return contrast, change, frames
end

describe("the demo", function()
  local server, folder

  setup(function()
    server = sandbox.start { "--video", "full" }
    folder = process.temporary_folder()
  end)
  teardown(function()
    server:stop()
    process.remove_folder(folder)
  end)

  it("shows what goes on and ends with the path of the video", function()
    local quick = sandbox.start()
    finally(function() quick:stop() end)
    local path = folder .. "/video.mp4"
    local text, code = process.run({ "env", "JOGG_API_KEY=" .. quick.key,
      "JOGG_BASE_URL=" .. quick.url, os.getenv "JOGG_LUA", "tools/demo.lua",
      path, quick:sample "mug" }, { stderr = "merge" })
    assert.equal(0, code, text)
    assert.equal("video: " .. path, text:match "([^\n]+)\n$")
    for _, word in ipairs { "create_product", "render_project", "wait",
      "processing", "download", "completed", "100 %" } do
      assert.truthy(text:find(word, 1, true), word)
    end
    assert.equal("h264", probe(path, "stream=codec_name", "v:0"))
    assert.same({ "video.mp4" }, process.files(folder))
    -- again: the file is replaced; and trouble is told
    text, code = process.run({ "env", "JOGG_API_KEY=wrong", "JOGG_BASE_URL="
      .. quick.url, os.getenv "JOGG_LUA", "tools/demo.lua", path },
      { stderr = "merge" })
    assert.equal(1, code)
    assert.truthy(text:find("demo: create_product: invalid API key", 1, true))
  end)

  it("says in one line what is wrong with an address", function()
    for _, url in ipairs { "lamp.html", "ftp://shop.example/", "https://",
      "https://shop.example/\nX: 1" } do
      local errors = folder .. "/errors"
      local text, code = process.run { "sh", "-c", 'exec "$@" 2>"$0"', errors,
        "env", "JOGG_API_KEY=" .. server.key, "JOGG_BASE_URL=" .. server.url,
        os.getenv "JOGG_LUA", "tools/demo.lua", folder .. "/no.mp4", url }
      assert.equal(1, code, url)
      assert.matches("^demo: [^\n]+\n$", process.read_file(errors), url)
      assert.falsy(text:find("video: ", 1, true), url)
    end
    local text, code = process.run({ "env", "-u", "JOGG_BASE_URL",
      os.getenv "JOGG_LUA", "tools/demo.lua", "x.mp4" }, { stderr = "merge" })
    assert.equal(2, code)
    assert.matches("^usage: [^\n]+\n$", text)
  end)

  it("makes what was asked for, in each of the three shapes", function()
    local client = jogg.client { api_key = server.key, base_url = server.url }
    local tasks = {}
    local edit = { title = "Lamp", intro_text = "Short.", intro_medias = {
      { type = "image", url = server.url .. "/samples/lamp-1.jpg" } } }
    for shape in pairs { ["9:16"] = 1, ["16:9"] = 1, ["1:1"] = 1 } do
      tasks[shape] = client:spawn(function()
        return client:make_video {
          url = server:sample "lamp", aspect_ratio = shape, lang = "english",
          render_subtitle = shape ~= "1:1",
          product = shape ~= "9:16" and edit or nil, -- they take half as long
          output = folder .. "/" .. shape:gsub(":", "x") .. ".mp4",
          poll = { first = 0.1, interval = 0.1 },
        }
      end)
    end
    client:run()
    for shape, size in pairs { ["9:16"] = "720,1280", ["16:9"] = "1280,720",
      ["1:1"] = "720,720" } do
      local video, err = tasks[shape]:wait()
      assert.truthy(video, tostring(err))
      assert.equal("h264," .. size,
        probe(video.path, "stream=codec_name,width,height", "v:0"))
      local seconds = tonumber(probe(video.path, "format=duration", "v:0"))
      assert.is_true(math.abs(seconds - video.duration) <= 1,
        seconds .. " " .. video.duration)
      assert.is_true(seconds >= 3)
      local contrast, change, frames = look(video.path)
      assert.is_true(frames >= 2 * math.floor(seconds) - 2)
      assert.is_true(contrast > 100, "blank: " .. contrast)
      assert.is_true(change > 1, "a still: " .. change)
    end
    client:close()
  end)
end)
