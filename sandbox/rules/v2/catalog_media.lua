-- SPDX-License-Identifier: MIT
--
-- The pictures, films and sounds of the catalog, at /catalog/: drawn when they
-- are first asked for, and kept.

local host = require "host"
local config = require "config"
local answers = require "answers"
local media = require "media"
local portrait = require "portrait"
local store = require "store"
local video = require "video"
local catalog = require "v2.catalog"

local catalog_media = {}

local SECONDS = 30           -- for one program at most
local FILM_SECONDS, VOICE_SECONDS = 2, 2

local SHAPES = { portrait = 0, landscape = 1, square = 2 }

local TYPES = { jpg = "image/jpeg", mp4 = "video/mp4", mp3 = "audio/mpeg" }

local function seed_of(id)
  if math.type(id) == "integer" then return id end
  local sum = 0
  for i = 1, #id do sum = sum + id:byte(i) end
  return sum
end

local function run(arguments, folder)
  return host.run(arguments, folder, SECONDS)
end

-- A person, still or not.
local function draw_person(folder, item, output)
  local shape = video.shape(SHAPES[item.aspect_ratio or "portrait"], "quick")
  local ok, why = host.write(folder .. "/text.ass", portrait.script {
    width = shape.width, height = shape.height, seed = seed_of(item.id),
    length = FILM_SECONDS, x = 0.5, y = 0.14, size = 0.86, talks = true,
  })
  if not ok then return nil, why end
  if output:find "%.jpg$" then
    return run(media.picture(shape.width, shape.height, seed_of(item.id),
      output), folder)
  end
  return run(media.drawn(shape, seed_of(item.id), FILM_SECONDS), folder)
end

local function draw_tone(seconds)
  return function(folder, item, output)
    return run(media.tone(seed_of(item.id), item.duration or seconds, output),
      folder)
  end
end

-- folder of the address -> kind in the catalog, endings, how it is drawn
local PLACES = {
  avatars = { "avatar", { jpg = true, mp4 = true }, draw_person },
  templates = { "template", { jpg = true, mp4 = true }, draw_person },
  voices = { "voice", { mp3 = true }, draw_tone(VOICE_SECONDS) },
  musics = { "music", { mp3 = true }, draw_tone(VOICE_SECONDS) },
}

-- Two at once do no harm.
local function draw(place, item, ending, path)
  local folder, why = store.work_folder()
  if not folder then return nil, why end
  local output = "video.mp4"
  if ending ~= "mp4" then output = "output." .. ending end
  local ok
  ok, why = place[3](folder, item, output)
  if ok then ok, why = os.rename(folder .. "/" .. output, path) end
  host.remove_folder(folder)
  return ok, why
end

--- Answers a request below /catalog/.
function catalog_media.answer(request)
  local folder, id, ending =
    request.path:match "^/catalog/(%l+)/([%w_-]+)%.(%w+)$"
  local place = PLACES[folder]
  if not place or not place[2][ending] then return answers.not_found() end
  local item = catalog.find(place[1], math.tointeger(tonumber(id)) or id)
  if not item or item.kind then return answers.not_found() end
  local path = ("%s/catalog/%s-%s.%s"):format(config.data, folder, id, ending)
  if not store.exists(path) then
    local ok, why = draw(place, item, ending, path)
    if not ok then
      return answers.bad_request("ffmpeg: " .. tostring(why), 500)
    end
  end
  return answers.file(path, TYPES[ending])
end

return catalog_media
