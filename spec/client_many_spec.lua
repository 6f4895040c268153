-- SPDX-License-Identifier: MIT
-- What a client offers beside one video: many videos, any file, sleeping, a
-- project that was started elsewhere, fields that jogg does not know, a log.

local cjson = require "cjson".new()
local core = require "jogg.core"
local faults = require "spec.support.faults"
local flow = require "spec.support.flow"
local jogg = require "jogg"
local process = require "spec.support.process"
local support = require "spec.support.misuse"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

describe("client", function()
  local server, client, folder

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)
  before_each(function()
    folder = process.temporary_folder()
    server:clear():on_connect {}
    flow.script(server)
    client = jogg.client { api_key = "k", base_url = server.url, retries = 1,
      posts_per_minute = 0 }
  end)
  after_each(function()
    client:close()
    process.remove_folder(folder)
  end)

  describe("make_videos", function()
    -- A server that gives each page a project of its own.
    local function serve(n)
      local products = {}
      for i = 1, n do
        products[i] = { json = { code = 0, data = { id = i,
          prj_id = "p" .. i } } }
      end
      server:on("POST", "/open/product", products)
      server:on("GET", "/open/prj_info", flow.finished(server))
    end

    local function rows(n)
      local list = {}
      for i = 1, n do
        list[i] = { url = flow.PAGE .. i, poll = flow.POLL,
          output = ("%s/%d.mp4"):format(folder, i) }
      end
      return list
    end

    it("keeps the order, and one bad row ends alone", function()
      serve(6)
      local list = rows(6)
      list[2].url = "no URL"
      list[4].titel = "misuse"
      list[5] = "no table"
      local results = assert(client:make_videos(list, { concurrency = 3 }))
      assert.equal(6, #results)
      for i, row in ipairs(results) do
        assert.equal(i, row.index)
        if i == 2 or i == 4 or i == 5 then
          assert.is_nil(row.video)
          assert.equal("parameter", row.err.kind)
        else
          assert.equal(list[i].output, row.video.path)
        end
      end
      assert.matches('unknown option "titel"', results[4].err.message)
      assert.equal(3, process.file_count(folder))
    end)

    it("works at so many as it is told, from an iterator", function()
      serve(10)
      server:on("POST", "/open/product", (function()
        local products = {}
        for i = 1, 10 do
          products[i] = { delay = 0.05, json = { code = 0, data = { id = i,
            prj_id = "p" .. i } } }
        end
        return products
      end)())
      local i, most, running = 0, 0, {}
      local results = assert(client:make_videos(function()
        i = i + 1
        return i <= 10 and { url = flow.PAGE, poll = flow.POLL } or nil
      end, { concurrency = 2, on_progress = function(p)
        running[p.index] = p.status ~= "completed" or nil
        local n = 0
        for _ in pairs(running) do n = n + 1 end
        most = math.max(most, n)
      end }))
      assert.equal(10, #results)
      assert.equal(2, most)
    end)

    it("goes on when a row's callback raises, or its video fails", function()
      serve(4)
      local list = rows(4)
      list[1].on_progress = function() error "mine" end
      list[3].output = folder .. "/none/3.mp4"
      local results = assert(client:make_videos(list, { concurrency = 2 }))
      assert.equal("task", results[1].err.kind)
      assert.matches("mine", results[1].err.message)
      assert.equal("io", results[3].err.kind)
      assert.equal(list[2].output, results[2].video.path)
      assert.equal(list[4].output, results[4].video.path)
    end)

    it("ends its rows when it is cancelled, and gives what is done", function()
      serve(6)
      server:on("GET", "/open/prj_info", { flow.finished(server),
        { stall = "after_request" } })
      local task = client:spawn(function()
        return client:make_videos(rows(6), { concurrency = 3 })
      end)
      repeat client:step(0.01) until flow.count(server, "info") == 4
      task:cancel() -- all is known when it returns
      assert.same({ "cancelled", "cancelled" }, { task.err.kind,
        task.err.reason })
      local videos, cancelled = 0, 0
      for i, row in pairs(task.err.results) do
        assert.equal(i, row.index)
        videos = videos + (row.video and 1 or 0)
        cancelled = cancelled + (row.err and row.err.kind == "cancelled" and
          row.err.resume and 1 or 0)
      end
      assert.same({ 1, 3 }, { videos, cancelled })
      client:run()
      assert.equal(4, flow.count(server, "product"))
      server:close_idle()
      assert.is_true(server:wait { open = 0 }) -- nothing is in flight
    end)

    it("ends with its client", function()
      serve(3)
      server:on("GET", "/open/prj_info", { stall = "after_request" })
      local task = client:spawn(function()
        return client:make_videos(rows(3))
      end)
      repeat client:step(0.01) until flow.count(server, "info") == 3
      client:close()
      assert.same({ "cancelled", "closed" }, { task.err.kind,
        task.err.reason })
      for i = 1, 3 do
        local err = task.err.results[i].err
        assert.equal("cancelled", err.kind)
        assert.is_string(err.resume.project_id)
      end
    end)

    describe("with a function for the rows", function()
      -- In Lua 5.1 a callback cannot wait inside a task.
      local old = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

      for _, how in ipairs(old and { "blocks" } or { "blocks", "is a task" }) do
        it("never calls it twice at a time: it " .. how, function()
          serve(8)
          local list, i, inside = rows(8), 0, 0
          local function run()
            return client:make_videos(function()
              inside = inside + 1
              assert(inside == 1)
              client:sleep(0.02) -- rows come to their end meanwhile
              inside = inside - 1
              i = i + 1
              return list[i]
            end, { concurrency = 3 })
          end
          local results
          if how == "blocks" then
            results = assert(run())
          else
            results = assert(client:spawn(run):wait())
          end
          assert.equal(8, #results)
          for n, row in ipairs(results) do
            assert.equal(list[n].output, row.video.path)
          end
          assert.equal(9, i)
        end)
      end

      it("finishes what was begun when it raises", function()
        serve(3)
        local list, i = rows(3), 0
        local results, err = client:make_videos(function()
          i = i + 1
          return i <= 3 and list[i] or error "no more memory"
        end, { concurrency = 9 })
        assert.is_nil(results)
        assert.equal("task", err.kind)
        assert.matches("no more memory", err.message)
        assert.equal(4, i)
        for n = 1, 3 do
          assert.equal(list[n].output, err.results[n].video.path)
        end
      end)
    end)

    it("is the same in a task", function()
      serve(3)
      local task = client:spawn(function()
        return client:make_videos(rows(3))
      end)
      assert.equal(3, #assert(task:wait()))
    end)

    it("raises on misuse", function()
      support.check(function() client:make_videos(5) end,
        "make_videos: a list or a function is expected, not a number")
      support.check(function() client:make_videos({}, { n = 1 }) end,
        'make_videos: unknown option "n"')
      assert.same({}, client:make_videos {})
    end)
  end)

  describe("download", function()
    it("fetches any file, whole, without the key", function()
      local bytes = ("cover"):rep(1000)
      server:on("GET", "/c.jpg", { { reset = "mid_body", body = bytes },
        { body = bytes } })
      local told
      local file = assert(client:download { url = server.url .. "/c.jpg",
        output = folder .. "/c.jpg",
        on_progress = function(p) told = p.percent end })
      assert.same({ path = folder .. "/c.jpg", bytes = #bytes }, file)
      assert.equal(bytes, process.read_file(folder .. "/c.jpg"))
      assert.is_nil(server:last_request().headers["x-api-key"])
      assert.equal(100, told)
    end)

    it("leaves nothing where the file does not come", function()
      server:on("GET", "/c.jpg", { status = 403, body = "no" })
      math.randomseed(1)
      local file, err = client:download { url = server.url .. "/c.jpg",
        output = folder .. "/c.jpg", timeout = 1 }
      assert.is_nil(file)
      assert.same({ "http", "download", 403 }, { err.kind, err.phase,
        err.http_status })
      assert.same({}, process.files(folder))
      process.write_file(folder .. "/c.jpg", "mine")
      file, err = client:download { url = server.url .. "/c.jpg",
        output = folder .. "/c.jpg" }
      assert.is_nil(file)
      assert.equal("exists", err.reason)
    end)
  end)

  it("sleeps: a script, a task", function()
    local begun = core.now()
    assert.is_true(client:sleep(0.05))
    assert.is_true(core.now() - begun >= 0.05)
    local task = client:spawn(function() return client:sleep(100) end)
    client:step(0.01)
    task:cancel()
    assert.equal("cancelled", task.err.kind)
    support.check(function() client:sleep(-1) end, "sleep: seconds must be")
    support.check(function() client:sleep() end, "sleep: seconds must be")
  end)

  it("fetches what was started elsewhere", function()
    local video = assert(client:make_video { project_id = flow.PROJECT,
      poll = flow.POLL, output = folder .. "/v.mp4" })
    assert.equal("info video", flow.story(server))
    assert.equal(flow.PROJECT, video.project_id)
    assert.equal(0, flow.count(server, "render"))
  end)

  it("sends fields that it does not know", function()
    assert(client:render_project { project_id = "p", lang = "english",
      extra = { video_length = 30, nested = { a = { 1, 2 } } } })
    assert.same({ project_id = "p", lang = "english", video_length = 30,
      nested = { a = { 1, 2 } } }, cjson.decode(server:last_request().body))
    assert(client:make_video { url = flow.PAGE, poll = flow.POLL,
      extra = { visual_style = "x" } })
    local list = flow.requests(server, "render")
    assert.same({ project_id = flow.PROJECT, visual_style = "x" },
      cjson.decode(list[#list].body))
    support.check(function()
      client:render_project { project_id = "p", extra = 5 }
    end, "render_project.extra must be a table")
    support.unusable(function()
      return client:render_project { project_id = "p", extra = { a = 0 / 0 } }
    end, "render_project.extra.a is not a finite number")
  end)

  it("puts what it does not know into the tables that it does", function()
    local own = jogg.client { api_key = "k", base_url = server.url,
      generation = "v2", posts_per_minute = 0 }
    finally(function() own:close() end)
    server:on("POST", "/v2/create_video_from_product", { json = { code = 0,
      data = { video_id = "v" } } })
    local extra = { video_spec = { fps = { 30, 60 }, caption = true },
      avatar = { look = { hat = true } }, voice = { speed = 1 } }
    local same = cjson.decode(cjson.encode(extra))
    for _ = 1, 2 do
      assert(own:create_product_video { product_id = "p", avatar = { id = 81 },
        video_spec = { length = 30, caption = false },
        script = { style = "Data", language = "english" }, extra = extra })
      assert.same({ product_id = "p", audio = {}, voice = { speed = 1 },
        avatar = { id = 81, look = { hat = true } },
        video_spec = { length = "30", caption = true, fps = { 30, 60 } },
        script = { style = "Data", language = "english" } },
        cjson.decode(server:last_request().body))
      assert.same(same, extra)
    end
  end)

  it("takes ids by the names that the service has for them", function()
    local product = assert(client:create_product { url = flow.PAGE })
    assert.equal(product.id, product.product_id)
    assert.equal(product.prj_id, product.project_id)
    assert(client:update_product { id = product.id, title = "t" })
    assert.equal(3924, flow.sent(server, "update").product_id)
    assert(client:render_project { prj_id = product.prj_id })
    assert.equal(flow.PROJECT, flow.sent(server, "render").project_id)
    assert(client:project_info { prj_id = product.prj_id })
    assert(client:project_info { project_id = product.prj_id })
  end)

  describe("says what it waits for", function()
    local function watch(options)
      local seen = {}
      options.url, options.poll = flow.PAGE, flow.POLL
      options.on_progress = function(p)
        if p.waiting_for then
          seen[p.waiting_for] = p
        end
      end
      return seen, options
    end

    it("while a try failed", function()
      server:on("POST", "/open/product", { { status = 503 }, { json = { code = 0,
        data = { id = 1, prj_id = flow.PROJECT } } } })
      local seen, options = watch {}
      assert(client:make_video(options))
      assert.equal("poll", seen.poll.waiting_for)
      assert.equal("server", seen.retry.err.kind)
      assert.equal(1, seen.retry.attempt)
      assert.equal("create_product", seen.retry.phase)
    end)

    it("while the minute is full, and while the slots are", function()
      local other = jogg.client { api_key = "k2", base_url = server.url,
        posts_per_minute = 1, max_transfers = 1 }
      assert(other:create_product { url = flow.PAGE })
      local seen, options = watch { timeout = 0.1 }
      local task = other:spawn(function() return other:make_video(options) end)
      for _ = 1, 5 do other:step(0.02) end
      assert.is_table(seen["rate limit"])
      task:cancel()
      server:on("GET", "/open/prj_info", { stall = "after_request" })
      other:spawn(function() other:project_info "p" end)
      seen, options = watch { resume = { version = 1, generation = "open",
        project_id = "q", rendered = true } }
      options.url = nil
      task = other:spawn(function() return other:make_video(options) end)
      for _ = 1, 5 do other:step(0.02) end
      assert.is_table(seen.slot)
      task:cancel()
      other:close()
    end)
  end)

  it("logs requests, waits and retries, without a secret", function()
    local events = {}
    client:close()
    client = jogg.client { api_key = "geheim", base_url = server.url,
      posts_per_minute = 0, retries = 1,
      log = function(event) events[#events + 1] = event end }
    server:on("GET", "/open/prj_info", { { status = 503 }, flow.info(3) })
    assert(client:project_info "p")
    local words = {}
    for i, event in ipairs(events) do
      words[i] = ("%s %s %d"):format(event.event, event.operation,
        event.attempt)
      for _, value in pairs(event) do
        assert.falsy(tostring(value):find("geheim", 1, true))
      end
    end
    assert.same({ "request project_info 1", "answer project_info 1",
      "retry project_info 1", "request project_info 2",
      "answer project_info 2" }, words)
    assert.equal("server", events[2].err.kind)
    assert.is_number(events[3].seconds)
  end)

  it("keeps no resume that would fail the same way", function()
    process.write_file(folder .. "/v.mp4", "mine")
    local _, err = client:make_video { url = flow.PAGE,
      output = folder .. "/v.mp4" }
    assert.equal("exists", err.reason)
    assert.is_nil(err.resume)
    server:on("POST", "/open/product", { status = 401, body = "" })
    _, err = client:make_video { url = flow.PAGE }
    assert.same({ "auth", false }, { err.kind, err.transient })
    assert.is_nil(err.resume)
    server:on("POST", "/open/product", { json = { code = 50000,
      msg = "cannot read" } })
    _, err = client:make_video { url = flow.PAGE }
    assert.same({ "page", true }, { err.kind, err.transient })
    assert.is_table(err.resume)
  end)

  describe("names what helps", function()
    it("when a key ends in a newline, in the environment as well", function()
      local text = process.run({ "env", "JOGG_API_KEY=key\n",
        os.getenv "JOGG_LUA" or "lua5.4", "-e",
        "print(pcall(require 'jogg'.client))" }, { stderr = "merge" })
      assert.matches("JOGG_API_KEY ends in a newline; remove it", text)
    end)

    it("when jogg is called as an object", function()
      support.check(function() jogg:make_video { url = flow.PAGE } end,
        "make_video is a function: call it as jogg.make_video{...}")
      support.check(function() jogg:client {} end,
        "client is a function: call it as jogg.client{...}")
      support.check(function() jogg.make_video() end,
        "make_video must be a table, not nil")
    end)

    it("when product_timeout is over", function()
      client:close()
      client = jogg.client { api_key = "k", base_url = server.url, retries = 0,
        product_timeout = 0.1, posts_per_minute = 0 }
      server:on("POST", "/open/product", { stall = "after_request" })
      local begun = core.now()
      local _, err = client:make_video { url = flow.PAGE }
      assert.is_true(core.now() - begun < 5 * SLOW)
      assert.matches("raise product_timeout", tostring(err))
    end)

    it("when base_url is another web server", function()
      server:on("POST", "/open/product", { status = 404,
        body = "<html>", headers = { ["Content-Type"] = "text/html" } })
      local _, err = client:make_video { url = flow.PAGE }
      assert.matches("check base_url", tostring(err))
      server:on("POST", "/open/product", { body = "<html>hi</html>",
        headers = { ["Content-Type"] = "text/html" } })
      _, err = client:make_video { url = flow.PAGE }
      assert.matches("does not look like the JoggAI API; check base_url",
        tostring(err))
    end)
  end)
end)
