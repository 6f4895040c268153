-- SPDX-License-Identifier: MIT

--- The service's current generation, v2, as data: no logic here.
--
-- The format is that of @{jogg.api.open}. The operations are in
-- `jogg.api.v2.*`, by topic. Added to that format:
--
-- * `fields`: a field that `path` names in braces goes into the path,
--   percent-encoded. Every other field goes into the query of a GET or DELETE,
--   or into the body. `uploads` marks the URL of an `image`, a `video`, an
--   `audio` file or `media` (an image or a video), and `uploads_when` the
--   values that fields beside it must have for that.
-- * `rate_pause`: seconds to wait after a 429 that names no time.
-- * `topic`: the chapter of the vendor's reference.
-- * `credits`: the estimated price. `amount` is for each started `per` seconds
--   of the result, or for one call; `length` is the path of the field with the
--   seconds. It is multiplied by `times`, and by the value (of a list, the
--   length) of the field `each`. If `amounts` has the value of the field `by`,
--   that replaces `amount`.
-- * `result`: where to find things in the answer's `data`. Each name has a list
--   of paths, to be tried in order. `id`, `status`, `url` (of the finished
--   file; `urls`, where there are several), `cover_url`, `subtitle_url`,
--   `duration` (seconds), `credit` (what was charged), `title`, `message` and
--   `code` (of a failure), `created_at`, `completed_at`, `parts` (a list;
--   `item` says where to find things in each of its items).
-- * `list`: the same for lists. `items` are the paths of the list, `total`
--   those of the number of items on all pages. `item` says where to find things
--   in each item; without it, items are strings. `states` gives words for
--   numbers. An operation with the field `page` has pages.
-- * `state`: the operation that returns the state of what this one started.
--   `state_list`: the operation that lists it. `attempt_name`: the path of the
--   field that comes back as `title` in that list.
-- @module jogg.api.v2

local product_videos = require "jogg.api.v2.product_videos"
local videos = require "jogg.api.v2.videos"
local avatars = require "jogg.api.v2.avatars"
local assets = require "jogg.api.v2.assets"
local account = require "jogg.api.v2.account"

local operations = {}
for _, part in ipairs { product_videos, videos, avatars, assets, account } do
  for name, operation in pairs(part.operations) do
    operations[name] = operation
  end
end

return {
  generation = "v2",
  base_url = "https://api.jogg.ai",
  rate_pause = 60,
  -- In these fields an empty table is sent as [], in all others as {}.
  lists = {
    media = true, visual_styles = true, variables = true, events = true,
  },
  product = product_videos.product,
  video = product_videos.video,
  operations = operations,
  -- Upload limits. jogg cannot check `seconds`.
  uploads = {
    image = {
      bytes = 10 * 1024 * 1024,
      types = {
        jpg = "image/jpeg", jpeg = "image/jpeg", png = "image/png",
        webp = "image/webp", gif = "image/gif",
      },
    },
    video = {
      bytes = 100 * 1024 * 1024, seconds = 300,
      types = {
        mp4 = "video/mp4", webm = "video/webm", mov = "video/quicktime",
      },
    },
    audio = {
      bytes = 20 * 1024 * 1024, seconds = 600,
      types = { mp3 = "audio/mpeg", wav = "audio/wav", m4a = "audio/mp4" },
    },
  },
}
