-- SPDX-License-Identifier: MIT

--- jogg: from a product page's URL to a finished video, through JoggAI.
--
-- Misuse raises an error at the caller's line. Everything else that fails,
-- because of the network, the service, the disk or the caller's data, comes
-- back as `nil, err` (see @{jogg.error}). jogg prints nothing, never exits and
-- sets no global.
-- @module jogg
-- @usage local jogg = require "jogg"
-- local video = assert(jogg.make_video {
--   url = "https://shop.example/lamp", output = "lamp.mp4" })

-- LuaJIT compiles hot paths in the middle of a frame. jogg's Lua mostly waits,
-- so compiling it gains nothing: all its files are loaded here with the
-- compiler switched off for their functions, and for no others.
local jit = rawget(_G, "jit")
if jit then
  jit.off(true, true)
  for _, name in ipairs {
    "answer", "api.languages", "api.open", "api.v2", "api.v2.account",
    "api.v2.assets", "api.v2.avatars", "api.v2.common",
    "api.v2.product_videos", "api.v2.videos", "budget", "call", "check",
    "client", "config", "download", "envelope", "error", "heap", "job",
    "job_file",
    "jobs.open_video", "jobs.paid", "jobs.v2", "limiter", "pager", "poller",
    "retry", "status_words", "tasks", "token", "upload", "version", "webhook",
  } do
    name = "jogg." .. name
    for _, search in ipairs(rawget(package, "loaders")) do
      local load = not package.preload[name] and search(name)
      if type(load) == "function" then
        pcall(jit.off, load, true) -- not a Lua function: nothing to compile
        package.preload[name] = load
      end
    end
  end
end

local client = require "jogg.client"
local errors = require "jogg.error"

local jogg = {}

--- Webhooks: see @{jogg.webhook}.
jogg.webhook = require "jogg.webhook"

--- The version of this library.
jogg.VERSION = require "jogg.version"

--- Makes a client: see @{jogg.client.new} for the options, and @{jogg.client}
-- for its methods.
-- @tparam ?table options
-- @treturn table client
-- @raise when an option is not usable, or the key is missing
function jogg.client(options)
  if options == jogg then
    error("client is a function: call it as jogg.client{...}", 2)
  end
  local made = client.new(options, 3)
  return made
end

--- Is this value one of jogg's errors?
-- @param value anything
-- @treturn boolean
function jogg.is_error(value)
  return errors.is(value)
end

local default -- made when it is first needed

--- Makes a video with a client that jogg makes at the first call and keeps. The
-- client's options come from the environment: JOGG_API_KEY, JOGG_GENERATION and
-- so on, see @{jogg.client.new}. A forked child gets a client of its own.
-- @tparam table options those of `client:make_video`, see @{jogg.client}
-- @treturn[1] table video
-- @treturn[2] nil
-- @treturn[2] table error
-- @raise on misuse, and when JOGG_API_KEY is not set
function jogg.make_video(options)
  if options == jogg then
    error("make_video is a function: call it as jogg.make_video{...}", 2)
  end
  if type(options) ~= "table" then
    error("make_video must be a table, not " .. (options == nil and "nil" or
      "a " .. type(options)), 2)
  end
  if not default or not client.is_usable(default) then
    default = client.new(nil, 3)
  end
  local video, err = client.make_video(default, options, 3)
  return video, err
end

return jogg
