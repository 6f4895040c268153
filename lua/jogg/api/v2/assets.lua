-- SPDX-License-Identifier: MIT

--- Generation v2: uploads, music, styles, scripts, templates, voices.
-- @submodule jogg.api.v2

local common = require "jogg.api.v2.common"

local with = common.with

local BY_ASPECT_RATIO = { aspect_ratio = common.ASPECT_RATIO }

local TEMPLATES = {
  items = { "templates" },
  item = {
    id = { "id" },
    title = { "name" },
    url = { "preview_url" },
    cover_url = { "cover_url" },
  },
}

local VOICE = {
  id = { "voice_id" },
  title = { "name" },
  url = { "audio_url" },
}

return {
  operations = {
    --- Requests a signed upload URL: `POST /v2/upload/asset`. Then PUT the
    -- bytes to `sign_url`, with the same content type and without the key.
    -- (Asset)
    -- @function Client:sign_upload
    -- @tparam table fields `filename`, `content_type` (strings), `file_size`
    -- (bytes)
    -- @treturn[1] table `sign_url`, `asset_url` (the URL of the uploaded file)
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    sign_upload = {
      topic = "Asset", method = "POST", path = "/v2/upload/asset",
      repeatable = true,
      fields = {
        filename = { kind = "string", required = true, filled = true },
        content_type = { kind = "string", required = true, filled = true },
        file_size = { kind = "integer", minimum = 1 },
      },
      data = true,
      result = { url = { "asset_url" }, sign_url = { "sign_url" } },
    },
    --- Lists background music: `GET /v2/musics`. (Asset)
    -- @function Client:musics
    -- @tparam ?table fields `page` (from 1), `page_size` (1 to 100)
    -- @treturn jogg.pager tables with `id` (integer), `name`, `music_url`,
    -- `duration` (seconds)
    -- @raise on misuse, at the caller's line
    musics = {
      topic = "Asset", method = "GET", path = "/v2/musics",
      fields = common.PAGES, data = true,
      list = {
        items = { "music", "musics" },
        total = { "pagination.total_items", "total" },
        item = {
          id = { "id" },
          title = { "name" },
          url = { "music_url" },
          duration = { "duration" },
        },
      },
    },
    --- Lists visual styles: `GET /v2/visual_styles`. Other calls take a style's
    -- name, not its id. (Asset)
    -- @function Client:visual_styles
    -- @tparam ?table fields `aspect_ratio`
    -- @treturn jogg.pager tables with `id` (integer), `name`
    -- @raise on misuse, at the caller's line
    visual_styles = {
      topic = "Asset", method = "GET", path = "/v2/visual_styles",
      fields = BY_ASPECT_RATIO, data = true,
      list = {
        items = { "visual_styles" },
        item = { id = { "id" }, title = { "name" } },
      },
    },
    --- Generates a script: `POST /v2/ai_scripts`. This call costs credits.
    -- (Asset)
    -- @function Client:create_script
    -- @tparam table fields `language`; `video_length_seconds` (15, 30 or 60);
    -- `script_style` (`"Storytime"`, `"Discovery"`, `"Data"`, ...);
    -- `product_info` (`{source_type="id", data={id=}}` or
    -- `{source_type="details", data={name=, description=}}`); `target_audience`
    -- @treturn[1] table `task_id` (string)
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    create_script = {
      topic = "Asset", method = "POST", path = "/v2/ai_scripts",
      costs = true, credits = { amount = 0.2 },
      fields = {
        language = with(common.LANGUAGE, {
          required = true, aliases = { "lang" },
        }),
        video_length_seconds = with(common.LENGTH, {
          required = true, aliases = { "length" },
        }),
        script_style = {
          kind = "string", required = true, filled = true,
          aliases = { "style" },
        },
        product_info = {
          kind = "fields", required = true,
          fields = {
            source_type = {
              kind = "string", required = true,
              values = common.words("id", "details"),
              needs = {
                id = "data.id",
                details = { "data.name", "data.description" },
              },
            },
            data = {
              kind = "fields", required = true,
              fields = {
                id = { kind = "string", aliases = { "product_id" } },
                name = common.STRING,
                description = common.STRING,
              },
            },
          },
        },
        target_audience = common.STRING,
      },
      data = true, result = { id = { "task_id" } }, state = "script",
    },
    --- Returns the state of a script: `GET /v2/ai_scripts/results/{task_id}`.
    -- (Asset)
    -- @function Client:script
    -- @tparam string task_id that of create_script
    -- @treturn[1] table the service's own fields: `task_id`, `status`,
    -- `data.generated_scripts` (a list of `script_style`, `script_paragraphs`),
    -- `err_msg`
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    script = {
      topic = "Asset", method = "GET",
      path = "/v2/ai_scripts/results/{task_id}",
      polls = true,
      fields = { task_id = with(common.SEGMENT, { aliases = { "id" } }) },
      argument = "task_id",
      data = true,
      result = {
        id = { "task_id" },
        status = { "status" },
        parts = {
          items = { "data.generated_scripts", "scripts" },
          item = {
            title = { "script_style" },
            paragraphs = { "script_paragraphs" },
          },
        },
        message = common.MESSAGE,
      },
    },
    --- Lists the service's templates: `GET /v2/templates`. (Template)
    -- @function Client:templates
    -- @tparam ?table fields `aspect_ratio`
    -- @treturn jogg.pager tables with `id` (integer), `name`, `cover_url`,
    -- `preview_url`, `aspect_ratio` (0 portrait, 1 landscape, 2 square)
    -- @raise on misuse, at the caller's line
    templates = {
      topic = "Template", method = "GET", path = "/v2/templates",
      fields = BY_ASPECT_RATIO, data = true, list = TEMPLATES,
    },
    --- Lists your own templates: `GET /v2/templates/custom`. (Template)
    -- @function Client:custom_templates
    -- @tparam ?table fields `aspect_ratio`
    -- @treturn jogg.pager items like those of templates
    -- @raise on misuse, at the caller's line
    custom_templates = {
      topic = "Template", method = "GET", path = "/v2/templates/custom",
      fields = BY_ASPECT_RATIO, data = true, list = TEMPLATES,
    },
    --- Returns one of your templates with its variables:
    -- `GET /v2/template/custom/{id}`. (Template)
    -- @function Client:custom_template
    -- @tparam integer id that of custom_templates
    -- @treturn[1] table `template_id` (integer), `name`, `cover_url`,
    -- `preview_url`, `aspect_ratio`, `variables`: a list of `type`, `name`
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    custom_template = {
      topic = "Template", method = "GET", path = "/v2/template/custom/{id}",
      fields = {
        id = {
          kind = "integer", required = true, minimum = 1,
          aliases = { "template_id" },
        },
      },
      argument = "id",
      data = true,
      result = {
        id = { "template_id", "id" },
        title = { "name" },
        url = { "preview_url" },
        cover_url = { "cover_url" },
        parts = { items = { "variables" }, item = { title = { "name" } } },
      },
    },
    --- Lists the service's voices: `GET /v2/voices`. (Voice)
    -- @function Client:voices
    -- @tparam ?table fields `page` (from 1), `page_size` (1 to 100), `gender`
    -- (`"female"`, `"male"`), `language` (a name such as `"english"`), `age`
    -- (`"young"`, `"middle_aged"`, `"old"`), `use_case`
    -- @treturn jogg.pager tables with `voice_id` (string), `name`,
    -- `audio_url`, `language`, `gender`, `age`, `accent`, `use_case`
    -- @raise on misuse, at the caller's line
    voices = {
      topic = "Voice", method = "GET", path = "/v2/voices",
      fields = with(common.PAGES, {
        gender = common.GENDER,
        language = with(common.LANGUAGE, { aliases = { "lang" } }),
        age = {
          kind = "string",
          values = common.words("young", "middle_aged", "old"),
        },
        use_case = common.STRING,
      }),
      data = true, list = { items = { "voices" }, item = VOICE },
    },
    --- Lists your own voices: `GET /v2/voices/custom`. (Voice)
    -- @function Client:custom_voices
    -- @tparam ?table fields `language`
    -- @treturn jogg.pager tables with `voice_id` (string), `name`,
    -- `audio_url`, `language` (which may be empty)
    -- @raise on misuse, at the caller's line
    custom_voices = {
      topic = "Voice", method = "GET", path = "/v2/voices/custom",
      fields = { language = with(common.LANGUAGE, { aliases = { "lang" } }) },
      data = true,
      list = { items = { "voices" }, total = { "total" }, item = VOICE },
    },
  },
}
