-- SPDX-License-Identifier: MIT
-- The Lua side of embed.c: four functions for its loop to call.
--
--   ./embed examples/embed/video.lua URL FILE.mp4
--
-- Needs what embed.c says.

local jogg = require "jogg"

local client = jogg.client { ca_file = os.getenv "JOGG_CA_FILE" }
local task
local shown

local function show(progress)
  local line = ("%s %s"):format(progress.phase, progress.status or "")
  if line ~= shown then
    shown = line
    print(("%5.1f s  %s"):format(progress.elapsed, line))
  end
end

return {
  start = function(url, output)
    task = client:spawn(function()
      return client:make_video {
        url = url, output = output, overwrite = true, on_progress = show,
        poll = { first = 0.5, interval = 0.5 }, -- 5 s at the service
      }
    end)
  end,
  fd = function()
    return assert(client:fd())
  end,
  step = function()
    return client:step()
  end,
  finish = function()
    print(task.value and "video: " .. task.value.path or
      "failed: " .. tostring(task.err))
    client:close()
    return task.value and 0 or 1
  end,
}
