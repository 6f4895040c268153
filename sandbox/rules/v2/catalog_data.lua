-- SPDX-License-Identifier: MIT
--
-- The catalog as data. Ids that the vendor's own examples use are among them,
-- so that those run here.

local data = {}

-- {======================================================================
-- Avatars: public ones are put together from these, in turn
-- =======================================================================

local NAMES = {
  "Amanda", "Bruno", "Chidi", "Dana", "Elif", "Farid", "Grace", "Hugo", "Ines",
  "Jun", "Kofi", "Lena", "Mateo", "Noor", "Olga", "Priya", "Quinn", "Rosa",
  "Samir", "Tove", "Uma", "Viktor", "Wanjiru", "Xin", "Yara", "Zoltan", "Aiko",
  "Bela", "Carla", "Diego", "Emeka", "Freja", "Goran", "Hana", "Ivo", "Jasmin",
}
local MALE = {
  Bruno = true, Chidi = true, Farid = true, Hugo = true, Jun = true,
  Kofi = true, Mateo = true, Samir = true, Viktor = true, Zoltan = true,
  Bela = true, Diego = true, Emeka = true, Goran = true, Ivo = true,
}
local SHAPES = { "portrait", "landscape", "square" }
local STYLES = { "professional", "social" }
local AGES = { "adult", "young_adult", "senior" }
local SCENES = { "lifestyle", "outdoors", "business", "studio",
  "health_fitness", "education", "news" }
local ETHNICITIES = { "european", "african", "south_asian", "east_asian",
  "middle_eastern", "south_american", "north_american" }

local SPECIAL = { [1] = 1, [2] = 81, [3] = 123, [4] = 37 }

local function in_turn(list, i)
  return list[(i - 1) % #list + 1]
end

data.avatars = {}
for i, name in ipairs(NAMES) do
  local scene = in_turn(SCENES, i)
  data.avatars[i] = {
    id = SPECIAL[i] or 400 + i, name = name .. " " .. scene:gsub("_", " "),
    gender = MALE[name] and "male" or "female", scene = scene,
    aspect_ratio = in_turn(SHAPES, i), style = in_turn(STYLES, i),
    age = in_turn(AGES, i), ethnicity = in_turn(ETHNICITIES, i),
  }
end

data.own_avatars = {
  { id = 9001, name = "My own avatar", status = "completed", api_only = true,
    aspect_ratio = "portrait", gender = "female" },
  { id = 9002, name = "My other avatar", status = "completed",
    api_only = false, aspect_ratio = "landscape", gender = "male" },
  { id = 9003, name = "In the making", status = "processing", api_only = true },
  { id = 9004, name = "Gone wrong", status = "failed", api_only = true,
    fail_msg = "the face is not visible" },
}

-- }======================================================================

-- {======================================================================
-- Voices
-- =======================================================================

local VOICES = {
  { "en-US-ChristopherNeural", "Christopher", "english", "male", "american" },
  { "en-US-JennyNeural", "Jenny", "english", "female", "american" },
  { "en-GB-SoniaNeural", "Sonia", "english", "female", "british" },
  { "en-GB-RyanNeural", "Ryan", "english", "male", "british" },
  { "en-IN-NeerjaNeural", "Neerja", "english", "female", "indian" },
  { "es-ES-ElviraNeural", "Elvira", "spanish", "female", "castilian" },
  { "es-MX-JorgeNeural", "Jorge", "spanish", "male", "mexican" },
  { "fr-FR-DeniseNeural", "Denise", "french", "female", "parisian" },
  { "fr-FR-HenriNeural", "Henri", "french", "male", "parisian" },
  { "de-DE-KatjaNeural", "Katja", "german", "female", "standard" },
  { "de-DE-ConradNeural", "Conrad", "german", "male", "standard" },
  { "it-IT-ElsaNeural", "Elsa", "italian", "female", "standard" },
  { "pt-BR-FranciscaNeural", "Francisca", "portuguese", "female", "brazilian" },
  { "ja-JP-NanamiNeural", "Nanami", "japanese", "female", "standard" },
  { "ja-JP-KeitaNeural", "Keita", "japanese", "male", "standard" },
  { "zh-CN-XiaoxiaoNeural", "Xiaoxiao", "chinese", "female", "standard" },
  { "ko-KR-SunHiNeural", "SunHi", "korean", "female", "standard" },
  { "ar-EG-SalmaNeural", "Salma", "arabic", "female", "egyptian" },
  { "hi-IN-SwaraNeural", "Swara", "hindi", "female", "standard" },
  { "pl-PL-ZofiaNeural", "Zofia", "polish", "female", "standard" },
  { "tr-TR-AhmetNeural", "Ahmet", "turkish", "male", "standard" },
  { "nl-NL-ColetteNeural", "Colette", "dutch", "female", "standard" },
}
local VOICE_AGES = { "young", "middle_aged", "old" }
local USE_CASES = { "narrative_story", "social_media", "advertisement" }

data.voices = {}
for i, row in ipairs(VOICES) do
  data.voices[i] = {
    id = row[1], name = row[2], language = row[3], gender = row[4],
    accent = row[5], age = in_turn(VOICE_AGES, i),
    use_case = in_turn(USE_CASES, i),
  }
end

data.own_voices = {
  { id = "custom_123", name = "My own voice", language = "english" },
  { id = "custom_124", name = "My other voice", language = "" },
}

-- }======================================================================

data.musics = {
  { id = 1, name = "Upbeat", duration = 12 },
  { id = 2, name = "Calm", duration = 16 },
  { id = 3, name = "Bright", duration = 10 },
  { id = 4, name = "Slow", duration = 20 },
  { id = 5, name = "Curious", duration = 14 },
  { id = 6, name = "Solemn", duration = 18 },
  { id = 7, name = "Light", duration = 11 },
  { id = 8, name = "Warm", duration = 15 },
  { id = 9, name = "Distant", duration = 17 },
  { id = 10, name = "Steady", duration = 13 },
  { id = 11, name = "Playful", duration = 12 },
  { id = 12, name = "Early", duration = 19 },
  { id = 13, name = "Late", duration = 21 },
}

data.styles = {
  { id = 2400, name = "Simple split screen template" },
  { id = 2401, name = "Simple Product Switch" },
  { id = 2402, name = "Dynamic Showcase" },
  { id = 2403, name = "Card Stacking" },
  { id = 2404, name = "Tall Pages", aspect_ratio = "portrait" },
  { id = 2405, name = "Wide Shelf", aspect_ratio = "landscape" },
  { id = 2406, name = "Square Frame", aspect_ratio = "square" },
  { id = 2407, name = "Slow Zoom" },
}

data.templates = {
  { id = 149, name = "Product Showcase", aspect_ratio = "landscape" },
  { id = 143, name = "Camera", aspect_ratio = "portrait" },
  { id = 108, name = "Cartoon Stickers", aspect_ratio = "portrait" },
  { id = 150, name = "Square Offer", aspect_ratio = "square" },
}

data.own_templates = {
  {
    id = 123, name = "My template", aspect_ratio = "portrait",
    variables = { { "text", "title" }, { "image", "picture" } },
  },
  {
    id = 1234, name = "My long template", aspect_ratio = "landscape",
    variables = {
      { "text", "title" }, { "image", "picture" }, { "video", "clip" },
      { "script", "speech" },
    },
  },
}

return data
