-- SPDX-License-Identifier: MIT
-- Makes a video, whatever happens on the way: kill it, pull the plug, and run
-- the same command again. It goes on where it was, and pays nothing twice.
-- What it needs for that stands in FILE.job until the video is there.
--
-- Usage: lua resume.lua URL [FILE]             (FILE is ad.mp4 by default)
-- Needs: JOGG_API_KEY; JOGG_BASE_URL for another service than JoggAI's own

local cjson = require "cjson"
local jogg = require "jogg"

local url = arg[1] or error("usage: lua resume.lua URL [FILE]", 0)
local output = arg[2] or "ad.mp4"
local job = output .. ".job"

-- A kill in the midst of it leaves the old file or the new one, never half.
local function save(p)
  local file = assert(io.open(job .. ".new", "w"))
  assert(file:write(cjson.encode(p.resume)))
  assert(file:close())
  assert(os.rename(job .. ".new", job))
end

local token
local saved = io.open(job)
if saved then
  token = cjson.decode(saved:read "*a")
  saved:close()
  io.stderr:write("going on at ", token.phase, "\n")
end

local video, err = jogg.make_video {
  url = url, lang = "english", output = output,
  overwrite = token ~= nil, -- a file that is there by now is this job's
  resume = token, on_progress = save,
  poll = { first = 5, interval = 5 },
}
if video or not err.resume then
  os.remove(job)
end
if not video then
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end
print(video.path, video.duration, video.url)
