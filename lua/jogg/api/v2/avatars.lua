-- SPDX-License-Identifier: MIT

--- Generation v2: avatars, and making avatars of photos and products.
-- @submodule jogg.api.v2

local common = require "jogg.api.v2.common"

local with, words = common.with, common.words

-- An item of a list of avatars. `url` is a sample of the avatar.
local AVATAR = {
  id = { "id" },
  title = { "name" },
  url = { "video_url", "avatar_url" },
  cover_url = { "cover_url" },
}

local CUSTOM_AVATAR = with(AVATAR, {
  status = { "avatar_status" },
  message = common.MESSAGE,
})

-- The status of photo and product avatars is a number in lists.
local PHOTO_AVATAR = {
  id = { "id" },
  title = { "name" },
  cover_url = { "cover_url" },
  status = { "status" },
  message = common.MESSAGE,
}

local PRODUCT_AVATAR = with(PHOTO_AVATAR, {
  id = { "avatar_id" },
  url = { "avatar_url" },
})

local MOTION = {
  id = { "motion_id" },
  avatar_id = { "avatar_id" },
  title = { "name" },
  status = { "status" },
  url = { "motion_preview_url" },
  cover_url = { "image_url" },
  message = common.MESSAGE,
}

local VOICE_ID = {
  kind = "string", required = true, found_in = "client:voices {}",
}

local MOTION_ID = with(common.ID, { aliases = { "id" } })

