-- SPDX-License-Identifier: MIT
-- What becomes of a call that costs when it is refused, when it waits, and when
-- its answer is lost: jogg.jobs.paid, as the callers of v2 jobs see it.

local cjson = require "cjson".new()
local faults = require "spec.support.faults"
local jogg = require "jogg"
local misuse = require "spec.support.misuse"
local process = require "spec.support.process"
local sandbox = require "spec.support.sandbox"
local v2 = require "spec.support.v2"

local CREATE = "/v2/create_video_with_template"
local LIST = "/v2/template_videos"
local STATE = "/v2/template_video/*"

local function read(path)
  local file = io.open(path)
  if not file then return {} end -- nothing was done yet
  local text = file:read "*a"
  file:close()
  return cjson.decode(text)
end

describe("a paid call of v2", function()
  local server, client, folder

  setup(function()
    server = sandbox.start { "--key", "spec-key=100000" }
  end)
  teardown(function() server:stop() end)
  before_each(function()
    server:clear_faults()
    folder = process.temporary_folder()
    client = jogg.client { api_key = server.key, base_url = server.url,
      generation = "v2", posts_per_minute = 0, retries = 0 }
  end)
  after_each(function()
    client:close()
    process.remove_folder(folder)
  end)

  local function options_of(method, more)
    local options = v2.OPTIONS[method](client, server)
    options.poll, options.job_file = v2.POLL, folder .. "/job"
    for name, value in pairs(more or {}) do options[name] = value end
    return options
  end

  for _, method in ipairs { "make_video", "make_script" } do
    it("that was refused can be made again with the same job file: " .. method,
      function()
        local before = v2.count(server, method)
        for _, code in ipairs { 18020, 18025, 40000, 429 } do
          server:fault { endpoint = v2.PAID[method][1], call = 1,
            what = "code", value = code }
          local result, err = client[method](client, options_of(method))
          assert.is_nil(result)
          assert.equal("rejected", err.outcome, tostring(err))
          assert.is_nil(read(folder .. "/job").sent)
        end
        local other = method == "make_video" and { video_name = "Another" } or
          { length = 60 }
        assert(client[method](client, options_of(method, other)))
        assert.equal(before + 1, v2.count(server, method))
      end)
  end

  it("that still waits for its turn was not sent", function()
    client:close()
    client = jogg.client { api_key = server.key, base_url = server.url,
      generation = "v2", posts_per_minute = 1 }
    assert(client:make_script(v2.OPTIONS.make_script()))
    local before = v2.count(server, "make_script")
    local waits = false
    local task = client:spawn(function()
      return client:make_script(options_of("make_script", {
        on_progress = function(p)
          waits = waits or p.waiting_for == "rate limit"
        end,
      }))
    end)
    while not waits do client:step(0.05) end
    assert.is_nil(read(folder .. "/job").sent)
    task:cancel()
    client:run()
    assert.equal("not_sent", task.err.outcome)
    assert.is_nil(task.err.resume and task.err.resume.sent)
    assert.equal(before, v2.count(server, "make_script"))
  end)

  describe("whose answer was lost", function()
    local fault, other

    before_each(function()
      fault = faults.start()
      fault:on("POST", CREATE, { reset = "before_answer" })
      other = jogg.client { api_key = "k", base_url = fault.url,
        generation = "v2", posts_per_minute = 0, retries = 0,
        product_timeout = 2 }
    end)
    after_each(function()
      other:close()
      fault:stop()
    end)

    local function make(more)
      local options = { template_id = 1, voice_language = "english",
        variables = {}, poll = v2.POLL }
      for name, value in pairs(more or {}) do options[name] = value end
      local result, err = other:make_template_video(options)
      return result, err
    end

    local function posts()
      local n = 0
      for _, request in ipairs(fault:requests()) do
        n = n + (request.method == "POST" and 1 or 0)
      end
      return n
    end

    local function list(data)
      fault:on("GET", LIST, { json = { code = 0, data = data } })
    end

    it("is not sent again where the list cannot be trusted", function()
      for why, data in pairs {
        ["it is not in the answer"] = { items = {} },
        ["is not in the answer"] = { data = { list = { { video_id = "a" } } } },
        ["it has items that are not objects"] = { data = { "a", "b" } },
        ["has items that are not objects"] = { data = { 1, 2 } },
        ["it has 0 items of 1.5"] = { total = 1.5, data = {} },
        ["it has 1 items of 2"] = { total = 2,
          data = { { video_id = "a", video_name = "x" } } },
        ["an item has no id"] = "name",
        ["its items have no names"] = { data = { { video_id = "a", name = "x" } } },
      } do
        fault:clear()
        fault:on("POST", CREATE, { reset = "before_answer" })
        list(data ~= "name" and data or {})
        local result, err = make { on_progress = data == "name" and
          function(p)
            list { data = { { video_name = p.resume.attempt_name } } }
          end or nil }
        assert.is_nil(result)
        assert.same({ "protocol", "unknown" }, { err.kind, err.outcome })
        assert.truthy(err.message:find(why, 1, true), err.message)
        assert.equal("make_template_video", err.resume.kind)
        assert.matches("it finds out what happened", tostring(err))
        assert.equal(1, posts())
      end
    end)

    it("is found by its name on any page, also when it was cut", function()
      list { total = 1, data = { { video_id = "a", video_name = "x" } } }
      fault:on("GET", STATE, { json = { code = 0, data = { status = "failed",
        error = "for the spec" } } })
      local token
      local result = make { on_progress = function(p) token = p.resume end,
        timeout = 2.1, video_name = ("ö"):rep(60) }
      assert.is_nil(result)
      assert.matches("^" .. ("ö"):rep(49) .. " %[%x+%]$", token.attempt_name)
      assert.is_true(#token.attempt_name < 130)
      local page = {}
      for i = 1, 100 do page[i] = { video_id = "i" .. i, video_name = "t" } end
      fault:on("GET", LIST, {
        { json = { code = 0, data = { total = 101, data = page } } },
        { json = { code = 0, data = { total = 101, data = {
          { video_id = "mine", video_name = token.attempt_name:sub(9) } } } } } })
      local before = posts()
      local _, err = other:make_template_video { resume = token,
        poll = v2.POLL }
      assert.equal("render_failed", err.kind, tostring(err))
      assert.equal("mine", err.project_id)
      assert.equal(before, posts())
    end)

    it("is looked for once more when it cannot take effect any more", function()
      local empty = { json = { code = 0, data = { total = 0, data = {} } } }
      fault:on("GET", LIST, empty)
      local waits = 0
      local _, err = make { poll = { first = 0.02, interval = 0.02,
        settle = 0.3 }, on_progress = function(p)
          if p.waiting_for == "retry" then
            waits = waits + 1
            assert.equal("network", p.err.kind)
          end
        end }
      assert.is_true(waits > 1) -- the silence is explained
      assert.equal("unknown", err.outcome)
      local requests, previous = fault:requests(), nil
      for _, request in ipairs(requests) do
        if request.method == "POST" then
          if previous then
            assert.is_true(request.time - previous >= 0.3)
          end
          previous = request.time
        else
          assert.is_true(request.time >= previous)
        end
      end
      assert.equal(3, posts())
    end)

    it("says what to do where nothing lists it", function()
      fault:on("POST", "/v2/ai_scripts", { reset = "before_answer" })
      local result, err = other:make_script(v2.OPTIONS.make_script())
      assert.is_nil(result)
      assert.same({ "unknown", false, false }, { err.outcome, err.retryable,
        err.transient })
      assert.matches('look for it in the web app; to go on, resume with ' ..
        'err.resume.resolved = its id, or "not_created"', tostring(err), 1, true)
      assert.falsy(tostring(err):find("try again", 1, true))
      local fields = v2.OPTIONS.make_script()
      result, err = other:create_script(fields)
      assert.is_nil(result)
      assert.equal("unknown", err.outcome)
      assert.matches("look in the web app before you send it again",
        tostring(err), 1, true)
    end)

    it("goes on with a job file too when the caller found out", function()
      local file = folder .. "/job"
      fault:on("POST", "/v2/ai_scripts", { reset = "before_answer" })
      local options = v2.OPTIONS.make_script()
      options.job_file, options.poll = file, v2.POLL
      local _, err = other:make_script(options)
      local token = err.resume
      assert.equal("create_script", read(file).sent)
      for _, word in ipairs { "not created", "not-created", "NOT_CREATED", "",
        ".." } do
        token.resolved = word
        misuse.unusable(function()
          return other:make_script { resume = token, job_file = file }
        end, "resolved")
      end
      assert.equal("create_script", read(file).sent)
      fault:on("POST", "/v2/ai_scripts", { json = { code = 0,
        data = { task_id = "T" } } })
      fault:on("GET", "/v2/ai_scripts/results/*", { json = { code = 0,
        data = { status = "success" } } })
      token.resolved = "not_created"
      local script = assert(other:make_script { resume = token,
        job_file = file, poll = v2.POLL })
      assert.equal("T", script.project_id)
    end)

    it("takes the caller's word for one attempt only", function()
      fault:on("POST", "/v2/ai_scripts", { { reset = "before_answer" },
        { reset = "before_answer" }, { json = { code = 0,
          data = { task_id = "T" } } } })
      local options = v2.OPTIONS.make_script()
      options.job_file, options.poll = folder .. "/job", v2.POLL
      local _, err = other:make_script(options)
      local token = err.resume
      token.resolved = "not_created"
      options.resume = token
      for i = 1, 3 do -- the same line again and again
        _, err = other:make_script(options)
        assert.equal("unknown", err.outcome)
        assert.is_nil(err.resume.resolved)
        assert.equal(2, posts(), i)
      end
      token = err.resume
      token.resolved = "not_created"
      fault:on("GET", "/v2/ai_scripts/results/*", { json = { code = 0,
        data = { status = "success" } } })
      assert(other:make_script { resume = token, job_file = folder .. "/job",
        poll = v2.POLL })
      assert.equal(3, posts())
    end)

    it("is not what an id says that the service does not know", function()
      fault:on("POST", "/v2/ai_scripts", { reset = "before_answer" })
      fault:on("GET", "/v2/ai_scripts/results/typo", { status = 404,
        json = { code = 10104, msg = "record not found" } })
      fault:on("GET", "/v2/ai_scripts/results/T", { json = { code = 0,
        data = { status = "success" } } })
      local options = v2.OPTIONS.make_script()
      options.job_file, options.poll = folder .. "/job", v2.POLL
      local _, err = other:make_script(options)
      options.resume = err.resume
      options.resume.resolved = "typo"
      for i = 1, 2 do
        _, err = other:make_script(options)
        assert.equal("unknown", err.outcome, i)
        assert.matches("record not found", err.message)
        assert.matches("err.resume.resolved =", tostring(err), 1, true)
      end
      options.resume = err.resume
      options.resume.resolved = "T"
      assert.equal("T", assert(other:make_script(options)).project_id)
      assert.equal(1, posts())
    end)

    it("is not taken for another one that was refused before", function()
      fault:on("POST", CREATE, { json = { code = 18020, msg = "no credit" } })
      list { total = 0, data = {} }
      local _, err = make()
      local token = err.resume or { version = 1, generation = "v2",
        kind = "make_template_video", video = { template_id = 1,
          voice_language = "english", variables = {} } }
      token.resolved = "not_created"
      fault:clear()
      fault:on("POST", CREATE, { reset = "before_answer" })
      fault:on("GET", LIST, { status = 404, body = "" })
      local video
      video, err = other:make_template_video { resume = token,
        poll = v2.POLL }
      assert.is_nil(video)
      assert.equal("unknown", err.outcome)
      assert.equal(1, posts())
      token.resolved = "some-id"
      misuse.unusable(function()
        return other:make_template_video { resume = token, poll = v2.POLL }
      end, "resolved: no call was sent")
    end)

    it("runs once in a process, before it has an id too", function()
      list { total = 0, data = {} }
      local _, err = make { poll = { interval = 0.02, settle = 0.1 } }
      fault:on("POST", CREATE, { delay = 0.1, json = { code = 0,
        data = { video_id = "V" } } })
      fault:on("GET", STATE, { json = { code = 0, data = {
        status = "success", data = { url = "https://x.example/v.mp4" } } } })
      local before, tasks = posts(), {}
      for i = 1, 2 do
        tasks[i] = other:spawn(function()
          return other:make_template_video { resume = err.resume,
            poll = { first = 0.02, interval = 0.02, settle = 0.1 } }
        end)
      end
      other:run()
      assert.equal("busy", (tasks[1].err or tasks[2].err).kind)
      assert.equal("V", (tasks[1].value or tasks[2].value).project_id)
      assert.equal(before + 1, posts())
    end)

    it("keeps the id of an answer, whatever happens after it", function()
      fault:on("POST", "/v2/ai_scripts", { json = { code = 0,
        data = { task_id = "T" } } })
      fault:on("GET", "/v2/ai_scripts/results/*", { json = { code = 0,
        data = { status = "success" } } })
      local file, options, act = folder .. "/job", v2.OPTIONS.make_script(), nil
      local own = jogg.client { api_key = "k", base_url = fault.url,
        generation = "v2", posts_per_minute = 0, log = function(event)
          if event.event == "answer" and event.operation == "create_script" then
            act()
          end
        end }
      finally(function() own:close() end)
      options.job_file, options.poll = file, v2.POLL
      for i, f in ipairs {
        function(task) act = function() task:cancel() end end,
        function() act = function() error "mine" end end,
      } do
        options.job_file = file .. i
        local task
        task = own:spawn(function() return own:make_script(options) end)
        f(task)
        own:run()
        assert.equal(i, posts())
        assert.equal("accepted", task.err.outcome)
        assert.same({ "T", "T" }, { task.err.project_id,
          task.err.resume.project_id })
        act = function() end
        assert.equal("T", assert(own:make_script(options)).project_id)
        assert.equal(i, posts())
      end
    end)

    it("was not sent when on_progress keeps it from that", function()
      local file, options = folder .. "/job", v2.OPTIONS.make_script()
      local own = jogg.client { api_key = "k", base_url = fault.url,
        generation = "v2", posts_per_minute = 0, max_credits = 0.2 }
      finally(function() own:close() end)
      options.poll = v2.POLL
      for i, act in ipairs { function(task) task:cancel() end,
        function() error "mine" end } do
        options.job_file = file .. i
        local task
        function options.on_progress(p)
          if p.phase == "create_script" then act(task) end
        end
        task = own:spawn(function() return own:make_script(options) end)
        own:run()
        assert.equal("not_sent", task.err.outcome, tostring(task.err))
        assert.is_nil(read(options.job_file).sent)
        assert.equal(i - 1, posts())
        options.on_progress = nil
        fault:on("POST", "/v2/ai_scripts", { json = { code = 18020 } })
        local _, err = own:make_script(options) -- the credits are there again
        assert.same({ "credit", 18020 }, { err.kind, err.code })
      end
    end)

    it("is believed to be unknown at first", function()
      fault:on("POST", "/v2/ai_scripts", { json = { code = 0,
        data = { task_id = "T" } } })
      local unknown = { status = 404, json = { code = 10104,
        msg = "record not found" } }
      fault:on("GET", "/v2/ai_scripts/results/*", { unknown, unknown, unknown,
        { json = { code = 0, data = { status = "success" } } } })
      local options = v2.OPTIONS.make_script()
      options.poll = { first = 0.02, interval = 0.02, settle = 20 }
      assert.equal("completed", assert(other:make_script(options)).status)
    end)
  end)

  describe("for previews", function()
    local chosen

    local function make(more)
      local options = options_of("make_video", {
        visual_styles = { "Simple Product Switch", "No Such Style" },
        preview = function(previews)
          chosen = previews
          return previews[1].preview_id
        end,
      })
      for name, value in pairs(more or {}) do options[name] = value end
      local video, err = client:make_video(options)
      return video, err
    end

    local function previews()
      return server:account().jobs.preview or 0
    end

    it("has effect once, whatever becomes of its answer", function()
      for i, given in ipairs { { what = "reset_before" },
        { what = "reset_after" }, { what = "truncate" },
        { what = "status_after", value = 500 }, { what = "html" } } do
        local before, videos = previews(), v2.count(server, "make_video")
        given.endpoint, given.call = "preview_list", 1
        server:fault(given)
        assert(make { job_file = ("%s/job%d"):format(folder, i) })
        assert.equal(before + 1, previews(), given.what)
        assert.equal(videos + 1, v2.count(server, "make_video"), given.what)
        assert.is_string(chosen[1].preview_id)
      end
    end)

    it("is unknown when its answer says of none what became of it", function()
      local fault = faults.start()
      finally(function() fault:stop() end)
      local other = jogg.client { api_key = "k", base_url = fault.url,
        generation = "v2", posts_per_minute = 0, retries = 0 }
      fault:on("POST", "/v2/product", { json = { code = 0,
        data = { product_id = "P" } } })
      fault:on("GET", "/v2/product_previews", { status = 404, body = "" })
      for i, list in ipairs { {}, { "x" }, { 5 }, { a = 1 }, { {} } } do
        fault:on("POST", "/v2/create_video_from_product/preview_list",
          { json = { code = 0, data = { previews = list } } })
        local _, err = other:make_video { url = "https://a.example/",
          avatar_id = 81, visual_styles = { "x" }, preview = function() end,
          poll = v2.POLL }
        assert.equal("unknown", err.outcome, i)
        assert.equal("create_product_previews", err.resume.sent)
      end
      other:close()
    end)

    it("ends the job when none could be made", function()
      local before = previews()
      local video, err = make { visual_styles = { "No Such Style" } }
      assert.is_nil(video)
      assert.equal("render_failed", err.kind)
      assert.matches("No Such Style: unknown visual style", err.message)
      assert.is_nil(err.resume)
      assert.equal(before, previews())
    end)

    it("waits for a choice that is one of them", function()
      local before, videos = previews(), v2.count(server, "make_video")
      local video, err = make { preview = function() return "other" end }
      assert.is_nil(video)
      assert.same({ "parameter", "accepted" }, { err.kind, err.outcome })
      video, err = client:make_video { resume = err.resume, poll = v2.POLL }
      assert.is_nil(video)
      assert.matches("preview is missing", err.message)
      assert.equal(videos, v2.count(server, "make_video"))
      assert(client:make_video { resume = err.resume, poll = v2.POLL,
        preview = function(list) return list[1].preview_id end })
      assert.equal(before + 1, previews())
      assert.equal(videos + 1, v2.count(server, "make_video"))
    end)

    it("needs both options", function()
      local options = { url = "https://a.example/", avatar_id = 81 }
      options.preview = function() end
      misuse.check(function() client:make_video(options) end,
        "make_video: visual_styles is missing")
      options.preview, options.avatar_id = nil, nil
      misuse.check(function() client:make_video(options) end,
        "make_video: avatar_id is missing: client:avatars {} lists them")
      options.avatar_id = 81
      options.visual_styles = { "x" }
      misuse.check(function() client:make_video(options) end,
        "make_video: preview is missing")
    end)

    it("sends the caller's further fields", function()
      local fault = faults.start()
      finally(function() fault:stop() end)
      local other = jogg.client { api_key = "k", base_url = fault.url,
        generation = "v2", posts_per_minute = 0, retries = 0 }
      fault:on("POST", "/v2/product", { json = { code = 0,
        data = { product_id = "P" } } })
      fault:on("POST", "/v2/create_video_from_product/preview_list",
        { json = { code = 40000, msg = "for the spec" } })
      local extra = { preview_seconds = 5, voice = { speed = 2 } }
      local _, err = other:make_video { url = "https://a.example/",
        avatar_id = 81, voice_id = "v", visual_styles = { "x" },
        preview = function() end, extra = extra }
      assert.equal("parameter", err.kind)
      local sent = cjson.decode(fault:last_request().body)
      assert.equal(5, sent.preview_seconds)
      assert.same({ id = "v", speed = 2 }, sent.voice)
      assert.same({ preview_seconds = 5, voice = { speed = 2 } }, extra)
      other:close()
    end)
  end)
end)
