-- SPDX-License-Identifier: MIT
--
-- How a video is made: argument lists for ffmpeg and the text on the
-- picture. Pure: nothing is run or read here. All file names are those
-- inside the folder that ffmpeg runs in, so nothing needs escaping.

local json = require "json"
local overlay = require "overlay"

local video = {}

local SIZES = { [0] = { 720, 1280 }, { 1280, 720 }, { 720, 720 } }

local MODES = {
  full = { scale = 1, rate = 25, slides = 4, blend = 0.4, crf = "24" },
  quick = { scale = 0.25, rate = 10, slides = 1, blend = 0, crf = "30" },
}

local MARGIN = 1.08          -- a slide is larger than the video, to move in it

local COLOURS = {
  { "0x1d2b64", "0xf8cdda" }, { "0x134e5e", "0x71b280" },
  { "0x42275a", "0x734b6d" }, { "0x2c3e50", "0xfd746c" },
  { "0x0f2027", "0x2c5364" }, { "0x373b44", "0x4286f4" },
}

local function even(x)
  return 2 * math.floor(x / 2 + 0.5)
end

--- The size and pace of a video.
-- @tparam integer aspect_ratio 0, 1, 2
-- @tparam string mode "full" or "quick"
function video.shape(aspect_ratio, mode)
  local size, how = SIZES[aspect_ratio], MODES[mode]
  local shape = {
    aspect_ratio = aspect_ratio, rate = how.rate, slides = how.slides,
    blend = how.blend, crf = how.crf, quick = mode == "quick",
    width = even(size[1] * how.scale), height = even(size[2] * how.scale),
  }
  shape.slide_width = even(shape.width * MARGIN)
  shape.slide_height = even(shape.height * MARGIN)
  return shape
end

--- What a render depends on, as text.
function video.inputs(project, mode)
  local options = project.options
  return json.encode(json.array {
    mode, options.aspect_ratio, options.render_subtitle, project.title,
    project.intro_text, project.price or "", project.medias,
    project.script or "",
  })
end

--- How long each slide stays, and the whole.
function video.plan(shape, slides)
  local length = shape.quick and 1 or math.max(6, 2 * slides + 1)
  return {
    slides = slides, length = length,
    each = (length + (slides - 1) * shape.blend) / slides,
  }
end