return {
  operations = {
    --- Lists the public avatars: `GET /v2/avatars/public`. (Avatar)
    -- @function Client:avatars
    -- @tparam ?table fields `page` (from 1), `page_size` (1 to 100),
    -- `aspect_ratio`; `style` (`"professional"`, `"social"`); `gender`
    -- (`"female"`, `"male"`); `age` (`"young_adult"`, `"adult"`, `"senior"`);
    -- `scene` (`"lifestyle"`, `"outdoors"`, `"business"`, `"studio"`,
    -- `"health_fitness"`, `"education"`, `"news"`); `ethnicity` (`"european"`,
    -- `"african"`, `"south_asian"`, `"east_asian"`, `"middle_eastern"`,
    -- `"south_american"`, `"north_american"`)
    -- @treturn jogg.pager tables with `id` (integer), `name`, `video_url`,
    -- `cover_url`, `aspect_ratio` (0 portrait, 1 landscape, 2 square),
    -- `style`, `gender`, `age`
    -- @raise on misuse, at the caller's line
    avatars = {
      topic = "Avatar", method = "GET", path = "/v2/avatars/public",
      fields = with(common.PAGES, {
        aspect_ratio = common.ASPECT_RATIO,
        style = { kind = "string", values = words("professional", "social") },
        gender = common.GENDER,
        age = {
          kind = "string", values = words("young_adult", "adult", "senior"),
        },
        scene = {
          kind = "string",
          values = words("lifestyle", "outdoors", "business", "studio",
            "health_fitness", "education", "news"),
        },
        ethnicity = {
          kind = "string",
          values = words("european", "african", "south_asian", "east_asian",
            "middle_eastern", "south_american", "north_american"),
        },
      }),
      data = true, list = { items = { "avatars" }, item = AVATAR },
    },
    --- Lists your avatars made from videos:
    -- `GET /v2/avatars/custom`. (Avatar)
    -- @function Client:custom_avatars
    -- @tparam ?table fields `page` (from 1), `page_size` (1 to 100), `name`,
    -- `status` (`"processing"`, `"completed"`, `"failed"`)
    -- @treturn jogg.pager tables with `id` (integer), `name`, `avatar_status`,
    -- `fail_msg`, `api_only`, `video_url`, `avatar_url`, `cover_url`
    -- @raise on misuse, at the caller's line
    custom_avatars = {
      topic = "Avatar", method = "GET", path = "/v2/avatars/custom",
      fields = common.OWN_AVATARS, data = true,
      list = { items = { "avatars" }, item = CUSTOM_AVATAR },
    },
    --- Lists your avatars made from photos:
    -- `GET /v2/avatars/photo_avatars`. (Avatar)
    -- @function Client:photo_avatars
    -- @tparam ?table fields as for custom_avatars
    -- @treturn jogg.pager tables with `id` (integer), `name`, `cover_url`,
    -- `status` (a number, unlike the filter: 0 processing, 1 completed, 2
    -- failed), `fail_msg`
    -- @raise on misuse, at the caller's line
    photo_avatars = {
      topic = "Avatar", method = "GET", path = "/v2/avatars/photo_avatars",
      fields = common.OWN_AVATARS, data = true,
      list = {
        items = { "avatars" }, item = PHOTO_AVATAR,
        states = common.AVATAR_STATES,
      },
    },
    --- Lists your avatars that hold a product:
    -- `GET /v2/avatars/product_avatars`. (Avatar)
    -- @function Client:product_avatars
    -- @tparam ?table fields `aspect_ratio` (`"portrait"`, `"landscape"`)
    -- @treturn jogg.pager tables with `avatar_id` (integer), `name`,
    -- `cover_url`, `avatar_url`, `status` (0 processing, 1 completed, 2
    -- failed), `fail_msg`, `aspect_ratio`, `gender`
    -- @raise on misuse, at the caller's line
    product_avatars = {
      topic = "Avatar", method = "GET", path = "/v2/avatars/product_avatars",
      fields = {
        aspect_ratio = {
          kind = "string",
          values = {
            portrait = "portrait", landscape = "landscape",
            ["9:16"] = "portrait", ["16:9"] = "landscape",
            [0] = "portrait", [1] = "landscape",
          },
        },
      },
      data = true,
      list = {
        items = { "product_avatars" }, item = PRODUCT_AVATAR,
        states = common.AVATAR_STATES,
      },
    },
    --- Generates photos for an avatar, usually four:
    -- `POST /v2/photo_avatar/photo/generate`. This call costs credits. (Avatar)
    -- @function Client:create_avatar_photo
    -- @tparam table fields `age` (`"Teenager"`, `"Young adult"`, `"Adult"`,
    -- `"Elderly"`); `avatar_style` (`"Professional"`, `"Social"`); `gender`
    -- (`"Female"`, `"Male"`); `model` (`"classic"`, `"modern"`);
    -- `aspect_ratio`; `ethnicity` (`"European"`, `"South Asian"`, ...),
    -- `background`, `appearance` (strings), `image_url`. jogg takes these
    -- words in lower case as well
    -- @treturn[1] table `photo_id` (string)
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    create_avatar_photo = {
      topic = "Avatar", method = "POST",
      path = "/v2/photo_avatar/photo/generate",
      costs = true, credits = { amount = 0.05, times = 4 },
      fields = {
        age = {
          kind = "string", required = true,
          values = common.capitalized("Teenager", "Young adult", "Adult",
            "Elderly"),
        },
        avatar_style = {
          kind = "string", required = true,
          values = common.capitalized("Professional", "Social"),
        },
        gender = {
          kind = "string", required = true,
          values = common.capitalized("Female", "Male"),
        },
        model = {
          kind = "string", required = true,
          values = words("classic", "modern"),
        },
        aspect_ratio = with(common.ASPECT_RATIO, { required = true }),
        ethnicity = {
          kind = "string",
          values = common.capitalized("European", "African", "South Asian",
            "East Asian", "Middle Eastern", "South American",
            "North American"),
        },
        background = common.STRING,
        appearance = common.STRING,
        image_url = { kind = "url", uploads = "image" },
      },
      data = true, result = { id = { "photo_id" } }, state = "avatar_photo",
    },
    --- Returns the state of an avatar's photos:
    -- `GET /v2/photo_avatar/photo`. (Avatar)
    -- @function Client:avatar_photo
    -- @tparam string photo_id that of create_avatar_photo
    -- @treturn[1] table the service's own fields: `photo_id`, `status`
    -- (`"in_progress"`, `"success"`, `"error"`), `image_url_list`,
    -- `image_key_list` (lists of strings), `msg`
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    avatar_photo = {
      topic = "Avatar", method = "GET", path = "/v2/photo_avatar/photo",
      polls = true,
      fields = { photo_id = with(common.ID, { aliases = { "id" } }) },
      argument = "photo_id",
      data = true,
      result = {
        id = { "photo_id" },
        status = { "status" },
        urls = { "image_url_list" },
        message = { "error.message", "error", "msg" },
      },
    },
    --- Turns a photo into an avatar: `POST /v2/photo_avatar/add_motion`.
    -- This call costs credits. (Avatar)
    -- @function Client:create_photo_motion
    -- @tparam table fields `image_url`, `name`, `voice_id`; `model` (`"1.0"`,
    -- `"2.0"`, `"2.0-Pro"`, `"3.0"`); `photo_id`, `description`, `welcome_msg`
    -- @treturn[1] table `motion_id` (string), `avatar_id` (integer), `status`
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    create_photo_motion = {
      topic = "Avatar", method = "POST", path = "/v2/photo_avatar/add_motion",
      costs = true,
      credits = { amount = 2, by = "model", amounts = { ["2.0-Pro"] = 3 } },
      fields = {
        image_url = { kind = "url", required = true, uploads = "image" },
        name = { kind = "string", required = true },
        voice_id = VOICE_ID,
        -- Names, sent as strings.
        model = {
          kind = "string", required = true,
          values = {
            ["1.0"] = "1.0", ["2.0"] = "2.0", ["3.0"] = "3.0",
            ["2.0-Pro"] = "2.0-Pro", ["2.0-pro"] = "2.0-Pro",
            [1] = "1.0", [2] = "2.0", [3] = "3.0",
          },
        },
        photo_id = common.STRING,
        description = common.STRING,
        welcome_msg = common.STRING,
      },
      data = true,
      result = {
        id = { "motion_id" }, avatar_id = { "avatar_id" },
        status = { "status" },
      },
      state = "photo_motion",
    },
    --- Returns the state of a photo avatar: `GET /v2/photo_avatar`. (Avatar)
    -- @function Client:photo_motion
    -- @tparam string motion_id that of create_photo_motion
    -- @treturn[1] table the service's own fields: `motion_id`, `avatar_id`
    -- (integer), `name`, `status`, `motion_preview_url`, `image_url`,
    -- `voice_id`, `error_msg`
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    photo_motion = {
      topic = "Avatar", method = "GET", path = "/v2/photo_avatar",
      polls = true, fields = { motion_id = MOTION_ID }, argument = "motion_id",
      data = true, result = MOTION,
    },
    --- Generates pictures of an avatar that holds a product:
    -- `POST /v2/product_avatar/generation`. This call costs credits. (Avatar)
    -- @function Client:create_product_avatar_batch
    -- @tparam table fields `product_image_url`; `avatar_source` (`{type="id",
    -- avatar_id=, avatar_type="public"|"photo"|"custom"}`, `{type="image",
    -- value=URL}` or `{type="description", value=}`); `quality` (`"low"`,
    -- `"medium"`, `"high"`); `aspect_ratio` (`"3:2"`, `"2:3"`, `"1:1"`);
    -- `num_images` (1 to 4); `prompt`, `webhook_url`
    -- @treturn[1] table `batch_id` (string), `total_submitted`, `generations`:
    -- a list of `generation_id`, `status`, `created_at`
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    create_product_avatar_batch = {
      topic = "Avatar", method = "POST",
      path = "/v2/product_avatar/generation",
      -- The price list names photo avatars only.
      costs = true, credits = { amount = 0.05, each = "num_images" },
      fields = {
        product_image_url = {
          kind = "url", required = true, uploads = "image",
        },
        avatar_source = {
          kind = "fields", required = true,
          fields = {
            type = {
              kind = "string", required = true,
              values = words("id", "image", "description"),
              needs = {
                id = { "avatar_id", "avatar_type" },
                image = "value", description = "value",
              },
            },
            value = {
              kind = "string", uploads = "image",
              uploads_when = { type = "image" },
            },
            avatar_id = common.INTEGER,
            -- A word here, a number in all other operations.
            avatar_type = {
              kind = "string", values = words("public", "photo", "custom"),
            },
          },
        },
        quality = {
          kind = "string", required = true,
          values = words("low", "medium", "high"),
        },
        aspect_ratio = {
          kind = "string", required = true,
          values = {
            ["3:2"] = "3:2", ["2:3"] = "2:3", ["1:1"] = "1:1",
            landscape = "3:2", portrait = "2:3", square = "1:1",
          },
        },
        num_images = {
          kind = "integer", required = true, minimum = 1, maximum = 4,
        },
        prompt = common.STRING,
        webhook_url = common.URL,
      },
      data = true,
      result = {
        id = { "batch_id" },
        parts = {
          items = { "generations" },
          item = { id = { "generation_id" }, status = { "status" } },
        },
      },
      state = "product_avatar_batch",
    },
    --- Returns the states of a product avatar's pictures:
    -- `GET /v2/product_avatar/generation/{batch_id}`. Each picture has its own
    -- `status`; the batch has none. (Avatar)
    -- @function Client:product_avatar_batch
    -- @tparam string batch_id that of create_product_avatar_batch
    -- @treturn[1] table the service's own fields: `batch_id`, `summary`
    -- (`total`, `pending`, `processing`, `completed`, `failed`),
    -- `generations`: a list of `generation_id`, `status`, `url`, `image_id`,
    -- `created_at`, `completed_at`
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    product_avatar_batch = {
      topic = "Avatar", method = "GET",
      path = "/v2/product_avatar/generation/{batch_id}", polls = true,
      fields = { batch_id = with(common.SEGMENT, { aliases = { "id" } }) },
      argument = "batch_id",
      data = true,
      result = {
        id = { "batch_id" },
        parts = {
          items = { "generations" },
          item = {
            id = { "generation_id" },
            status = { "status" },
            url = { "url" },
            created_at = { "created_at" },
            completed_at = { "completed_at" },
            message = common.MESSAGE,
          },
        },
      },
    },
    --- Turns a picture into a product avatar:
    -- `POST /v2/product_avatar/add_motion`. This call costs credits. (Avatar)
    -- @function Client:create_product_motion
    -- @tparam table fields `generation_id`, `name`, `voice_id`, `description`
    -- (strings); `model` (0, 1 or 2: a number here), `aspect_ratio`
    -- @treturn[1] table `motion_id` (string), `avatar_id` (integer), `name`
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    create_product_motion = {
      topic = "Avatar", method = "POST",
      path = "/v2/product_avatar/add_motion",
      -- The vendor does not say which model costs 2 and which 3.
      costs = true, credits = { amount = 3 },
      fields = {
        generation_id = common.ID,
        name = { kind = "string", required = true },
        voice_id = VOICE_ID,
        description = { kind = "string", required = true },
        model = { kind = "integer", minimum = 0, maximum = 2 },
        aspect_ratio = common.ASPECT_RATIO,
      },
      data = true,
      result = { id = { "motion_id" }, avatar_id = { "avatar_id" } },
      state = "product_motion",
    },
    --- Returns the state of a product avatar:
    -- `GET /v2/product_avatar`. (Avatar)
    -- @function Client:product_motion
    -- @tparam string motion_id that of create_product_motion
    -- @treturn[1] table as that of photo_motion
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    product_motion = {
      topic = "Avatar", method = "GET", path = "/v2/product_avatar",
      polls = true, fields = { motion_id = MOTION_ID }, argument = "motion_id",
      data = true, result = MOTION,
    },
  },
}
