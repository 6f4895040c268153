-- SPDX-License-Identifier: MIT
--
-- The bodies of the service's calls and the sandbox's own records as data,
-- and the one function that checks a body against them. Unknown fields are let through: the service
-- documents no refusal.

local json = require "json"

local fields = {}

local text = { type = "string" }
local integer = { type = "integer" }

local MEDIA = {
  type = { type = "integer", from = 1, to = 2 },
  name = text, url = text, description = text, preview_url = text,
  cover_url = text, replace_key = text,
  w = integer, h = integer, duration = integer, clip_id = integer,
  clip_info = { type = "object", null = true },
}

fields.product = { url = { type = "string", required = true, filled = true } }

fields.update = {
  product_id = { type = "integer", required = true },
  title = text, intro_text = text, target_audience = text,
  intro_medias = { type = "array", items = MEDIA },
}

fields.render = {
  project_id = { type = "string", required = true, filled = true },
  aspect_ratio = { type = "integer", from = 0, to = 2 },
  lang = { type = "string", filled = true },
  render_subtitle = { type = "integer", from = 0, to = 1 },
  avatar_id = integer,
  template_name = text, template_type = text, index_template_name = text,
  script_style = text,
}

-- What is stored of a project: projects.lua's own.
local needed_text = { type = "string", required = true }
local needed_integer = { type = "integer", required = true }

fields.project = {
  id = needed_text, product_id = needed_integer, owner = needed_text,
  url = needed_text, title = needed_text, intro_text = needed_text,
  price = text, target_audience = needed_text,
  medias = { type = "array", items = MEDIA, required = true },
  status = needed_integer, renders = needed_integer,
  created_at = needed_integer, updated_at = needed_integer,
  options = { type = "object", required = true, fields = {
    aspect_ratio = fields.render.aspect_ratio, render_subtitle = integer,
    avatar_id = integer, template_type = text,
  } },
  err_msg = needed_text, video_duration = needed_integer,
  cover = { type = "boolean" },
}

local ARTICLES = {
  string = "a string", integer = "an integer", array = "an array",
  object = "an object", boolean = "a boolean",
}

local function type_of(value)
  if value == json.null then return "null" end
  if math.type(value) == "integer" then return "integer" end
  if json.is_array(value) then return "array" end
  if type(value) == "table" then return "object" end
  return type(value)
end

local check_object

local function check_value(name, rule, value)
  local kind = type_of(value)
  if kind == "null" and rule.null then return nil end
  if kind ~= rule.type then
    return ("%s must be %s"):format(name, ARTICLES[rule.type])
  end
  if rule.from and (value < rule.from or value > rule.to) then
    return ("%s must be from %d to %d"):format(name, rule.from, rule.to)
  end
  if rule.filled and value == "" then return name .. " must not be empty" end
  if rule.fields then return check_object(name .. ".", rule.fields, value) end
  for i, item in ipairs(rule.items and value or {}) do
    local where = ("%s[%d]"):format(name, i - 1)
    if type_of(item) ~= "object" then return where .. " must be an object" end
    local wrong = check_object(where .. ".", rule.items, item)
    if wrong then return wrong end
  end
end

function check_object(prefix, rules, object)
  local names = {}
  for name in pairs(rules) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local rule, value = rules[name], object[name]
    local wrong
    if value ~= nil then
      wrong = check_value(prefix .. name, rule, value)
    elseif rule.required then
      wrong = prefix .. name .. " is required"
    end
    if wrong then return wrong end
  end
end

--- Checks a decoded body.
-- @tparam table rules fields.product, .update, .render or .project
-- @tparam table object
-- @treturn ?string what is wrong, naming the field
function fields.check(rules, object)
  return check_object("", rules, object)
end

return fields
