-- SPDX-License-Identifier: MIT
-- Makes a video, even if the script is killed or the machine crashes: run the same
-- command again. The job goes on where it stopped, and pays nothing twice.
-- FILE.job holds the state of the job.
--
-- Usage: lua resume.lua URL [FILE]             (FILE is ad.mp4 by default)
-- Needs: JOGG_API_KEY; JOGG_BASE_URL points at a different server, such as the
--        sandbox

local jogg = require "jogg"

if not (arg[1] and os.getenv "JOGG_API_KEY") then
  io.stderr:write "usage: JOGG_API_KEY=KEY lua resume.lua URL [FILE]\n"
  os.exit(2)
end

local output = arg[2] or "ad.mp4"

local video, err = jogg.make_video {
  url = arg[1], lang = "english", output = output, job_file = output .. ".job",
  poll = { first = 5, interval = 5 },
}
if not video then
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end
print(video.path, video.duration, video.url)
