-- SPDX-License-Identifier: MIT

--- Checks what callers pass. Misuse raises at the caller's line, with the
-- option's name, what is expected and what came.
--
-- A field has a `kind`: `text` (UTF-8 without NUL, not endless), `url` (http or https),
-- `integer`, `id` (an integer, or the text that stands for one), `number`,
-- `seconds`, `boolean`, `callback`, `table`, `object` (a JSON object), `list`
-- (of `item`s), `fields` (a table with `fields` of its own). `values` maps
-- what is accepted to what is sent. What is `secret` is never shown.
-- @module jogg.options

local core = require "jogg.core"

-- What a frame pays for is found at once.
local text_fault = core.text_fault
local pairs, type = pairs, type

local options = {}

local DISTANCE_MAXIMUM = 2 -- of a name to be suggested
local PART_MINIMUM = 4     -- letters of a word that another one contains
local DEPTH_MAXIMUM = 32
local TEXT_MAXIMUM = 2 ^ 20 -- bytes
local URL_MAXIMUM = 8192

-- How many letters must change to turn one word into the other.
local function distance(a, b)
  local previous = {}
  for j = 0, #b do
    previous[j] = j
  end
  for i = 1, #a do
    local current = { [0] = i }
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      current[j] = math.min(previous[j] + 1, current[j - 1] + 1,
        previous[j - 1] + cost)
    end
    previous = current
  end
  return previous[#b]
end

-- Like "language" and "lang", or "subtitle" and "render_subtitle".
local function is_part(a, b)
  return #a >= PART_MINIMUM and #b >= PART_MINIMUM and
    (a:find(b, 1, true) or b:find(a, 1, true))
end

--- The known word that is most like this one.
-- @tparam string word
-- @tparam table known set of words
-- @treturn ?string nil when none is near
function options.nearest(word, known)
  local best, least
  local enough = math.max(DISTANCE_MAXIMUM, math.floor(#word / 3))
  word = word:lower()
  for candidate in pairs(known) do
    if type(candidate) == "string" then
      local d = distance(word, candidate:lower())
      if d > enough and is_part(word, candidate:lower()) then
        d = enough
      end
      if not least or d < least or (d == least and candidate < best) then
        best, least = candidate, d
      end
    end
  end
  return least and least <= enough and best or nil
end

-- A value as it may stand in a message: short, printable.
local function shown(value)
  if type(value) == "string" then
    local text = value:gsub("[%c\127-\255]", "?")
    if #text > 40 then
      text = text:sub(1, 40) .. "..."
    end
    return '"' .. text .. '"'
  end
  if type(value) == "number" or type(value) == "boolean" then
    return tostring(value)
  end
  return value == nil and "nil" or "a " .. type(value)
end

-- Every checker returns the value to use, or nil and what is expected.

local checkers = {}

-- `filled`: an empty text cannot be meant. `maximum` is in bytes.
function checkers.text(value, field)
  local maximum = field.maximum or TEXT_MAXIMUM
  local position, fault = text_fault(value, maximum)
  if not position and (value ~= "" or not field.filled) then
    return value
  elseif type(value) ~= "string" then
    return nil, "text"
  elseif not position then
    return nil, "text that is not empty"
  elseif position > maximum then
    return nil, ("text of at most %d bytes, not %d"):format(maximum, #value),
      true
  end
  return nil, ("text: byte %d %s"):format(position, fault), true
end

function checkers.url(value)
  local text, expected, exact = checkers.text(value,
    { filled = true, maximum = URL_MAXIMUM })
  if not text then
    return nil, expected, exact
  end
  if not value:find "^[Hh][Tt][Tt][Pp][Ss]?://[^/]" then
    return nil, "a URL that begins with https:// or http://",
      value:find("@", 1, true) -- there may be a password in it
  end
  local fault = core.url_fault(value)
  if fault then
    return nil, "a URL: it " .. fault, true
  end
  return value
end

local math_type = rawget(math, "type") or type

-- Larger ones may be integers or not: a double cannot tell.
local function is_integer(value)
  return type(value) == "number" and value == math.floor(value) and
    (value > -2 ^ 53 and value < 2 ^ 53 or math_type(value) == "integer")
end

-- 3 and 3.0 are the same to a caller, never to the service.
local tointeger = rawget(math, "tointeger") -- since Lua 5.3
local function to_integer(value)
  return tointeger and tointeger(value) or value
end

function checkers.integer(value, field)
  if not is_integer(value) then
    return nil, "an integer"
  end
  if field.minimum and value < field.minimum then
    return nil, ("an integer of at least %d"):format(field.minimum)
  end
  if field.maximum and value > field.maximum then
    return nil, ("an integer of at most %d"):format(field.maximum)
  end
  return to_integer(value)
end

-- An id goes back as it came.
function checkers.id(value)
  if type(value) == "string" then
    return checkers.text(value, { filled = true })
  end
  if checkers.integer(value, {}) == nil then
    return nil, "an id, as create_product returns it"
  end
  return to_integer(value)
end

function checkers.seconds(value, field)
  local minimum = field.minimum or 0
  if type(value) ~= "number" or value ~= value or value < minimum then
    return nil, minimum > 0 and ("seconds, at least %g"):format(minimum) or
      "a number of seconds"
  end
  if value > 1e9 then
    return nil, "fewer seconds"
  end
  return value
end

function checkers.boolean(value)
  if type(value) ~= "boolean" then
    return nil, "true or false"
  end
  return value
end

function checkers.callback(value)
  local meta = type(value) == "table" and getmetatable(value)
  if type(value) ~= "function" and not (type(meta) == "table" and
    meta.__call) then
    return nil, "a function"
  end
  return value
end

function checkers.table(value)
  if type(value) ~= "table" then
    return nil, "a table"
  end
  return value
end

-- JSON has lists and objects, and nothing in between.
local function check_keys(value, path, level)
  local n, names = 0, 0
  for key in pairs(value) do
    n = n + 1
    names = names + (type(key) == "string" and 1 or 0)
  end
  local fits = names == n
  if names == 0 then
    fits = true
    for i = 1, n do
      fits = fits and value[i] ~= nil
    end
  end
  if not fits then
    error(path .. " must be a list without holes, or have names only", level)
  end
end

-- Text anywhere inside a free-form object must be fit for JSON, too.
local function check_object(value, path, level, depth)
  if depth > DEPTH_MAXIMUM then
    error(path .. " is too deep, or contains itself", level)
  end
  if type(value) == "string" then
    local position, fault = text_fault(value)
    if position then
      error(("%s: byte %d %s"):format(path, position, fault), level)
    end
  elseif type(value) == "table" then
    check_keys(value, path, level + 1)
    for key, item in pairs(value) do
      local name = ("%s.%s"):format(path, tostring(key))
      if type(key) == "string" then
        check_object(key, path .. "'s name " .. shown(key), level + 1, depth)
      else
        name = ("%s[%d]"):format(path, key)
      end
      check_object(item, name, level + 1, depth + 1)
    end
  elseif type(value) == "number" then
    if value ~= value or value == math.huge or value == -math.huge then
      error(path .. " is not a finite number", level)
    end
  elseif type(value) ~= "boolean" then
    error(("%s: a %s cannot be sent"):format(path, type(value)), level)
  end
end

local function fail(path, expected, value, exact, level)
  if exact then
    error(("%s must be %s"):format(path, expected), level)
  end
  error(("%s must be %s, not %s"):format(path, expected, shown(value)), level)
end

local function choices(values)
  local words, numbers = {}, {}
  for value in pairs(values) do
    if type(value) == "string" then
      words[#words + 1] = '"' .. value .. '"'
    else
      numbers[#numbers + 1] = tostring(value)
    end
  end
  table.sort(words)
  table.sort(numbers)
  for _, word in ipairs(words) do
    numbers[#numbers + 1] = word
  end
  return "one of " .. table.concat(numbers, ", ")
end

-- The names that must be given, of each set of fields.
local required = setmetatable({}, {
  __mode = "k",
  __index = function(self, fields)
    local names = {}
    for name, field in pairs(fields) do
      if field.required then
        names[#names + 1] = name
      end
    end
    table.sort(names)
    self[fields] = names
    return names
  end,
})

local function path_of(path, name)
  return name and path .. "." .. name or path
end

local check_list -- uses options.check, which uses it

-- No function here calls another at its very end: a tail call would take the
-- frame away that levels count on. (f()) is none.

-- Most are as they should be: their path is put together for the others.
local function check_field(field, path, name, value, level)
  local values, kind = field.values, field.kind
  if values then
    local sent = values[value]
    if sent == nil then
      path = path_of(path, name)
      fail(path, choices(field.values), value, false, level + 1)
    end
    return sent
  end
  local check = checkers[kind]
  if check then
    local checked, expected, exact = check(value, field)
    if checked == nil then
      path = path_of(path, name)
      fail(path, expected, value, exact or field.secret, level + 1)
    end
    return checked
  end
  path = path_of(path, name) -- of a list, of fields, of an object
  if kind == "list" then
    return (check_list(field, path, value, level + 1))
  elseif type(value) ~= "table" then
    fail(path, "a table", value, false, level + 1)
  elseif kind == "fields" then
    return (options.check(field.fields, value, path, level + 1))
  end
  check_object(value, path, level + 1, 0)
  return value
end

function check_list(field, path, value, level)
  if type(value) ~= "table" then
    fail(path, "a list", value, false, level + 1)
  end
  local list, n = {}, 0
  for _ in pairs(value) do
    n = n + 1
  end
  for i = 1, n do
    local name = ("%s[%d]"):format(path, i)
    if value[i] == nil then
      error(path .. " must be a list: 1, 2, 3, ... without holes or names",
        level)
    end
    if type(value[i]) ~= "table" then
      fail(name, "a table", value[i], false, level + 1)
    end
    list[i] = options.check(field.item, value[i], name, level + 1)
  end
  return list
end

--- Checks a table against its fields.
-- @tparam table fields name → field
-- @tparam table given what the caller passed
-- @tparam string path how messages call the table
-- @tparam integer level as for `error`: where the caller is
-- @treturn table a copy with the values to use
-- @raise at the caller's line
function options.check(fields, given, path, level)
  if type(given) ~= "table" then
    fail(path, "a table", given, false, level + 1)
  end
  local checked = {}
  for name, value in pairs(given) do
    local field = fields[name]
    if not field then
      local near = type(name) == "string" and options.nearest(name, fields)
      error(("%s: unknown option %s%s"):format(path, shown(name),
        near and (', did you mean "%s"?'):format(near) or ""), level)
    end
    checked[name] = check_field(field, path, name, value, level + 1)
  end
  local names = required[fields]
  for i = 1, #names do
    local name = names[i]
    if checked[name] == nil then
      error(("%s: %s is missing"):format(path, name), level)
    end
  end
  return checked
end

--- Checks one value.
-- @tparam table field
-- @param value
-- @tparam string name how messages call it
-- @tparam integer level as for `error`
-- @return the value to use
-- @raise at the caller's line
function options.value(field, value, name, level)
  return (check_field(field, name, nil, value, level + 1))
end

return options
