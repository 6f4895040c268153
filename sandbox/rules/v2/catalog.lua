-- SPDX-License-Identifier: MIT
--
-- The catalog: public avatars, voices, music, visual styles and templates, and
-- those that every account owns from the start. Lists them and finds ids.

local config = require "config"
local json = require "json"
local quirks = require "quirks"
local languages = require "v2.languages"
local paging = require "v2.paging"
local data = require "v2.catalog_data"

local catalog = {}

local SHAPES = { portrait = 0, landscape = 1, square = 2 }

--- The service's number for an aspect ratio.
function catalog.shape(word)
  return SHAPES[word]
end

local function address(file)
  return config.storage .. "/catalog/" .. file
end

-- {======================================================================
-- Finding
-- =======================================================================

local index = {}
for kind, list in pairs {
  avatar = data.avatars, own_avatar = data.own_avatars, voice = data.voices,
  own_voice = data.own_voices, music = data.musics, style = data.styles,
  template = data.templates, own_template = data.own_templates,
} do
  index[kind] = {}
  for _, item in ipairs(list) do
    index[kind][kind == "style" and item.name or item.id] = item
  end
end

-- What replaces unknown ids, with any_catalog_ids.
local ANYTHING = {
  avatar = data.avatars[1], voice = data.voices[1], music = data.musics[1],
  style = data.styles[1], template = data.own_templates[1],
}

local more = {}              -- kind -> function(id) of what users have made

--- Adds a lookup for ids of a kind that users made.
function catalog.also(kind, find)
  more[kind] = find
end

--- Something of the catalog.
-- @tparam string kind "avatar", "voice", "music", "style" or "template"
-- @param id a style's is its name
-- @treturn ?table
function catalog.find(kind, id)
  if quirks.is_on "any_catalog_ids" and ANYTHING[kind] then
    return index[kind][id] or ANYTHING[kind]
  end
  return index[kind][id] or index["own_" .. kind] and index["own_" .. kind][id]
    or more[kind] and more[kind](id)
end

--- Whether all ids are known.
-- @tparam {table,...} list {kind, id or nil, the field's name}; music 0 is none
-- @treturn ?integer code of the refusal
-- @treturn ?string message
function catalog.check(list)
  for i = 1, #list do
    local kind, id, name = list[i][1], list[i][2], list[i][3]
    if id ~= nil and id ~= "" and not (kind == "music" and id == 0)
      and not catalog.find(kind, id) then
      return 10104, "record not found: " .. name
    end
  end
end

-- }======================================================================

-- {======================================================================
-- Lists
-- =======================================================================

-- Those whose fields are as the query says; page and page_size are none.
local function filter(list, query, names)
  local found = {}
  for _, item in ipairs(list) do
    local fits = true
    for _, name in ipairs(names) do
      local value = query[name]
      fits = fits and (value == nil or item[name] == value
        or name == "name" and item.name:find(value, 1, true) ~= nil)
    end
    if fits then found[#found + 1] = item end
  end
  return found
end

local function map(list, describe)
  local mapped = json.array()
  for i, item in ipairs(list) do mapped[i] = describe(item) end
  return mapped
end

local calls = {}
catalog.calls = calls

local function describe_avatar(avatar)
  return {
    id = avatar.id, name = avatar.name, style = avatar.style,
    gender = avatar.gender, age = avatar.age,
    aspect_ratio = SHAPES[avatar.aspect_ratio],
    video_url = address(("avatars/%d.mp4"):format(avatar.id)),
    cover_url = address(("avatars/%d.jpg"):format(avatar.id)),
  }
end

--- GET /v2/avatars/public
function calls.public_avatars(_, query)
  local found = filter(data.avatars, query, { "aspect_ratio", "style",
    "gender", "age", "scene", "ethnicity" })
  return { avatars = map(paging.cut(found, query), describe_avatar) }, "none"
end

--- GET /v2/avatars/custom
function calls.custom_avatars(_, query)
  local found = filter(data.own_avatars, query, { "name", "status" })
  return {
    avatars = map(paging.cut(found, query), function(avatar)
      local done = avatar.status == "completed"
      local video = done and address(("avatars/%d.mp4"):format(avatar.id)) or ""
      return {
        id = avatar.id, name = avatar.name, avatar_status = avatar.status,
        fail_msg = avatar.fail_msg or "", api_only = avatar.api_only,
        video_url = video, avatar_url = video,
        cover_url = done and address(("avatars/%d.jpg"):format(avatar.id)) or "",
      }
    end),
  }, "none"
end

local function describe_voice(voice)
  return {
    voice_id = voice.id, name = voice.name, language = voice.language,
    gender = voice.gender, age = voice.age, accent = voice.accent,
    use_case = voice.use_case,
    audio_url = address(("voices/%s.mp3"):format(voice.id)),
  }
end

--- GET /v2/voices
function calls.voices(_, query)
  local found = filter(data.voices, query,
    { "gender", "language", "age", "use_case" })
  local page, about = paging.cut(found, query)
  return { voices = map(page, describe_voice), has_more = about.has_more },
    "none"
end

--- GET /v2/voices/custom
function calls.custom_voices(_, query)
  local found = filter(data.own_voices, query, { "language" })
  return { total = #found, voices = map(found, describe_voice) }, "none"
end

--- GET /v2/musics
function calls.musics(_, query)
  local page, about = paging.cut(data.musics, query)
  return {
    music = map(page, function(music)
      return {
        id = music.id, name = music.name, duration = music.duration,
        music_url = address(("musics/%d.mp3"):format(music.id)),
      }
    end),
    pagination = paging.describe(about),
  }, "none"
end

--- GET /v2/visual_styles
function calls.visual_styles(_, query)
  local found = {}
  for _, style in ipairs(data.styles) do
    if not query.aspect_ratio or not style.aspect_ratio
      or style.aspect_ratio == query.aspect_ratio then
      found[#found + 1] = { id = style.id, name = style.name }
    end
  end
  return { visual_styles = json.array(found) }, "none"
end

local function template_list(list)
  return function(_, query)
    local found = filter(list, query, { "aspect_ratio" })
    return {
      templates = map(found, function(template)
        return {
          id = template.id, name = template.name,
          aspect_ratio = SHAPES[template.aspect_ratio],
          cover_url = address(("templates/%d.jpg"):format(template.id)),
          preview_url = address(("templates/%d.mp4"):format(template.id)),
        }
      end),
    }, "none"
  end
end

--- GET /v2/templates
calls.templates = template_list(data.templates)

--- GET /v2/templates/custom
calls.custom_templates = template_list(data.own_templates)

--- GET /v2/template/custom/{id}
function calls.custom_template(_, _, id)
  local number = math.tointeger(tonumber(id:match "^%d+$"))
  if not number or number < 1 then
    return false, 40000, "parameter error: id must be an integer of 1 or more"
  end
  local template = index.own_template[number]
  if not template then return false, 10104, "record not found: id" end
  return {
    template_id = template.id, name = template.name,
    aspect_ratio = SHAPES[template.aspect_ratio],
    cover_url = address(("templates/%d.jpg"):format(template.id)),
    preview_url = address(("templates/%d.mp4"):format(template.id)),
    variables = map(template.variables, function(variable)
      return { type = variable[1], name = variable[2] }
    end),
  }, "none"
end

--- GET /v2/video_translate/target_languages
function calls.target_languages()
  return { languages = json.array { table.unpack(languages.ALL) } }, "none"
end

-- }======================================================================

return catalog
