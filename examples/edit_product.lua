-- SPDX-License-Identifier: MIT
-- Makes a video of a product page with a title and a target audience of your own
-- in place of those that the service read. Shows a progress bar.
--
-- Usage: lua edit_product.lua URL [FILE [TITLE]]    (FILE: ad.mp4)
-- Needs: JOGG_API_KEY; JOGG_BASE_URL points at a different server, such as the
--        sandbox

local jogg = require "jogg"

if not (arg[1] and os.getenv "JOGG_API_KEY") then
  io.stderr:write "usage: JOGG_API_KEY=KEY lua edit_product.lua URL [FILE [TITLE]]\n"
  os.exit(2)
end

local WIDTH = 30
local WORDS = {
  create_product = "reading the page", update_product = "changing the product",
  render_project = "ordering the video", wait = "rendering",
  download = "downloading",
}

local function show(p)
  local percent = p.percent or 0
  local filled = math.floor(WIDTH * percent / 100)
  io.stderr:write(("\r%-20s [%s%s] %3.0f %%  %-12s"):format(
    WORDS[p.phase] or p.phase, ("#"):rep(filled), ("."):rep(WIDTH - filled),
    percent, p.eta and ("%.0f s to go"):format(p.eta) or ""))
end

local video, err = jogg.make_video {
  url = arg[1],
  product = {
    title = arg[3] or "The lamp that finds your desk",
    target_audience = "people who work late",
  },
  aspect_ratio = "16:9", lang = "english", render_subtitle = true,
  output = arg[2] or "ad.mp4",
  poll = { first = 5, interval = 5 }, -- seconds; the service allows no less
  on_progress = show,
}
io.stderr:write "\n"
if not video then
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end
print(video.path, video.duration, video.url)
