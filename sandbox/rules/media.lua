-- SPDX-License-Identifier: MIT
--
-- How everything except the videos of products is made: argument lists for
-- ffmpeg, ffprobe and espeak-ng. Pure; all file names are those inside the
-- folder that the program runs in. Fetched files are only opened with the
-- demuxer that their first bytes call for.

local video = require "video"

local media = {}

local MOST_PIXELS = "64000000"

local COLOURS = {
  { "0x274060", "0x8fb8de" }, { "0x3d2c4f", "0xc9a0dc" },
  { "0x1f4037", "0x99c9b0" }, { "0x4b3832", "0xd9b99b" },
  { "0x2b2e4a", "0xe84545" }, { "0x222831", "0x76abae" },
}

local function begin(...)
  return {
    "ffmpeg", "-hide_banner", "-nostdin", "-v", "error", "-y", ...
  }
end

local function add(list, ...)
  for _, argument in ipairs { ... } do list[#list + 1] = tostring(argument) end
  return list
end

--- What a file is, by its first bytes.
-- @tparam string bytes a dozen at least
-- @treturn ?string "image", "video" or "audio"; of an MP4, which may be audio
-- alone, "video"
-- @treturn ?string ffmpeg's demuxer
function media.kind_of(bytes)
  local picture = video.format_of(bytes)
  if picture == "mov" then
    return bytes:find "^....ftypM4A" and "audio" or "video", "mov"
  elseif picture then
    return "image", picture
  end
  if bytes:find "^\x1A\x45\xDF\xA3" then return "video", "matroska" end
  if bytes:find "^RIFF....WAVE" then return "audio", "wav" end
  if bytes:find "^ID3" or bytes:find "^\xFF[\xE2-\xFB]" then
    return "audio", "mp3"
  end
end

--- Tells how long a file is, in seconds, as the last line of its output.
function media.length(file, format)
  return {
    "ffprobe", "-v", "error", "-protocol_whitelist", "file", "-f", format,
    "-show_entries", "format=duration", "-of", "default=nw=1:nk=1", file,
  }
end

--- Tells the size of a film, as WIDTHxHEIGHT; nothing if it has no picture.
function media.size(file, format)
  return {
    "ffprobe", "-v", "error", "-protocol_whitelist", "file", "-f", format,
    "-select_streams", "v:0", "-show_entries", "stream=width,height",
    "-of", "csv=s=x:p=0", file,
  }
end

--- Speaks voice.txt into voice.wav.
function media.speak(voice)
  return { "espeak-ng", "-v", voice, "-f", "voice.txt", "-w", "voice.wav" }
end

local function from_file(list, file, format)
  return add(list, "-protocol_whitelist", "file", "-f", format,
    "-max_pixels", MOST_PIXELS, "-i", file)
end

local function from_back(list, w, h, seed, seconds, rate)
  local colours = COLOURS[seed % #COLOURS + 1]
  return add(list, "-f", "lavfi", "-i",
    ("gradients=s=%dx%d:c0=%s:c1=%s:x0=0:y0=0:x1=%d:y1=%d:d=%.3f:r=%d:speed="
      .. "0.00001:seed=1"):format(w, h, colours[1], colours[2], w, h, seconds,
      rate))
end

-- The sound of a video: a file, or silence.
local function from_sound(list, sound)
  if sound then return from_file(list, sound[1], sound[2]) end
  return add(list, "-f", "lavfi", "-i", "anullsrc=r=44100:cl=stereo")
end

local function to_video(list, shape, seconds)
  return add(list, "-c:v", "libx264", "-preset", "veryfast", "-crf", shape.crf,
    "-profile:v", "high", "-r", shape.rate, "-c:a", "aac", "-b:a", "96k",
    "-ac", 2, "-ar", 44100, "-t", ("%.3f"):format(seconds),
    "-movflags", "+faststart", "-progress", "pipe:1", "-stats_period", "0.1",
    "video.mp4")
end

--- Makes video.mp4 of text.ass before a plain background.
-- @tparam table shape of video.shape
-- @tparam integer seed
-- @tparam number seconds
-- @tparam ?table sound {file, demuxer}
function media.drawn(shape, seed, seconds, sound)
  local list = from_back(begin(), shape.width, shape.height, seed, seconds,
    shape.rate)
  from_sound(list, sound)
  add(list, "-filter_complex",
    "[0:v]ass=text.ass,format=yuv420p[v];[1:a]apad[a]",
    "-map", "[v]", "-map", "[a]")
  return to_video(list, shape, seconds)
end

-- Fits a picture of any size into that of the shape.
local function fit(shape)
  return ("scale=%d:%d:force_original_aspect_ratio=decrease:out_range=tv,"
    .. "pad=%d:%d:-1:-1,setsar=1"):format(shape.width, shape.height,
    shape.width, shape.height)
end

--- Makes video.mp4 of a fetched film and another sound; a film that is too
-- short is repeated.
-- @tparam table shape
-- @tparam table film {file, demuxer}
-- @tparam ?table sound {file, demuxer}
-- @tparam number seconds
-- @tparam ?boolean subtitles those of text.ass
function media.dubbed(shape, film, sound, seconds, subtitles)
  local list = from_file(begin("-stream_loop", "-1"), film[1], film[2])
  from_sound(list, sound)
  add(list, "-filter_complex", ("[0:v]%s%s,format=yuv420p[v];[1:a]apad[a]")
    :format(fit(shape), subtitles and ",ass=text.ass" or ""),
    "-map", "[v]", "-map", "[a]")
  return to_video(list, shape, seconds)
end

--- Makes video.mp4 of a fetched picture, with a slow zoom.
-- @tparam table shape
-- @tparam table picture {file, demuxer}
-- @tparam number seconds
function media.moving(shape, picture, seconds)
  local list = from_file(begin(), picture[1], picture[2])
  from_sound(list)
  local frames = math.ceil(seconds * shape.rate)
  add(list, "-filter_complex", ("[0:v]%s,zoompan=z='1+0.1*on/%d':d=%d:fps=%d"
    .. ":s=%dx%d:x='iw/2-iw/zoom/2':y='ih/2-ih/zoom/2',format=yuv420p[v]")
    :format(fit(shape), frames, frames, shape.rate, shape.width, shape.height),
    "-map", "[v]", "-map", "1:a")
  return to_video(list, shape, seconds)
end

--- Makes cover.jpg of the first frame of video.mp4.
function media.cover()
  return begin("-i", "video.mp4", "-frames:v", "1", "-q:v", "3", "cover.jpg")
end

--- Makes a picture of text.ass before a plain background.
-- @tparam integer w
-- @tparam integer h
-- @tparam integer seed
-- @tparam string output
-- @tparam ?table picture {file, demuxer} of what stands in the foreground
function media.picture(w, h, seed, output, picture)
  local list = from_back(begin(), w, h, seed, 1, 1)
  if picture then
    from_file(list, picture[1], picture[2])
    add(list, "-filter_complex", ("[0:v]ass=text.ass[back];[1:v]scale=%d:%d:"
      .. "force_original_aspect_ratio=decrease[front];[back][front]overlay="
      .. "W*0.55:H*0.5"):format(w * 2 // 5, h * 2 // 5))
  else
    add(list, "-vf", "ass=text.ass")
  end
  return add(list, "-frames:v", 1, "-q:v", 3, output)
end

--- Makes a tone: the sound of a catalog's voice or music.
-- @tparam integer seed
-- @tparam integer seconds
-- @tparam string output
function media.tone(seed, seconds, output)
  local base = 220 * 2 ^ (seed % 12 / 12)
  return begin("-f", "lavfi", "-i", ("aevalsrc=0.06*sin(%g*2*PI*t)+0.05*sin("
    .. "%g*2*PI*t*(1+0.25*floor(mod(t*2\\,4)))):s=44100:d=%d"):format(base,
    base, seconds), "-c:a", "libmp3lame", "-b:a", "64k", output)
end

return media
