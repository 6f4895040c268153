-- SPDX-License-Identifier: MIT

-- The languages that the service can speak, by generation: data alone.

local OPEN = [[
  english filipino french german hindi indonesian italian japanese korean malay
  portuguese russian spanish thai vietnamese arabic greek turkish slovenian
  croatian romanian chinese bengali urdu hungarian traditional-chinese polish
]]

local SINCE_V2 = [[
  cantonese danish malayalam tamil telugu czech hebrew zulu swedish lithuanian
  dutch flemish norwegian finnish bulgarian latvian ukrainian mongolian persian
  odia assamese kannada tagalog amharic serbian slovak swahili
]]

local function set(...)
  local names = {}
  for _, list in ipairs { ... } do
    for name in list:gmatch "%S+" do
      names[name] = true
    end
  end
  return names
end

return {
  open = set(OPEN),
  v2 = set(OPEN, SINCE_V2),
}
