-- SPDX-License-Identifier: MIT
-- Many transfers over one connection.

local jogg = require "jogg"
local core = require "jogg.core"
local nginx = require "spec.support.nginx"
local process = require "spec.support.process"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

local function box(kind, bytes)
  local n = #bytes + 8
  return string.char(0, math.floor(n / 65536) % 256, math.floor(n / 256) % 256,
    n % 256) .. kind .. bytes
end

local VIDEO = box("ftyp", "isom") .. box("moov", "") ..
  box("mdat", ("v"):rep(100000))

-- A project's name is that of its video.
local LINES = [[
  location = /open/prj_info {
    return 200 '{"code":0,"data":{"id":"$arg_project_id","status":4,
      "video_url":"https://localhost:@port@/$arg_project_id.mp4"}}';
  }
  location = /slow.mp4 { limit_rate 40k; }
]]

describe("HTTP/2", function()
  local server, client, folder

  setup(function()
    server = nginx.start({ ["slow.mp4"] = VIDEO, ["fast.mp4"] = VIDEO }, LINES)
    folder = process.temporary_folder()
  end)
  teardown(function()
    server:stop()
    process.remove_folder(folder)
  end)
  before_each(function()
    client = jogg.client {
      api_key = "h2-key", base_url = server.url, ca_file = server.ca_file,
    }
  end)
  after_each(function()
    client:close()
  end)

  local function fetch(name, output, on_progress)
    return client:make_video {
      resume = { version = 1, generation = "open", project_id = name },
      output = folder .. "/" .. output, overwrite = true,
      poll = { first = 0, interval = 0.05 }, on_progress = on_progress,
    }
  end

  -- libcurl keeps a transfer's buffer while others use its connection, and
  -- then refuses to size it anew.
  it("downloads while another download keeps the connection busy", function()
    local under_way, slow_err, video, err
    local slow = client:spawn(function()
      local made
      made, slow_err = fetch("slow", "slow.mp4", function(progress)
        under_way = under_way or (progress.bytes or 0) > 0
      end)
      return made
    end)
    local deadline = core.now() + 20 * SLOW
    repeat
      client:step(0.05)
    until under_way or core.now() > deadline
    assert.is_true(under_way, tostring(slow_err))
    local fast = client:spawn(function()
      for i = 1, 8 do -- each: two looks and a download, with used handles
        video, err = fetch("fast", "fast-" .. i .. ".mp4")
        if not video then return nil, err end
      end
      return video
    end)
    fast:wait()
    assert.is_nil(err)
    assert.is_false(slow.done or false) -- else it proved nothing
    assert.equal(#VIDEO, video.bytes)
    slow:wait()
    assert.is_nil(slow_err)
    assert.equal(VIDEO, process.read_file(folder .. "/slow.mp4"))
  end)
end)
