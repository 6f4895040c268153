-- SPDX-License-Identifier: MIT
--
-- Compares jogg's data about generation v2 with the vendor's OpenAPI file:
-- operations, fields, kinds, bounds, required marks, values, and where answers
-- have what jogg looks for. Prints each difference and fails, except for those
-- that KNOWN explains. Needs lyaml (Debian: lua-yaml).
--
--   lua5.4 tools/compare_api.lua OPENAPI.yaml [API.lua]

local here = arg[0]:match "^(.*)/[^/]*$" or "."
package.path = here .. "/../lua/?.lua;" .. package.path

-- Differences that are meant: the place, and why. "*" stands for any operation.
local KNOWN = {
  ["POST /v2/product url"] =
    "the guide: one of url and name is required; the file marks neither",
  ["POST /v2/create_video_from_product/preview_list language"] =
    "an indentation slip of the file: language belongs into script",
  ["POST /v2/create_video_from_product/preview_list script.language"] =
    "the same slip: the file lists it as required, but describes it elsewhere",
  ["POST /v2/create_video_with_template variables[].properties.webhook_url"] =
    "an indentation slip of the file: webhook_url belongs to the top level",
  ["POST /v2/create_video_with_template webhook_url"] =
    "the same slip",
  ["POST /v2/create_video_from_product/preview_list result.id"] =
    "preview_list_id is in the guide only",
  ["DELETE /v2/endpoint/{endpoint_id} data"] =
    "the answer has a message only, and is true in jogg",
  ["GET /v2/product_video/{product_video_id} result.id"] =
    "in the guide only",
  ["GET /v2/product_video/{product_video_id} result.duration"] =
    "in the guide only, with two spellings",
  ["GET /v2/avatar_video/{id} result.duration"] = "in the guide only",
  ["GET /v2/avatar_video/{id} result.credit"] =
    "may be there as in the answers about other videos",
  ["POST /v2/create_video_from_avatar result.status"] =
    "may be there as in the answer of create_video_from_product",
  ["POST /v2/create_video_with_template result.status"] =
    "may be there as in the answer of create_video_from_product",
  ["POST /v2/create_video_from_product/preview_list result.parts.status"] =
    "in the guide only",
  ["* result.message"] = "the file says for some operations only why they fail",
  ["* result.code"] = "the same",
  ["* result.parts.message"] = "the same",
  ["* list.message"] = "the same",
}

-- The kinds of check.lua that fit a type of the file.
local KINDS = {
  string = { string = true, url = true, language = true },
  integer = { integer = true },
  boolean = { boolean = true },
  array = { list = true },
  object = { fields = true, object = true },
}

