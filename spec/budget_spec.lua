-- SPDX-License-Identifier: MIT
-- What a client may spend: credits are set aside before a call is sent, and
-- come back when it was certainly not paid for.

local budget = require "jogg.budget"
local faults = require "spec.support.faults"
local jogg = require "jogg"
local v2 = require "spec.support.v2"

describe("the price of a call", function()
  local operations = require "jogg.api.v2".operations

  local function price(name, fields)
    return budget.price(operations[name], fields)
  end

  local function close(expected, actual)
    assert.is_true(math.abs(expected - actual) < 1e-9, actual)
  end

  it("counts each piece, whether it is in a list or a number", function()
    close(0.5, price("create_product_previews", { visual_styles = { "a" } }))
    close(1.5, price("create_product_previews",
      { visual_styles = { "a", "b", "c" } }))
    close(0.05, price("create_product_avatar_batch", {}))
    close(0.2, price("create_product_avatar_batch", { num_images = 4 }))
    close(0.2, price("create_avatar_photo", {})) -- always four
  end)

  it("grows with the length, and is another one for another model", function()
    for length, expected in pairs { ["15"] = 1, ["120"] = 1, ["121"] = 2,
      ["241"] = 3 } do
      close(expected, price("create_product_video",
        { video_spec = { length = length } }))
    end
    close(1, price("create_product_video", {}))
    close(1.5, price("create_product_previews", { visual_styles = { "a", "b",
      "c" }, video_spec = { length = 30 } }))
    close(2, price("create_photo_motion", { model = "2.0" }))
    close(3, price("create_photo_motion", { model = "2.0-Pro" }))
    assert.equal(0, price("whoami", {}))
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
