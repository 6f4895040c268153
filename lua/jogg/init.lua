-- SPDX-License-Identifier: MIT

--- jogg: from a product page's URL to a finished video, through JoggAI.
--
-- Misuse raises an error at the caller's line. Everything that the network,
-- the service or the disk can do comes back as `nil, err` (see @{jogg.error}).
-- Nothing is printed, nothing exits, no global is set.
-- @module jogg
-- @usage local jogg = require "jogg"
-- local video = assert(jogg.make_video {
--   url = "https://shop.example/lamp", output = "lamp.mp4" })

local client = require "jogg.client"
local errors = require "jogg.error"

local jogg = {}

--- The version of this library.
jogg.VERSION = require "jogg.version"

--- Makes a client: see @{jogg.client}.
-- @tparam ?table options
-- @treturn table client
-- @raise when an option is not usable
function jogg.client(options)
  return (client.new(options, 3)) -- no tail call: levels count frames
end

--- Is this value one of jogg's errors?
-- @param value anything
-- @treturn boolean
function jogg.is_error(value)
  return errors.is(value)
end

local default -- made when it is first needed

--- Makes a video with a client of its own that is kept: the key comes from
-- JOGG_API_KEY. A forked child gets another one. See @{jogg.client} for the options.
-- @tparam table options
-- @treturn[1] table video
-- @treturn[2] nil
-- @treturn[2] table error
-- @raise on misuse
function jogg.make_video(options)
  if not default or not client.is_usable(default) then
    default = client.new(nil, 3)
  end
  local video, err = client.make_video(default, options, 3)
  return video, err
end

return jogg
