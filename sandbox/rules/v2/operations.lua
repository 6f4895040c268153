-- SPDX-License-Identifier: MIT
--
-- The 47 operations of the v2 generation as data: method, path, the fields of
-- the query and of the body with the rules of fields.lua, and what they need of
-- each other. Every check of a request is made from this. `{name}` in a path
-- is one segment. The names are those that faults and the log use. `state`
-- names the kind of job whose state it tells.

local languages = require "v2.languages"

local text = { type = "string" }
local integer = { type = "integer" }
local boolean = { type = "boolean" }
local address = { type = "string", format = "address" }
local receiver = { type = "string", format = "receiver" }

local function word(...) return { type = "string", enum = { ... } } end

local function number(from, to)
  return { type = "integer", from = from, to = to }
end

-- The same rule of a field that must be there.
local function needed(rule)
  local copy = { required = true, filled = rule.type == "string" or nil }
  for name, value in pairs(rule) do copy[name] = value end
  return copy
end

local function object(fields, needs)
  return { type = "object", fields = fields, needs = needs }
end

local SHAPE = word("portrait", "landscape", "square")
local LENGTH = word("15", "30", "60")
local LANGUAGE = { type = "string", enum = languages.ALL }
local SOURCE = { type = "integer", from = 0, to = 1 }    -- public, own

local MEDIA = {
  type = "array", items = {
    type = number(1, 2), name = text, url = text, description = text,
  },
}

local PRODUCT = {
  name = text, description = text, target_audience = text, media = MEDIA,
}

local function with(fields, more)
  local all = {}
  for name, rule in pairs(fields) do all[name] = rule end
  for name, rule in pairs(more) do all[name] = rule end
  return all
end

-- {======================================================================
-- Queries
-- =======================================================================

local PAGE = { page = number(1), page_size = number(1, 100) }

local VIDEO_LIST = with(PAGE, {
  status = number(3, 5), sort_by = text, sort_order = word("asc", "desc"),
})

local OWN_AVATARS = with(PAGE, {
  name = text, status = word("processing", "completed", "failed"),
})

-- }======================================================================

