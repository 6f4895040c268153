-- SPDX-License-Identifier: MIT
--
-- A person, drawn as an Advanced SubStation script for ffmpeg's ass filter. A
-- number selects skin, hair and clothes. The mouth can move, and lines of text
-- can stand below. Pure.

local overlay = require "overlay"
local paths = require "paths"

local portrait = {}

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
  .. "Style: Shape,DejaVu Sans,10,&H00FFFFFF,&H00000000,&H00000000,0,1,0,0,7,"
  .. "0,0,0,-1\n"
  .. "Style: Line,DejaVu Sans,%d,&H00FFFFFF,&H80000000,&H80000000,-1,3,%d,0,2,"
  .. "%d,%d,%d,-1\n"
  .. "\n[Events]\nFormat: Layer, Start, End, Style, Text\n"

-- Colours are BGR.
local SKIN = { "A9C6F0", "7FA0CC", "5A7BA8", "3D5678", "C2D8F7" }
local HAIR = { "1C1A18", "2B4A70", "12274A", "6A6A70", "2A86C8" }
local CLOTHES = { "8C6E32", "4646C8", "4B7D3C", "A0527A", "5A5A64" }

local MOUTH_SECONDS = 0.18
local MOST_MOUTHS = 400      -- the script is to stay short

-- Everything is drawn in a box of 200 by 240, which is then placed.
local function body(add, pick)
  local skin, hair, clothes = pick(SKIN, 1), pick(HAIR, 5), pick(CLOTHES, 7)
  add(paths.box(58, 30, 142, 130, 40), hair)
  add("m 10 240 b 10 170 60 160 100 160 b 140 160 190 170 190 240", clothes)
  add(paths.box(84, 130, 116, 172, 12), skin)
  add(paths.ellipse(100, 92, 38, 50), skin)
  add("m 60 86 b 58 26 142 26 140 86 b 120 62 80 62 60 86", hair)
  add(paths.ellipse(85, 88, 5, 6), "202020")
  add(paths.ellipse(115, 88, 5, 6), "202020")
end

local CLOSED = paths.ellipse(100, 120, 12, 2)
local OPEN = paths.ellipse(100, 120, 11, 7)

--- Writes the script.
-- @tparam table options `width`, `height`, `seed` (an integer), `length`
-- (seconds), `x`, `y`, `size`: where the person's middle and top are and how
-- tall it is, as fractions; `talks`; `lines` (shown one after the other)
-- @treturn string
function portrait.script(options)
  local w, h, length = options.width, options.height, options.length
  local short = math.min(w, h)
  local parts = { HEADER:format(w, h, short // 22, short // 90, short // 20,
    short // 20, short // 18) }
  local scale = options.size * h / 240
  local left, top = options.x * w - 100 * scale, options.y * h
  local function event(layer, from, to, style, text)
    parts[#parts + 1] = ("Dialogue: %d,%s,%s,%s,%s\n"):format(layer,
      overlay.time(from), overlay.time(to), style, text)
  end
  local function draw(path, colour, from, to)
    path = path:gsub("(%-?%d+) (%-?%d+)", function(x, y)
      return ("%.0f %.0f"):format(left + x * scale, top + y * scale)
    end)
    event(#parts, from or 0, to or length, "Shape",
      ("{\\pos(0,0)\\p1\\1c&H%s&}%s"):format(colour, path))
  end
  body(draw, function(list, step)
    return list[options.seed // step % #list + 1]
  end)
  draw(CLOSED, "4050A0")
  if options.talks then
    local step = math.max(MOUTH_SECONDS, length / MOST_MOUTHS)
    for at = 0, length - step, 2 * step do
      draw(OPEN, "303070", at, at + step)
    end
  end
  local lines = options.lines or {}
  for i, line in ipairs(lines) do
    event(#parts, (i - 1) * length / #lines, i * length / #lines, "Line",
      overlay.plain(line))
  end
  return table.concat(parts)
end

return portrait
