-- SPDX-License-Identifier: MIT
--
-- The languages of the v2 generation, and the voices that espeak-ng has for
-- them; it speaks English where it has none.

local languages = {}

-- name, espeak-ng's voice
local ROWS = {
  { "english", "en" }, { "filipino" }, { "french", "fr" }, { "german", "de" },
  { "hindi", "hi" }, { "indonesian", "id" }, { "italian", "it" },
  { "japanese", "ja" }, { "korean", "ko" }, { "malay", "ms" },
  { "portuguese", "pt" }, { "russian", "ru" }, { "spanish", "es" },
  { "thai", "th" }, { "vietnamese", "vi" }, { "arabic", "ar" },
  { "greek", "el" }, { "turkish", "tr" }, { "slovenian", "sl" },
  { "croatian", "hr" }, { "romanian", "ro" }, { "chinese", "cmn" },
  { "bengali", "bn" }, { "urdu", "ur" }, { "hungarian", "hu" },
  { "traditional-chinese", "cmn" }, { "polish", "pl" }, { "cantonese", "yue" },
  { "danish", "da" }, { "malayalam", "ml" }, { "tamil", "ta" },
  { "telugu", "te" }, { "czech", "cs" }, { "hebrew", "he" }, { "zulu" },
  { "swedish", "sv" }, { "lithuanian", "lt" }, { "dutch", "nl" },
  { "flemish", "nl" }, { "norwegian", "nb" }, { "finnish", "fi" },
  { "bulgarian", "bg" }, { "latvian", "lv" }, { "ukrainian", "uk" },
  { "mongolian" }, { "persian", "fa" }, { "odia", "or" }, { "assamese", "as" },
  { "kannada", "kn" }, { "tagalog" }, { "amharic", "am" }, { "serbian", "sr" },
  { "slovak", "sk" }, { "swahili", "sw" },
}

languages.ALL = {}

local voices = {}
for i, row in ipairs(ROWS) do
  languages.ALL[i] = row[1]
  voices[row[1]] = row[2]
end

--- The voice of espeak-ng for a language.
function languages.voice(language)
  return voices[language] or "en"
end

return languages
