-- SPDX-License-Identifier: MIT

--- Generation v2: videos of avatars and templates, lip sync, translation.
-- @submodule jogg.api.v2

local common = require "jogg.api.v2.common"

local with = common.with

local VIDEO_URL = { kind = "url", required = true, uploads = "video" }

-- The value of a template's variable. `content` is the text, or the URL of an
-- image or a video.
local VARIABLE = {
  type = {
    kind = "string", required = true,
    values = common.words("text", "image", "video", "script"),
    needs = { text = "properties.content", script = "properties.content" },
  },
  name = { kind = "string", required = true },
  properties = {
    kind = "fields", required = true,
    fields = {
      content = common.STRING,
      url = { kind = "url", uploads = "media" },
      asset_id = common.INTEGER,
    },
  },
}

return {
  operations = {
    --- Starts a video of an avatar that speaks a script or an audio file:
    -- `POST /v2/create_video_from_avatar`. This call costs credits. (Video)
    -- @function Client:create_avatar_video
    -- @tparam table fields `avatar` (`{avatar_id=,
    -- avatar_type=0|1|"public"|"custom"}`); `voice` (`{type="script", script=,
    -- voice_id=}` or `{type="audio", audio_url=, voice_id=}`); `aspect_ratio`;
    -- `screen_style` (1, 2 or 3; the vendor's pages disagree on the meaning of
    -- 2 and 3); `caption` (boolean), `video_name`, `webhook_url`
    -- @treturn[1] table `video_id` (string)
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    create_avatar_video = {
      topic = "Video", method = "POST", path = "/v2/create_video_from_avatar",
      costs = true, credits = common.VIDEO_PRICE,
      fields = {
        avatar = {
          kind = "fields", required = true,
          fields = {
            avatar_id = {
              kind = "integer", required = true, aliases = { "id" },
              found_in = "client:avatars {}",
            },
            avatar_type = with(common.AVATAR_TYPE, {
              required = true, aliases = { "type" },
            }),
          },
        },
        voice = {
          kind = "fields", required = true,
          fields = {
            type = {
              kind = "string", required = true,
              values = common.words("script", "audio"),
              needs = { script = "script", audio = "audio_url" },
            },
            voice_id = {
              kind = "string", required = true, aliases = { "id" },
              found_in = "client:voices {}",
            },
            script = common.STRING,
            audio_url = { kind = "url", uploads = "audio" },
          },
        },
        aspect_ratio = with(common.ASPECT_RATIO, { required = true }),
        screen_style = {
          kind = "integer", required = true,
          values = { [1] = 1, [2] = 2, [3] = 3 },
        },
        caption = common.BOOLEAN,
        video_name = common.STRING,
        webhook_url = common.URL,
      },
      data = true, result = { id = common.VIDEO_ID, status = { "status" } },
      state = "avatar_video",
    },
    --- Returns the state of an avatar's video: `GET /v2/avatar_video/{id}`.
    -- (Video)
    -- @function Client:avatar_video
    -- @tparam string id the `video_id` of create_avatar_video
    -- @treturn[1] table the service's own fields: `video_id`, `status`,
    -- `video_url`, `cover_url`, `created_at` (Unix time)
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    avatar_video = {
      topic = "Video", method = "GET", path = "/v2/avatar_video/{id}",
      polls = true,
      fields = { id = with(common.SEGMENT, { aliases = { "video_id" } }) },
      argument = "id",
      data = true,
      result = {
        id = { "video_id", "id" },
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
    --- Starts a video of a template: `POST /v2/create_video_with_template`.
    -- This call costs credits. (Video)
    -- @function Client:create_template_video
    -- @tparam table fields `template_id` (integer); `voice_language`;
    -- `variables`, a list of `{type="text"|"script"|"image"|"video", name=,
    -- properties={content=}|{url=}}`; `avatar_id`, `avatar_type`, `voice_id`,
    -- `captions_enabled` (boolean), `background_music_id`, `video_name`,
    -- `webhook_url`; the booleans `disable_trans`, `disable_random_trans`,
    -- `disable_moving`, `disable_random_moving`
    -- @treturn[1] table `video_id` (string)
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    create_template_video = {
      topic = "Video", method = "POST", path = "/v2/create_video_with_template",
      costs = true, credits = common.VIDEO_PRICE,
      fields = {
        template_id = {
          kind = "integer", required = true, found_in = "client:templates {}",
        },
        voice_language = with(common.LANGUAGE, {
          required = true, aliases = { "lang", "language" },
        }),
        variables = {
          kind = "list", required = true,
          item = { kind = "fields", fields = VARIABLE },
        },
        avatar_id = common.INTEGER,
        avatar_type = common.AVATAR_TYPE,
        voice_id = common.STRING,
        captions_enabled = { kind = "boolean", aliases = { "caption" } },
        background_music_id = { kind = "integer", aliases = { "music_id" } },
        video_name = common.STRING,
        webhook_url = common.URL,
        disable_trans = common.BOOLEAN,
        disable_random_trans = common.BOOLEAN,
        disable_moving = common.BOOLEAN,
        disable_random_moving = common.BOOLEAN,
      },
      data = true, result = { id = common.VIDEO_ID, status = { "status" } },
      state = "template_video", state_list = "template_videos",
      attempt_name = "video_name",
    },
    --- Returns the state of a template's video:
    -- `GET /v2/template_video/{video_id}`. (Video)
    -- @function Client:template_video
    -- @tparam string video_id the `video_id` of create_template_video
    -- @treturn[1] table the service's own fields: `video_id`, `status`,
    -- `created_at`, `completed_at` (Unix time), and a second `data` with
    -- `video_name`, `url`, `cover_url`, `duration_seconds`, `deducted_credit`
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    template_video = {
      topic = "Video", method = "GET", path = "/v2/template_video/{video_id}",
      polls = true,
      fields = { video_id = with(common.SEGMENT, { aliases = { "id" } }) },
      argument = "video_id",
      data = true,
      result = {
        id = { "video_id" },
        title = { "data.video_name", "video_name" },
        status = { "status" },
        url = { "data.url", "data.video_url", "video_url", "url" },
        cover_url = { "data.cover_url", "cover_url" },
        duration = {
          "data.duration_seconds", "duration_seconds", "duration",
        },
        credit = { "data.deducted_credit", "deducted_credit" },
        created_at = { "created_at" },
        completed_at = { "completed_at" },
        message = common.MESSAGE,
        code = common.CODE,
      },
    },
    --- Lists videos of templates: `GET /v2/template_videos`. (Video)
    -- @function Client:template_videos
    -- @tparam ?table fields as for product_videos
    -- @treturn jogg.pager tables with `video_id`, `video_name`, `status`,
    -- `url`, `cover_url`, `duration_seconds`, `created_at`, of a failure
    -- `error`
    -- @raise on misuse, at the caller's line
    template_videos = {
      topic = "Video", method = "GET", path = "/v2/template_videos",
      polls = true, fields = common.VIDEOS, data = true,
      list = {
        items = { "data", "videos" },
        total = { "pagination.total_items", "total" },
        item = {
          id = { "video_id" },
          title = { "video_name" },
          status = { "status" },
          url = { "url", "video_url" },
          cover_url = { "cover_url" },
          duration = { "duration_seconds" },
          created_at = { "created_at" },
          message = common.MESSAGE,
          code = common.CODE,
        },
      },
    },
    --- Starts a lip sync of a video to an audio file:
    -- `POST /v2/create_lip_sync_video`. This call costs credits. (Video)
    -- @function Client:create_lip_sync
    -- @tparam table fields `video_url`, `audio_url`; `playback_type`, for a
    -- video shorter than the audio: `"normal"`, `"normal_reverse"`,
    -- `"normal_reverse_by_audio"`
    -- @treturn[1] table `task_id` (string), `status`
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    create_lip_sync = {
      topic = "Video", method = "POST", path = "/v2/create_lip_sync_video",
      costs = true, credits = { amount = 1, per = 125 },
      fields = {
        video_url = VIDEO_URL,
        audio_url = { kind = "url", required = true, uploads = "audio" },
        playback_type = {
          kind = "string",
          values = common.words("normal", "normal_reverse",
            "normal_reverse_by_audio"),
        },
      },
      data = true, result = { id = { "task_id" }, status = { "status" } },
      state = "lip_sync",
    },
    --- Returns the state of a lip sync: `GET /v2/lip_sync_video/{task_id}`.
    -- (Video)
    -- @function Client:lip_sync
    -- @tparam string task_id the `task_id` of create_lip_sync
    -- @treturn[1] table the service's own fields: `task_id`, `status`,
    -- `created_at`, `completed_at` (Unix time), `data` (`result_url`,
    -- `cover_url`, `duration_seconds`), `error` (`message`)
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    lip_sync = {
      topic = "Video", method = "GET", path = "/v2/lip_sync_video/{task_id}",
      polls = true,
      fields = { task_id = with(common.SEGMENT, { aliases = { "id" } }) },
      argument = "task_id",
      data = true,
      result = {
        id = { "task_id" },
        status = { "status" },
        url = { "data.result_url", "result_url" },
        cover_url = { "data.cover_url", "cover_url" },
        duration = { "data.duration_seconds", "duration_seconds" },
        created_at = { "created_at" },
        completed_at = { "completed_at" },
        message = common.MESSAGE,
      },
    },
    --- Starts translating a video: `POST /v2/video_translate/`. This call costs
    -- credits. (Video)
    -- @function Client:create_translation
    -- @tparam table fields `video_url`; `output_language`, one of
    -- target_languages; `output_voice` (a voice's id), `title`; `add_subtitles`
    -- (default true), `translate_audio_only`, `enable_dynamic_duration`
    -- (booleans); `callback_url`
    -- @treturn[1] table `video_translate_id` (string)
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    create_translation = {
      -- The trailing slash belongs to the path.
      topic = "Video", method = "POST", path = "/v2/video_translate/",
      costs = true, credits = { amount = 0.5, per = 20 },
      fields = {
        video_url = VIDEO_URL,
        -- Translation has its own languages: see target_languages.
        output_language = {
          kind = "string", required = true, filled = true,
          aliases = { "target_language", "language", "lang" },
        },
        output_voice = { kind = "string", aliases = { "voice_id" } },
        title = common.STRING,
        add_subtitles = {
          kind = "boolean", aliases = { "enable_subtitles", "caption" },
        },
        translate_audio_only = common.BOOLEAN,
        enable_dynamic_duration = common.BOOLEAN,
        callback_url = { kind = "url", aliases = { "webhook_url" } },
      },
      data = true, result = { id = { "video_translate_id" } },
      state = "translation",
    },
    --- Returns the state of a translation:
    -- `GET /v2/video_translate/{video_translate_id}`. (Video)
    -- @function Client:translation
    -- @tparam string video_translate_id that of create_translation
    -- @treturn[1] table the service's own fields: `video_translate_id`,
    -- `title`, `status`, `url`, `subtitle_url`
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    translation = {
      topic = "Video", method = "GET",
      path = "/v2/video_translate/{video_translate_id}", polls = true,
      fields = {
        video_translate_id = with(common.SEGMENT, { aliases = { "id" } }),
      },
      argument = "video_translate_id",
      data = true,
      result = {
        id = { "video_translate_id" },
        title = { "title" },
        status = { "status" },
        url = { "url", "video_url" },
        subtitle_url = { "subtitle_url" },
        message = common.MESSAGE,
        code = common.CODE,
      },
    },
    --- Lists the target languages of translations:
    -- `GET /v2/video_translate/target_languages`. (Video)
    -- @function Client:target_languages
    -- @treturn jogg.pager strings
    -- @raise on misuse, at the caller's line
    target_languages = {
      topic = "Video", method = "GET",
      path = "/v2/video_translate/target_languages", fields = {}, data = true,
      list = { items = { "languages" } },
    },
  },
}