-- {======================================================================
-- Pictures
-- =======================================================================

--- The demuxer for a picture, judged by its first bytes. Anything else is
-- refused: ffmpeg would open playlists and scripts as gladly as pictures.
function video.format_of(bytes)
  if bytes:find "^\x89PNG\r\n\x1a\n" then return "png_pipe" end
  if bytes:find "^\xff\xd8\xff" then return "jpeg_pipe" end
  if bytes:find "^GIF8[79]a" then return "gif" end
  if bytes:find "^RIFF....WEBP" then return "webp_pipe" end
  if bytes:find "^BM" then return "bmp_pipe" end
  if bytes:find "^....ftyp" then return "mov" end
end

local MOST_PIXELS = "64000000"       -- 256 MB of memory where a pixel has 4

local function begin(more)
  local arguments = {
    "ffmpeg", "-hide_banner", "-nostdin", "-v", "error", "-y",
  }
  return table.move(more, 1, #more, #arguments + 1, arguments)
end

local function slide_name(index)
  return ("slide%d.jpg"):format(index)
end

-- Where the picture goes on the slide: {box width, box height, centre x, y}
local PLACES = {
  [0] = { 0.86, 0.50, 0.50, 0.36 },
  { 0.48, 0.80, 0.29, 0.48 },
  { 0.84, 0.58, 0.50, 0.36 },
}

-- Cropped before it is scaled, or a picture of 3000 x 1 would be made huge.
-- A crop of no width fails, and with it the slide: what is smaller than 50
-- is an icon or a spacer.
local SLIDE = "[0:v]split[a][b];"
  .. "[a]crop=w='if(lt(min(iw\\,ih)\\,50)\\,0\\,min(iw\\,ih*%d/%d))'"
  .. ":h='min(ih\\,iw*%d/%d)',"
  .. "scale=%d:%d,boxblur=4:2,scale=%d:%d,eq=brightness=-0.12[back];"
  .. "[b]scale=%d:%d:force_original_aspect_ratio=decrease[front];"
  .. "[back][front]overlay=%d-w/2:%d-h/2,format=yuvj420p"

--- Makes slideN.jpg: the picture before a blurred copy of itself.
function video.slide(shape, format, picture, index)
  local w, h = shape.slide_width, shape.slide_height
  local place = PLACES[shape.aspect_ratio]
  return begin {
    "-protocol_whitelist", "file", "-f", format,
    "-max_pixels", MOST_PIXELS, "-i", picture,
    "-filter_complex", SLIDE:format(w, h, h, w, even(w / 8), even(h / 8), w, h,
      even(w * place[1]), even(h * place[2]),
      even(w * place[3]), even(h * place[4])),
    "-frames:v", "1", "-q:v", "3", slide_name(index),
  }
end

--- Makes slideN.jpg when there is no picture.
function video.background(shape, title, index)
  local sum = 0
  for i = 1, #title do sum = sum + title:byte(i) end
  local colours = COLOURS[sum % #COLOURS + 1]
  return begin {
    "-f", "lavfi", "-i",
    ("gradients=s=%dx%d:c0=%s:c1=%s:x0=0:y0=0:x1=%d:y1=%d:d=1:seed=1"):format(
      shape.slide_width, shape.slide_height, colours[1], colours[2],
      shape.slide_width, shape.slide_height),
    "-frames:v", "1", "-q:v", "3", slide_name(index),
  }
end

--- Makes cover.jpg of the first slide.
function video.cover(shape)
  return begin {
    "-i", slide_name(1), "-vf",
    ("crop=%d:%d,ass=text.ass"):format(shape.width, shape.height),
    "-frames:v", "1", "-q:v", "3", "cover.jpg",
  }
end

-- }======================================================================

--- The text as a file for ffmpeg's ass filter.
function video.text(shape, plan, project)
  return overlay.text(shape, plan.length, project)
end

-- A slide moves slowly to one corner, each to another.
local MOVES = {
  { "(iw-ow)*%s", "(ih-oh)*%s" }, { "(iw-ow)*(1-%s)", "(ih-oh)*%s" },
  { "(iw-ow)*%s", "(ih-oh)*(1-%s)" }, { "(iw-ow)*(1-%s)", "(ih-oh)*(1-%s)" },
}

local TONE = "aevalsrc=0.05*sin(440*PI*t)+0.04*sin(554.37*PI*t)"
  .. "+0.04*sin(659.26*PI*t):s=44100:d=%g,afade=t=in:d=0.4,"
  .. "afade=t=out:st=%g:d=0.5"

local function graph(shape, plan)
  local parts = {}
  for i = 1, plan.slides do
    local move = MOVES[(i - 1) % #MOVES + 1]
    local share = ("min(1\\,t/%.3f)"):format(plan.each)
    -- JPEG has the full range of values; newer versions of ffmpeg would keep
    -- that, and the video would be yuvj420p.
    parts[#parts + 1] = ("[%d:v]crop=%d:%d:x='%s':y='%s',scale=out_range=tv,"
      .. "format=yuv420p,setsar=1[v%d]"):format(i - 1, shape.width, shape.height,
      move[1]:format(share), move[2]:format(share), i)
  end
  local last = "[v1]"
  for i = 2, plan.slides do
    parts[#parts + 1] = ("%s[v%d]xfade=duration=%g:offset=%.3f[x%d]"):format(
      last, i, shape.blend, (i - 1) * (plan.each - shape.blend), i)
    last = ("[x%d]"):format(i)
  end
  parts[#parts + 1] = last .. "ass=text.ass,format=yuv420p[out]"
  return table.concat(parts, ";")
end

--- Makes video.mp4 of the slides, telling its progress.
function video.encode(shape, plan)
  local arguments = begin {}
  local function add(...)
    for _, argument in ipairs { ... } do
      arguments[#arguments + 1] = tostring(argument)
    end
  end
  for i = 1, plan.slides do
    add("-loop", 1, "-framerate", shape.rate, "-t", ("%.3f"):format(plan.each),
      "-i", slide_name(i))
  end
  add("-f", "lavfi", "-i", TONE:format(plan.length, plan.length - 0.5))
  add("-filter_complex", graph(shape, plan), "-map", "[out]",
    "-map", plan.slides .. ":a")
  add("-c:v", "libx264", "-preset", "veryfast", "-crf", shape.crf,
    "-profile:v", "high", "-r", shape.rate, "-c:a", "aac", "-b:a", "96k",
    "-t", plan.length, "-movflags", "+faststart",
    "-progress", "pipe:1", "-stats_period", "0.1", "video.mp4")
  return arguments
end

return video
