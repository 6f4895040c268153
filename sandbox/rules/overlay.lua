-- SPDX-License-Identifier: MIT
--
-- The text on the picture as an Advanced SubStation script: title, price,
-- a sentence, and subtitles. libass finds a font for each character through
-- fontconfig, and breaks lines at blanks. Pure.

local breaking = require "breaking"

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

-- The last field, -1: a text runs in the direction of its own script.
local STYLE = "Style: %s,DejaVu Sans,%d,%s,%s,&H80000000,%d,%d,%g,%g,%d,%d,"
  .. "%d,0,-1\n"

local SIZES = { Title = 50, Sentence = 30, Price = 40, Subtitle = 32 }
local COLUMN = 0.46          -- of a size: half as wide as a wide character

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

--- A time in the script.
function overlay.time(seconds)
  local hundredths = math.floor(seconds * 100 + 0.5)
  return ("0:%02d:%02d.%02d"):format(hundredths // 6000,
    hundredths // 100 % 60, hundredths % 100)
end

--- A text as it can stand in the script, where braces and backslashes are
-- commands.
function overlay.plain(text)
  return (text:gsub("[{}\\%c]", { ["{"] = "(", ["}"] = ")", ["\\"] = "/" })
    :gsub("%c", " "))
end

local time, plain = overlay.time, overlay.plain

-- A text of wide characters has hardly a blank that libass could break it at.
local function wrapped(text, style, width)
  if not breaking.has_wide(text) then return plain(text) end
  local lines = breaking.lines(text,
    math.floor(width / (SIZES[style] * COLUMN)))
  for i, line in ipairs(lines) do lines[i] = plain(line) end
  return table.concat(lines, "\\N")
end

--- A text as lines that are read one after the other.
-- @tparam string text
-- @tparam ?integer most so many lines and those of one sentence, 6 by default
-- @treturn {string,...} at least one
function overlay.lines_of(text, most)
  local list = breaking.sentences(text)
  if #list == 0 then list = { "" } end
  local lines = {}
  for _, sentence in ipairs(list) do
    for _, line in ipairs(breaking.lines(sentence, 42)) do
      lines[#lines + 1] = breaking.shorten(line, 60)
    end
    if #lines >= (most or 6) then break end
  end
  return lines
end

local function styles(shape, layout)
  local u = math.min(shape.width, shape.height) / 720
  local left = math.floor(layout.left * shape.width)
  local right = math.floor(layout.right * shape.width)
  local white, dark = "&H00FFFFFF", "&H60101010"
  local function style(name, colour, bold, border, outline, align, l, r)
    local size = SIZES[name] or 10
    return STYLE:format(name, math.floor(size * u + 0.5), colour, dark, bold,
      border, outline * u, border == 1 and 2 * u or 0, align, l, r)
  end
  local edge = math.floor(0.05 * shape.width)
  return style("Title", white, -1, 1, 2, 2, left, right)
    .. style("Sentence", "&H00E8E8E8", 0, 1, 1.5, 8, left, right)
    .. style("Price", "&H0034D8FF", -1, 3, 10, 9, edge, edge)
    .. style("Subtitle", white, -1, 3, 8, 2, edge, edge)
    .. style("Shade", white, 0, 1, 0, 7, 0, 0)
end

local function dialogue(layer, from, to, style, text)
  return ("Dialogue: %d,%s,%s,%s,%s\n"):format(layer, time(from), time(to),
    style, text)
end

local function at(x, y)
  return ("{\\pos(%d,%d)}"):format(x, y)
end

-- Subtitles, each shown as long as the others.
local function add_lines(parts, shape, length, lines)
  local layout = LAYOUTS[shape.aspect_ratio]
  local place = at(shape.width // 2, math.floor(layout.subtitle * shape.height))
  for i, line in ipairs(lines) do
    parts[#parts + 1] = dialogue(2, (i - 1) * length / #lines,
      i * length / #lines, "Subtitle", place .. plain(line))
  end
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
  local function event(...)
    parts[#parts + 1] = dialogue(...)
  end
  local shade = layout.shade
  local x1, y1, x2, y2 = math.floor(shade[1] * w), math.floor(shade[2] * h),
    math.floor(shade[3] * w), math.floor(shade[4] * h)
  event(0, 0, length, "Shade", at(0, 0) .. ("{\\p1\\bord0\\shad0\\blur%d"
    .. "\\1c&H201510&\\1a&H58&}m %d %d l %d %d %d %d %d %d"):format(
    math.floor(math.min(w, h) / 40), x1, y1, x2, y1, x2, y2, x1, y2))
  local middle = math.floor((layout.left + 1 - layout.right) / 2 * w)
  -- what styles() makes of one pixel, and the column in those
  local width = (1 - layout.left - layout.right) * w * 720 / math.min(w, h)
  local meet = math.floor(layout.meet * h)
  if project.title ~= "" then
    event(1, 0, length, "Title",
      at(middle, meet) .. wrapped(breaking.shorten(project.title, 70), "Title",
        width))
  end
  local first = breaking.sentences(project.intro_text)[1]
  if first then
    event(1, 0, length, "Sentence", at(middle, math.floor(meet + 0.012 * h))
      .. wrapped(breaking.shorten(first, 100), "Sentence", width))
  end
  if project.price then
    event(1, 0, length, "Price", at(math.floor(0.95 * w),
      math.floor(layout.price * h)) .. plain(breaking.shorten(project.price, 20)))
  end
  if project.options.render_subtitle == 1 then
    local script = project.script or project.intro_text
    local lines = overlay.lines_of(script:find "%S" and script
      or project.title)
    add_lines(parts, shape, length, lines)
  end
  return table.concat(parts)
end

--- Writes a script of subtitles alone.
-- @tparam table shape of video.shape
-- @tparam number length seconds
-- @tparam {string,...} lines
-- @treturn string
function overlay.subtitles(shape, length, lines)
  local parts = {
    HEADER:format(shape.width, shape.height),
    styles(shape, LAYOUTS[shape.aspect_ratio]), EVENTS,
  }
  add_lines(parts, shape, length, lines)
  return table.concat(parts)
end

return overlay
