-- SPDX-License-Identifier: MIT
-- Makes a video of a product page and saves it: the whole job in one call.
--
-- Usage: lua make_video.lua URL [FILE]         (FILE is ad.mp4 by default)
-- Needs: JOGG_API_KEY. JOGG_BASE_URL points at a different server, such as the
--        sandbox: http://127.0.0.1:8080

local jogg = require "jogg"

if not (arg[1] and os.getenv "JOGG_API_KEY") then
  io.stderr:write "usage: JOGG_API_KEY=KEY lua make_video.lua URL [FILE]\n"
  os.exit(2)
end

local video, err = jogg.make_video {
  url = arg[1],
  aspect_ratio = "9:16", lang = "english", render_subtitle = true,
  output = arg[2] or "ad.mp4",
}
if not video then
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end
print(video.path, video.duration, video.url)
