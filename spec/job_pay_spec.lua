-- SPDX-License-Identifier: MIT
-- make_video pays once: whatever happens to the render's request or to its
-- answer, one video is started, and one is paid for.

local jogg = require "jogg"
local core = require "jogg.core"
local faults = require "spec.support.faults"
local flow = require "spec.support.flow"
local sandbox = require "spec.support.sandbox"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

describe("make_video pays once", function()
  local client

  local function connect(server, options)
    options = options or {}
    options.base_url, options.api_key = server.url, server.key or "k"
    options.posts_per_minute = options.posts_per_minute or 100000
    client = jogg.client(options)
    return client
  end

  local function make(given)
    given = given or {}
    if not given.resume then given.url = given.url or flow.PAGE end
    given.poll = given.poll or flow.POLL
    return client:make_video(given)
  end

  describe("at a service that keeps accounts", function()
    local server, before

    setup(function() server = sandbox.start { "--reuse" } end)
    teardown(function() server:stop() end)
    before_each(function()
      server:clear_faults()
      before = server:account()
    end)
    after_each(function() client:close() end)

    -- One more video was paid for since the test began, and renders were
    -- asked for so many times.
    local function check(video, err, requests)
      assert.truthy(video, tostring(err))
      local account = server:account()
      assert.equal(1, account.charged - before.charged)
      assert.equal(1, account.renders[video.project_id])
      local n = 0
      for _, entry in ipairs((server:log())) do
        if entry.endpoint == "render" and
          entry.body:find(video.project_id, 1, true) then
          n = n + 1
        end
      end
      assert.equal(requests, n)
      assert.equal(4, server:info(video.project_id).status)
    end

    for _, case in ipairs {
      { "though the answer was lost", 1, what = "reset_after" },
      { "though the request was lost", 2, what = "reset_before" },
      { "though both a request and an answer were lost", 2,
        { what = "reset_before" }, { what = "reset_after", call = 2 } },
      { "though an answer was a 500, after the effect", 1,
        what = "status_after", value = 500 },
      { "though an answer was a 500, without the effect", 2, what = "status",
        value = 500 },
      { "though an answer was a 502 page", 2, what = "html" },
      { "though an answer was code 50000, after the effect", 1,
        what = "code_after", value = 50000 },
      { "though an answer was code 50000, without the effect", 2, what = "code",
        value = 50000 },
      { "though an answer was cut", 1, what = "truncate" },
      { "though an answer was no JSON", 1, what = "bad_json" },
      { "though an answer never came", 1, what = "delay_after", value = 3 },
      { "though an answer broke off", 1, what = "stall" },
      { "though it was refused for its pace", 3, what = "status", value = 429,
        retry_after = 0, times = 2 },
    } do
      it(case[1], function()
        local list = case.what and { case } or { case[3], case[4] }
        for _, fault in ipairs(list) do
          local copy = { endpoint = "render", call = 1 }
          for name, value in pairs(fault) do
            if type(name) == "string" then copy[name] = value end
          end
          server:fault(copy)
        end
        connect(server, { product_timeout = 0.5 * SLOW,
          stall_timeout = 0.5 * SLOW })
        local video, err = make { url = server:sample "lamp" }
        check(video, err, case[2])
      end)
    end

    -- Much longer than the server takes its time in what follows.
    local PATIENT = { first = 0.05, interval = 0.05, settle = 30 * SLOW }

    it("though the request took effect long after it was given up", function()
      server:fault { endpoint = "render", call = 1, what = "delay",
        value = 1.5 * SLOW }
      connect(server, { product_timeout = 0.3 * SLOW })
      check(assert(make { url = server:sample "lamp", poll = PATIENT }), nil, 1)
    end)

    it("though it was resumed before the request took effect", function()
      server:fault { endpoint = "render", call = 1, what = "delay",
        value = 2 * SLOW }
      connect(server, { product_timeout = 0.3 * SLOW })
      local video, err = make { url = server:sample "lamp", poll = PATIENT,
        timeout = 0.9 * SLOW }
      assert.is_nil(video)
      assert.equal("unknown", err.outcome)
      assert.is_true(err.resume.render_sent)
      video, err = make { resume = flow.stored(err.resume), poll = PATIENT }
      check(video, err, 1)
    end)

    it("though there were no credits, before there were some", function()
      server:call("PUT", "/sandbox/account", { json = { credits = 0 } })
      connect(server)
      local video, err = make { url = server:sample "lamp" }
      assert.is_nil(video)
      assert.equal("credit", err.kind)
      assert.equal(18020, err.code)
      assert.equal("rejected", err.outcome)
      assert.is_nil(err.resume.render_sent)
      assert.truthy(tostring(err):find("buy credits, then resume", 1, true))
      server:call("PUT", "/sandbox/account", { json = { credits = 1 } })
      video, err = make { resume = flow.stored(err.resume) }
      check(video, err, 2)
      server:call("PUT", "/sandbox/account", { json = { credits = 100 } })
    end)

    it("though nobody could say what had become of it, for a while", function()
      server:fault { endpoint = "render", call = 1, what = "reset_after" }
      server:fault { endpoint = "prj_info", call = 1, times = 4, what = "status",
        value = 503, retry_after = 0 }
      connect(server, { retries = 1 })
      local video, err = make { url = server:sample "lamp" }
      assert.is_nil(video)
      assert.equal("unknown", err.outcome)
      assert.equal("render_project", err.phase)
      assert.truthy(tostring(err):find("whether the video was started is not "
        .. "known", 1, true))
      assert.truthy(tostring(err):find("resume with err.resume: it finds out "
        .. "what happened before it pays", 1, true))
      local again
      video, again = make { resume = flow.stored(err.resume) }
      assert.is_nil(video)
      assert.equal("unknown", again.outcome)
      video, again = make { resume = again.resume }
      check(video, again, 1)
    end)
  end)

  describe("at a service that is exact", function()
    local server

    setup(function() server = faults.start() end)
    teardown(function() server:stop() end)
    before_each(function() server:clear():on_connect {} end)
    after_each(function()
      client:close()
      assert.is_true(server:wait { open = 0 })
    end)

    it("on a connection that dies under it", function()
      flow.script(server, { render = { json = { code = 0 },
        reused = { close = "after_request" } } })
      connect(server)
      assert(client:project_info(flow.PROJECT)) -- a connection is there
      assert(make {})
      assert.equal(1, flow.count(server, "render"))
      flow.script(server, { render = { json = { code = 0 },
        reused = { reset = "after_request" } } })
      assert(make {})
      assert.equal(2, flow.count(server, "render"))
    end)

    it("when the project says late that it has begun", function()
      flow.script(server, { render = { reset = "after_request" },
        info = { flow.info(1), flow.info(2), flow.finished(server) } })
      connect(server)
      assert(make {})
      assert.equal(1, flow.count(server, "render"))
    end)

    it("when the project says something nobody knows", function()
      flow.script(server, { render = { reset = "after_request" },
        info = { flow.info(42), flow.finished(server) } })
      connect(server)
      assert(make {})
      assert.equal(1, flow.count(server, "render"))
    end)

    it("and looks with decent pauses before it pays at all", function()
      flow.script(server, { render = { { status = 500 }, flow.OK },
        info = { flow.info(1), flow.info(1), flow.info(2), flow.finished(server) } })
      connect(server)
      assert(make { poll = { first = 0.2, interval = 0.2, settle = 0 } })
      local times, renders = {}, flow.requests(server, "render")
      for i, request in ipairs(flow.requests(server, "info")) do
        times[i] = request.time
      end
      assert.equal(2, #renders)
      assert.is_true(times[2] - times[1] > 0.18)
      assert.is_true(renders[2].time >= times[2])
      assert.is_true(times[3] > renders[2].time + 0.18)
    end)

    it("after the pause that a refusal asks for", function()
      flow.script(server, { render = {
        { status = 429, json = { code = 429, msg = "slow down",
          data = { retryAfter = 0.3 } } },
        { json = { code = 429, msg = "slow down", data = { retryAfter = 0.2 } } },
        flow.OK } })
      connect(server)
      assert(make {})
      local list = flow.requests(server, "render")
      assert.equal(3, #list)
      assert.is_true(list[2].time - list[1].time >= 0.3)
      assert.is_true(list[3].time - list[2].time >= 0.2)
    end)

    it("and gives up when nothing has an effect; to resume is to try", function()
      flow.script(server, { render = { status = 500 }, info = flow.info(1) })
      connect(server)
      local video, err = make {}
      assert.is_nil(video)
      assert.equal("server", err.kind)
      assert.equal("unknown", err.outcome)
      assert.equal("render_project", err.phase)
      assert.equal(3, flow.count(server, "render"))
      assert.is_true(err.resume.render_sent)
      flow.script(server, { info = { flow.info(1), flow.info(1), flow.info(2),
        flow.finished(server) } })
      assert(make { resume = err.resume })
      assert.equal(4, flow.count(server, "render"))
    end)

    it("and sends nothing twice that was refused for good", function()
      for kind, answer in pairs {
        parameter = { status = 400, json = { error = 400, message = "bad" } },
        auth = { status = 401, json = { code = 10105, msg = "key" } },
        permission = { json = { code = 18025, msg = "no" } },
        not_found = { json = { code = 10104, msg = "no such project" } },
      } do
        server:clear()
        flow.script(server, { render = answer })
        connect(server)
        local video, err = make {}
        assert.is_nil(video)
        assert.equal(kind, err.kind)
        assert.equal("rejected", err.outcome)
        assert.equal(1, flow.count(server, "render"))
        assert.equal(0, flow.count(server, "info"))
        assert.is_nil(err.resume.render_sent) -- there is a project
        client:close()
      end
    end)

    it("and believes no redirect that nothing was done", function()
      flow.script(server, { render = {
        { status = 303, headers = { Location = "/elsewhere" } }, flow.OK },
        info = { flow.info(1), flow.info(1), flow.info(3),
          flow.finished(server) } })
      connect(server)
      local video, err = make {}
      assert.is_nil(video)
      assert.same({ "http", "unknown" }, { err.kind, err.outcome })
      assert.is_true(err.resume.render_sent)
      assert.equal(0, flow.count(server, "info"))
      assert(make { resume = err.resume, poll = { interval = 0.01,
        settle = 30 } })
      assert.equal(1, flow.count(server, "render"))
    end)

    it("and waits anew after a resume, however old the token is", function()
      flow.script(server, { render = { { reset = "after_request" }, flow.OK },
        info = flow.info(1) })
      connect(server, { product_timeout = 0.3 * SLOW })
      local poll = { interval = 0.05, settle = 1 * SLOW }
      local _, err = make { timeout = 0.6 * SLOW, poll = poll }
      assert.equal("unknown", err.outcome)
      server:clear()
      flow.script(server, { render = flow.OK, info = flow.info(1) })
      make { resume = flow.stored(err.resume), poll = poll, timeout = 2 * SLOW }
      local renders = flow.requests(server, "render")
      assert.equal(1, #renders)
      local looks = flow.requests(server, "info")
      assert.is_true(renders[1].time - looks[1].time >=
        poll.settle - 0.01)
    end)

    it("and repeats what certainly did not leave", function()
      local port = server.port
      flow.script(server)
      connect(server, { retries = 20 })
      local gone = false
      client:spawn(function()
        return make { on_progress = function(p)
          if p.phase == "render_project" and not gone then
            gone = true
            server:stop()
          end
        end }
      end)
      local task
      task = client:spawn(function() return client:sleep(0.1) end)
      while client:step(0.05) > 0 do
        if task.done and gone then
          server = faults.start { port = port }
          flow.script(server)
          break
        end
      end
      client:run()
      assert.equal(0, flow.count(server, "product"))
      assert.equal(1, flow.count(server, "render"))
      assert.is_true(flow.count(server, "info") >= 3)
    end)

    it("and is not cut off by the time of the whole job", function()
      flow.script(server, { render = { json = { code = 0 }, delay = 0.6 },
        info = flow.info(2) })
      connect(server)
      local video, err = make { timeout = 0.3 }
      assert.is_nil(video)
      assert.same({ "timeout", "deadline", "accepted", "wait" },
        { err.kind, err.reason, err.outcome, err.phase })
      assert.is_true(err.resume.rendered)
      assert.equal(1, flow.count(server, "render"))
    end)

    it("when the time is over before it is known", function()
      flow.script(server, { render = { reset = "after_request" },
        info = flow.info(1) })
      connect(server, { product_timeout = 0.2 })
      local before = core.now()
      local video, err = make { timeout = 0.3, poll = { interval = 20 } }
      assert.is_nil(video)
      assert.is_true(core.now() - before < 3 * SLOW)
      assert.equal("timeout", err.kind)
      assert.equal("unknown", err.outcome)
      assert.truthy(tostring(err):find(flow.PROJECT, 1, true))
      assert.equal(1, flow.count(server, "render"))
      flow.script(server)
      assert(make { resume = flow.stored(err.resume) })
      assert.equal(1, flow.count(server, "render"))
    end)

    it("when it is cancelled while the answer is on its way", function()
      flow.script(server, { render = { stall = "after_request" } })
      connect(server)
      local task = client:spawn(function() return make {} end)
      while flow.count(server, "render") == 0 do client:step(0.01) end
      task:cancel()
      client:run()
      assert.equal("cancelled", task.err.kind)
      assert.equal("unknown", task.err.outcome)
      assert.is_true(task.err.resume.render_sent)
      flow.script(server)
      assert(make { resume = task.err.resume })
      assert.equal(1, flow.count(server, "render"))
    end)
  end)
end)
