-- SPDX-License-Identifier: MIT

-- Checks what callers pass.
--
-- Misuse raises at the caller's line: a wrong type, an unknown option, a
-- missing argument. Data that cannot be used comes back as `nil, err` of kind
-- `parameter`: a string that is no URL, an unknown language, a number that is
-- too large.
--
-- A field has a `kind`: `string` (UTF-8 without NUL), `url` (http or https),
-- `language`, `integer`, `id` (an integer, or the string that stands for one),
-- `segment` (an id for a path, sent as a string), `seconds`, `boolean`,
-- `callback`, `table`, `object` (a JSON object), `list` (of `item`s), `fields`
-- (a table with `fields` of its own). `values` maps what is accepted to what is
-- sent. `aliases` are further names of the field. What is `secret` is never
-- shown.
--
-- A field may be `required`, or `required_without` another field; `found_in` is
-- the call that lists its values. An `always` field is an object that is sent
-- empty when the caller leaves it out. `needs` maps a value of the field to
-- other fields which that value requires, by path:
-- `{ details = { "data.name", "data.description" } }`.

local core = require "jogg.core"
local errors = require "jogg.error"

local check = {}

-- Set while data is checked in which nothing is misuse: see check.data.
local is_data = false

-- Misuse: raises at the caller's line.
local function raise(message, level)
  if is_data then
    error(errors.parameter(message), 0)
  end
  error(message, level + 1)
end

local DISTANCE_MAXIMUM = 2 -- of a name to be suggested
local PART_MINIMUM = 4     -- letters of a word that another one contains
local DEPTH_MAXIMUM = 32
local STRING_MAXIMUM = 2 ^ 20 -- bytes
local URL_MAXIMUM = 8192
local NEAREST_MAXIMUM = 3 -- languages to be suggested

-- Names that users try, and the options that they may mean.
local MEANT = {
  file = "output", path = "output", filename = "output", out = "output",
  key = "api_key", token = "api_key", language = "lang",
  subtitles = "render_subtitle", subtitle = "render_subtitle",
  caption = "render_subtitle", captions = "render_subtitle",
  avatar = "avatar_id", ratio = "aspect_ratio", callback = "on_progress",
  id = "project_id", jobfile = "job_file",
}

-- Options of a client, for people who give them to make_video.
local OF_CLIENT = {
  api_key = true, base_url = true, retries = true, ca_file = true,
  posts_per_minute = true, max_transfers = true, max_bytes = true,
  generation = true, max_credits = true, ca_path = true, log = true,
  product_timeout = true, connect_timeout = true, stall_timeout = true,
}

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

-- The known word that is most like this one.
function check.nearest(word, known)
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

