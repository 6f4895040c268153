-- SPDX-License-Identifier: MIT
-- What calls cost, by the vendor's price list, and what a client may spend:
-- credits are set aside before a call is sent, and come back when it was
-- certainly not paid for.

local budget = require "jogg.budget"
local faults = require "spec.support.faults"
local jogg = require "jogg"
local operations = require "jogg.api.v2".operations
local v2 = require "spec.support.v2"

local function price(name, fields)
  return budget.price(operations[name], fields or {})
end

-- Floats of tenths.
local function close(expected, got, why)
  assert.is_true(math.abs(expected - got) < 1e-9, ("%s: %g, not %g"):format(why,
    got, expected))
end

-- Operation, fields, credits.
local PRICES = {
  -- a video: 1 for each started 2 minutes
  { "create_product_video", { video_spec = { length = "15" } }, 1 },
  { "create_product_video", { video_spec = { length = "60" } }, 1 },
  { "create_product_video", { video_spec = { length = "120" } }, 1 },
  { "create_product_video", { video_spec = { length = "121" } }, 2 },
  { "create_product_video", {}, 1 },
  { "render_preview", { preview_id = "p" }, 1 },
  { "create_avatar_video", {}, 1 },
  { "create_template_video", {}, 1 },
  -- a preview: 0.5 for the same; one for each style
  { "create_product_previews", { visual_styles = { "a" },
    video_spec = { length = "30" } }, 0.5 },
  { "create_product_previews", { visual_styles = { "a", "b", "c" },
    video_spec = { length = "60" } }, 1.5 },
  { "create_product_previews", { visual_styles = { "a", "b" },
    video_spec = { length = "240" } }, 2 },
  { "create_script", { video_length_seconds = "60" }, 0.2 },
  -- 1 for 125 s, 0.5 for each started 20 s: how long is not known before
  { "create_lip_sync", {}, 1 },
  { "create_translation", {}, 0.5 },
  -- 0.05 an image, the usual four
  { "create_avatar_photo", {}, 0.2 },
  { "create_product_avatar_batch", { num_images = 1 }, 0.05 },
  { "create_product_avatar_batch", { num_images = 4 }, 0.2 },
  -- motion: 2, and 3 for 2.0-Pro; the other operation does not say which is it
  { "create_photo_motion", { model = "1.0" }, 2 },
  { "create_photo_motion", { model = "2.0" }, 2 },
  { "create_photo_motion", { model = "3.0" }, 2 },
  { "create_photo_motion", { model = "2.0-Pro" }, 3 },
  { "create_product_motion", { model = 0 }, 3 },
}

describe("the price of a call", function()
  it("has the prices of the vendor's list", function()
    local priced = {}
    for _, row in ipairs(PRICES) do
      close(row[3], price(row[1], row[2]), row[1])
      priced[row[1]] = true
    end
    for name, operation in pairs(operations) do
      assert.equal(operation.costs or false, priced[name] or false, name)
      if not operation.costs then
        assert.equal(0, price(name), name)
      end
    end
  end)
end)

describe("max_credits", function()
  local server, client

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)
  before_each(function() server:clear() end)
  after_each(function() client:close() end)

  local function connect(credits)
    client = jogg.client { api_key = "k", base_url = server.url,
      generation = "v2", posts_per_minute = 0, retries = 0,
      max_credits = credits }
  end

  local function script(step)
    server:on("POST", "/v2/ai_scripts", step)
  end

  local OK = { delay = 0.05, json = { code = 0, data = { task_id = "T" } } }

  -- One of 0.2 credits.
  local function write()
    local options = v2.OPTIONS.make_script()
    return client:create_script {
      language = options.language, length = options.length,
      style = options.style, product_info = options.product_info,
    }
  end

  local function is_over(err)
    return err.kind == "credit" and err.reason == "max_credits" and
      err.outcome == "not_sent"
  end

  it("is not overshot by calls that are made side by side", function()
    connect(0.5)
    script(OK)
    local tasks, refused = {}, 0
    for i = 1, 5 do tasks[i] = client:spawn(write) end
    client:run()
    for _, task in ipairs(tasks) do
      refused = refused + (task.err and is_over(task.err) and 1 or 0)
    end
    assert.equal(3, refused)
    assert.equal(2, #server:requests())
  end)

  it("can be spent to the last credit, in whatever pieces", function()
    connect(0.6)
    script(OK)
    for _ = 1, 3 do assert(write()) end
    local _, err = write()
    assert.is_true(is_over(err))
  end)

  it("is given back by what was refused, and by nothing else", function()
    connect(0.2)
    for _, step in ipairs { { status = 401, body = "" },
      { json = { code = 40000, msg = "no" } },
      { json = { code = 18020, msg = "no credit" } },
      { status = 429, body = "" } } do
      script(step)
      local _, err = write()
      assert.same({ "rejected", false }, { err.outcome, is_over(err) })
    end
    script { reset = "after_request" }
    local _, err = write()
    assert.equal("unknown", err.outcome)
    script(OK)
    _, err = write()
    assert.is_true(is_over(err))
  end)

  it("is given back by what the service's list does not know", function()
    connect(1)
    local function answer(data) return { json = { code = 0, data = data } } end
    server:on("POST", "/v2/product", answer { product_id = "P" })
    server:on("POST", "/v2/create_video_from_product", {
      { reset = "after_request" }, answer {}, answer { video_id = "V" } })
    server:on("GET", "/v2/product_videos", answer { videos = {} })
    server:on("GET", "/v2/product_video/V", answer { status = "completed",
      video_url = "https://x.example/v.mp4" })
    local function make()
      return client:make_video { url = "https://a.example/", avatar_id = 81,
        poll = { first = 0.01, interval = 0.01, settle = 0 } }
    end
    assert.equal("V", assert(make()).project_id)
    local _, err = make()
    assert.is_true(is_over(err))
  end)

  it("is given back by what was never sent", function()
    client = jogg.client { api_key = "k", base_url = faults.refused_url(),
      generation = "v2", posts_per_minute = 0, retries = 0, max_credits = 0.2 }
    for _ = 1, 3 do
      local _, err = write()
      assert.same({ "network", "not_sent" }, { err.kind, err.outcome })
    end
  end)
end)
