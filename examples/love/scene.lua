-- SPDX-License-Identifier: MIT
-- What is to be seen: hills that roll by under a night sky, a card for each
-- video, and the durations of the last frames. Knows nothing of jogg but the
-- fields that main.lua keeps for each video.
-- luacheck: globals love

local scene = {}

local WIDTH, HEIGHT = 1280, 720
local COLUMN = 8                 -- px; hills are drawn in columns
local HILLS = {
  { base = 470, height = 70, wave = 310, speed = 12, color = { .17, .20, .38 } },
  { base = 540, height = 55, wave = 210, speed = 30, color = { .12, .15, .29 } },
  { base = 610, height = 42, wave = 150, speed = 70, color = { .07, .09, .19 } },
}
local COLORS = {
  create_product = { .55, .62, .98 }, update_product = { .55, .62, .98 },
  render_project = { .98, .72, .40 }, wait = { .99, .62, .36 },
  download = { .36, .82, .92 }, done = { .45, .88, .58 },
  failed = { .96, .40, .44 },
}
local WORDS = {
  create_product = "reading the page", render_project = "ordering",
  update_product = "editing", wait = "waiting", download = "fetching",
}
local FRAMES = 240               -- of the graph

local fonts, stars, sky = {}, {}, nil
local videos, age = {}, 0
local frames, newest = {}, 0
local step_now, step_worst = 0, 0

function scene.load()
  fonts.title = love.graphics.newFont(30)
  fonts.name = love.graphics.newFont(17)
  fonts.small = love.graphics.newFont(13)
  sky = love.graphics.newMesh({
    { 0, 0, 0, 0, .03, .04, .12 }, { WIDTH, 0, 0, 0, .05, .04, .16 },
    { WIDTH, HEIGHT, 0, 0, .55, .30, .45 }, { 0, HEIGHT, 0, 0, .42, .25, .50 },
  }, "fan", "static")
  for i = 1, 150 do
    stars[i] = { love.math.random(0, WIDTH), love.math.random(0, 400),
      love.math.random() * 1.4 + .5, love.math.random() * 6 }
  end
  for i = 1, FRAMES do
    frames[i] = 0
  end
end

-- How much of all videos is done, 0 to 1.
local function share_of(video)
  if video.made or video.err then
    return 1
  elseif video.phase == "download" then
    return 0.95 + 0.05 * (video.percent or 0) / 100
  elseif video.phase == "wait" then
    return 0.1 + 0.85 * (video.percent or 0) / 100
  end
  return video.phase == "render_project" and 0.07 or 0.03
end

function scene.share_done()
  local sum = 0
  for _, video in ipairs(videos) do
    sum = sum + share_of(video)
  end
  return #videos > 0 and sum / #videos or 0
end

function scene.update(seconds, all, step)
  age, videos = age + seconds, all
  newest = newest % FRAMES + 1
  frames[newest] = seconds
  step_now = step_now + (step - step_now) * 0.05
  if videos[1] then
    step_worst = math.max(step_worst, step)
  end
  for _, video in ipairs(videos) do -- bars glide to where they belong
    local shown = video.shown or 0
    video.shown = shown + (share_of(video) - shown) * math.min(1, seconds * 8)
  end
end

-- {=== the landscape

local function hill_at(hill, x)
  x = x + age * hill.speed
  return hill.base - hill.height * (math.sin(x / hill.wave) +
    0.4 * math.sin(x / hill.wave * 2.7 + 1)) / 1.4
end

local function draw_landscape()
  love.graphics.setColor(1, 1, 1)
  love.graphics.draw(sky)
  for _, star in ipairs(stars) do
    love.graphics.setColor(1, 1, .9, .5 + .4 * math.sin(age * 2 + star[4]))
    love.graphics.circle("fill", star[1], star[2], star[3])
  end
  for ring = 5, 1, -1 do
    love.graphics.setColor(1, .93, .78, ring == 1 and 1 or .05)
    love.graphics.circle("fill", 1090, 92, 34 + (ring - 1) * 13)
  end
  for _, hill in ipairs(HILLS) do
    love.graphics.setColor(hill.color)
    for x = 0, WIDTH - 1, COLUMN do
      local left, right = hill_at(hill, x), hill_at(hill, x + COLUMN)
      love.graphics.polygon("fill", x, left, x + COLUMN, right,
        x + COLUMN, HEIGHT, x, HEIGHT)
    end
  end
end

-- ===}