-- {======================================================================
-- Bodies
-- =======================================================================

-- Styles of scripts are no closed list: the vendor's own examples go beyond.
local FROM_PRODUCT = {
  product_id = needed(text),
  video_spec = needed(object {
    length = needed(LENGTH), aspect_ratio = SHAPE, caption = boolean,
    name = text,
  }),
  avatar = needed(object { id = needed(integer), type = SOURCE }),
  voice = with(needed(object { id = text }),
    { unless = "optional_voice_audio" }),
  audio = with(needed(object { music_id = number(0) }),
    { unless = "optional_voice_audio" }),
  script = needed(object { style = needed(text), language = needed(LANGUAGE) }),
  override_script = text, webhook_url = receiver,
}

local FROM_AVATAR = {
  avatar = needed(object {
    avatar_id = needed(integer), avatar_type = needed(SOURCE),
  }),
  voice = needed(object({
    type = needed(word("script", "audio")), voice_id = needed(text),
    script = text, audio_url = address,
  }, { field = "type", script = { "script" }, audio = { "audio_url" } })),
  aspect_ratio = needed(SHAPE), screen_style = needed(number(1, 3)),
  caption = boolean, webhook_url = receiver, video_name = text,
}

local VARIABLES = {
  type = "array", items = {
    type = needed(word("text", "image", "video", "script")),
    name = needed(text),
    properties = needed(object {
      content = text, url = address, asset_id = integer,
      webhook_url = receiver,
    }),
  },
  needs = {
    field = "type", into = "properties",
    text = { "content" }, script = { "content" },
    image = { { "url", "asset_id", "content" } },
    video = { { "url", "asset_id", "content" } },
  },
}

local FROM_TEMPLATE = {
  template_id = needed(integer), voice_language = needed(LANGUAGE),
  variables = needed(VARIABLES), video_name = text, avatar_id = integer,
  avatar_type = SOURCE, voice_id = text, captions_enabled = boolean,
  background_music_id = integer, webhook_url = receiver,
  disable_trans = boolean, disable_random_trans = boolean,
  disable_moving = boolean, disable_random_moving = boolean,
}

local LIP_SYNC = {
  video_url = needed(address), audio_url = needed(address),
  playback_type = word("normal", "normal_reverse", "normal_reverse_by_audio"),
}

local TRANSLATION = {
  video_url = needed(address), output_language = needed(LANGUAGE),
  output_voice = text, title = text, add_subtitles = boolean,
  translate_audio_only = boolean, enable_dynamic_duration = boolean,
  callback_url = receiver,
}

local SCRIPT = {
  language = needed(LANGUAGE), video_length_seconds = needed(LENGTH),
  script_style = needed(text), target_audience = text,
  product_info = needed(object({
    source_type = needed(word("id", "details")),
    data = needed(object { id = text, name = text, description = text }),
  }, {
    field = "source_type", into = "data", id = { "id" },
    details = { "name", "description" },
  })),
}

local PHOTO = {
  age = needed(word("Teenager", "Young adult", "Adult", "Elderly")),
  avatar_style = needed(word("Professional", "Social")),
  gender = needed(word("Female", "Male")),
  model = needed(word("classic", "modern")), aspect_ratio = needed(SHAPE),
  ethnicity = word("European", "African", "South Asian", "East Asian",
    "Middle Eastern", "South American", "North American"),
  background = text, appearance = text, image_url = text,
}

local PHOTO_MOTION = {
  image_url = needed(address), name = needed(text), voice_id = needed(text),
  model = needed(word("1.0", "2.0", "2.0-Pro", "3.0")),
  photo_id = text, description = text, welcome_msg = text,
}

local PRODUCT_IMAGES = {
  product_image_url = needed(address),
  avatar_source = needed(object({
    type = needed(word("id", "image", "description")), value = text,
    avatar_id = integer, avatar_type = word("public", "photo", "custom"),
  }, {
    field = "type", id = { "avatar_id", "avatar_type" },
    image = { "value" }, description = { "value" },
  })),
  quality = needed(word("medium", "high", "low")),
  aspect_ratio = needed(word("3:2", "2:3", "1:1")),
  num_images = needed(number(1, 4)), prompt = text, webhook_url = receiver,
}

local PRODUCT_MOTION = {
  generation_id = needed(text), name = needed(text), voice_id = needed(text),
  description = needed(text), model = number(0, 2), aspect_ratio = SHAPE,
}

local UPLOAD = {
  filename = needed(text), content_type = needed(text), file_size = number(1),
}

local ENDPOINT = {
  url = needed(receiver), status = needed(word("enabled", "disabled")),
  events = needed { type = "array", each = text },
}

-- }======================================================================

local operations = {}