-- {=== one value: each checker returns the value to use; or nil, what is
-- expected, whether the type is right, and whether the value need not be shown

local checkers = {}

-- `filled`: an empty string cannot be meant. `maximum` is in bytes.
function checkers.string(value, field)
  if type(value) ~= "string" then
    return nil, "a string"
  end
  local maximum = field.maximum or STRING_MAXIMUM
  local position, fault = core.text_fault(value, maximum)
  if not position and (value ~= "" or not field.filled) then
    return value
  elseif not position then
    return nil, "a string that is not empty", true
  elseif position > maximum then
    return nil, ("a string of at most %d bytes, not %d"):format(maximum,
      #value), true, true
  end
  return nil, ("a string: byte %d %s"):format(position, fault), true, true
end

local URL = { filled = true, maximum = URL_MAXIMUM }

function checkers.url(value)
  local text, expected, typed, exact = checkers.string(value, URL)
  if not text then
    return nil, expected, typed, exact
  end
  if not value:find "^[Hh][Tt][Tt][Pp][Ss]?://[^/]" then
    return nil, "a URL that begins with https:// or http://", true,
      value:find("@", 1, true) ~= nil -- there may be a password in it
  end
  local fault = core.url_fault(value)
  if fault then
    return nil, "a URL: it " .. errors.url_fault(fault), true, true
  end
  return value
end

-- The known languages that are most like a word.
local function nearest_languages(word, known)
  local list = {}
  local left = {}
  for language in pairs(known) do
    left[language] = true
  end
  for i = 1, NEAREST_MAXIMUM do
    list[i] = check.nearest(word, left)
    if not list[i] then
      break
    end
    left[list[i]] = nil
  end
  return list
end

-- Upper and lower case mean the same; the service wants lower case.
function checkers.language(value, field)
  local text, expected, typed, exact = checkers.string(value, URL)
  if not text then
    return nil, expected, typed, exact
  end
  local word = text:lower()
  if field.known[word] then
    return word
  end
  local near = nearest_languages(word, field.known)
  expected = "a language of the service"
  if field.elsewhere and field.elsewhere.known[word] then
    expected = ("a language of this generation (%s is one of generation %s)")
      :format(word, field.elsewhere.generation)
  elseif #near > 0 then
    expected = expected .. ', such as "' .. table.concat(near, '" or "') .. '"'
  end
  return nil, expected, true
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
    return nil, "an integer", type(value) == "number"
  end
  if field.minimum and value < field.minimum then
    return nil, ("an integer of at least %d"):format(field.minimum), true
  end
  if field.maximum and value > field.maximum then
    return nil, ("an integer of at most %d"):format(field.maximum), true
  end
  return to_integer(value)
end

-- An id goes back as it came.
function checkers.id(value)
  if type(value) == "string" then
    return checkers.string(value, URL)
  end
  if not is_integer(value) then
    return nil, "an id, as create_product returns it", type(value) == "number"
  end
  return to_integer(value)
end

local SEGMENT = { filled = true, maximum = 4096 }

function checkers.segment(value)
  if type(value) == "number" then
    if not is_integer(value) then
      return nil, "an id", true
    end
    return ("%d"):format(value)
  end
  return checkers.string(value, SEGMENT)
end

-- Never data: a program says how long it waits.
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

function checkers.credits(value)
  if type(value) ~= "number" or value ~= value or value < 0 then
    return nil, "a number of credits"
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

-- ===}

-- {=== free-form JSON objects

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
    raise(path .. " must be a list without holes, or have names only", level)
  end
end

-- Returns a copy of what can be sent; or nil and an error.
local function check_object(value, path, level, depth)
  if depth > DEPTH_MAXIMUM then
    raise(path .. " is too deep, or contains itself", level)
  end
  if type(value) == "string" then
    local position, fault = core.text_fault(value)
    if position then
      return nil, errors.parameter(("%s: byte %d %s"):format(path, position,
        fault))
    end
  elseif type(value) == "table" then
    check_keys(value, path, level + 1)
    local copy = {}
    for key, item in pairs(value) do
      local name, _, err = ("%s.%s"):format(path, tostring(key)), nil, nil
      if type(key) == "string" then
        _, err = check_object(key, path .. "'s name " .. shown(key),
          level + 1, depth)
      else
        name = ("%s[%d]"):format(path, key)
      end
      if not err then
        copy[key], err = check_object(item, name, level + 1, depth + 1)
      end
      if err then
        return nil, err
      end
    end
    return copy
  elseif type(value) == "number" then
    if value ~= value or value == math.huge or value == -math.huge then
      return nil, errors.parameter(path .. " is not a finite number")
    end
  elseif type(value) ~= "boolean" then
    raise(("%s: a %s cannot be sent"):format(path, type(value)), level)
  end
  return value
end

-- ===}

-- {=== fields

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

-- Is there a choice of the value's type?
local function is_typed(values, value)
  for choice in pairs(values) do
    if type(choice) == type(value) then
      return true
    end
  end
  return false
end

-- No function here calls another at its very end: a tail call would take away
-- the frame that levels count on.

-- Raises where the type is wrong, returns the error where the value is.
local function refuse(path, expected, value, typed, exact, level)
  local message = exact and ("%s must be %s"):format(path, expected) or
    ("%s must be %s, not %s"):format(path, expected, shown(value))
  if not typed then
    raise(message, level)
  end
  return nil, errors.parameter(message)
end

-- A local file where a URL is expected, as `{ file = PATH }`; nil: it is none. A
-- string is one only if it begins with ./ or ../ or / or ~/, so that nothing
-- that came from elsewhere is taken for a file, "//cdn.example/a.jpg" neither.
local function local_file(value)
  local path
  if type(value) == "table" and type(value.file) == "string" and
    next(value, next(value)) == nil then
    path = value.file
  elseif type(value) == "string" and (value:find "^%.%.?/" or
    value:find "^/[^/]" or value:find "^~/") then
    path = value
  end
  if path and path:find "^~/" then
    path = (os.getenv "HOME" or "~") .. path:sub(2)
  end
  return path and path ~= "" and not core.text_fault(path) and
    { file = path } or nil
end

-- Does the field take a local file beside these values?
local function takes_file(field, beside)
  for name, value in pairs(field.uploads_when or {}) do
    if not beside or beside[name] ~= value then
      return false
    end
  end
  return field.uploads
end

local check_list -- uses check.fields, which uses it

local function check_field(field, path, value, level, beside)
  local values, kind = field.values, field.kind
  local file = takes_file(field, beside) and local_file(value)
  if file then
    return file
  elseif values then
    local sent = values[value]
    if sent == nil then
      local _, err = refuse(path, choices(values), value,
        is_typed(values, value), false, level + 1)
      return nil, err
    end
    return sent
  end
  local checker = checkers[kind]
  if checker then
    local checked, expected, typed, exact = checker(value, field)
    if checked == nil then
      if field.uploads and not exact and type(value) == "string" and
        value:find "^[%w_][^:]*$" then
        expected = ("%s or a local file such as %s"):format(expected,
          shown("./" .. value))
      end
      local _, err = refuse(path, expected, value, typed,
        exact or field.secret, level + 1)
      return nil, err
    end
    return checked
  elseif kind == "list" then
    local list, err = check_list(field, path, value, level + 1)
    return list, err
  elseif type(value) ~= "table" then
    refuse(path, "a table", value, false, false, level + 1)
  elseif kind == "fields" then
    local checked, err = check.fields(field.fields, value, path, level + 1)
    return checked, err
  elseif kind ~= "object" then
    error(("%s has the unknown kind %s"):format(path, tostring(kind)))
  end
  local copy, err = check_object(value, path, level + 1, 0)
  return copy, err
end

function check_list(field, path, value, level)
  if type(value) ~= "table" then
    refuse(path, "a list", value, false, false, level + 1)
  end
  local list, n = {}, 0
  for _ in pairs(value) do
    n = n + 1
  end
  for i = 1, n do
    if value[i] == nil then
      raise(path .. " must be a list: 1, 2, 3, ... without holes or names",
        level)
    end
    local item, err = check_field(field.item, ("%s[%d]"):format(path, i),
      value[i], level + 1)
    if item == nil then
      return nil, err
    end
    list[i] = item
  end
  return list
end

-- For each set of fields: the names of required fields, of `always` fields and of
-- fields with `needs`, and the aliases of all fields.
local summaries = setmetatable({}, {
  __mode = "k",
  __index = function(self, fields)
    local summary = { required = {}, always = {}, needs = {}, aliases = {} }
    for name, field in pairs(fields) do
      if field.required or field.required_without then
        table.insert(summary.required, name)
      end
      if field.always then
        table.insert(summary.always, name)
      end
      if field.needs then
        table.insert(summary.needs, name)
      end
      for _, alias in ipairs(field.aliases or {}) do
        summary.aliases[alias] = name
      end
    end
    table.sort(summary.required)
    table.sort(summary.needs)
    self[fields] = summary
    return summary
  end,
})

-- The same table of options in the other generation: fields → { fields, name }.
local elsewhere = setmetatable({}, { __mode = "k" })

-- Lets messages about unknown options name the generation that has them.
function check.has_elsewhere(fields, others, generation)
  elsewhere[fields] = { fields = others, generation = generation }
end

local function unknown(fields, name, path, level)
  local hint = ""
  local other = elsewhere[fields]
  local twin = other and other.fields[name]
  if twin then
    hint = (" (generation %s of the service has it)"):format(other.generation)
    for _, alias in ipairs(twin.aliases or {}) do
      if fields[alias] then
        hint = (' (of generation %s), did you mean "%s"?'):format(
          other.generation, alias)
      end
    end
  elseif type(name) == "string" then
    local meant = MEANT[name:lower()]
    local near = fields[meant] and meant or check.nearest(name, fields)
    local of_client = OF_CLIENT[name] and name or
      not near and OF_CLIENT[meant] and meant
    if of_client then
      hint = (" (%s is an option of jogg.client)"):format(of_client)
    elseif near then
      hint = (', did you mean "%s"?'):format(near)
    end
  end
  raise(("%s: unknown option %s%s"):format(path, shown(name), hint), level)
end

-- Raises if a required field was not given.
local function check_required(fields, checked, path, level)
  for _, name in ipairs(summaries[fields].required) do
    local other = fields[name].required_without
    if checked[name] == nil and (not other or checked[other] == nil) then
      local found_in = fields[name].found_in
      raise(("%s: %s%s is missing%s"):format(path, name, other and
        " or " .. other or "", found_in and ": " .. found_in ..
        " lists them" or ""), level)
    end
  end
end

-- Is there a value at this path of names and dots?
local function has(checked, path)
  for name in path:gmatch "[^.]+" do
    if type(checked) ~= "table" then
      return false
    end
    checked = checked[name]
  end
  return checked ~= nil
end

-- Raises if a field's value needs another field that was not given.
local function check_needs(fields, checked, path, level)
  for _, name in ipairs(summaries[fields].needs) do
    local value = checked[name]
    local needed = value ~= nil and fields[name].needs[value] or {}
    if type(needed) == "string" then
      needed = { needed }
    end
    for _, other in ipairs(needed) do
      if not has(checked, other) then
        raise(("%s: %s is missing: %s = %s requires it"):format(path, other,
          name, shown(value)), level)
      end
    end
  end
end

-- Checks a table against its fields.
function check.fields(fields, given, path, level)
  if type(given) ~= "table" then
    refuse(path, "a table", given, false, false, level + 1)
  end
  local checked, taken, summary, err = {}, {}, summaries[fields], nil
  for key, value in pairs(given) do
    local name = fields[key] and key or summary.aliases[key]
    if not name then
      unknown(fields, key, path, level + 1)
    elseif taken[name] then
      raise(("%s: %s is given twice, by two names"):format(path, name), level)
    end
    taken[name] = true
    local item, fault = check_field(fields[name], path .. "." .. name, value,
      level + 1, given)
    if item == nil then
      err = err or fault -- misuse of another field comes first
    end
    checked[name] = item
  end
  if err then
    return nil, err
  end
  check_required(fields, checked, path, level + 1)
  check_needs(fields, checked, path, level + 1)
  for _, name in ipairs(summary.always) do
    if checked[name] == nil then
      checked[name] = {}
    end
  end
  return checked
end

-- Calls a function in which nothing is misuse: what it would raise for misuse
-- is returned as an error. It must not suspend.
function check.as_data(f, ...)
  is_data = true
  local ok, value, err = pcall(f, ...)
  is_data = false
  if ok then
    return value, err
  elseif errors.is(value) then
    return nil, value
  end
  error(value, 0)
end

-- Raises misuse, for other files; see @{check.as_data}.
check.raise = raise

-- Checks one value.
function check.value(field, value, name, level)
  local checked, err = check_field(field, name, value, level + 1)
  return checked, err
end

-- ===}

return check
