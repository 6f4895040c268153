-- SPDX-License-Identifier: MIT
--
-- The text on the picture as an Advanced SubStation script: title, price,
-- a sentence, and subtitles. libass breaks the lines and finds the fonts
-- for any script. Pure.

local overlay = {}

local HEADER = [[
[Script Info]
ScriptType: v4.00+
PlayResX: %d
PlayResY: %d
WrapStyle: 0
ScaledBorderAndShadow: yes

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, OutlineColour, BackColour, ]]
  .. "Bold, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, "
  .. "MarginV, Encoding\n"

local STYLE = "Style: %s,DejaVu Sans,%d,%s,%s,&H80000000,%d,%d,%g,%g,%d,%d,"
  .. "%d,0,1\n"

local EVENTS = [[

[Events]
Format: Layer, Start, End, Style, Text
]]

-- Fractions of width and height: the column's margins, where title and
-- sentence meet, the price, where the shade begins, the subtitles.
local LAYOUTS = {
  [0] = { left = 0.07, right = 0.07, meet = 0.765, price = 0.055,
    shade = { -0.1, 0.60, 1.1, 1.1 }, subtitle = 0.955 },
  { left = 0.56, right = 0.05, meet = 0.46, price = 0.09,
    shade = { 0.54, -0.1, 1.1, 1.1 }, subtitle = 0.94 },
  { left = 0.06, right = 0.06, meet = 0.80, price = 0.05,
    shade = { -0.1, 0.64, 1.1, 1.1 }, subtitle = 0.975 },
}

local function time(seconds)
  local hundredths = math.floor(seconds * 100 + 0.5)
  return ("0:%02d:%02d.%02d"):format(hundredths // 6000,
    hundredths // 100 % 60, hundredths % 100)
end

-- Braces and backslashes are commands in this format.
local function plain(text)
  return (text:gsub("[{}\\%c]", { ["{"] = "(", ["}"] = ")", ["\\"] = "/" })
    :gsub("%c", " "))
end

-- At most so many characters, cut at a word.
local function shorten(text, most)
  local length = utf8.len(text)
  if not length or length <= most then return text end
  local cut = text:sub(1, utf8.offset(text, most + 1) - 1)
  local words = cut:match "^(.*)%s%S*$"
  if words and #words > #cut // 2 then cut = words end
  return cut .. "…"
end

local function sentences_of(text)
  local list = {}
  text = text:gsub("。", "。\n"):gsub("([.!?])%s+", "%1\n")
  for sentence in text:gmatch "[^\n]+" do
    -- one blank at most before the match, which would else take the square
    -- of their number
    sentence = sentence:gsub("%s+", " "):match "^ ?(.-) ?$"
    if sentence ~= "" then list[#list + 1] = sentence end
  end
  return list
end

-- The script as lines that are read one after the other.
local function subtitle_lines(project)
  local list = sentences_of(project.intro_text)
  if #list == 0 then list = { project.title } end
  local lines = {}
  for _, sentence in ipairs(list) do
    local line = ""
    for word in sentence:gmatch "%S+" do
      if line ~= "" and utf8.len(line .. word) > 42 then
        lines[#lines + 1], line = line, ""
      end
      line = line == "" and word or line .. " " .. word
    end
    lines[#lines + 1] = shorten(line, 60)
    if #lines >= 6 then break end
  end
  return lines
end

local function styles(shape, layout)
  local u = math.min(shape.width, shape.height) / 720
  local left = math.floor(layout.left * shape.width)
  local right = math.floor(layout.right * shape.width)
  local white, dark = "&H00FFFFFF", "&H60101010"
  local function style(name, size, colour, bold, border, outline, align, l, r)
    return STYLE:format(name, math.floor(size * u + 0.5), colour, dark, bold,
      border, outline * u, border == 1 and 2 * u or 0, align, l, r)
  end
  local edge = math.floor(0.05 * shape.width)
  return style("Title", 50, white, -1, 1, 2, 2, left, right)
    .. style("Sentence", 30, "&H00E8E8E8", 0, 1, 1.5, 8, left, right)
    .. style("Price", 40, "&H0034D8FF", -1, 3, 10, 9, edge, edge)
    .. style("Subtitle", 32, white, -1, 3, 8, 2, edge, edge)
    .. style("Shade", 10, white, 0, 1, 0, 7, 0, 0)
end

--- Writes the script.
-- @tparam table shape of video.shape
-- @tparam number length seconds
-- @tparam table project title, intro_text, price, options
-- @treturn string
function overlay.text(shape, length, project)
  local layout = LAYOUTS[shape.aspect_ratio]
  local w, h = shape.width, shape.height
  local parts = { HEADER:format(w, h), styles(shape, layout), EVENTS }
  local function event(layer, from, to, style, text)
    parts[#parts + 1] = ("Dialogue: %d,%s,%s,%s,%s\n"):format(layer,
      time(from), time(to), style, text)
  end
  local function at(x, y)
    return ("{\\pos(%d,%d)}"):format(x, y)
  end
  local shade = layout.shade
  local x1, y1, x2, y2 = math.floor(shade[1] * w), math.floor(shade[2] * h),
    math.floor(shade[3] * w), math.floor(shade[4] * h)
  event(0, 0, length, "Shade", at(0, 0) .. ("{\\p1\\bord0\\shad0\\blur%d"
    .. "\\1c&H201510&\\1a&H58&}m %d %d l %d %d %d %d %d %d"):format(
    math.floor(math.min(w, h) / 40), x1, y1, x2, y1, x2, y2, x1, y2))
  local middle = (layout.left + 1 - layout.right) / 2 * w
  middle = math.floor(middle)
  local meet = math.floor(layout.meet * h)
  if project.title ~= "" then
    event(1, 0, length, "Title",
      at(middle, meet) .. plain(shorten(project.title, 70)))
  end
  local first = sentences_of(project.intro_text)[1]
  if first then
    event(1, 0, length, "Sentence", at(middle, math.floor(meet + 0.012 * h))
      .. plain(shorten(first, 100)))
  end
  if project.price then
    event(1, 0, length, "Price", at(math.floor(0.95 * w),
      math.floor(layout.price * h)) .. plain(shorten(project.price, 20)))
  end
  if project.options.render_subtitle == 1 then
    local lines = subtitle_lines(project)
    for i, line in ipairs(lines) do
      event(2, (i - 1) * length / #lines, i * length / #lines, "Subtitle",
        at(w // 2, math.floor(layout.subtitle * h)) .. plain(line))
    end
  end
  return table.concat(parts)
end

return overlay
