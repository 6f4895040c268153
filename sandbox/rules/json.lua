-- SPDX-License-Identifier: MIT
--
-- JSON with exact types: lua-cjson judges whether a text is JSON and reads
-- its strings; what it cannot tell apart is read here from the text: 3924
-- from 3924.0, [] from {}.

local json = {}

local found, cjson = pcall(require, "cjson")
if not found then
  error("lua-cjson for Lua 5.4 cannot be loaded: install the package "
    .. "lua-cjson, or `luarocks install lua-cjson` (LUA_CPATH_5_4 says where "
    .. "it is)\n" .. tostring(cjson), 0)
end
cjson = cjson.new()
cjson.decode_invalid_numbers(false)

local Array = { __name = "json.array" }

json.null = cjson.null

--- Marks a list, so that it is written as [] even when it is empty.
function json.array(list)
  return setmetatable(list or {}, Array)
end

--- Whether a value was a JSON array.
function json.is_array(value)
  return getmetatable(value) == Array
end

--- Whether a value was a JSON object.
function json.is_object(value)
  return type(value) == "table" and not json.is_array(value)
end

-- {======================================================================
-- Reading: each function takes a position and returns value, next position.
-- The text is known to be JSON.
-- =======================================================================

local read_value

local function skip(text, at)
  return text:match("^[ \t\r\n]*()", at)
end

local function read_string(text, at)
  local stop = at + 1
  while true do
    local mark
    mark, stop = text:match('^[^"\\]*(["\\])()', stop)
    if mark == '"' then break end
    stop = stop + 1
  end
  local raw = text:sub(at, stop - 1)
  if raw:find("\\", 1, true) then
    return cjson.decode("[" .. raw .. "]")[1], stop
  end
  return raw:sub(2, -2), stop
end

local function read_object(text, at)
  local object = {}
  at = skip(text, at + 1)
  while text:sub(at, at) ~= "}" do
    local name
    name, at = read_string(text, at)
    at = skip(text, skip(text, at) + 1)       -- the colon
    object[name], at = read_value(text, at)
    at = skip(text, at)
    if text:sub(at, at) == "," then at = skip(text, at + 1) end
  end
  return object, at + 1
end

local function read_array(text, at)
  local array, n = json.array(), 0
  at = skip(text, at + 1)
  while text:sub(at, at) ~= "]" do
    n = n + 1
    array[n], at = read_value(text, at)
    at = skip(text, at)
    if text:sub(at, at) == "," then at = skip(text, at + 1) end
  end
  return array, at + 1
end

local WORDS = { ["true"] = true, ["false"] = false, null = json.null }

function read_value(text, at)
  local first = text:sub(at, at)
  if first == '"' then return read_string(text, at) end
  if first == "{" then return read_object(text, at) end
  if first == "[" then return read_array(text, at) end
  local token, stop = text:match("^([%w.+-]+)()", at)
  local value = WORDS[token]
  if value == nil then value = tonumber(token) end
  return value, stop
end

--- Decodes.
-- @treturn[1] any the value; integers are Lua integers, null is json.null
-- @treturn[2] nil
-- @treturn[2] string why it is not JSON
function json.decode(text)
  if not utf8.len(text) then return nil, "it is not UTF-8" end
  local ok, value = pcall(cjson.decode, text)
  if not ok then return nil, (tostring(value):gsub("^.-: ", "")) end
  return (read_value(text, skip(text, 1)))
end

-- }======================================================================

-- lua-cjson writes a slash as \/, which is right and hard to read.
local function write_plain(value)
  return (cjson.encode(value):gsub("\\/", "/"))
end

local function write_object(value, write)
  local names, parts = {}, {}
  for name in pairs(value) do names[#names + 1] = tostring(name) end
  table.sort(names)
  for i, name in ipairs(names) do
    parts[i] = write_plain(name) .. ":" .. write(value[name])
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

--- Encodes; names are in alphabetical order.
-- @treturn string
function json.encode(value)
  if type(value) ~= "table" then
    if math.type(value) == "integer" then return ("%d"):format(value) end
    return write_plain(value)
  end
  if not json.is_array(value) then return write_object(value, json.encode) end
  local parts = {}
  for i, item in ipairs(value) do parts[i] = json.encode(item) end
  return "[" .. table.concat(parts, ",") .. "]"
end

return json
