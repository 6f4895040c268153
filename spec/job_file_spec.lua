-- SPDX-License-Identifier: MIT
-- The option job_file: a job that is safe from crashes by itself.

local cjson = require "cjson".new()
local faults = require "spec.support.faults"
local flow = require "spec.support.flow"
local jogg = require "jogg"
local native = require "spec.support.native"
local process = require "spec.support.process"
local sandbox = require "spec.support.sandbox"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)
local KILLS = tonumber(os.getenv "KILLS" or SLOW > 1 and 8 or 40)

describe("job_file", function()
  local server, client, folder, file, output

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)
  before_each(function()
    folder = process.temporary_folder()
    file, output = folder .. "/lamp.job", folder .. "/lamp.mp4"
    server:clear():on_connect {}
    flow.script(server)
    client = jogg.client { api_key = "k", base_url = server.url, retries = 0,
      posts_per_minute = 0, product_timeout = 1 * SLOW }
  end)
  after_each(function()
    client:close()
    process.remove_folder(folder)
  end)

  local function make(given)
    given = given or {}
    given.url = given.url or flow.PAGE
    given.job_file = given.job_file or file
    given.poll = flow.POLL
    local video, err = client:make_video(given)
    return video, err
  end

  local function stored()
    return cjson.decode(process.read_file(file))
  end

  it("holds the job, is the owner's alone, and is known to nobody else",
    function()
      local video = assert(make { output = output })
      assert.equal("product render info video", flow.story(server))
      assert.equal("completed", stored().result.status)
      local mode = process.run { "stat", "-c", "%a", file }
      assert.equal("600\n", mode)
      assert.same({ "lamp.job", "lamp.mp4" }, process.files(folder))
      assert.equal(flow.PROJECT, video.project_id)
    end)

  it("returns what is done without a request", function()
    local first = assert(make { output = output })
    server:clear()
    local again = assert(make { output = output })
    assert.same(first, again)
    assert.same({}, server:requests())
  end)

  it("holds the result of an answer that JSON cannot say again", function()
    local info = flow.finished(server)
    info.json.data.tags = { "a", cjson.null, "b" }
    flow.script(server, { info = info })
    assert.equal("b", assert(make { output = output }).raw.tags[3])
    server:clear()
    assert.equal(#flow.VIDEO, assert(make { output = output }).bytes)
    assert.same({}, server:requests())
  end)

  if _VERSION ~= "Lua 5.1" then -- where a task cannot wait inside pcall
    it("is free again when what a callback raised is caught", function()
      local raised, video, temporary
      local task = client:spawn(function()
        raised = select(2, pcall(make, { output = output,
          on_progress = function(p)
            if p.phase == "download" and p.bytes > 0 then
              error("mine", 0)
            end
          end }))
        client:sleep(0.05)
        temporary = process.files(folder)
        video = assert(make { output = output })
      end)
      client:run()
      assert.is_nil(task.err)
      assert.equal("mine", raised)
      assert.same({ "lamp.job" }, temporary)
      assert.equal(#flow.VIDEO, video.bytes)
      assert.equal(1, flow.count(server, "render"))
    end)
  end

  it("and resume must be of one job", function()
    server:on("GET", "/open/prj_info", { status = 401, body = "" })
    local _, err = make { output = output }
    local other = flow.stored(err.resume)
    other.id = "another"
    local video, fault = client:make_video { resume = other, job_file = file }
    assert.is_nil(video)
    assert.equal("parameter", fault.kind)
    assert.matches("lamp.job belongs to another job than resume", fault.message)
    flow.script(server)
    assert(client:make_video { resume = flow.stored(err.resume),
      job_file = file, poll = flow.POLL })
    assert.equal(1, flow.count(server, "render"))
  end)

  it("has the file fetched anew if it is gone", function()
    assert(make { output = output })
    os.remove(output)
    server:clear()
    flow.script(server, { info = flow.finished(server) })
    local again = assert(make { output = output })
    assert.equal("info video", flow.story(server))
    assert.equal(#flow.VIDEO, again.bytes)
    assert.equal(flow.VIDEO, process.read_file(output))
  end)

  it("works without output", function()
    local first = assert(make())
    server:clear()
    assert.same(first, assert(make()))
    assert.same({}, server:requests())
  end)

  it("goes on after a failure in each phase", function()
    local steps = { product = { status = 503 }, update = { status = 503 },
      render = { json = { code = 18020, msg = "no credit" } },
      info = { status = 401, body = "" }, video = { status = 404, body = "" } }
    for _, word in ipairs { "product", "update", "render", "info", "video" } do
      server:clear()
      flow.script(server, { [word] = steps[word], info = flow.info(1) })
      if word == "info" or word == "video" then
        server:on("GET", "/open/prj_info", word == "info" and
          { flow.info(1), steps.info } or flow.finished(server))
      end
      local video = make { output = output, product = { title = "t" },
        timeout = 2 * SLOW }
      assert.is_nil(video, word)
    end
    server:clear()
    flow.script(server, { info = { flow.info(2), flow.finished(server) } })
    assert(make { output = output, product = { title = "t" } })
    assert.equal("info video", flow.story(server)) -- it was started before
    assert.equal(flow.VIDEO, process.read_file(output))
  end)

  it("says before the render is sent that it may have been", function()
    local seen
    server:on("POST", "/open/project/render", { delay = 0.2,
      json = { code = 0 } })
    local task = client:spawn(function() return make() end)
    repeat
      client:step(0.01)
      local text = process.read_file(file)
      local token = text and cjson.decode(text) or {}
      seen = seen or token.render_sent and not token.rendered and
        flow.count(server, "render") == 0
    until task.done
    assert.is_true(seen)
    assert.is_truthy(task.value)
  end)

  describe("is locked while the job runs", function()
    it("in this process, whichever client", function()
      server:on("GET", "/open/prj_info", flow.info(3))
      local task = client:spawn(function() return make() end)
      repeat client:step(0.01) until flow.count(server, "info") > 0
      local other = jogg.client { api_key = "other", base_url = server.url }
      local video, err = other:make_video { url = flow.PAGE, job_file = file }
      other:close()
      assert.is_nil(video)
      assert.same({ "busy", "not_sent", true },
        { err.kind, err.outcome, err.transient })
      assert.truthy(err.message:find(file .. " is in use", 1, true))
      assert.is_nil(err.resume)
      task:cancel()
      server:on("GET", "/open/prj_info", flow.finished(server))
      assert(make())
    end)

    it("in another process", function()
      server:on("GET", "/open/prj_info", flow.info(3))
      local child = native.child([[
        local jogg = require "jogg"
        jogg.client { api_key = "k", base_url = arg[1] }:make_video {
          url = arg[3], job_file = arg[2], poll = { first = 0.01,
          interval = 0.01 } }
      ]], { arguments = { server.url, file, flow.PAGE } })
      assert.is_true(server:wait { requests = 3 })
      local _, err = make()
      assert.equal("busy", err.kind)
      child:kill "KILL"
      child:wait(5)
      server:on("GET", "/open/prj_info", flow.finished(server))
      assert(make())
      assert.equal(1, flow.count(server, "render"))
    end)
  end)

  it("that cannot be read never starts a render, and is named", function()
    for _, text in ipairs { "", "{", "no JSON", "[]x", "5", '"text"',
      '{"version":1}', '{"version":9,"generation":"open","url":"https://a.b/"}',
      '{"version":1,"generation":"open","url":"https://a.b/","product_id":1}',
      ("x"):rep(2 ^ 21) } do
      process.write_file(file, text)
      local video, err = make()
      assert.is_nil(video, text:sub(1, 60))
      assert.truthy(err.message:find(file, 1, true), err.message)
      assert.equal(text, process.read_file(file)) -- as it was
    end
    assert.same({}, server:requests())
  end)

  it("is another page's, and says so", function()
    assert(make())
    server:clear()
    local video, err = make { url = "https://other.example/" }
    assert.is_nil(video)
    assert.equal("parameter", err.kind)
    assert.matches("url cannot be changed", err.message)
    assert.same({}, server:requests())
  end)

  it("keeps what failed: it is not paid for again", function()
    server:on("GET", "/open/prj_info", flow.info(5, { err_msg = "no avatar" }))
    for _ = 1, 2 do
      local video, err = make()
      assert.is_nil(video)
      assert.equal("render_failed", err.kind)
      assert.truthy(err.message:find("remove " .. file, 1, true), err.message)
    end
    assert.equal(1, flow.count(server, "render"))
  end)

  it("that can't be written any more costs no video", function()
    local own = process.temporary_folder()
    local video, err = make { job_file = own .. "/lamp.job",
      output = folder .. "/ad.mp4", on_progress = function(p)
        if p.phase == "download" and p.bytes == 0 then
          process.remove_folder(own)
        end
      end }
    assert.is_nil(video)
    assert.equal("io", err.kind)
    assert.truthy(tostring(err):find("kept as " .. err.kept, 1, true))
    assert.equal(flow.VIDEO, process.read_file(err.kept))
    assert.same({ err.kept:match "[^/]*$" }, process.files(folder))
  end)

  -- The process was killed after its file had its name, and before the result
  -- was written.
  describe("of a job that was killed at its end", function()
    before_each(function()
      assert(make { output = output })
      local token = stored()
      token.result = nil
      process.write_file(file, cjson.encode(token))
      server:clear()
      flow.script(server, { info = flow.finished(server) })
    end)

    it("knows its file, and does not fetch it again", function()
      local video = assert(make { output = output })
      assert.same({ output, #flow.VIDEO }, { video.path, video.bytes })
      assert.equal("info", flow.story(server))
    end)

    it("does not take a file of another size for it", function()
      process.write_file(output, "mine")
      local video, err = make { output = output }
      assert.is_nil(video)
      assert.same({ "io", "exists" }, { err.kind, err.reason })
      assert.equal("mine", process.read_file(output))
      assert.same({}, server:requests())
      video = assert(make { output = output, overwrite = true })
      assert.equal(#flow.VIDEO, video.bytes)
      assert.equal(flow.VIDEO, process.read_file(output))
    end)
  end)

  it("names a whole file that could not get its name, and leaves it alone",
    function()
      local video, err = make { output = output, on_progress = function(p)
        if p.phase == "download" and p.bytes == #flow.VIDEO then
          process.write_file(output, "mine")
        end
      end }
      assert.is_nil(video)
      assert.same({ "io", "exists" }, { err.kind, err.reason })
      assert.truthy(tostring(err):find("kept as " .. err.kept, 1, true))
      assert.equal(flow.VIDEO, process.read_file(err.kept))
      local name = err.kept:match "[^/]*$"
      for _, key in pairs(stored().keys) do
        assert.is_nil(name:find(key, 1, true)) -- the next run uses that one
      end
      local other = flow.VIDEO .. "\0\0\0\8free"
      local random = math.random
      math.random = function() return 0 end -- luacheck: ignore
      finally(function() math.random = random end) -- luacheck: ignore
      os.remove(output)
      for _, step in ipairs { { status = 401, body = "" }, { body = other } } do
        server:on("GET", "/v.mp4", step)
        local _, fault = make { output = output }
        assert.equal(step.status and "http" or nil, fault and fault.kind)
        assert.equal(flow.VIDEO, process.read_file(folder .. "/" .. name))
      end
      assert.equal(other, process.read_file(output))
      assert.same({ name, "lamp.job", "lamp.mp4" }, process.files(folder))
    end)

  it("is not held up by what a killed process left, nor are files like it",
    function()
      for _, ending in ipairs { ".new", ".tmp", "~", ".jogg" } do
        process.write_file(file .. ending, "mine")
      end
      for _, begun in ipairs { false, true } do
        process.write_file(file .. ".jogg-new", ("x"):rep(5000))
        if begun then os.remove(output) end
        server:clear()
        flow.script(server)
        assert(make { output = output })
        assert.equal("completed", stored().result.status)
        assert.is_nil(process.read_file(file .. ".jogg-new"))
      end
      for _, ending in ipairs { ".new", ".tmp", "~", ".jogg" } do
        assert.equal("mine", process.read_file(file .. ending))
      end
    end)

  it("in a folder that is missing costs nothing", function()
    local video, err = client:make_video { url = flow.PAGE,
      job_file = folder .. "/no/lamp.job" }
    assert.is_nil(video)
    assert.same({ "io", "not_sent" }, { err.kind, err.outcome })
    assert.matches("/no does not exist; create it", err.message)
    assert.same({}, server:requests())
  end)

  it("has no step of a host touch the disk", function()
    local text, ended = native.run([[
      local jogg = require "jogg"
      local client = jogg.client { api_key = "k", base_url = arg[1] }
      client:step()
      local before = native.disk_calls()
      local task = client:spawn(function()
        return client:make_video { url = arg[3], job_file = arg[2],
          poll = { first = 0.01, interval = 0.01 } }
      end)
      while client:step() > 0 do end
      print(native.disk_calls() - before, task.value and task.value.status)
    ]], { arguments = { server.url, file, flow.PAGE }, preload = {} })
    assert.is_true(ended)
    assert.equal("0\tcompleted\n", text)
  end)

  it("survives kills at any moment: one render for each job", function()
    local machine = sandbox.start { "--reuse", "--key", "spec-key=100000" }
    local seed = os.time()
    math.randomseed(seed)
    local kills, jobs = 0, 0
    while kills < KILLS do
      jobs = jobs + 1
      local place = process.temporary_folder()
      local most, tries = 0.25 * SLOW, 0
      local function run(seconds)
        local child = native.child([[
          local jogg = require "jogg"
          local client = jogg.client { api_key = arg[1], base_url = arg[2],
            posts_per_minute = 0 }
          assert(client:make_video { url = arg[3], job_file = arg[4] .. "/j",
            output = arg[4] .. "/v.mp4",
            poll = { first = 0.01, interval = 0.01, settle = 0.1 } })
        ]], { arguments = { machine.key, machine.url, machine:sample "mug",
          place }, stderr = place .. ".err" })
        local ended = child:wait(seconds)
        if not ended then
          child:kill "KILL"
          child:wait(5)
        end
        local text = ended and process.read_file(place .. "/j")
        return text and cjson.decode(text).result
      end
      repeat
        tries = tries + 1
        local done = run(tries < 8 and math.random() * most or 30 * SLOW)
        kills = kills + (done and 0 or 1)
        assert(tries < 12, process.read_file(place .. ".err"))
      until done
      local token = cjson.decode(process.read_file(place .. "/j"))
      assert.equal(1, machine:account().renders[token.project_id],
        "seed " .. seed)
      local _, bytes = machine:request("GET", token.result.url)
      assert.equal(bytes, process.read_file(place .. "/v.mp4"))
      assert.same({ "j", "v.mp4" }, process.files(place), "seed " .. seed)
      process.remove_folder(place)
      os.remove(place .. ".err")
    end
    local account = machine:account()
    assert.equal(jobs, account.charged, "seed " .. seed)
    print(("%d kills, %d jobs, %d renders"):format(kills, jobs,
      account.charged))
    machine:stop()
  end)
end)
