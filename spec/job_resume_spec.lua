-- SPDX-License-Identifier: MIT
-- make_video carries on: after a failure in each phase, from each token that
-- was ever told, with what may be said anew; and it refuses what is no token.

local cjson = require "cjson".new()
local jogg = require "jogg"
local core = require "jogg.core"
local faults = require "spec.support.faults"
local flow = require "spec.support.flow"
local support = require "spec.support.misuse"
local unusable = support.unusable
local process = require "spec.support.process"
local sandbox = require "spec.support.sandbox"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

describe("make_video resumed", function()
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
    client = jogg.client { api_key = "k", base_url = server.url, retries = 0,
      posts_per_minute = 100000 }
  end)
  after_each(function()
    client:close()
    os.remove(output)
    assert.is_true(server:wait { open = 0 })
    assert.same({}, process.files(folder))
  end)

  local function make(given)
    given.poll = given.poll or flow.POLL
    return client:make_video(given)
  end

  -- Fails with these steps; returns the error after a look at it.
  local function fail(steps, given)
    flow.script(server, steps)
    given = given or {}
    given.url, given.output = flow.PAGE, output
    given.product = given.product or { title = "t" }
    local video, err = make(given)
    assert.is_nil(video)
    return err
  end

  -- Resumes with the service in order; returns what arrived.
  local function resume(token, given)
    server:clear()
    flow.script(server, given and given.steps)
    local options = { resume = token }
    for name, value in pairs(given or {}) do
      if name ~= "steps" then options[name] = value end
    end
    local video = assert(make(options))
    assert.equal("completed", video.status)
    assert.equal(flow.PROJECT, video.project_id)
    assert.equal(flow.VIDEO, process.read_file(output))
    os.remove(output)
    return flow.story(server)
  end

  local REFUSED = { json = { code = 18025, msg = "no permission" } }
  local PAGE = { body = "<html>soon</html>" }

  describe("after a failure", function()
    local NOT_STARTED = { info = { flow.info(1), flow.info(2) } }

    for _, case in ipairs {
      { phase = "create_product", steps = { product = { status = 503 } },
        kind = "server", story = "product update render info video" },
      { phase = "update_product", steps = { update = REFUSED }, begun = true,
        kind = "permission", story = "info update render info video" },
      { phase = "render_project", steps = { render = REFUSED }, begun = true,
        kind = "permission", story = "info render info video" },
      { phase = "wait", steps = { info = REFUSED }, begun = true,
        kind = "permission", story = "info video" },
      { phase = "download", steps = { video = PAGE }, begun = true,
        kind = "protocol", story = "info video" },
    } do
      it("of " .. case.phase, function()
        local err = fail(case.steps)
        assert.equal(case.kind, err.kind, tostring(err))
        assert.equal(case.phase, err.phase)
        assert.equal(case.phase, err.resume.phase)
        if case.begun then
          assert.equal(flow.PROJECT, err.project_id)
          assert.equal(3924, err.product_id)
          assert.truthy(tostring(err):find("resume with err.resume", 1, true))
        else
          assert.falsy(tostring(err):find("err.resume", 1, true))
        end
        assert.truthy(tostring(err):find("^" .. case.phase .. ": "))
        assert.falsy(tostring(err):find "[%c]")

        local pending = case.phase == "update_product" or
          case.phase == "render_project"
        local steps = pending and { info = { NOT_STARTED.info[1],
          NOT_STARTED.info[2], flow.finished(server) } } or nil
        for _, token in ipairs { err.resume, flow.stored(err.resume) } do
          assert.equal(case.story, resume(token, { steps = steps }))
        end
        if case.phase ~= "create_product" and pending then
          assert.same({ project_id = flow.PROJECT }, (flow.sent(server, "render")))
        end
      end)
    end

    it("more than once, with the edit done once", function()
      local err = fail { render = REFUSED }
      assert.equal(1, flow.count(server, "update"))
      server:on("GET", "/open/prj_info", flow.info(1))
      for _ = 1, 3 do
        local _, again = make { resume = flow.stored(err.resume) }
        assert.equal("render_project", again.phase)
        err = again
      end
      assert.equal(1, flow.count(server, "update"))
      assert.equal(1, flow.count(server, "product"))
      assert.equal(4, flow.count(server, "render"))
    end)

    it("looks no more often than it would have", function()
      local err = fail { video = PAGE }
      server:clear()
      flow.script(server)
      local token = err.resume
      assert.truthy(make { resume = token, poll = { first = 0, interval = 0.3, settle = 0 },
        output = output })
      local list = flow.requests(server, "info")
      assert.equal(3, #list)
      for i = 2, #list do
        assert.is_true(list[i].time - list[i - 1].time > 0.25)
      end
    end)

    it("goes on at once when the video is there", function()
      local err = fail { video = PAGE }
      server:clear()
      flow.script(server, { info = flow.finished(server) })
      local before = core.now()
      assert.truthy(client:make_video { resume = err.resume })
      assert.is_true(core.now() - before < 3 * SLOW)
      assert.equal(1, flow.count(server, "info"))
    end)

    it("is of no use when the service gave up, or the project is gone", function()
      for status, kind in pairs { [5] = "render_failed", [99] = "deleted" } do
        local err = fail { info = { flow.info(2), flow.info(status) } }
        assert.equal(kind, err.kind)
        assert.is_nil(err.resume)
        assert.equal(flow.PROJECT, err.project_id)
        local _, again = make { resume = { version = 1, generation = "open",
          project_id = flow.PROJECT } }
        assert.equal(kind, again.kind)
        server:clear()
      end
    end)
  end)

  it("is refused by a token that has lost its project", function()
    for _, name in ipairs { "product_id", "render_sent", "rendered" } do
      local token = { version = 1, generation = "open", url = flow.PAGE }
      token[name] = name == "product_id" and 3924 or true
      unusable(function() return client:make_video { resume = token } end,
        "make_video.resume is damaged: it has lost its project_id")
    end
    assert.equal(0, #server:requests())
  end)

  it("is refused while the same job runs already", function()
    local token
    local first = client:spawn(function()
      return client:make_video { url = flow.PAGE, poll = flow.POLL,
        on_progress = function(p)
          if p.phase == "render_project" and not token then
            token = p.resume
          end
        end }
    end)
    while not token do client:step(0.05) end
    local second = client:spawn(function()
      return client:make_video { resume = token, poll = flow.POLL }
    end)
    local other = jogg.client { api_key = "k", base_url = server.url,
      posts_per_minute = 0 }
    local video, err = other:make_video { resume = token, poll = flow.POLL }
    other:close() -- one job runs once in a process, whichever client
    assert.is_nil(video)
    assert.same({ "busy", true }, { err.kind, err.transient })
    client:run()
    assert.is_truthy(first.value)
    assert.equal("busy", second.err.kind)
    assert.matches("is running already", second.err.message)
    assert.equal(1, flow.count(server, "render"))
    -- and no longer than it runs
    assert(client:make_video { resume = token, poll = flow.POLL })
  end)

  describe("never renders again what was accepted", function()
    it("though the project still says that it has not begun", function()
      local token
      flow.script(server, { info = { flow.info(1), flow.info(1), flow.info(2),
        flow.finished(server) } })
      pcall(make, { url = flow.PAGE, on_progress = function(p)
        token = flow.stored(p.resume)
        assert(p.phase ~= "wait", "killed")
      end })
      assert.equal("wait", token.phase)
      assert.truthy(make { resume = token })
      assert.equal(1, flow.count(server, "render"))
    end)

    it("from whatever token of a job that ran to its end", function()
      local machine = sandbox.start()
      local account
      local other = jogg.client { api_key = machine.key, base_url = machine.url,
        posts_per_minute = 100000 }
      local stored = {}
      local video = assert(other:make_video { url = machine:sample "mug",
        output = output, poll = flow.POLL, product = { title = "Tasse" },
        on_progress = function(p)
          stored[#stored + 1] = p.resume.project_id and cjson.encode(p.resume)
        end })
      assert.is_true(#stored >= 4)
      for _, text in ipairs(stored) do
        local again = assert(other:make_video { resume = cjson.decode(text),
          poll = flow.POLL, overwrite = true })
        assert.equal(video.project_id, again.project_id)
        assert.equal(video.bytes, again.bytes)
      end
      account = machine:account()
      other:close()
      machine:stop()
      assert.equal(1, account.charged)
      assert.equal(1, account.renders[video.project_id])
      assert.equal(1, account.products)
    end)
  end)

  describe("what is said beside the token", function()
    it("may be where and how to wait, and how to tell", function()
      local err = fail { info = REFUSED }
      local other, told = folder .. "/other.mp4", 0
      server:clear()
      flow.script(server)
      local video = assert(make { resume = err.resume, output = other,
        timeout = 20, on_progress = function() told = told + 1 end })
      assert.equal(other, video.path)
      assert.equal(flow.VIDEO, process.read_file(other))
      assert.is_true(told > 1)
      local _, exists = make { resume = err.resume, output = other }
      assert.equal("exists", exists.reason)
      assert.truthy(make { resume = err.resume, output = other, overwrite = true })
      os.remove(other)
    end)

    it("may be all that was said before, as it was said", function()
      local given = { lang = "german", aspect_ratio = "square",
        render_subtitle = true, product = { title = "t",
          intro_medias = { { type = "image", url = "u" } } } }
      local err = fail({ info = REFUSED }, given)
      assert.equal("info video", resume(flow.stored(err.resume), {
        url = flow.PAGE, lang = "german", aspect_ratio = 2, render_subtitle = 1,
        product = { title = "t", intro_medias = { { type = 1, url = "u" } } },
        output = output }))
    end)

    it("may be another video, as long as none was ordered", function()
      local err = fail({ render = { json = { code = 40000, msg = "lang" } } },
        { lang = "polish", avatar_id = 37 })
      assert.equal("parameter", err.kind)
      assert.truthy(tostring(err):find("correct the option that the message "
        .. "names; then resume with err.resume", 1, true))
      local steps = { info = { flow.info(1), flow.info(2), flow.finished(server) } }
      assert.equal("info render info video", resume(err.resume,
        { lang = "english", steps = steps }))
      assert.same({ project_id = flow.PROJECT, lang = "english", avatar_id = 37 },
        (flow.sent(server, "render")))
      assert.equal("info update render info video", resume(err.resume,
        { product = { title = "new" }, steps = steps }))
      assert.same({ product_id = 3924, title = "new" },
        (flow.sent(server, "update")))
    end)

    it("cannot be another video afterwards, nor ever another page", function()
      local err = fail { info = REFUSED }
      for name, value in pairs { lang = "german", aspect_ratio = "1:1",
        product = { title = "u" } } do
        unusable(function()
          return client:make_video { resume = err.resume, [name] = value }
        end, "make_video: " .. name .. " cannot be changed when a job is resumed "
          .. "after its render was sent")
      end
      unusable(function()
        return client:make_video { resume = err.resume, url = "https://b" }
      end, "make_video: url cannot be changed when a job is resumed")
    end)
  end)

  describe("with what is no token", function()
    it("says what is wrong with it", function()
      local function token(changes)
        local whole = { version = 1, generation = "open", url = flow.PAGE,
          project_id = "p", product_id = 1 }
        for name, value in pairs(changes) do
          whole[name] = value ~= cjson.null and value or nil
        end
        return whole
      end
      for expected, wrong in pairs {
        ["make_video.resume must be a table, not \"p\""] = "p",
        ["make_video.resume: version is missing"] = token { version = cjson.null },
        ["make_video.resume.version must be an integer of at most 1, not 2"] =
          token { version = 2 },
        ["make_video.resume: generation is missing"] =
          token { generation = cjson.null },
        ["make_video.resume is of another generation of the service; use a client"] =
          token { generation = "v2" },
        ["make_video.resume is damaged: it has lost its project_id"] =
          token { url = cjson.null, project_id = cjson.null },
        ["make_video.resume.project_id must be a string"] = token { project_id = 5 },
        ["make_video.resume.project_id must be a string that is not empty"] =
          token { project_id = "" },
        ["make_video.resume.product_id must be an id"] = token { product_id = 1.5 },
        ["make_video.resume.url must be a URL"] = token { url = "file:///x" },
        ["make_video.resume.render_sent must be true or false"] =
          token { render_sent = 1 },
        ["make_video.resume.video.aspect_ratio must be one of"] =
          token { video = { aspect_ratio = 7 } },
        ["make_video.resume.product: unknown option \"x\""] =
          token { product = { x = 1 } },
        ["make_video.resume: unknown option \"x_y\""] = token { x_y = 1 },
      } do
        support.refused(function()
          local video, err = client:make_video { resume = wrong }
          return video, err
        end, expected)
      end
      assert.same({}, server:requests())
    end)

    it("does not change the caller's token", function()
      local token = { version = 1, generation = "open", url = flow.PAGE,
        video = {}, output = output }
      local before = flow.stored(token)
      assert(make { resume = token })
      assert.same(before, flow.stored(token))
    end)

    it("of an unknown project ends with the service's word", function()
      server:on("GET", "/open/prj_info",
        { json = { code = 10104, msg = "record not found" } })
      local video, err = make { resume = { version = 1, generation = "open",
        project_id = "nobody's" } }
      assert.is_nil(video)
      assert.equal("not_found", err.kind)
      assert.equal("nobody's", err.project_id)
      assert.equal(0, flow.count(server, "render"))
    end)
  end)
end)
