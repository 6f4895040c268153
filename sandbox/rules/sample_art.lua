-- SPDX-License-Identifier: MIT
--
-- The pictures of the sample pages, drawn by ffmpeg: a gradient and shapes
-- in the drawing language of Advanced SubStation scripts. Pure.

local paths = require "paths"

local sample_art = {}

local ellipse, box, bar = paths.ellipse, paths.box, paths.bar

local SIZE = 900

local HEADER = [[
[Script Info]
ScriptType: v4.00+
PlayResX: 900
PlayResY: 900

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, BorderStyle, Outline, Shadow, Alignment
Style: S,DejaVu Sans,10,&H00FFFFFF,1,0,0,7

[Events]
Format: Layer, Start, End, Style, Text
]]

-- {======================================================================
-- Products: each adds layers {path, colour, alpha, blur}; colours are BGR
-- =======================================================================

local DRAW = {}

function DRAW.lamp(add, main)
  add(ellipse(450, 770, 330, 36), "000000", 0x98, 18)
  add("m 575 330 l 705 330 830 770 380 770", "9BE4FF", 0xA0, 22)
  add(ellipse(330, 742, 150, 34), "1C1A18", 0)
  add(ellipse(330, 730, 150, 34), main, 0)
  add(bar(330, 725, 250, 440, 20), "3A3632", 0)
  add(bar(250, 440, 560, 250, 20), "3A3632", 0)
  add(ellipse(250, 440, 26, 26), main, 0)
  add("m 520 250 b 540 190 650 170 690 220 l 745 345 b 690 370 590 370 "
    .. "535 350", main, 0)
  add("m 560 235 b 580 205 620 195 640 200 l 610 340 b 590 340 570 340 "
    .. "555 335", "FFFFFF", 0xC0, 6)
  add(ellipse(640, 352, 104, 20), "C8F4FF", 0, 2)
end

function DRAW.mug(add, main)
  add(ellipse(450, 745, 290, 34), "000000", 0x90, 18)
  add(ellipse(640, 520, 120, 130), main, 0)
  add(ellipse(640, 520, 74, 84), "D9E6EE", 0)
  add("m 250 330 l 640 330 640 650 b 640 730 590 745 540 745 l 350 745 "
    .. "b 300 745 250 730 250 650", main, 0)
  add("m 280 360 b 300 360 320 360 330 360 l 330 700 b 300 690 280 670 "
    .. "280 640", "FFFFFF", 0xB0, 8)
  add(ellipse(445, 330, 195, 44), "F4F4F4", 0)
  add(ellipse(445, 334, 172, 34), "1E3048", 0)
  add("m 395 545 b 395 500 445 500 445 540 b 445 500 495 500 495 545 "
    .. "b 495 590 445 620 445 630 b 445 620 395 590 395 545", "F4F4F4", 0)
  for i, x in ipairs { 370, 445, 520 } do
    add(("m %d 270 b %d 220 %d 200 %d 150 b %d 200 %d 220 %d 270"):format(x,
      x - 40, x + 30, x + 4 * i, x + 54, x - 10, x + 22), "FFFFFF", 0x88, 9)
  end
end

function DRAW.backpack(add, main)
  add(ellipse(450, 800, 270, 30), "000000", 0x90, 18)
  add(box(385, 95, 515, 240, 55), "2B2622", 0)
  add(box(412, 122, 488, 240, 34), "D9E6EE", 0)
  add(box(215, 480, 300, 720, 40), "2B2622", 0)
  add(box(600, 480, 685, 720, 40), "2B2622", 0)
  add(box(250, 170, 650, 800, 110), main, 0)
  add(box(275, 200, 345, 760, 34), "FFFFFF", 0xC4, 10)
  add(box(300, 510, 600, 750, 46), "201C1A", 0x9A)
  add(box(310, 518, 590, 740, 40), main, 0)
  add(box(310, 556, 590, 570, 6), "2B2622", 0)
  add(box(350, 330, 550, 346, 7), "2B2622", 0)
  add(box(430, 325, 470, 420, 12), "3C78C8", 0)
  add(box(545, 556, 560, 620, 6), "C8D8E8", 0)
end

-- }======================================================================

-- variant -> the product's colour, the background's, and the part shown
local VARIANTS = {
  { main = { lamp = "3C50DC", mug = "8C6E32", backpack = "4B7D3C" },
    back = { "0xf6f1ea", "0xcdb9a4" }, scale = 1, x = 0, y = 0 },
  { main = { lamp = "8C783C", mug = "4646C8", backpack = "3264C8" },
    back = { "0xe8f1f2", "0x9fb8c4" }, scale = 1, x = 0, y = 0 },
  { main = { lamp = "3C50DC", mug = "8C6E32", backpack = "4B7D3C" },
    back = { "0xfbe9e1", "0xdb9c8a" }, scale = 1.5, x = -260, y = -190 },
}

--- How many pictures each product has.
sample_art.COUNT = #VARIANTS

--- The drawing of a product's picture.
-- @treturn string a script for ffmpeg's ass filter
function sample_art.script(product, index)
  local variant = VARIANTS[index]
  local parts = { HEADER }
  local function add(path, colour, alpha, blur)
    path = path:gsub("(%-?%d+) (%-?%d+)", function(x, y)
      return ("%d %d"):format((x * variant.scale + variant.x) // 1,
        (y * variant.scale + variant.y) // 1)
    end)
    parts[#parts + 1] = ("Dialogue: %d,0:00:00.00,0:00:09.00,S,{\\pos(0,0)"
      .. "\\p1\\1c&H%s&\\1a&H%02X&\\blur%d}%s\n"):format(#parts, colour, alpha,
      blur or 0, path)
  end
  DRAW[product](add, variant.main[product])
  return table.concat(parts)
end

--- The arguments for ffmpeg, which reads `script` and writes `output`.
function sample_art.arguments(index, script, output)
  local back = VARIANTS[index].back
  return {
    "ffmpeg", "-hide_banner", "-nostdin", "-v", "error", "-y",
    "-f", "lavfi", "-i",
    ("gradients=s=%dx%d:c0=%s:c1=%s:x0=0:y0=0:x1=%d:y1=%d:d=1"):format(SIZE,
      SIZE, back[1], back[2], SIZE // 2, SIZE),
    "-vf", "ass=" .. script, "-frames:v", "1", "-q:v", "3", output,
  }
end

return sample_art
