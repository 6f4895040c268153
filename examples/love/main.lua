-- SPDX-License-Identifier: MIT
-- A game that draws 60 frames a second while it makes eight videos.
--
--   love examples/love [--report FILE] [--picture FILE.png] FOLDER URL...
--
-- Makes eight videos of the product pages at the URLs, in FOLDER. With
-- --report it ends by itself and leaves there how long the frames and the
-- calls of client:step() took; else Escape ends it, and the videos with it.
-- --picture takes a picture half-way.
--
-- Needs LÖVE 11, jogg built for LuaJIT (`make LUA=luajit`), and JOGG_API_KEY.
-- luacheck: globals love

local jogg = require "jogg"
local scene = require "scene"
local timings = require "timings"

local FRAME = 1 / 60   -- s; for displays that do not wait by themselves
local QUIET = 3        -- s without any video, to compare with
local VIDEOS = 8
local SHAPES = { "9:16", "16:9", "1:1" }

local options = { urls = {} }
local client, next_frame
local videos = {}      -- what the scene shows of each
local age = 0          -- s since the start
local quiet, busy = timings.new(), timings.new()    -- whole frames
local steps = timings.new()                         -- client:step()
local computed = timings.new()                      -- the same in CPU time
local skipped = 0      -- frames that are not counted: a picture was taken

local function read_arguments(arguments)
  local i = 1
  while arguments[i] do
    local name = arguments[i]:match "^%-%-(%a+)$"
    if name == "report" or name == "picture" then
      i = i + 1
      options[name] = arguments[i]
    elseif not options.folder then
      options.folder = arguments[i]
    else
      table.insert(options.urls, arguments[i])
    end
    i = i + 1
  end
  if not options.urls[1] then
    io.stderr:write("usage: love examples/love [--report FILE] ",
      "[--picture FILE.png] FOLDER URL...\n")
    os.exit(2)
  end
end

-- The whole job of one video, from the URL to the file.
local function start(number)
  local url = options.urls[(number - 1) % #options.urls + 1]
  local shape = SHAPES[(number - 1) % #SHAPES + 1]
  local video = { url = url, shape = shape, phase = "create_product" }
  videos[number] = video
  video.task = client:spawn(function()
    video.made, video.err = client:make_video {
      url = url, aspect_ratio = shape, render_subtitle = true,
      output = ("%s/video-%d.mp4"):format(options.folder, number),
      overwrite = true, timeout = 600,
      poll = { first = 0.4, interval = 0.4, max = 1 }, -- 5 s at the service
      on_progress = function(progress)
        video.phase, video.status = progress.phase, progress.status
        video.percent = progress.percent
      end,
    }
  end)
end

function love.load(arguments)
  read_arguments(arguments)
  client = jogg.client { ca_file = os.getenv "JOGG_CA_FILE" }
  scene.load()
  next_frame = love.timer.getTime()
end

local function write_report()
  local failed = 0
  local file = assert(io.open(options.report, "w"))
  for _, video in ipairs(videos) do
    failed = failed + (video.made and 0 or 1)
    file:write(video.made and "video " .. video.made.path or
      "failed " .. tostring(video.err or video.task.err), "\n")
  end
  file:write(quiet:line "frame_quiet", busy:line "frame",
    steps:line "step", computed:line "step_computed")
  file:close()
  options.report = nil
  love.event.quit(failed == 0 and 0 or 1)
end

local function take_picture()
  local path = options.picture
  options.picture = nil
  skipped = 3
  love.graphics.captureScreenshot(function(picture)
    local file = assert(io.open(path, "wb"))
    file:write(picture:encode("png"):getString())
    file:close()
  end)
end

function love.update(seconds)
  age = age + seconds
  if skipped > 0 then
    skipped = skipped - 1
  elseif age > 1 then -- the first frames load what the display needs
    (videos[1] and busy or quiet):add(seconds)
  end
  if not videos[1] and age >= QUIET then
    for number = 1, VIDEOS do
      start(number)
    end
  end

  local cpu = timings.computed()
  local began = love.timer.getTime()
  local live = client:step() -- the whole of what a game has to do for jogg
  local took = love.timer.getTime() - began
  if videos[1] then
    steps:add(took)
    computed:add(timings.computed() - cpu)
  end

  scene.update(seconds, videos, took)
  if options.picture and scene.share_done() > 0.5 then
    take_picture()
  elseif options.report and videos[1] and live == 0 then
    write_report()
  end
end

function love.draw()
  scene.draw()
  love.timer.sleep(math.max(0, next_frame - love.timer.getTime()))
  next_frame = math.max(next_frame + FRAME, love.timer.getTime())
end

function love.keypressed(key)
  if key == "escape" then
    love.event.quit()
  end
end

function love.quit()
  client:close() -- at once, whatever is in flight; nothing half is left behind
end