-- {=== differences

local differences, explained, used, place = {}, 0, {}, nil

local function differ(what, message, ...)
  local exact, any = place .. " " .. what, "* " .. what
  local key = KNOWN[exact] and exact or any
  used[key] = true
  if KNOWN[key] then
    explained = explained + 1
    return
  end
  differences[#differences + 1] = exact .. ": " .. message:format(...)
end

-- ===}

-- {=== the file

local document

-- Follows references, and merges what `allOf` lists.
local function resolve(schema)
  while schema and schema["$ref"] do
    local target = document
    for name in schema["$ref"]:gmatch "[^#/]+" do
      target = target[name]
    end
    schema = target
  end
  if not (schema and schema.allOf) then
    return schema
  end
  local merged = { type = "object", properties = {} }
  for _, part in ipairs(schema.allOf) do
    for name, property in pairs(resolve(part).properties or {}) do
      merged.properties[name] = property
    end
  end
  return merged
end

local function content_of(body)
  return resolve(body.content["application/json"].schema)
end

-- Parameters and body as one schema; the names of those in the path.
local function request_of(operation)
  local request, required, in_path = { properties = {} }, {}, {}
  for _, parameter in ipairs(operation.parameters or {}) do
    parameter = resolve(parameter)
    request.properties[parameter.name] = parameter.schema
    required[parameter.name] = parameter.required
    in_path[parameter.name] = parameter["in"] == "path"
  end
  if operation.requestBody then
    local body = content_of(operation.requestBody)
    for name, property in pairs(body.properties or {}) do
      request.properties[name] = property
    end
    for _, name in ipairs(body.required or {}) do
      required[name] = true
    end
  end
  return request, required, in_path
end

-- The schema at a path of names and dots, or nil.
local function at(schema, path)
  for name in path:gmatch "[^.]+" do
    schema = resolve(schema)
    schema = schema and schema.properties and schema.properties[name]
  end
  return resolve(schema)
end

-- The schema at the first of these paths that the file has, or nil.
local function first_at(schema, paths)
  for _, path in ipairs(paths) do
    local found = at(schema, path)
    if found then
      return found
    end
  end
end

-- ===}

-- {=== fields

local fields_compared = 0

local function set_of(list)
  local set = {}
  for _, value in ipairs(list) do
    set[value] = true
  end
  return set
end

-- What jogg sends for a value, or nil.
local function sent_for(field, value)
  if field.values then
    return field.values[value]
  elseif field.kind == "language" then
    return field.known[value] and value or nil
  end
  return value
end

local function compare_values(what, schema, field)
  local type_of = schema.type == "integer" and math.type or type
  for given, sent in pairs(field.values or {}) do
    if type_of(sent) ~= schema.type then
      differ(what, "%s is sent as %s, which is no %s", given, sent, schema.type)
    end
  end
  if not schema.enum then
    if field.values and schema.type ~= "boolean" then
      differ(what, "jogg has a list of values, the file has none")
    end
    return
  end
  for _, value in ipairs(schema.enum) do
    if sent_for(field, value) ~= value then
      differ(what, "the value %s is not accepted", value)
    end
  end
  local allowed, ours = set_of(schema.enum), {}
  for _, sent in pairs(field.values or {}) do
    ours[sent] = true
  end
  for value in pairs(field.kind == "language" and field.known or ours) do
    if not allowed[value] then
      differ(what, "the value %s is not in the file", value)
    end
  end
end

local compare_fields

local function compare_field(what, schema, field, in_path)
  fields_compared = fields_compared + 1
  schema = resolve(schema)
  local fits = KINDS[schema.type] and KINDS[schema.type][field.kind] or
    in_path and schema.type == "string" and field.kind == "segment"
  if not fits or schema.format == "uri" and field.kind ~= "url" then
    differ(what, "kind %s, in the file %s%s", field.kind, schema.type,
      schema.format and " (" .. schema.format .. ")" or "")
    return
  end
  if schema.type == "integer" then
    for _, bound in ipairs { "minimum", "maximum" } do
      if field[bound] ~= schema[bound] then
        differ(what, "%s %s, in the file %s", bound, field[bound],
          schema[bound])
      end
    end
  end
  compare_values(what, schema, field)
  if field.kind == "list" then
    compare_field(what .. "[]", schema.items, field.item)
  elseif field.kind == "fields" then
    compare_fields(what .. ".", schema, set_of(schema.required or {}),
      field.fields)
  end
end

local function compare_required(what, required, field)
  local ours = field.required or field.always or false
  if field.required_without or ours ~= (required or false) then
    differ(what, "%s, in the file %s", field.required_without and
      "required without " .. field.required_without or
      ours and "required" or "optional", required and "required" or "optional")
  end
end

-- `before` is the path of the fields: "" or "script.".
function compare_fields(before, schema, required, fields, in_path)
  local names = {}
  for name in pairs(schema.properties or {}) do
    names[name] = true
  end
  for name in pairs(fields) do
    names[name] = true
  end
  for name in pairs(names) do
    local theirs = (schema.properties or {})[name]
    local field = fields[name]
    if not field then
      differ(before .. name, "the field is missing")
    elseif not theirs then
      differ(before .. name, "the file does not have this field")
    else
      compare_required(before .. name, required[name], field)
      compare_field(before .. name, theirs, field, in_path and in_path[name])
    end
  end
end

-- Which fields of bodies are lists, in the file: name → true or false.
local are_lists = {}

local function find_lists(schema)
  schema = resolve(schema)
  for name, property in pairs(schema.properties or {}) do
    property = resolve(property)
    local is_list = property.type == "array"
    if are_lists[name] ~= nil and are_lists[name] ~= is_list then
      differ("lists." .. name, "a list here and not elsewhere")
    end
    are_lists[name] = is_list
    find_lists(is_list and property.items or property)
  end
end

-- ===}

-- {=== answers

-- `where` says where to find each thing in an answer of this schema.
local function compare_places(before, schema, where)
  for name, paths in pairs(where) do
    if name == "parts" then
      local parts = first_at(schema, paths.items)
      if not parts or parts.type ~= "array" then
        differ(before .. name, "the answer has no such list")
      else
        compare_places(before .. name .. ".", parts.items, paths.item)
      end
    elseif not first_at(schema, paths) then
      differ(before .. name, "the answer has none of %s",
        table.concat(paths, ", "))
    end
  end
end

local function compare_list(data, list)
  local items = first_at(data, list.items)
  if not items or items.type ~= "array" then
    differ("list.items", "the answer has no such list")
  elseif list.item then
    compare_places("list.", items.items, list.item)
  elseif resolve(items.items).type ~= "string" then
    differ("list.item", "the items are no strings")
  end
  if list.total and not first_at(data, list.total) then
    differ("list.total", "the answer has no such number")
  end
end

local function compare_answer(operation, entry)
  local data = at(content_of(operation.responses["200"]), "data")
  if (data ~= nil) ~= (entry.data or false) then
    differ("data", data and "jogg does not expect data" or
      "the answer has no data")
  end
  if data then
    compare_places("result.", data, entry.result or {})
    if entry.list then
      compare_list(data, entry.list)
    end
  end
end

-- ===}

-- {=== all of it

local function compare(api)
  local entries, seen, count = {}, {}, 0
  for name, entry in pairs(api.operations) do
    place = entry.method .. " " .. entry.path
    if entries[place] then
      differ(name, "two operations do the same")
    end
    entries[place] = entry
  end
  for path, methods in pairs(document.paths) do
    for method, operation in pairs(methods) do
      place = method:upper() .. " " .. path
      seen[place] = true
      local entry = entries[place]
      if not entry then
        differ("operation", "is missing")
      else
        count = count + 1
        local request, required, in_path = request_of(operation)
        compare_fields("", request, required, entry.fields, in_path)
        if operation.requestBody then
          find_lists(content_of(operation.requestBody))
        end
        compare_answer(operation, entry)
        if entry.topic ~= operation.tags[1] then
          differ("topic", "%s, in the file %s", entry.topic, operation.tags[1])
        end
      end
    end
  end
  for which in pairs(entries) do
    place = which
    if not seen[which] then
      differ("operation", "the file does not have it")
    end
  end
  place = "lists"
  for name, is_list in pairs(are_lists) do
    if is_list ~= (api.lists[name] or false) then
      differ(name, is_list and "is a list" or "is no list")
    end
  end
  -- What is explained and does not differ any more needs no explanation.
  for key in pairs(KNOWN) do
    local operation, what = key:match "^(%S+ %S+) (.+)$"
    if seen[operation] and not used[key] then
      place = operation
      differ(what .. " (KNOWN)", "does not differ")
    end
  end
  return count
end

local ok, lyaml = pcall(require, "lyaml")
if not ok then
  io.stderr:write "compare_api: lyaml is missing (Debian: lua-yaml)\n"
  os.exit(2)
end
local path = arg[1]
local file, why = io.open(path or "")
if not file then
  io.stderr:write("compare_api: ", path and why or "which OpenAPI file?", "\n")
  os.exit(2)
end
document = lyaml.load(file:read "a")
file:close()
local count = compare(arg[2] and dofile(arg[2]) or require "jogg.api.v2")
table.sort(differences)
for _, line in ipairs(differences) do
  print(line)
end
print(("%d operations and %d fields compared, %d known contradictions, " ..
  "%d differences"):format(count, fields_compared, explained, #differences))
os.exit(#differences == 0)

-- ===}
