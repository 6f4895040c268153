-- SPDX-License-Identifier: MIT

--- jogg: from a product page's URL to a finished video, through JoggAI.
--
-- Misuse raises an error at the caller's line. Everything that the network,
-- the service, the disk or the caller's data can do comes back as `nil, err`
-- (see @{jogg.error}). Nothing is printed, nothing exits, no global is set.
-- @module jogg
-- @usage local jogg = require "jogg"
-- local video = assert(jogg.make_video {
--   url = "https://shop.example/lamp", output = "lamp.mp4" })

-- LuaJIT compiles hot paths in the middle of a frame. jogg's Lua only waits and
-- decides, which is not worth compiling: all its files are loaded here with the
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

--- Makes a client: see @{jogg.client}.
-- @tparam ?table options
-- @treturn table client
-- @raise when an option is not usable
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

--- Makes a video with a client of its own that is kept: the key comes from
-- JOGG_API_KEY. A forked child gets another one. See @{jogg.client} for the
-- options.
-- @tparam table options
-- @treturn[1] table video
-- @treturn[2] nil
-- @treturn[2] table error
-- @raise on misuse
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
