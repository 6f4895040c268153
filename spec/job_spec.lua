-- SPDX-License-Identifier: MIT
-- make_video from the URL to the file: what goes out, what comes back, what
-- is told on the way. Carrying on is in job_resume_spec, paying once in
-- job_pay_spec, waiting in job_wait_spec.

local jogg = require "jogg"
local core = require "jogg.core"
local faults = require "spec.support.faults"
local flow = require "spec.support.flow"
local support = require "spec.support.misuse"
local misuse = support.check
local process = require "spec.support.process"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)
local integer_type = rawget(math, "type") or function() return "integer" end

describe("make_video", function()
  local server, client, folder, output

  setup(function()
    server = faults.start()
    folder = process.temporary_folder()
    output = folder .. "/ad.mp4"
  end)
  teardown(function()
    server:stop()
    process.remove_folder(folder)
  end)
  before_each(function()
    server:clear():on_connect {}
    flow.script(server)
    client = jogg.client { api_key = "geheim", base_url = server.url,
      retries = 1, posts_per_minute = 100000 }
  end)
  after_each(function()
    client:close()
    os.remove(output)
    assert.is_true(server:wait { open = 0 })
    assert.same({}, process.files(folder))
  end)

  local function make(given)
    given.url = not given.resume and (given.url or flow.PAGE) or nil
    given.poll = given.poll or flow.POLL
    return client:make_video(given)
  end

  describe("from the URL to the file", function()
    it("does the four steps and says all about the video", function()
      local video = assert(make { output = output })
      assert.equal("product render info video", flow.story(server))
      assert.equal(flow.VIDEO, process.read_file(output))
      local raw = video.raw
      video.raw = nil
      assert.same({
        url = server.url .. "/v.mp4", cover_url = server.url .. "/c.jpg",
        duration = 31, status = "completed", product_id = 3924,
        project_id = flow.PROJECT, path = output, bytes = #flow.VIDEO,
      }, video)
      assert.equal("integer", integer_type(video.product_id))
      assert.equal("integer", integer_type(video.bytes))
      assert.equal(4, raw.status)
      assert.equal("res/v.mp4", raw.video_path)
    end)

    it("fetches nothing without output", function()
      local video = assert(make {})
      assert.equal("product render info", flow.story(server))
      assert.is_nil(video.path)
      assert.is_nil(video.bytes)
      assert.equal(server.url .. "/v.mp4", video.url)
    end)

    it("gives the key to the service alone", function()
      local other = faults.start()
      other:on("GET", "/x.mp4", { body = flow.VIDEO })
      flow.script(server, { info = flow.info(4,
        { video_url = other.url .. "/x.mp4" }) })
      assert(make { output = output })
      for _, request in ipairs(server:requests()) do
        assert.equal("geheim", request.headers["x-api-key"])
      end
      assert.is_nil(other:last_request().headers["x-api-key"])
      assert.falsy(table.concat(other:last_request().header_list):find "geheim")
      client:close()
      other:stop()
    end)

    it("is there without a client of one's own", function()
      local before = server:connections()
      local text, status = process.run({ "env", "JOGG_API_KEY=k",
        "JOGG_BASE_URL=" .. server.url, os.getenv "JOGG_LUA", "-e", [[
          local jogg = require "jogg"
          for _ = 1, 2 do
            local video = assert(jogg.make_video { url = "https://a.example/",
              poll = { first = 0.01, interval = 0.01 } })
            print(video.status)
          end]] }, { stderr = "merge" })
      assert.equal("completed\ncompleted\n", text)
      assert.equal(0, status)
      assert.is_true(server:connections() <= before + 4) -- it is kept
    end)

    it("looks at the output before it begins", function()
      process.write_file(output, "mine")
      local video, err = make { output = output }
      assert.is_nil(video)
      assert.equal("io", err.kind)
      assert.equal("exists", err.reason)
      assert.equal("output: " .. output .. " exists already; pass overwrite = "
        .. "true to replace it, or name another file", tostring(err))
      video, err = make { output = folder .. "/no/ad.mp4" }
      assert.is_nil(video)
      assert.equal("io", err.kind)
      assert.truthy(err.message:find(folder .. "/no/ad.mp4", 1, true))
      assert.same({}, server:requests())
      assert.equal("mine", process.read_file(output))
      assert(make { output = output, overwrite = true })
      assert.equal(flow.VIDEO, process.read_file(output))
    end)
  end)

  describe("options", function()
    it("are sent as the service has them, friendly or raw", function()
      for _, case in ipairs {
        { { aspect_ratio = "9:16" }, { aspect_ratio = 0 } },
        { { aspect_ratio = "portrait" }, { aspect_ratio = 0 } },
        { { aspect_ratio = 0 }, { aspect_ratio = 0 } },
        { { aspect_ratio = "16:9" }, { aspect_ratio = 1 } },
        { { aspect_ratio = "landscape" }, { aspect_ratio = 1 } },
        { { aspect_ratio = 1 }, { aspect_ratio = 1 } },
        { { aspect_ratio = "1:1" }, { aspect_ratio = 2 } },
        { { aspect_ratio = "square" }, { aspect_ratio = 2 } },
        { { aspect_ratio = 2.0 }, { aspect_ratio = 2 } },
        { { render_subtitle = true }, { render_subtitle = 1 } },
        { { render_subtitle = 1 }, { render_subtitle = 1 } },
        { { render_subtitle = false }, { render_subtitle = 0 } },
        { { render_subtitle = 0 }, { render_subtitle = 0 } },
        { { lang = "traditional-chinese" } },
        { { lang = "English" }, { lang = "english" } },
        { { avatar_id = 37 } },
        { { avatar_id = 0 } },
        { { template_name = "Card Stacking" } },
        { { template_name = "", index_template_name = "" } },
        { { template_type = "common", index_template_name = "Ümlaut 🎬" } },
        { { script_style = "Discovery_stage" } },
        { {} },
      } do
        server:clear()
        flow.script(server)
        local given, expected = case[1], {}
        for name, value in pairs(case[2] or given) do expected[name] = value end
        expected.project_id = flow.PROJECT
        assert(make(given))
        local sent, body = flow.sent(server, "render")
        assert.same(expected, sent)
        assert.falsy(body:find "%d%.0")
        assert.same({ url = flow.PAGE }, (flow.sent(server, "product")))
        assert.equal(0, flow.count(server, "update"))
      end
    end)

    it("edit the product between reading it and rendering", function()
      assert(make { lang = "german", product = { title = "Lampe",
        target_audience = "", intro_medias = { { type = "image",
          url = "https://shop.example/1.jpg", w = 640, h = 480 } } } })
      assert.equal("product update render info", flow.story(server))
      local sent, body = flow.sent(server, "update")
      assert.same({ product_id = 3924, title = "Lampe", target_audience = "",
        intro_medias = { { type = 1, url = "https://shop.example/1.jpg",
          w = 640, h = 480 } } }, sent)
      assert.truthy(body:find '"product_id":3924[,}]')
      assert.same({ project_id = flow.PROJECT, lang = "german" },
        (flow.sent(server, "render")))
    end)

    it("of an empty edit are no edit; an empty list is sent as a list", function()
      assert(make { product = {} })
      assert.equal(0, flow.count(server, "update"))
      assert(make { product = { intro_medias = {} } })
      local _, body = flow.sent(server, "update")
      assert.truthy(body:find('"intro_medias":[]', 1, true))
    end)

    it("belong to the caller: nothing in them is changed", function()
      local given = { url = flow.PAGE, poll = { interval = 0.01 },
        render_subtitle = true, product = { intro_medias = { { w = 1 } } } }
      assert(client:make_video(given))
      assert.same({ url = flow.PAGE, poll = { interval = 0.01 },
        render_subtitle = true, product = { intro_medias = { { w = 1 } } } }, given)
    end)

    it("that are wrong are refused: a type raises, a value does not", function()
      for expected, given in pairs {
        ["make_video: url is missing"] = {},
        ["make_video.url must be a URL"] = { url = "shop.example" },
        ['unknown option "language", did you mean "lang"?'] =
          { url = flow.PAGE, language = "english" },
        ['unknown option "titel", did you mean "title"?'] =
          { url = flow.PAGE, product = { titel = "x" } },
        ["make_video.aspect_ratio must be one of"] =
          { url = flow.PAGE, aspect_ratio = "4:3" },
        ["make_video.product.intro_medias[2].w must be an integer"] =
          { url = flow.PAGE, product = { intro_medias = { {}, { w = "1" } } } },
        ["make_video.output must be a string that is not empty"] =
          { url = flow.PAGE, output = "" },
        ["make_video.output must be a string: byte 2"] =
          { url = flow.PAGE, output = "a\0b" },
        ["make_video.lang must be a language of the service"] =
          { url = flow.PAGE, lang = "klingon" },
        ["make_video.timeout must be seconds"] =
          { url = flow.PAGE, timeout = 0 },
        ["make_video.on_progress must be a function"] =
          { url = flow.PAGE, on_progress = "print" },
        ["make_video.overwrite must be true or false"] =
          { url = flow.PAGE, overwrite = 1 },
        ['make_video.poll: unknown option "every"'] =
          { url = flow.PAGE, poll = { every = 1 } },
      } do
        support.refused(function()
          local video, err = client:make_video(given)
          return video, err
        end, expected)
      end
      misuse(function()
        local video = client:make_video "https://shop.example"
        return video
      end, "make_video must be a table")
      misuse(function()
        local video = client.make_video { url = flow.PAGE }
        return video
      end, "call it as client:make_video(...)")
      assert.same({}, server:requests())
    end)
  end)

  describe("progress", function()
    local function told(given)
      local list = {}
      given.on_progress = function(p) list[#list + 1] = p end
      assert(make(given))
      return list
    end

    it("says each phase before it begins, and the state in it", function()
      flow.script(server, { info = { flow.info(1), flow.info(2),
        flow.info(3, { progress = 40 }), flow.info(7, { progress = 50 }),
        flow.info(4, { progress = 100 }), flow.finished(server) } })
      local list = told { output = output, product = { title = "t" } }
      local lines = {}
      for i, p in ipairs(list) do
        lines[i] = ("%s %s %s"):format(p.phase, tostring(p.status),
          tostring(p.percent))
      end
      assert.same({
        "create_product nil nil", "update_product pending nil",
        "render_project pending nil", "wait pending nil", "wait pending 0",
        "wait queued 0", "wait processing 40", "wait processing 50",
        "wait processing 100", "wait completed 100", "download completed 0",
        "download completed 100",
      }, lines)
      local last = list[#list]
      assert.equal(#flow.VIDEO, last.bytes)
      assert.equal("integer", integer_type(last.percent))
      for i = 2, #list do
        assert.is_true(list[i].elapsed >= list[i - 1].elapsed)
        assert.equal(flow.PROJECT, list[i].project_id)
        assert.equal(3924, list[i].product_id)
      end
      assert.is_nil(list[1].project_id)
    end)

    it("gives a token at each step that JSON can hold", function()
      for i, p in ipairs(told { output = output, aspect_ratio = "1:1",
        render_subtitle = false, product = { intro_medias = {} } }) do
        assert.equal(p.phase, p.resume.phase)
        assert.equal(p.project_id, p.resume.project_id)
        assert.equal(i > 2 or nil, p.resume.updated)
        assert.equal(i > 2 or nil, p.resume.render_sent)
        assert.same(p.resume, flow.stored(p.resume))
        p.resume.project_id = "spoilt" -- it is the caller's own copy
      end
      assert.equal(flow.PROJECT, flow.sent(server, "render").project_id)
    end)

    it("guesses the end from the pace, once there is one", function()
      local function slow(progress, status)
        local step = flow.info(status or 3, { progress = progress })
        step.delay = 0.05
        return step
      end
      flow.script(server, { info = { slow(0, 2), slow(0, 2), slow(0, 2),
        slow(0, 2), slow(20), slow(40), flow.finished(server) } })
      local guesses = {}
      for _, p in ipairs(told {}) do
        if p.phase == "wait" and p.percent then
          guesses[#guesses + 1] = p.eta or false
        end
      end
      for i = 1, 4 do assert.is_false(guesses[i]) end
      -- 20 % took one step, so there are four to go: not the queue's share
      assert.is_true(guesses[5] >= 0.2 and guesses[5] < 0.6, guesses[5])
      assert.is_true(guesses[6] >= 0.15 and guesses[6] < 0.5, guesses[6])
      assert.equal(0, guesses[7])
    end)

    it("has no guess without a pace: a job that is resumed", function()
      flow.script(server, { info = { flow.info(3, { progress = 80 }),
        flow.info(3, { progress = 80 }), flow.finished(server) } })
      for _, p in ipairs(told { resume = { version = 1,
        generation = "open", project_id = "p" } }) do
        assert.is_true(p.eta == nil or p.percent == 100)
      end
    end)

    it("tells how far a download is, while it is", function()
      flow.script(server, { video = { body = flow.VIDEO, slow = 4000 } })
      local seen = 0
      for _, p in ipairs(told { output = output }) do
        if p.phase == "download" and p.percent > 0 and p.percent < 100 then
          seen = seen + 1
          assert.is_true(p.bytes > 0 and p.bytes < #flow.VIDEO)
        end
      end
      assert.is_true(seen >= 1)
    end)

    it("may be anything that can be called", function()
      local n = 0
      assert(make { on_progress = setmetatable({},
        { __call = function(_, p) n = n + (p.phase and 1 or 0) end }) })
      assert.is_true(n > 3)
    end)
  end)

  describe("a callback that raises", function()
    local PHASES = { "create_product", "update_product", "render_project",
      "wait", "download" }

    local function raising(phase, value)
      return { output = output, product = { title = "t" },
        on_progress = function(p)
          if p.phase == phase and (phase ~= "download" or p.bytes > 0) then
            error(value, 0)
          end
        end }
    end

    it("ends the call with just that, and leaves nothing behind", function()
      flow.script(server, { video = { body = flow.VIDEO, slow = 2000 } })
      for _, phase in ipairs(PHASES) do
        local value = { phase }
        local ok, raised = pcall(make, raising(phase, value))
        assert.is_false(ok)
        assert.equal(value, raised)
        assert.same({}, process.files(folder))
      end
      assert.equal(2, flow.count(server, "render"))
      assert(make {}) -- the client is as good as ever
    end)

    it("ends its task alone", function()
      flow.script(server, { video = { body = flow.VIDEO, slow = 2000 } })
      local tasks = {}
      for _, phase in ipairs(PHASES) do
        local options = raising(phase, phase .. " raised")
        options.output = ("%s/%s.mp4"):format(folder, phase)
        tasks[phase] = client:spawn(function() return make(options) end)
      end
      local other = client:spawn(function() return make {} end)
      client:run()
      for phase, task in pairs(tasks) do
        assert.equal("task", task.err.kind)
        assert.equal(phase .. " raised", task.err.message)
      end
      assert.equal("completed", other.value.status)
      assert.same({}, process.files(folder))
    end)
  end)

  it("takes a video's whole time in seconds, whatever the phase", function()
    for word, phase in pairs { product = "create_product",
      update = "update_product", render = "render_project", info = "wait" } do
      server:clear()
      flow.script(server, { [word] = { stall = "after_request" } })
      client:close()
      client = jogg.client { api_key = "k", base_url = server.url, retries = 1,
        product_timeout = word == "render" and 1 or 0.1 }
      local before = core.now()
      local video, err = make { timeout = 0.2, product = { title = "t" } }
      assert.is_nil(video)
      assert.equal("timeout", err.kind)
      assert.equal(phase, err.phase)
      -- the last look may take a few seconds more
      assert.is_true(core.now() - before < (word == "info" and 7 or 2) * SLOW)
    end
  end)
end)