local function add(name, method, path, more)
  more = more or {}
  more.name, more.method, more.path = name, method, path
  operations[#operations + 1] = more
end

add("create_product", "POST", "/v2/product",
  { body = with(PRODUCT, { url = address }), needs = { { "url", "name" } } })
add("update_product", "PUT", "/v2/product",
  { body = with(PRODUCT, { product_id = needed(text) }) })

add("create_video_from_product", "POST", "/v2/create_video_from_product",
  { body = with(FROM_PRODUCT, { visual_style = text }) })
add("preview_list", "POST", "/v2/create_video_from_product/preview_list", {
  body = with(FROM_PRODUCT, {
    visual_styles = needed { type = "array", each = text }, language = text,
  }),
})
add("render_single_preview", "POST",
  "/v2/create_video_from_product/render_single_preview",
  { body = { preview_id = needed(text) } })
add("product_video", "GET", "/v2/product_video/{product_video_id}",
  { state = "product_video" })
add("product_videos", "GET", "/v2/product_videos",
  { query = VIDEO_LIST, state = "product_video" })
add("product_previews", "GET", "/v2/product_previews",
  { query = VIDEO_LIST, state = "preview" })

add("create_video_from_avatar", "POST", "/v2/create_video_from_avatar",
  { body = FROM_AVATAR })
add("avatar_video", "GET", "/v2/avatar_video/{id}",
  { state = "avatar_video" })

add("create_video_with_template", "POST", "/v2/create_video_with_template",
  { body = FROM_TEMPLATE })
add("template_video", "GET", "/v2/template_video/{video_id}",
  { state = "template_video" })
add("template_videos", "GET", "/v2/template_videos",
  { query = VIDEO_LIST, state = "template_video" })

add("create_lip_sync_video", "POST", "/v2/create_lip_sync_video",
  { body = LIP_SYNC })
add("lip_sync_video", "GET", "/v2/lip_sync_video/{task_id}",
  { state = "lip_sync" })

add("create_video_translate", "POST", "/v2/video_translate/",
  { body = TRANSLATION })
add("target_languages", "GET", "/v2/video_translate/target_languages")
add("video_translate", "GET", "/v2/video_translate/{video_translate_id}",
  { state = "translation" })

add("upload_asset", "POST", "/v2/upload/asset", { body = UPLOAD })
add("musics", "GET", "/v2/musics", { query = PAGE })
add("visual_styles", "GET", "/v2/visual_styles",
  { query = { aspect_ratio = SHAPE } })
add("create_ai_script", "POST", "/v2/ai_scripts", { body = SCRIPT })
add("ai_script", "GET", "/v2/ai_scripts/results/{task_id}",
  { state = "script" })

add("templates", "GET", "/v2/templates", { query = { aspect_ratio = SHAPE } })
add("custom_templates", "GET", "/v2/templates/custom",
  { query = { aspect_ratio = SHAPE } })
add("custom_template", "GET", "/v2/template/custom/{id}")
add("voices", "GET", "/v2/voices", {
  query = with(PAGE, {
    gender = word("female", "male"), language = text,
    age = word("young", "middle_aged", "old"), use_case = text,
  }),
})
add("custom_voices", "GET", "/v2/voices/custom", { query = { language = text } })

add("public_avatars", "GET", "/v2/avatars/public", {
  query = with(PAGE, {
    aspect_ratio = SHAPE, style = word("professional", "social"),
    gender = word("female", "male"), age = word("adult", "senior",
      "young_adult"),
    scene = word("lifestyle", "outdoors", "business", "studio",
      "health_fitness", "education", "news"),
    ethnicity = word("european", "african", "south_asian", "east_asian",
      "middle_eastern", "south_american", "north_american"),
  }),
})
add("custom_avatars", "GET", "/v2/avatars/custom", { query = OWN_AVATARS })
add("photo_avatars", "GET", "/v2/avatars/photo_avatars",
  { query = OWN_AVATARS })
add("product_avatars", "GET", "/v2/avatars/product_avatars",
  { query = { aspect_ratio = word("portrait", "landscape") } })

add("generate_photo", "POST", "/v2/photo_avatar/photo/generate",
  { body = PHOTO })
add("photo", "GET", "/v2/photo_avatar/photo",
  { query = { photo_id = needed(text) }, state = "photo" })
add("add_photo_motion", "POST", "/v2/photo_avatar/add_motion",
  { body = PHOTO_MOTION })
add("photo_motion", "GET", "/v2/photo_avatar",
  { query = { motion_id = needed(text) }, state = "photo_motion" })
add("generate_product_avatar", "POST", "/v2/product_avatar/generation",
  { body = PRODUCT_IMAGES })
add("product_avatar_generation", "GET",
  "/v2/product_avatar/generation/{batch_id}", { state = "product_image" })
add("add_product_motion", "POST", "/v2/product_avatar/add_motion",
  { body = PRODUCT_MOTION })
add("product_motion", "GET", "/v2/product_avatar",
  { query = { motion_id = needed(text) }, state = "product_motion" })

add("whoami", "GET", "/v2/user/whoami")
add("remaining_quota", "GET", "/v2/user/remaining_quota")

add("endpoints", "GET", "/v2/endpoints")
add("create_endpoint", "POST", "/v2/endpoint", { body = ENDPOINT })
add("update_endpoint", "PUT", "/v2/endpoint/{endpoint_id}",
  { body = ENDPOINT })
add("delete_endpoint", "DELETE", "/v2/endpoint/{endpoint_id}")
add("events", "GET", "/v2/events")

return operations
