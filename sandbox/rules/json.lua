-- SPDX-License-Identifier: MIT
--
-- JSON with exact types: lua-cjson judges the structure of a text and reads
-- its escapes; the rest is read here from the text: what lua-cjson cannot
-- tell apart (3924 from 3924.0, [] from {}) and what it lets pass (1., a
-- line break in a string, numbers beyond any, text after a NUL).

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
-- The structure is known to be right; what is wrong beyond that is raised.
-- =======================================================================

local read_value

--- The number that a text is in JSON; nil for anything else, and for what is
-- larger than any number here: it could not be written again.
function json.number(text)
  local value = text:find "^%-?%d[%deE.+-]*$"
    and not (text .. " "):find "%.%D" and tonumber(text)
  return value and value - value == 0 and value or nil
end

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
  if raw:find "[\0-\31]" then error("a string holds a control character", 0) end
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
  if value == nil then value = json.number(token) end
  if value == nil then error(token .. " is no number", 0) end
  return value, stop
end

--- Decodes.
-- @treturn[1] any the value; integers are Lua integers, null is json.null
-- @treturn[2] nil
-- @treturn[2] string why it is not JSON
function json.decode(text)
  if not utf8.len(text) then return nil, "it is not UTF-8" end
  if text:find("\0", 1, true) then return nil, "it holds a NUL" end
  local ok, value = pcall(cjson.decode, text)
  if not ok then return nil, (tostring(value):gsub("^.-: ", "")) end
  ok, value = pcall(read_value, text, skip(text, 1))
  if not ok then return nil, value end
  return value
end

-- }======================================================================

--- Bytes as UTF-8: each that cannot be becomes U+FFFD.
function json.text(bytes)
  local parts, from = {}, 1
  local length, bad = utf8.len(bytes)
  while not length do
    parts[#parts + 1] = bytes:sub(from, bad - 1)
    from = bad + 1
    length, bad = utf8.len(bytes, from)
  end
  parts[#parts + 1] = bytes:sub(from)
  return table.concat(parts, "\u{FFFD}")
end

-- lua-cjson writes a slash as \/, which is right and hard to read. Words of
-- others (headers, libcurl's and ffmpeg's errors) need not be UTF-8.
local function write_plain(value)
  if type(value) == "string" then value = json.text(value) end
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
