-- SPDX-License-Identifier: MIT
--
-- Makes a video of the page at a URL, or of one of the sandbox's own, and
-- shows how far it is. The key and the address of the service come from the
-- environment.
--
--   lua tools/demo.lua FILE [URL]

local jogg = require "jogg"

local service = os.getenv "JOGG_BASE_URL"
local output, url = arg[1], arg[2]
if not (output and service) then
  io.stderr:write "usage: JOGG_BASE_URL=... lua tools/demo.lua FILE [URL]\n"
  os.exit(2)
end
if not url or url == "" then
  url = service .. "/samples/lamp.html"
end
local shown

local function show(progress)
  local line = ("%-10s %-10s %3d %%"):format(progress.phase or "",
    progress.status or "", progress.percent or 0)
  if line ~= shown then
    shown = line
    local left = progress.eta and (", about %.0f s to go"):format(progress.eta)
      or ""
    io.stdout:write(("%5.1f s  %s%s\n"):format(progress.elapsed or 0, line,
      left))
    io.stdout:flush()
  end
end

local generation = os.getenv "JOGG_GENERATION" or "open"
io.stdout:write("sandbox: ", service, "\n", "generation: ", generation, "\n",
  "page: ", url, "\n")

local function make()
  local client = jogg.client { generation = generation }
  local avatar
  if generation == "v2" then -- which wants an avatar
    avatar = client:avatars { aspect_ratio = "portrait" } ()
  end
  return client:make_video {
    url = url,
    output = output,
    overwrite = true,
    aspect_ratio = "portrait",
    avatar_id = avatar and avatar.id or nil,
    poll = { first = 0.2, interval = 0.2, max = 0.5 },
    on_progress = show,
  }
end

-- Protected: an argument that jogg refuses is the user's, not a fault in here.
local accepted, video, err = pcall(make)
if not (accepted and video) then
  io.stderr:write("demo: ", tostring(accepted and err or video), "\n")
  os.exit(1)
end
io.stdout:write(("%s s long, %d bytes\n"):format(
  video.duration or "?", video.bytes or 0))
io.stdout:write("video: ", video.path or output, "\n")
