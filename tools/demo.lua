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

io.stdout:write("sandbox: ", service, "\n", "page: ", url, "\n")
local video, err = jogg.make_video {
  url = url,
  output = output,
  overwrite = true,
  poll = { first = 0.2, interval = 0.2, max = 0.5 },
  on_progress = show,
}
if not video then
  io.stderr:write("demo: ", tostring(err), "\n")
  os.exit(1)
end
io.stdout:write(("%s s long, %d bytes\n"):format(
  video.duration or "?", video.bytes or 0))
io.stdout:write("video: ", video.path or output, "\n")