-- {=== the cards

local function label_of(video)
  if video.made then
    return ("done, %d KB"):format(video.made.bytes / 1024)
  elseif video.err then
    return "failed: " .. video.err.kind
  elseif video.phase == "wait" and video.percent then
    return ("%s, %d %%"):format(video.status or "waiting", video.percent)
  end
  return WORDS[video.phase] or video.phase
end

local function draw_card(video, number)
  local x = 40 + (number - 1) % 4 * 305
  local y = 120 + math.floor((number - 1) / 4) * 150
  local color = COLORS[video.made and "done" or video.err and "failed" or
    video.phase]
  love.graphics.setColor(.05, .06, .14, .78)
  love.graphics.rectangle("fill", x, y, 285, 130, 12)
  love.graphics.setColor(color[1], color[2], color[3], .35)
  love.graphics.rectangle("line", x, y, 285, 130, 12)

  -- the shape of the video, filling up
  local across, down = video.shape:match "(%d+):(%d+)"
  local scale = 62 / math.max(across, down)
  local w, h = across * scale, down * scale
  local left, top = x + 46 - w / 2, y + 48 - h / 2
  love.graphics.setColor(1, 1, 1, .12)
  love.graphics.rectangle("fill", left, top, w, h, 4)
  love.graphics.setColor(color[1], color[2], color[3], .85)
  love.graphics.setScissor(left, top + h * (1 - video.shown), w,
    h * video.shown)
  love.graphics.rectangle("fill", left, top, w, h, 4)
  love.graphics.setScissor()

  love.graphics.setColor(1, 1, 1, .95)
  love.graphics.setFont(fonts.name)
  love.graphics.print(video.url:match "([^/]-)%.?[^/.]*$", x + 92, y + 20)
  love.graphics.setColor(1, 1, 1, .6)
  love.graphics.setFont(fonts.small)
  love.graphics.print(label_of(video), x + 92, y + 48)

  love.graphics.setColor(1, 1, 1, .12)
  love.graphics.rectangle("fill", x + 16, y + 98, 253, 14, 7)
  love.graphics.setColor(color)
  love.graphics.rectangle("fill", x + 16, y + 98,
    math.max(14, 253 * video.shown), 14, 7)
end

-- ===}

-- {=== the frames

local function draw_frames()
  local x, floor, scale = 40, 690, 3600 -- px for a second
  love.graphics.setColor(.03, .04, .10, .7)
  love.graphics.rectangle("fill", x - 12, floor - 114, FRAMES * 2 + 24, 126, 10)
  for i = 1, FRAMES do
    local took = frames[(newest + i - 1) % FRAMES + 1]
    local high = math.min(86, took * scale)
    love.graphics.setColor(took > 0.025 and COLORS.failed or COLORS.done)
    love.graphics.rectangle("fill", x + (i - 1) * 2, floor - high, 1.5, high)
  end
  love.graphics.setColor(1, 1, 1, .5)
  love.graphics.line(x, floor - scale / 60, x + FRAMES * 2, floor - scale / 60)
  love.graphics.setColor(1, 1, 1, .85)
  love.graphics.setFont(fonts.small)
  love.graphics.print("the last 240 frames; the line is 1/60 s", x,
    floor - 108)
  love.graphics.setFont(fonts.name)
  love.graphics.print(("%d frames a second"):format(love.timer.getFPS()),
    580, floor - 70)
  love.graphics.print(("client:step()  %.3f ms  (worst %.2f ms)"):format(
    1000 * step_now, 1000 * step_worst), 580, floor - 40)
end

-- ===}

function scene.draw()
  draw_landscape()
  love.graphics.setColor(1, 1, 1)
  love.graphics.setFont(fonts.title)
  love.graphics.print(videos[1] and
    ("Making %d videos: %d %%"):format(#videos, 100 * scene.share_done()) or
    "A quiet evening, before the videos", 40, 50)
  for number, video in ipairs(videos) do
    draw_card(video, number)
  end
  draw_frames()
end

return scene
