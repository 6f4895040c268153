-- SPDX-License-Identifier: MIT
--
-- The kinds of jobs of the v2 generation as data: what their ids look like, how
-- long they take in real time, the words for their states, and their events.

local quirks = require "quirks"

local kinds = {}

local HEX, UUID = "%s", "%s-%s-%s-%s-%s"

-- The words for pending, processing, completed, failed.
local USUAL = {
  pending = "pending", processing = "processing", completed = "completed",
  failed = "failed", quirky = true,
}
local VIDEO = {
  pending = "processing", processing = "processing", completed = "completed",
  failed = "failed", quirky = true,
}
local LIP_SYNC = {
  pending = "pending", processing = "processing", completed = "success",
  failed = "failed",
}
local PHOTO = {
  pending = "in_progress", processing = "in_progress", completed = "success",
  failed = "error",
}

-- kind -> id: its prefix, and the format of its random digits; queue, work:
-- seconds of real time; lane; words; events: names without _success and _failed,
-- of which v2/events.lua knows the contents
kinds.ALL = {
  product_video = { prefix = "pv_", queue = 10, work = 60, words = VIDEO,
    events = { "generated_product_video" } },
  preview = { prefix = "preview_", queue = 5, work = 30, words = VIDEO,
    events = { "generated_video" } },
  avatar_video = { prefix = "video_", queue = 10, work = 40, words = USUAL,
    events = { "generated_avatar_video" } },
  template_video = { prefix = "video_", queue = 10, work = 40, words = USUAL,
    events = { "generated_template_video" } },
  lip_sync = { prefix = "", format = UUID, queue = 10, work = 40,
    words = LIP_SYNC, events = {} },
  translation = { prefix = "vt_", queue = 10, work = 90, words = USUAL,
    events = { "generated_translate_video" } },
  script = { prefix = "task_", queue = 2, work = 10, lane = "light",
    words = USUAL, events = { "generated_script" } },
  photo = { prefix = "photo_", queue = 5, work = 20, words = PHOTO,
    events = { "generated_image" } },
  photo_motion = { prefix = "25-mo_", queue = 10, work = 90, words = USUAL,
    events = { "generated_motion", "generated_photo_avatar" } },
  product_image = { prefix = "gen_", queue = 5, work = 20, words = USUAL,
    events = { "generated_image" } },
  product_motion = { prefix = "25-mo_", queue = 10, work = 90, words = USUAL,
    events = { "generated_motion", "generated_product_avatar" } },
}

local QUIRKY = { completed = "success", failed = "fail" }

--- The word for a state of a kind.
-- @tparam string kind
-- @tparam string status pending, processing, completed or failed
function kinds.word(kind, status)
  local words = kinds.ALL[kind].words
  if words.quirky and quirks.is_on "success_fail" and QUIRKY[status] then
    return QUIRKY[status]
  end
  return words[status]
end

--- A new id for a job of a kind.
-- @tparam string kind
-- @tparam string digits 32 random hexadecimal digits
function kinds.id(kind, digits)
  local as = kinds.ALL[kind]
  if (as.format or HEX) == HEX then return as.prefix .. digits end
  return UUID:format(digits:sub(1, 8), digits:sub(9, 12), digits:sub(13, 16),
    digits:sub(17, 20), digits:sub(21))
end

return kinds
