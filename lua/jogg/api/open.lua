-- SPDX-License-Identifier: MIT

--- The `/open` generation of the service as data: no logic here.
--
-- One entry an operation; each becomes a method of the client. `fields` are
-- those of the body, or of the query of a GET (`jogg.check` has the kinds).
-- `argument` is the field that may be given alone instead of a table. `data`:
-- the answer has data; `aliases`: further names that jogg gives to its fields.
-- `slow_answer`: the service may be silent for long before it answers. `costs`:
-- it is paid for, and may be as slow. `repeatable`: sending it twice does no
-- harm.
-- `polls`: it asks for a state, which the service does not want often.
-- @module jogg.api.open

local languages = require "jogg.api.languages"

local MEDIA = {
  type = {
    kind = "integer", values = { [1] = 1, [2] = 2, image = 1, video = 2 },
  },
  name = { kind = "string" },
  url = { kind = "string" },
  description = { kind = "string" },
  preview_url = { kind = "string" },
  cover_url = { kind = "string" },
  w = { kind = "integer", minimum = 0 },
  h = { kind = "integer", minimum = 0 },
  duration = { kind = "integer", minimum = 0 },
  replace_key = { kind = "string" },
  clip_id = { kind = "integer" },
  clip_info = { kind = "object" },
}

-- What may be changed about a product, in update_product and in make_video.
local PRODUCT = {
  title = { kind = "string" },
  intro_text = { kind = "string" },
  target_audience = { kind = "string" },
  intro_medias = {
    kind = "list", item = { kind = "fields", fields = MEDIA },
  },
}

-- How a video is to be, in render_project and in make_video.
local VIDEO = {
  aspect_ratio = {
    kind = "integer",
    values = {
      [0] = 0, [1] = 1, [2] = 2,
      ["9:16"] = 0, ["16:9"] = 1, ["1:1"] = 2,
      portrait = 0, landscape = 1, square = 2,
    },
  },
  lang = {
    kind = "language", known = languages.open,
    elsewhere = { known = languages.v2, generation = "v2" },
  },
  render_subtitle = {
    kind = "integer", values = { [0] = 0, [1] = 1, [false] = 0, [true] = 1 },
  },
  avatar_id = { kind = "integer", minimum = 0 },
  template_name = { kind = "string" },
  template_type = { kind = "string" },
  index_template_name = { kind = "string" },
  script_style = { kind = "string" },
}

local PROJECT_ID = {
  kind = "string", required = true, filled = true, maximum = 4096,
  aliases = { "prj_id", "id" },
}

local function with(fields, more)
  local all = {}
  for name, field in pairs(fields) do
    all[name] = field
  end
  for name, field in pairs(more) do
    all[name] = field
  end
  return all
end

return {
  generation = "open",
  base_url = "https://api-services.jogg.ai",
  lists = { intro_medias = true }, -- an empty table is [] in these
  product = PRODUCT,
  video = VIDEO,
  operations = {
    --- Has the service read a product page: `POST /open/product`. The page is
    -- read while the call waits, up to `product_timeout`. Reading costs
    -- nothing, so the call is repeated like a GET.
    -- @function Client:create_product
    -- @tparam table fields `url`: the product page's address
    -- @treturn[1] table `id` (integer, also as `product_id`) and `prj_id`
    -- (string, also as `project_id`)
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    -- @usage local product = assert(client:create_product { url = "https://..." })
    create_product = {
      method = "POST", path = "/open/product",
      repeatable = true, slow_answer = true, reads_page = true,
      fields = { url = { kind = "url", required = true } },
      data = true,
      aliases = { product_id = "id", project_id = "prj_id" },
    },
    --- Changes what the service read: `PUT /open/product`. `intro_medias`
    -- replaces the whole list. Only what is given is sent.
    -- @function Client:update_product
    -- @tparam table fields `product_id` (the `id` of create_product), `title`,
    -- `intro_text`, `target_audience` (strings), `intro_medias` (list of
    -- `{type=1|2|"image"|"video", name=, url=, description=, ...}`)
    -- @treturn[1] boolean true
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    update_product = {
      method = "PUT", path = "/open/product",
      fields = with(PRODUCT, {
        product_id = { kind = "id", required = true, aliases = { "id" } },
      }),
    },
    --- Starts the video: `POST /open/project/render`. This is the call that
    -- costs. It is repeated only when it certainly had no effect: see
    -- `err.outcome`.
    -- @function Client:render_project
    -- @tparam table fields `project_id` (the `prj_id` of create_product), and
    -- the options of make_video that say how the video is to be
    -- @treturn[1] boolean true
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    render_project = {
      method = "POST", path = "/open/project/render", costs = true,
      fields = with(VIDEO, { project_id = PROJECT_ID }),
    },
    --- Asks for a project's state: `GET /open/prj_info`.
    -- @function Client:project_info
    -- @tparam string project_id the `prj_id` of create_product
    -- @treturn[1] table the service's own fields: `status` (1 not started, 2 in
    -- queue, 3 in progress, 4 success, 5 failure, 99 deleted), `progress`,
    -- `video_url`, `video_duration`, `cover_url`, `err_msg`, ...
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    project_info = {
      method = "GET", path = "/open/prj_info", polls = true, data = true,
      fields = { project_id = PROJECT_ID }, argument = "project_id",
    },
  },
}
