-- SPDX-License-Identifier: MIT

--- Every call of the service as data: no logic here.
--
-- One entry an operation: method, path, the fields of its body or query (see
-- @{jogg.options} for the kinds), and which fields are lists. `patient` marks
-- the call during which the service reads the product page before it answers;
-- `costs` the one that starts a video; `data` those whose answer has data.
-- @module jogg.operations

local MEDIA = {
  type = {
    kind = "integer", values = { [1] = 1, [2] = 2, image = 1, video = 2 },
  },
  name = { kind = "text" },
  url = { kind = "text" },
  description = { kind = "text" },
  preview_url = { kind = "text" },
  cover_url = { kind = "text" },
  w = { kind = "integer", minimum = 0 },
  h = { kind = "integer", minimum = 0 },
  duration = { kind = "integer", minimum = 0 },
  replace_key = { kind = "text" },
  clip_id = { kind = "integer" },
  clip_info = { kind = "object" },
}

-- What may be changed about a product, in update_product and in make_video.
local PRODUCT = {
  title = { kind = "text" },
  intro_text = { kind = "text" },
  target_audience = { kind = "text" },
  intro_medias = { kind = "list", item = MEDIA },
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
  lang = { kind = "text" },
  render_subtitle = {
    kind = "integer", values = { [0] = 0, [1] = 1, [false] = 0, [true] = 1 },
  },
  avatar_id = { kind = "integer", minimum = 0 },
  template_name = { kind = "text" },
  template_type = { kind = "text" },
  index_template_name = { kind = "text" },
  script_style = { kind = "text" },
}

local PROJECT_ID = {
  kind = "text", required = true, filled = true, maximum = 4096,
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
  PROJECT_ID = PROJECT_ID,
  open = {
    base_url = "https://api-services.jogg.ai",
    product = PRODUCT,
    video = VIDEO,
    -- POST /open/product: reads a product page
    create_product = {
      name = "create_product", method = "POST", path = "/open/product",
      patient = true, data = true,
      fields = { url = { kind = "url", required = true } },
    },
    -- PUT /open/product: changes what was read
    update_product = {
      name = "update_product", method = "PUT", path = "/open/product",
      fields = with(PRODUCT, { product_id = { kind = "id", required = true } }),
      lists = { intro_medias = true },
    },
    -- POST /open/project/render: starts the video; this is what costs
    render_project = {
      name = "render_project", method = "POST", path = "/open/project/render",
      costs = true,
      fields = with(VIDEO, {
        project_id = PROJECT_ID,
      }),
    },
    -- GET /open/prj_info: status and result
    project_info = {
      name = "project_info", method = "GET", path = "/open/prj_info",
      data = true,
    },
  },
}
