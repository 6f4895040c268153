-- SPDX-License-Identifier: MIT
--
-- Sentences, and lines of them, in any script. Widths are in columns: a
-- Chinese, Japanese or Korean character takes two, a mark on another character
-- none, any other one. Pure.

local breaking = {}

-- First and last of the characters that are two columns wide...
local WIDE = {
  { 0x1100, 0x115F }, { 0x2E80, 0xA4CF }, { 0xAC00, 0xD7A3 },
  { 0xF900, 0xFAFF }, { 0xFE30, 0xFE4F }, { 0xFF00, 0xFF60 },
  { 0xFFE0, 0xFFE6 }, { 0x1F300, 0x1FAFF }, { 0x20000, 0x3FFFD },
}
-- ... but Korean puts blanks between words, and its lines end there.
local HANGUL = { { 0x1100, 0x115F }, { 0x3130, 0x318F }, { 0xAC00, 0xD7A3 } }
local MARKS = { { 0x0300, 0x036F }, { 0x064B, 0x065F }, { 0x0900, 0x0903 },
  { 0x093A, 0x093C }, { 0x093E, 0x094F }, { 0x0951, 0x0957 },
  { 0x200B, 0x200F }, { 0xFE00, 0xFE0F } }

local function set_of(characters)
  local set = {}
  for _, code in utf8.codes(characters) do set[code] = true end
  return set
end

local NEVER_FIRST = set_of("、。，．・：；？！）」』】〕〉》”’…‥ー々"
  .. "ぁぃぅぇぉっゃゅょァィゥェォッャュョ,.!?:;)]%")
local NEVER_LAST = set_of "（「『【〔〈《“‘(["

local function is_in(ranges, code)
  for _, range in ipairs(ranges) do
    if code >= range[1] and code <= range[2] then return true end
  end
  return false
end

local function width_of(code)
  if code < 0x300 then return 1 end
  return is_in(WIDE, code) and 2 or is_in(MARKS, code) and 0 or 1
end

local function is_blank(code)
  return code == 0x20 or code >= 0x09 and code <= 0x0D or code == 0x3000
end

-- May a line end between these two, without a blank?
local function may_break(before, after)
  return not NEVER_LAST[before] and not NEVER_FIRST[after]
    and (is_in(WIDE, before) and not is_in(HANGUL, before)
      or is_in(WIDE, after) and not is_in(HANGUL, after))
end

--- Whether some character is two columns wide. Text that is no UTF-8 has none.
function breaking.has_wide(text)
  if not utf8.len(text) then return false end
  for _, code in utf8.codes(text) do
    if width_of(code) == 2 then return true end
  end
  return false
end

--- A text of at most so many columns, cut after a word where that is near.
function breaking.shorten(text, most)
  if not utf8.len(text) then return text end
  local columns = 0
  for position, code in utf8.codes(text) do
    columns = columns + width_of(code)
    if columns > most then
      local cut = text:sub(1, position - 1)
      local words = cut:match "^(.*)%s%S*$"
      if words and #words > #cut // 2 then cut = words end
      return cut .. "…"
    end
  end
  return text
end

--- The sentences of a text, without blanks around them.
-- @treturn {string,...}
function breaking.sentences(text)
  for _, mark in ipairs { "。", "！", "？", "।", "؟", "۔" } do
    text = text:gsub(mark, mark .. "\n")
  end
  text = text:gsub("([.!?])%s+", "%1\n")
  local list = {}
  for piece in text:gmatch "[^\n]+" do
    -- one blank at most before the match, which would else take the square
    -- of their number
    local sentence = piece:gsub("%s+", " "):match "^ ?(.-) ?$"
    if sentence ~= "" then list[#list + 1] = sentence end
  end
  return list
end

-- What a line never ends within: { text, columns, after_blank }.
local function pieces_of(text)
  local pieces, last, blank = {}, nil, false
  for _, code in utf8.codes(text) do
    if is_blank(code) then
      blank = true
    else
      local piece = pieces[#pieces]
      if not piece or blank or may_break(last, code) then
        piece = { text = "", columns = 0, after_blank = blank }
        pieces[#pieces + 1] = piece
      end
      piece.text = piece.text .. utf8.char(code)
      piece.columns = piece.columns + width_of(code)
      last, blank = code, false
    end
  end
  return pieces
end

--- Breaks a text into lines of at most so many columns, but for words that
-- are longer.
-- @treturn {string,...}
function breaking.lines(text, most)
  if not utf8.len(text) then return { text } end
  local lines, line, columns = {}, "", 0
  for _, piece in ipairs(pieces_of(text)) do
    local gap = piece.after_blank and line ~= "" and 1 or 0
    if line ~= "" and columns + gap + piece.columns > most then
      lines[#lines + 1] = line
      line, columns, gap = "", 0, 0
    end
    line = line .. (gap == 1 and " " or "") .. piece.text
    columns = columns + gap + piece.columns
  end
  if line ~= "" then lines[#lines + 1] = line end
  return lines
end

return breaking
