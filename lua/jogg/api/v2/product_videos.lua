-- SPDX-License-Identifier: MIT

--- Generation v2: products, and videos of products.
-- @submodule jogg.api.v2

local common = require "jogg.api.v2.common"

local with = common.with

-- A product, in create_product, update_product and make_video. The aliases are
-- the names that generation open has.
local PRODUCT = {
  name = { kind = "string", aliases = { "title" } },
  description = { kind = "string", aliases = { "intro_text" } },
  target_audience = { kind = "string" },
  media = with(common.MEDIA, { aliases = { "intro_medias" } }),
}

local SPEC = {
  length = with(common.LENGTH, { required = true }),
  aspect_ratio = common.ASPECT_RATIO,
  caption = common.BOOLEAN,
  name = common.STRING,
}

local STYLE = { kind = "string", filled = true }

-- The body of create_product_video and create_product_previews, but for the
-- visual styles.
local VIDEO = {
  product_id = common.ID,
  video_spec = { kind = "fields", required = true, fields = SPEC },
  avatar = {
    kind = "fields", required = true,
    fields = {
      id = {
        kind = "integer", required = true, aliases = { "avatar_id" },
        found_in = "client:avatars {}",
      },
      type = with(common.AVATAR_TYPE, { aliases = { "avatar_type" } }),
    },
  },
  voice = {
    kind = "fields", always = true,
    fields = { id = { kind = "string", aliases = { "voice_id" } } },
  },
  audio = {
    kind = "fields", always = true,
    fields = { music_id = { kind = "integer", minimum = 0 } },
  },
  script = {
    kind = "fields", required = true,
    fields = {
      style = with(STYLE, { required = true, aliases = { "script_style" } }),
      language = with(common.LANGUAGE, {
        required = true, aliases = { "lang" },
      }),
    },
  },
  override_script = common.STRING,
  webhook_url = common.URL,
}

local VISUAL_STYLES = {
  kind = "list", item = { kind = "string", filled = true },
}

local PRICE = with(common.VIDEO_PRICE, { length = "video_spec.length" })

-- The options of make_video. `to` is the option's path in the body of
-- create_product_video. A `needed` option must be given when a job starts: the
-- text says where to find its value. The service requires a value where there is a `default`.
local MAKE = {
  lang = with(common.LANGUAGE, {
    to = "script.language", default = "english", aliases = { "language" },
  }),
  script_style = with(STYLE, { to = "script.style", default = "Storytime" }),
  length = with(common.LENGTH, { to = "video_spec.length", default = "30" }),
  aspect_ratio = with(common.ASPECT_RATIO, { to = "video_spec.aspect_ratio" }),
  render_subtitle = {
    kind = "boolean", to = "video_spec.caption", aliases = { "caption" },
    values = { [0] = false, [1] = true, [false] = false, [true] = true },
  },
  video_name = { kind = "string", to = "video_spec.name" },
  avatar_id = {
    kind = "integer", to = "avatar.id", needed = true,
    found_in = "client:avatars {}",
  },
  avatar_type = with(common.AVATAR_TYPE, { to = "avatar.type" }),
  voice_id = { kind = "string", to = "voice.id" },
  music_id = { kind = "integer", minimum = 0, to = "audio.music_id" },
  visual_style = with(STYLE, { to = "visual_style" }),
  visual_styles = with(VISUAL_STYLES, { to = "visual_styles" }),
  override_script = { kind = "string", to = "override_script" },
  webhook_url = { kind = "url", to = "webhook_url" },
}

local STARTED = { id = common.VIDEO_ID, status = { "status" } }

local STARTED_ALIASES = {
  video_id = "product_video_id", product_video_id = "video_id",
}

-- An item of a list of videos or previews.
local ITEM = {
  id = { "id" },
  title = { "title" },
  status = { "status" },
  url = { "video_url" },
  cover_url = { "cover_url" },
  duration = { "video_duration", "duration" },
  created_at = { "created_at" },
  message = common.MESSAGE,
}

