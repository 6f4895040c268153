-- SPDX-License-Identifier: MIT

-- Reads an answer's `data` by the paths that the API as data names for it: see
-- `result` and `list` in jogg.api.v2.

local status_words = require "jogg.status_words"

local answer = {}

-- The value at a path of names and dots; nil where there is none.
local function at(data, path)
  for name in path:gmatch "[^.]+" do
    if type(data) ~= "table" then
      return nil
    end
    data = data[name]
  end
  return data
end

-- {=== what a value may be: each returns it, or nil

local function text(value)
  return type(value) == "string" and value ~= "" and value or nil
end

local function number(value)
  value = tonumber(value)
  return value and value == value and value >= 0 and value < math.huge and
    value or nil
end

-- What fields of avatars take.
local function integer(value)
  value = number(value)
  return value and value == math.floor(value) and value or nil
end

local function object(value)
  return type(value) == "table" and value or nil
end

-- The members of a list that are usable, and how many are not. `null` has left
-- holes in it. An object is no list.
local function list_of(reader)
  return function(value)
    if type(value) ~= "table" then
      return nil
    end
    local list, last, count = {}, 0, 0
    for key in pairs(value) do
      if type(key) ~= "number" then
        return nil
      end
      last, count = math.max(last, key), count + 1
    end
    for i = 1, last do
      list[#list + 1] = reader(value[i])
    end
    return list, count - #list
  end
end

-- An id as a string. U+FFFD stands where the answer was not UTF-8.
local function id(value)
  if type(value) == "number" and value == math.floor(value) and
    value > -2 ^ 63 and value < 2 ^ 63 then
    return ("%d"):format(value)
  end
  value = text(value)
  return value and not value:find("\239\191\189", 1, true) and
    not value:find "%c" and value or nil
end

local READERS = {
  id = id, avatar_id = integer, duration = number, credit = number, total = number,
  created_at = number, completed_at = number, urls = list_of(text),
  items = list_of(function(value) return object(value) or text(value) end),
  paragraphs = function(value)
    return text(value) or list_of(text)(value)
  end,
  code = function(value) return value end,
  status = function(value) return value end,
}

-- ===}

-- The first usable value that one of the paths leads to.
function answer.find(data, name, paths)
  local reader = READERS[name] or text
  for i = 1, paths and #paths or 0 do
    local value, unusable = reader(at(data, paths[i]))
    if value ~= nil then
      return value, unusable
    end
  end
end

-- The word for a state that may be a number of the API's own.
function answer.status(value, states)
  return states and states[value] or status_words.fold(value)
end

-- Reads everything that `shape` names, but for lists of parts.
function answer.read(shape, data, states)
  local read = {}
  for name, paths in pairs(shape) do
    if name == "parts" then
      read.parts = {}
      for _, item in ipairs(answer.find(data, "items", paths.items) or {}) do
        if object(item) then
          table.insert(read.parts, answer.read(paths.item, item, states))
        end
      end
    else
      read[name] = answer.find(data, name, paths)
    end
  end
  if shape.status then
    read.status = answer.status(read.status, states)
  end
  return read
end

return answer
