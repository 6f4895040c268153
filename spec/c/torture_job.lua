-- SPDX-License-Identifier: MIT
-- A second scenario of torture.c: a whole job through the Lua layer. Each run
-- asks for a render by a name of its own, so that the server can tell whether
-- one was ever asked for twice.

local folder, url, video_path = ...

math.random = function() -- luacheck: ignore 122
  return 0 -- no pause between tries
end

local jogg = require "jogg"
local core = require "jogg.core"

local client = jogg.client {
  base_url = url, api_key = "KEY-FOR-TORTURE", timeout = 5,
  posts_per_minute = 100000,
}
local target = folder .. "/video.mp4"
local video, err = client:make_video {
  url = "https://shop.example/lamp", output = target, overwrite = true,
  timeout = 5,
  template_name = ("run at %.9f"):format(core.now()),
  poll = { first = 0.01, interval = 0.01, max = 0.01, settle = 0 },
}
client:close()

local function content(path)
  local file = io.open(path, "rb")
  local bytes = file and file:read "*a"
  if file then
    file:close()
  end
  return bytes
end

local stored = content(target)
os.remove(target)
if stored and stored ~= content(video_path) then
  error("wrong: the video is not what was sent", 0)
end
if video then
  if not stored or video.bytes ~= #stored then
    error("wrong: success without the video", 0)
  end
  return "done"
end
if type(tostring(err)) ~= "string" or not err.kind then
  error("wrong: an error is none", 0)
end
return ("%s: %s %s %s"):format(tostring(err.phase), err.kind, tostring(err.reason),
  tostring(err.outcome))
