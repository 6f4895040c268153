-- SPDX-License-Identifier: MIT

-- What several operations of generation v2 share: data, and three functions
-- that build tables.

local languages = require "jogg.api.languages"

local common = {}

-- A table with the fields of both.
function common.with(fields, more)
  local all = {}
  for name, field in pairs(fields) do
    all[name] = field
  end
  for name, field in pairs(more) do
    all[name] = field
  end
  return all
end

-- `values` for words that are sent as they are.
function common.words(...)
  local values = {}
  for _, word in ipairs { ... } do
    values[word] = word
  end
  return values
end

-- `values` for words that the service capitalizes in one operation only:
-- callers may write "South Asian" as "south_asian".
function common.capitalized(...)
  local values = {}
  for _, word in ipairs { ... } do
    values[word] = word
    values[word:lower():gsub(" ", "_")] = word
  end
  return values
end

-- {=== fields

common.STRING = { kind = "string" }
common.INTEGER = { kind = "integer" }
common.BOOLEAN = { kind = "boolean" }
common.URL = { kind = "url" }

-- An id in a body or in a query.
common.ID = { kind = "string", required = true, filled = true, maximum = 4096 }

-- An id in a path.
common.SEGMENT = { kind = "segment", required = true }

common.LANGUAGE = { kind = "language", known = languages.v2 }

-- Requests have words, answers 0, 1, 2: both are accepted.
common.ASPECT_RATIO = {
  kind = "string",
  values = {
    portrait = "portrait", landscape = "landscape", square = "square",
    ["9:16"] = "portrait", ["16:9"] = "landscape", ["1:1"] = "square",
    [0] = "portrait", [1] = "landscape", [2] = "square",
  },
}

-- 1 is an avatar of your own; photo avatars are among these.
common.AVATAR_TYPE = {
  kind = "integer",
  values = { [0] = 0, [1] = 1, public = 0, custom = 1, photo = 1 },
}

-- The service wants a string.
common.LENGTH = {
  kind = "string",
  values = {
    ["15"] = "15", ["30"] = "30", ["60"] = "60",
    [15] = "15", [30] = "30", [60] = "60",
  },
}

common.MEDIA = {
  kind = "list",
  item = {
    kind = "fields",
    fields = {
      type = {
        kind = "integer",
        values = { [1] = 1, [2] = 2, image = 1, video = 2 },
      },
      name = { kind = "string" },
      url = { kind = "url", uploads = "media" },
      description = { kind = "string" },
    },
  },
}

common.GENDER = {
  kind = "string",
  values = { female = "female", male = "male", Female = "female",
    Male = "male" },
}

-- The query of a list with pages.
common.PAGES = {
  page = { kind = "integer", minimum = 1 },
  page_size = { kind = "integer", minimum = 1, maximum = 100 },
}

-- The query of a list of videos. The filter is a number although the items have
-- words.
common.VIDEOS = common.with(common.PAGES, {
  status = {
    kind = "integer",
    values = {
      [3] = 3, [4] = 4, [5] = 5,
      processing = 3, completed = 4, success = 4, failed = 5,
    },
  },
  sort_by = { kind = "string" },
  sort_order = { kind = "string", values = common.words("asc", "desc") },
})

-- The query of a list of own avatars.
common.OWN_AVATARS = common.with(common.PAGES, {
  name = { kind = "string" },
  status = {
    kind = "string",
    values = common.words("processing", "completed", "failed"),
  },
})

-- ===}

-- {=== answers

-- The reason of a failure: the first path that leads to a non-empty string. The
-- vendor documents it for some operations only.
common.MESSAGE = {
  "error.message", "error", "error_message", "err_msg", "error_msg", "fail_msg",
}
common.CODE = { "error.code" }

-- The `id` of an answer that a video was started.
common.VIDEO_ID = { "video_id", "product_video_id" }

-- The states of photo and product avatars in lists.
common.AVATAR_STATES = { [0] = "processing", [1] = "completed", [2] = "failed" }

-- ===}

-- {=== prices, in credits, from the vendor's price list

-- A started two minutes of video.
common.VIDEO_PRICE = { amount = 1, per = 120 }

-- ===}

return common