return {
  product = PRODUCT,
  video = MAKE,
  operations = {
    --- Creates a product from a page, or from your own description:
    -- `POST /v2/product`. The service reads the page while the call waits, up
    -- to `product_timeout`. This is free, so jogg repeats the call like a GET.
    -- (Product)
    -- @function Client:create_product
    -- @tparam table fields `url`, the product page's address, or `name`;
    -- `description`, `target_audience` (strings), `media` (list of
    -- `{type=1|2|"image"|"video", name=, url=, description=}`). According to
    -- the previous generation's guide, `url` makes the service ignore the rest,
    -- and without `url` it needs `description` and `media` too
    -- @treturn[1] table `product_id` (string, also as `id`), `url`, `name`,
    -- `description`, `target_audience`, `media`
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    -- @usage local product = assert(client:create_product { url = "https://..." })
    create_product = {
      topic = "Product", method = "POST", path = "/v2/product",
      repeatable = true, slow_answer = true, reads_page = true,
      fields = with(PRODUCT, {
        url = { kind = "url", required_without = "name" },
      }),
      data = true, aliases = { id = "product_id" },
      result = { id = { "product_id" } },
    },
    --- Changes a product: `PUT /v2/product`. `media` replaces the whole list.
    -- jogg sends only the fields you give. (Product)
    -- @function Client:update_product
    -- @tparam table fields `product_id`; `name`, `description`,
    -- `target_audience` (strings), `media` as for create_product
    -- @treturn[1] boolean true
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    update_product = {
      topic = "Product", method = "PUT", path = "/v2/product",
      fields = with(PRODUCT, {
        product_id = with(common.ID, { aliases = { "id" } }),
      }),
    },
    --- Starts a video of a product: `POST /v2/create_video_from_product`. This
    -- call costs credits. It is repeated only when it certainly had no effect:
    -- see `err.outcome`. (Video)
    -- @function Client:create_product_video
    -- @tparam table fields `product_id`; `video_spec` (`{length=15|30|60,
    -- aspect_ratio=, caption=true|false, name=}`, where `length` is a hint to
    -- the service); `avatar` (`{id=, type=0|1|"public"|"custom"}`); `script`
    -- (`{style=, language=}`); `voice` (`{id=}`), `audio` (`{music_id=}`),
    -- `visual_style` (a name, see visual_styles), `webhook_url`;
    -- `override_script`, which the live service accepts but ignores
    -- @treturn[1] table `video_id` (string, also as `product_video_id`),
    -- `status`
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    create_product_video = {
      topic = "Video", method = "POST", path = "/v2/create_video_from_product",
      costs = true, credits = PRICE,
      fields = with(VIDEO, { visual_style = STYLE }),
      data = true, aliases = STARTED_ALIASES, result = STARTED,
      state = "product_video", state_list = "product_videos",
      attempt_name = "video_spec.name",
    },
    --- Starts a preview for each visual style:
    -- `POST /v2/create_video_from_product/preview_list`. This call costs
    -- credits. Some previews may fail while others succeed. (Video)
    -- @function Client:create_product_previews
    -- @tparam table fields `visual_styles`, a list of names; all others as for
    -- create_product_video
    -- @treturn[1] table `previews`: a list of `visual_style` with `preview_id`
    -- or with `err_msg`
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    create_product_previews = {
      topic = "Video", method = "POST",
      path = "/v2/create_video_from_product/preview_list",
      costs = true,
      credits = {
        amount = 0.5, per = 120, length = "video_spec.length",
        each = "visual_styles",
      },
      fields = with(VIDEO, {
        visual_styles = with(VISUAL_STYLES, { required = true }),
      }),
      data = true,
      result = {
        id = { "preview_list_id" },
        parts = {
          items = { "previews" },
          item = {
            id = { "preview_id" },
            title = { "visual_style" },
            status = { "status" },
            message = common.MESSAGE,
          },
        },
      },
      state_list = "product_previews", attempt_name = "video_spec.name",
    },
    --- Starts the video of a preview:
    -- `POST /v2/create_video_from_product/render_single_preview`. This call
    -- costs credits. (Video)
    -- @function Client:render_preview
    -- @tparam string preview_id one of create_product_previews
    -- @treturn[1] table `video_id` (string, also as `product_video_id`),
    -- `status`
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    render_preview = {
      topic = "Video", method = "POST",
      path = "/v2/create_video_from_product/render_single_preview",
      costs = true, credits = common.VIDEO_PRICE,
      fields = { preview_id = with(common.ID, { aliases = { "id" } }) },
      argument = "preview_id",
      data = true, aliases = STARTED_ALIASES, result = STARTED,
      state = "product_video", state_list = "product_videos",
    },
    --- Returns the state of a product's video:
    -- `GET /v2/product_video/{product_video_id}`. (Video)
    -- @function Client:product_video
    -- @tparam string product_video_id the `video_id` of create_product_video
    -- or render_preview
    -- @treturn[1] table the service's own fields: `status`, `video_url`,
    -- `cover_url`, `title`, `created_at` (Unix time), `deducted_credit`; a
    -- failed video may have `error`
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    product_video = {
      topic = "Video", method = "GET",
      path = "/v2/product_video/{product_video_id}", polls = true,
      fields = {
        product_video_id = with(common.SEGMENT, {
          aliases = { "video_id", "id" },
        }),
      },
      argument = "product_video_id",
      data = true,
      result = {
        id = { "id", "video_id", "product_video_id" },
        title = { "title" },
        status = { "status" },
        url = { "video_url" },
        cover_url = { "cover_url" },
        duration = { "duration", "video_duration" },
        credit = { "deducted_credit" },
        created_at = { "created_at" },
        message = common.MESSAGE,
        code = common.CODE,
      },
    },
    --- Lists videos of products: `GET /v2/product_videos`. (Video)
    -- @function Client:product_videos
    -- @tparam ?table fields `page` (from 1), `page_size` (1 to 100), `status`
    -- (3, 4, 5 or `"processing"`, `"completed"`, `"failed"`), `sort_by`,
    -- `sort_order` (`"asc"` or `"desc"`)
    -- @treturn jogg.pager tables with `id`, `title`, `status`, `video_url`,
    -- `cover_url`, `video_duration`, `created_at`
    -- @raise on misuse, at the caller's line
    product_videos = {
      topic = "Video", method = "GET", path = "/v2/product_videos",
      polls = true, fields = common.VIDEOS, data = true,
      list = { items = { "videos" }, total = { "total" }, item = ITEM },
    },
    --- Lists previews of products: `GET /v2/product_previews`. The vendor does
    -- not say whether an item's `id` is a `preview_id`. (Video)
    -- @function Client:product_previews
    -- @tparam ?table fields as for product_videos
    -- @treturn jogg.pager items like those of product_videos
    -- @raise on misuse, at the caller's line
    product_previews = {
      topic = "Video", method = "GET", path = "/v2/product_previews",
      polls = true, fields = common.VIDEOS, data = true,
      list = { items = { "previews" }, total = { "total" }, item = ITEM },
    },
  },
}
