-- SPDX-License-Identifier: MIT
--
-- The bodies of the /open calls and the records made of them as data, and the
-- one function that checks an object against such data; v2/operations.lua has
-- more of it. Unknown fields are let through: the service documents no refusal.
--
-- A rule: `type`; `required`; `unless` (a quirk with which it is not);
-- `filled` (not empty); `null` (null will do); `from`, `to`; `enum` (a list of
-- its values); `format` (a name in FORMATS); of an object `fields`; of an array
-- `items` (the fields of the objects in it) or `each` (a rule). `needs` of an
-- object (its own, or that of `items`) says what else must be there, see
-- check_needs().

local host = require "host"
local json = require "json"
local quirks = require "quirks"

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
  string = "a string", integer = "an integer", number = "a number",
  array = "an array", object = "an object", boolean = "a boolean",
}

-- {======================================================================
-- Formats
-- =======================================================================

local LOOPBACK = { ["localhost"] = true, ["[::1]"] = true }

-- An absolute http or https address; libcurl takes http:/host and http:host
-- for what a browser would.
local function is_address(value)
  return value:find "^[Hh][Tt][Tt][Pp][Ss]?://[^/]" and not value:find "%c"
    and host.join(nil, value) ~= nil
end

-- Where the service sends events: https, or here this machine as well.
local function is_receiver(value)
  if not is_address(value) then return false end
  local scheme, name = value:lower():match "^(https?)://([^/?#]*)"
  name = name:gsub("^.*@", ""):gsub(":%d*$", "")
  return scheme == "https" or LOOPBACK[name] or name:find "^127%.[%d.]+$" ~= nil
end

local FORMATS = {
  address = { is_address, "an http or https URL" },
  receiver = { is_receiver, "an https URL (http only to this machine)" },
}

--- Whether a string is an absolute http or https URL.
fields.is_address = is_address

-- }======================================================================

local function type_of(value)
  if value == json.null then return "null" end
  if math.type(value) == "integer" then return "integer" end
  if json.is_array(value) then return "array" end
  if type(value) == "table" then return "object" end
  return type(value)
end

local check_object, check_value

local function check_range(name, rule, value)
  if value >= (rule.from or value) and value <= (rule.to or value) then
    return nil
  elseif rule.to then
    return ("%s must be from %d to %d"):format(name, rule.from, rule.to)
  end
  return ("%s must be at least %d"):format(name, rule.from)
end

local function check_enum(name, values, value)
  for _, known in ipairs(values) do
    if value == known then return nil end
  end
  if #values > 12 then return name .. " is none of the values it may have" end
  return ("%s must be one of %s"):format(name, table.concat(values, ", "))
end

local function check_scalar(name, rule, value)
  if rule.filled and value == "" then return name .. " must not be empty" end
  local wrong = rule.from and check_range(name, rule, value)
    or rule.enum and check_enum(name, rule.enum, value)
  if wrong then return wrong end
  local format = FORMATS[rule.format]
  if format and not format[1](value) then
    return ("%s must be %s"):format(name, format[2])
  end
end

-- What one field asks of its neighbours. `needs` is { field, into, VALUE =
-- {...} }: where the field `field` has that value, the names listed must be
-- there, in the object or in its object `into`; of a list of names one.
local function check_needs(prefix, needs, object)
  local value = needs.field and object[needs.field]
  local names = not needs.field and needs or needs[value]
  local inside = needs.into and object[needs.into] or object
  if needs.into then prefix = prefix .. needs.into .. "." end
  for _, name in ipairs(type(names) == "table" and names or {}) do
    local any = type(name) == "table" and name or { name }
    local found = false
    for _, each in ipairs(any) do
      found = found or inside[each] ~= nil and inside[each] ~= ""
    end
    if not found then
      return ("%s%s is required%s"):format(prefix, table.concat(any, " or "),
        needs.field and (" when %s is %s"):format(needs.field, value) or "")
    end
  end
end

local function check_items(name, rule, value)
  for i, item in ipairs(value) do
    local where = ("%s[%d]"):format(name, i - 1)
    if rule.each then
      local wrong = check_value(where, rule.each, item)
      if wrong then return wrong end
    else
      if type_of(item) ~= "object" then return where .. " must be an object" end
      local wrong = check_object(where .. ".", rule.items, item, rule.needs)
      if wrong then return wrong end
    end
  end
end

function check_value(name, rule, value)
  local kind = type_of(value)
  if kind == "null" and rule.null then return nil end
  if kind ~= rule.type and not (rule.type == "number" and kind == "integer") then
    return ("%s must be %s"):format(name, ARTICLES[rule.type])
  end
  if rule.fields then
    return check_object(name .. ".", rule.fields, value, rule.needs)
  elseif rule.items or rule.each then
    return check_items(name, rule, value)
  end
  return check_scalar(name, rule, value)
end

function check_object(prefix, rules, object, needs)
  local names = {}
  for name in pairs(rules) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local rule, value = rules[name], object[name]
    local wrong
    if value ~= nil then
      wrong = check_value(prefix .. name, rule, value)
    elseif rule.required and not quirks.is_on(rule.unless) then
      wrong = prefix .. name .. " is required"
    end
    if wrong then return wrong end
  end
  return needs and check_needs(prefix, needs, object)
end

--- Checks a decoded object.
-- @tparam table rules of its fields, by name
-- @tparam table object
-- @tparam ?table needs
-- @treturn ?string what is wrong, naming the field
function fields.check(rules, object, needs)
  return check_object("", rules, object, needs) or nil
end

return fields
