-- SPDX-License-Identifier: MIT
-- What the download specs share: a client at a service whose video is in a
-- file, a folder for the target, and one call that fetches. Chance, which is
-- what pauses between tries are made of, is 0: no spec waits for luck.

local jogg = require "jogg"
local faults = require "spec.support.faults"
local flow = require "spec.support.flow"
local process = require "spec.support.process"

local fetching = { KEY = "k3y-0f-d0wnl04d" }

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)
local random = math.random

local function box(name, content)
  local size = 8 + #content
  return string.char(math.floor(size / 2 ^ 24), math.floor(size / 2 ^ 16) % 256,
    math.floor(size / 256) % 256, size % 256) .. name .. content
end

--- A whole MP4 of this many bytes; its content differs from place to place.
-- @tparam integer size at least 300
-- @tparam ?string letter what it is made of
function fetching.video(size, letter)
  local head = box("ftyp", "isom\0\0\2\0isomiso2") .. box("moov", ("m"):rep(200))
  local filler = {}
  for i = 1, math.ceil(size / 8) do
    filler[i] = ("%s%07d"):format(letter or "d", i)
  end
  return head .. box("mdat",
    table.concat(filler):sub(1, size - #head - 8))
end

--- A service, a client and a folder with the video in a file.
-- @tparam ?integer size of the video
function fetching.start(size)
  local rig = { server = faults.start(), folder = process.temporary_folder(),
    target_folder = process.temporary_folder() }
  rig.video = fetching.video(size or 100000)
  rig.file = process.write_file(rig.folder .. "/source.mp4", rig.video)
  rig.path = rig.target_folder .. "/ad.mp4"

  --- Ready for another test: nothing scripted but a finished video.
  function rig.reset(options)
    math.random = function() return 0 end -- luacheck: ignore
    rig.server:clear():on_connect {}
    flow.script(rig.server, { info = flow.finished(rig.server),
      video = { file = rig.file, range = true, etag = '"v1"' } })
    os.remove(rig.path)
    rig.client_options(options)
  end

  --- Another client.
  function rig.client_options(options)
    if rig.client then rig.client:close() end
    options = options or {}
    options.api_key = fetching.KEY
    options.base_url = options.base_url or rig.server.url
    options.stall_timeout = options.stall_timeout or 10 * SLOW
    options.connect_timeout = options.connect_timeout or 10 * SLOW
    options.posts_per_minute = 100000
    rig.client = jogg.client(options)
  end

  --- Scripts how the video is served.
  function rig.serve(steps)
    rig.server:on("GET", "/v.mp4", steps)
  end

  --- Makes the video; its options may be given.
  function rig.fetch(options)
    options = options or {}
    options.url = flow.PAGE
    options.output = options.output or rig.path
    options.poll = flow.POLL
    return rig.client:make_video(options)
  end

  --- The requests for the video.
  function rig.tries()
    local list = {}
    for _, request in ipairs(rig.server:requests()) do
      if request.path:find "^/v" then list[#list + 1] = request end
    end
    return list
  end

  --- Raises unless the target is there, whole, and alone.
  function rig.check_whole(video, err, expected)
    assert(video, tostring(err))
    expected = expected or rig.video
    assert(video.path == rig.path)
    assert(video.bytes == #expected, tostring(video.bytes))
    local got = process.read_file(rig.path)
    assert(got == expected, ("the file is not as it was: %d bytes"):format(#got))
    local files = process.files(rig.target_folder)
    assert(#files == 1 and files[1] == "ad.mp4", table.concat(files, " "))
  end

  --- Raises unless nothing is there; returns the error.
  function rig.check_nothing(video, err)
    assert(video == nil, "there is a video")
    assert(jogg.is_error(err))
    local files = process.files(rig.target_folder)
    assert(#files == 0, "left behind: " .. table.concat(files, " "))
    assert(not tostring(err):find(fetching.KEY, 1, true))
    assert(err.outcome == "accepted", tostring(err.outcome))
    assert(err.phase == "download", tostring(err.phase))
    assert(err.resume and err.resume.project_id == flow.PROJECT)
    return err
  end

  function rig.stop()
    math.random = random -- luacheck: ignore
    if rig.client then rig.client:close() end
    rig.server:stop()
    process.remove_folder(rig.folder)
    process.remove_folder(rig.target_folder)
  end

  return rig
end

return fetching
