-- SPDX-License-Identifier: MIT
-- Waiting for a video: client:watch, and the same inside make_video. What
-- ends it, what does not, and how long it lasts.

local jogg = require "jogg"
local core = require "jogg.core"
local faults = require "spec.support.faults"
local flow = require "spec.support.flow"
local support = require "spec.support.misuse"
local misuse = support.check
local sandbox = require "spec.support.sandbox"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)
local PUC_51 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")
local TOKEN = { version = 1, generation = "open", project_id = flow.PROJECT }

describe("waiting", function()
  local server, client

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)
  before_each(function()
    server:clear():on_connect {}
    flow.script(server)
    client = jogg.client { api_key = "k", base_url = server.url, retries = 0,
      posts_per_minute = 100000 }
  end)
  after_each(function()
    client:close()
    assert.is_true(server:wait { open = 0 })
  end)

  local function answer(...)
    server:on("GET", "/open/prj_info", { ... })
  end

  local function watch(options)
    options = options or {}
    options.poll = options.poll or flow.POLL
    return client:watch(flow.PROJECT, options)
  end

  local function words(options)
    local list, last = {}, nil
    for info in watch(options) do
      list[#list + 1], last = info.status, info
    end
    return table.concat(list, " "), last
  end

  local function make(options)
    options = options or {}
    options.resume, options.poll = TOKEN, options.poll or flow.POLL
    return client:make_video(options)
  end

  describe("with watch", function()
    it("says each state until the last one", function()
      answer(flow.info(1), flow.info(2), flow.info(3, { progress = 40,
        cover_url = "https://c", progress_desc = "cutting" }),
        flow.finished(server))
      local next_info = watch()
      assert.equal("pending", next_info().status)
      assert.equal("queued", next_info().status)
      local info = next_info()
      assert.equal(3, info.raw.status)
      info.raw = nil
      assert.same({ status = "processing", progress = 40, duration = 0,
        cover_url = "https://c", description = "cutting",
        project_id = flow.PROJECT }, info)
      info = next_info()
      assert.equal("completed", info.status)
      assert.equal(server.url .. "/v.mp4", info.video_url)
      assert.equal(31, info.duration)
      assert.is_nil(next_info())
      assert.is_nil(next_info()) -- it stays at its end
      assert.equal(4, flow.count(server, "info"))
      assert.equal("project_id=" .. flow.PROJECT, server:last_request().query)
    end)

    it("ends with what failed, and with what was deleted", function()
      answer(flow.info(3), flow.info(5, { err_msg = "no avatar" }))
      local list, last = words()
      assert.equal("processing failed", list)
      assert.equal("no avatar", last.message)
      assert.is_nil(last.err)
      answer(flow.info(99))
      assert.equal("deleted", (words()))
    end)

    it("ends with an error when its time is over", function()
      answer(flow.info(3))
      local list, last = words { timeout = 0.2 }
      assert.truthy(list:find "^processing ")
      assert.equal("timeout", last.err.kind)
      assert.equal("deadline", last.err.reason)
      assert.equal(flow.PROJECT, last.err.project_id)
      assert.equal("processing", last.status)
      local text = tostring(last.err)
      assert.truthy(text:find("^project " .. flow.PROJECT
        .. " is not finished after 0%.2%d* s; try again, or allow more time$"),
        text)
    end)

    it("ends with an error that lasts", function()
      answer(flow.info(2), { status = 401, json = { code = 10105, msg = "key" } })
      local list, last = words()
      assert.equal("queued queued", list)
      assert.equal("auth", last.err.kind)
      assert.equal(3, flow.count(server, "info"))
    end)

    it("looks at once, and then by the plan", function()
      answer(flow.info(2), flow.info(3), flow.finished(server))
      local before = core.now()
      local next_info = client:watch("p", { poll = { interval = 0.2 } })
      next_info()
      assert.is_true(core.now() - before < 0.15 * SLOW)
      next_info()
      next_info()
      local list = flow.requests(server, "info")
      for i = 2, 3 do
        assert.is_true(list[i].time - list[i - 1].time > 0.19)
      end
    end)

    it("suspends its task alone", function()
      answer(flow.info(2), flow.info(3), flow.finished(server))
      local seen, others = {}, 0
      client:spawn(function()
        local next_info = watch { poll = { interval = 0.05 } }
        if PUC_51 then -- whose `for` cannot suspend
          local info = next_info()
          while info do
            seen[#seen + 1] = info.status
            info = next_info()
          end
        else
          for info in next_info do seen[#seen + 1] = info.status end
        end
      end)
      client:spawn(function()
        while #seen < 3 do
          client:sleep(0.001)
          others = others + 1
        end
      end)
      client:run()
      assert.same({ "queued", "processing", "completed" }, seen)
      assert.is_true(others >= 5)
    end)

    it("may be left, and begun again", function()
      for _ = 1, 2 do
        assert.equal("queued", watch()().status)
        answer(flow.info(2))
      end
      assert.equal(2, flow.count(server, "info"))
    end)

    it("raises on misuse at the caller's line", function()
      for expected, call in pairs {
        ["watch: project_id must be a string, not 5"] =
          function() return client:watch(5), 1 end,
        ['watch: unknown option "interval"'] =
          function() return client:watch("p", { interval = 1 }), 1 end,
        ["watch.timeout must be seconds"] =
          function() return client:watch("p", { timeout = -1 }), 1 end,
        ["watch.poll.max must be seconds"] =
          function() return client:watch("p", { poll = { max = 0 } }), 1 end,
      } do
        misuse(call, expected)
      end
      support.unusable(function() return client:watch "" end,
        "watch: project_id must be a string that is not empty")
      assert.equal(0, #server:requests())
    end)

    it("follows a real render", function()
      local machine = sandbox.start { "--speed", "100" }
      local other = jogg.client { api_key = machine.key, base_url = machine.url }
      local product = assert(other:create_product { url = machine:sample "lamp" })
      assert(other:render_project { project_id = product.prj_id })
      local last, progress = nil, -1
      for info in other:watch(product.prj_id, { poll = { interval = 0.02 } }) do
        assert.is_true(info.progress >= progress)
        progress, last = info.progress, info
      end
      assert.equal("completed", last.status)
      assert.equal(100, progress)
      other:close()
      machine:stop()
    end)
  end)

  for name, run in pairs {
    watch = function() return words() end,
    make_video = function(options)
      local list = {}
      options = options or {}
      options.on_progress = function(p)
        if p.status and p.waiting_for ~= "retry" then
          list[#list + 1] = p.status
        end
      end
      local video, err = make(options)
      return table.concat(list, " "), video, err
    end,
  } do
    describe("in " .. name, function()
      it("survives looks that fail, of whatever kind", function()
        answer(flow.info(2), { status = 502, body = "<html>Bad gateway</html>",
          headers = { ["Content-Type"] = "text/html" } },
          flow.info(3, { progress = 10 }), { reset = "after_request" },
          flow.info(3, { progress = 20 }), { json = { code = 50000, msg = "x" } },
          flow.info(3, { progress = 30 }), { body = "{\"code\":0,\"da" },
          flow.info(3, { progress = 40 }), { json = { code = 0 } },
          flow.info(3, { progress = 50 }), { json = { code = 10104, msg = "x" } },
          flow.info(3, { progress = 60 }), { status = 401, body = "" },
          flow.finished(server))
        assert.equal("queued" .. (" processing"):rep(6) .. " completed", (run()))
      end)

      it("goes on at a number or a word that nobody knows", function()
        answer(flow.info(42), flow.info(0), flow.info(-1), flow.info(4.5),
          flow.info "rendering", flow.info(true), flow.info {},
          { json = { code = 0, data = { id = "p" } } },
          { json = { code = 0, data = {} } }, flow.info "4", flow.finished(server))
        assert.equal(("processing "):rep(10) .. "completed", (run()))
      end)

      it("needs an address to be done", function()
        answer(flow.info(4, { progress = 100 }), flow.info(4, { video_url = {} }),
          { body = '{"code":0,"data":{"status":4,"video_url":null}}' },
          { body = '{"code":0,"data":{"status":4}}' }, flow.finished(server))
        local list, result = run()
        assert.equal(("processing "):rep(4) .. "completed", list)
        assert.truthy(result.video_url or result.url)
      end)
    end)
  end

  describe("in make_video", function()
    it("ends with the service's reason when that failed", function()
      answer(flow.info(3), flow.info(5, { err_msg = "avatar\n37 \27[31mis gone" }))
      local video, err = make()
      assert.is_nil(video)
      assert.equal("render_failed", err.kind)
      assert.equal("the service could not make the video: avatar 37  [31mis gone",
        err.message)
      assert.is_false(err.retryable)
      assert.equal("accepted", err.outcome)
      assert.equal(flow.PROJECT, err.project_id)
      assert.is_nil(err.resume)
      assert.equal(2, flow.count(server, "info"))
      answer(flow.info(5))
      video, err = make()
      assert.is_nil(video)
      assert.truthy(err.message:find("does not say why", 1, true))
      answer(flow.info(5, { err_msg = ("ä"):rep(2000) }))
      video, err = make()
      assert.is_nil(video)
      assert.truthy(#err.message < 700)
      assert.is_nil(core.text_fault(err.message))
    end)

    it("ends when the project was deleted", function()
      answer(flow.info(3), flow.info(99))
      local video, err = make()
      assert.is_nil(video)
      assert.equal("deleted", err.kind)
      assert.equal("wait: the project was deleted (project " .. flow.PROJECT
        .. "); start anew", tostring(err))
      assert.is_nil(err.resume)
    end)

    it("names the project when its time is over; it can be resumed", function()
      answer(flow.info(3, { progress = 7 }))
      local video, err = make { timeout = 0.2 }
      assert.is_nil(video)
      assert.equal("timeout", err.kind)
      assert.equal("wait", err.phase)
      assert.truthy(tostring(err):find("^wait: project " .. flow.PROJECT
        .. " is not finished after 0%.%d+ s; resume with err%.resume"),
        tostring(err))
      answer(flow.finished(server))
      assert.equal("completed", client:make_video { resume = err.resume }.status)
    end)

    it("says what the last poll failed with, if it did", function()
      answer({ status = 503, body = "" })
      local next_info = client:watch(flow.PROJECT, { timeout = 0.2,
        poll = { interval = 0.02 } })
      local info = next_info()
      assert.equal("timeout", info.err.kind)
      assert.equal(503, info.err.cause.http_status)
      assert.truthy(tostring(info.err):find("the last poll failed: ", 1, true))
    end)

    it("looks a last time before it gives up", function()
      answer(flow.info(3), flow.finished(server))
      local before = core.now()
      local video = assert(make { timeout = 0.3,
        poll = { first = 60, interval = 60 } })
      assert.equal("completed", video.status)
      assert.is_true(core.now() - before >= 0.3)
      assert.is_true(core.now() - before < 3 * SLOW)
      assert.equal(2, flow.count(server, "info"))
    end)

    it("bounds the download, unless that has a time of its own", function()
      answer(flow.finished(server))
      server:on("GET", "/v.mp4", { body = flow.VIDEO, slow = 2000 })
      local path = os.tmpname()
      local video, err = make { timeout = 0.3, output = path, overwrite = true }
      assert.is_nil(video)
      assert.same({ "timeout", "download" }, { err.kind, err.phase })
      assert.equal(server.url .. "/v.mp4", err.video_url)
      assert.equal(flow.PROJECT, err.resume.project_id)
      video = assert(make { timeout = 0.3, download_timeout = 20, output = path,
        overwrite = true })
      assert.equal(#flow.VIDEO, video.bytes)
      os.remove(path)
    end)

    it("is patient: it begins with `first`, then `interval`", function()
      flow.script(server, { info = { flow.info(2), flow.finished(server) } })
      assert(client:make_video { url = flow.PAGE,
        poll = { first = 0.4, interval = 0.15 } })
      local info = flow.requests(server, "info")
      local rendered = flow.requests(server, "render")[1].time
      assert.is_true(info[1].time - rendered > 0.38)
      local pause = info[2].time - info[1].time
      assert.is_true(pause > 0.14 and pause < 0.35 * SLOW)
    end)

    it("heeds a pause that the service asks for", function()
      answer(flow.info(2), { status = 429, json = { code = 429, msg = "slow",
        data = { retryAfter = 0.4 } } }, flow.finished(server))
      assert(make())
      local list = flow.requests(server, "info")
      assert.equal(3, #list)
      assert.is_true(list[3].time - list[2].time > 0.39)
    end)
  end)
end)
