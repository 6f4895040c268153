-- SPDX-License-Identifier: MIT
-- Jobs of generation v2 for specs: options of each kind that the sandbox
-- accepts, and what it counts of them.

local v2 = {}

v2.POLL = { first = 0.02, interval = 0.02, max = 0.05, settle = 0.2 }

local function voice(client)
  return client:voices {} ()
end

--- Options of each kind of job: the method → a function that returns them.
v2.OPTIONS = {
  make_video = function(_, server)
    return { url = server:sample "mug", avatar_id = 81, length = 15,
      lang = "english", video_name = "Mine" }
  end,
  make_avatar_video = function(client)
    return { avatar = { avatar_id = 81, avatar_type = 0 },
      voice = { type = "script", voice_id = voice(client).voice_id,
        script = "Hello" }, aspect_ratio = "9:16", screen_style = 1 }
  end,
  make_template_video = function(client)
    return { template_id = client:templates {} ().id,
      voice_language = "english", variables = { { type = "text",
        name = "headline", properties = { content = "Hi" } } } }
  end,
  lip_sync_video = function(client, server)
    return { video_url = v2.video_url(client, server),
      audio_url = voice(client).audio_url }
  end,
  translate_video = function(client, server)
    return { video_url = v2.video_url(client, server),
      output_language = "german" }
  end,
  make_script = function()
    return { language = "english", length = 30, style = "Storytime",
      product_info = { source_type = "details",
        data = { name = "Mug", description = "Holds tea" } } }
  end,
  make_avatar_photos = function()
    return { age = "Adult", avatar_style = "Professional", gender = "Female",
      model = "modern", aspect_ratio = "portrait" }
  end,
  make_photo_avatar = function(client, server)
    return { image_url = v2.image_url(client, server), name = "Ann",
      voice_id = voice(client).voice_id, model = "2.0" }
  end,
  make_product_pictures = function(client, server)
    return { product_image_url = v2.image_url(client, server),
      avatar_source = { type = "id", avatar_id = 81, avatar_type = "public" },
      quality = "low", aspect_ratio = "1:1", num_images = 2 }
  end,
  make_product_avatar = function(client, server)
    return { generation_id = v2.generation_id(client, server), name = "Ann",
      voice_id = voice(client).voice_id, description = "d" }
  end,
}

--- The paid operation of each kind, as the sandbox calls it, and its own word
-- for what it counts.
v2.PAID = {
  make_video = { "create_video_from_product", "product_video" },
  make_avatar_video = { "create_video_from_avatar", "avatar_video" },
  make_template_video = { "create_video_with_template", "template_video" },
  lip_sync_video = { "create_lip_sync_video", "lip_sync" },
  translate_video = { "create_video_translate", "translation" },
  make_script = { "create_ai_script", "script" },
  make_avatar_photos = { "generate_photo", "photo" },
  make_photo_avatar = { "add_photo_motion", "photo_motion" },
  make_product_pictures = { "generate_product_avatar", "product_image" },
  make_product_avatar = { "add_product_motion", "product_motion" },
}

-- Things that other jobs need, made once for a server.
local function once(name, make)
  return function(client, server)
    server.made = server.made or {}
    if not server.made[name] then
      local options = v2.OPTIONS[make](client, server)
      options.poll = v2.POLL
      server.made[name] = assert(client[make](client, options))
    end
    return server.made[name]
  end
end

local video = once("video", "make_video")
local photos = once("photos", "make_avatar_photos")
local pictures = once("pictures", "make_product_pictures")

function v2.video_url(client, server) return video(client, server).url end

function v2.image_url(client, server) return photos(client, server).urls[1] end

function v2.generation_id(client, server)
  return pictures(client, server).parts[1].id
end

--- How many jobs of a kind the sandbox has accepted.
function v2.count(server, method)
  return server:account().jobs[v2.PAID[method][2]] or 0
end

return v2
