-- SPDX-License-Identifier: MIT
-- make_video in a task while the service renders: how the wait goes on, and how
-- it ends.

local jogg = require "jogg"
local core = require "jogg.core"
local faults = require "spec.support.faults"
local flow = require "spec.support.flow"
local process = require "spec.support.process"

local PUC_51 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")
local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

describe("a job that waits", function()
  local server, client, folder

  setup(function()
    server = faults.start()
    folder = process.temporary_folder()
  end)
  teardown(function()
    server:stop()
    process.remove_folder(folder)
  end)
  before_each(function()
    server:clear():on_connect {}
    flow.script(server)
    client = jogg.client { api_key = "k", base_url = server.url, retries = 0,
      posts_per_minute = 100000, max_transfers = 2, product_timeout = 1 }
  end)
  after_each(function()
    client:close()
    assert.is_true(server:wait { open = 0 })
    for _, name in ipairs(process.files(folder)) do
      assert.equal("v.mp4", name)
      assert(os.remove(folder .. "/" .. name))
    end
  end)

  local function job(options)
    options = options or {}
    options.url = options.url or flow.PAGE
    options.poll = options.poll or flow.POLL
    return options
  end

  local function step_until(holds)
    local deadline = core.now() + 5
    local held = holds()
    while not held and core.now() < deadline do
      client:step(0.01)
      held = holds()
    end
    assert.truthy(held)
  end

  -- Do tasks find a place among the transfers in flight?
  local function has_room()
    server:on("GET", "/open/prj_info", flow.info(3))
    local task = client:spawn(function() return client:project_info "p" end)
    return assert(task:wait()).status == 3
  end

  -- Steps until the job has looked so often.
  local function begin_to_wait(options, looks)
    server:on("GET", "/open/prj_info", flow.info(3))
    local task = client:spawn(function()
      return client:make_video(job(options))
    end)
    step_until(function() return flow.count(server, "info") >= (looks or 2) end)
    assert.is_false(task.done or false)
    return task
  end

  it("fetches its file afterwards", function()
    local task = begin_to_wait { output = folder .. "/v.mp4" }
    server:on("GET", "/open/prj_info", flow.finished(server))
    local video = assert(task:wait())
    assert.equal(#flow.VIDEO, video.bytes)
    assert.same({ "v.mp4" }, process.files(folder))
    assert.equal("product render info video", flow.story(server))
  end)

  it("fails with what failed", function()
    local task = begin_to_wait()
    server:on("GET", "/open/prj_info", flow.info(5, { err_msg = "no avatar" }))
    local video, err = task:wait()
    assert.is_nil(video)
    assert.equal("render_failed", err.kind)
    assert.truthy(err.message:find "no avatar")
    assert.is_nil(err.resume)
  end)

  it("ends at its deadline, and says how to go on", function()
    local task = begin_to_wait { timeout = 1.3 }
    local video, err = task:wait()
    assert.is_nil(video)
    assert.equal("deadline", err.reason)
    assert.equal(flow.PROJECT, err.resume.project_id)
    server:on("GET", "/open/prj_info", flow.finished(server))
    assert(client:make_video { resume = flow.stored(err.resume),
      poll = flow.POLL })
    assert.equal(1, flow.count(server, "render"))
  end)

  it("gives up with an error that lasts", function()
    local task = begin_to_wait()
    server:on("GET", "/open/prj_info", { status = 401, json = { code = 10105,
      msg = "key" } })
    local video, err = task:wait()
    assert.is_nil(video)
    assert.equal("auth", err.kind)
    assert.equal(flow.PROJECT, err.resume.project_id)
  end)

  it("returns to what is above it", function()
    server:on("GET", "/open/prj_info", { flow.info(2), flow.info(3),
      flow.finished(server) })
    local after
    local task = client:spawn(function()
      local video = client:make_video(job())
      after = video and video.status
      return "mine"
    end)
    step_until(function() return flow.count(server, "info") > 0 end)
    assert.equal("mine", task:wait())
    assert.equal("completed", after)
  end)

  it("returns to a pcall, at the end as well", function()
    if PUC_51 then return end -- cannot wait there
    for _, body in ipairs {
      function()
        local ok, video = pcall(client.make_video, client, job())
        return { ok, video and video.status }
      end,
      function() return pcall(client.make_video, client, job()) end,
    } do
      server:on("GET", "/open/prj_info", { flow.info(3), flow.info(3),
        flow.finished(server) })
      local task = client:spawn(body)
      local value, video = task:wait()
      if value == true then value = { value, video.status } end
      assert.same({ true, "completed" }, value)
    end
  end)

  it("shares the places for all of its looks, told or not", function()
    client:close()
    client = jogg.client { api_key = "k", base_url = server.url,
      max_transfers = 1, retries = 0 }
    server:on("GET", "/open/prj_info", { flow.info(3), flow.info(3),
      { status = 503, body = "x" }, flow.info(3) })
    server:on("PUT", "/open/product", { stall = "after_request" })
    for _, on_progress in ipairs { false, function() end } do
      local task = client:spawn(function()
        return client:make_video { url = flow.PAGE,
          poll = { first = 0.01, interval = 0.05 },
          on_progress = on_progress or nil }
      end)
      local before = flow.count(server, "info")
      step_until(function() return flow.count(server, "info") >= before + 5 end)
      local other = client:spawn(function()
        return client:update_product { product_id = 1, title = "lamp" }
      end)
      local updates = flow.count(server, "update")
      step_until(function() return flow.count(server, "update") > updates end)
      local seen = flow.count(server, "info")
      local moment = core.now() + 0.4
      step_until(function() return core.now() > moment end)
      assert.equal(seen, flow.count(server, "info"))
      other:cancel()
      task:cancel()
    end
  end)

  describe("in Lua 5.1's pcall", function()
    if not PUC_51 then return end -- all others can wait there

    it("leaves its project to the next one", function()
      local token = { version = 1, generation = "open",
        project_id = flow.PROJECT, render_sent = true, rendered = true }
      local task = client:spawn(function()
        return (pcall(client.make_video, client, { resume = token }))
      end)
      client:run()
      assert.is_false(task.value)
      assert(client:make_video { resume = token, poll = flow.POLL })
    end)

    it("leaves nothing that looks on", function()
      server:on("GET", "/open/prj_info", { delay = 0.1, json = { code = 0,
        data = { status = 2 } } })
      local task = client:spawn(function()
        local ok = pcall(client:watch "p")
        local moment = core.now() + 0.001
        while core.now() < moment do end -- the step is over now
        return ok or client:project_info "p"
      end)
      local deadline = core.now() + 5
      while not task.done and core.now() < deadline do client:step() end
      assert.equal(2, task.value.status)
    end)
  end)

  it("tells its progress, if somebody listens", function()
    server:on("GET", "/open/prj_info", { flow.info(2), flow.info(3),
      flow.info(3, { progress = 40 }), flow.finished(server) })
    local told = {}
    local task = client:spawn(function()
      return client:make_video(job { on_progress = function(p)
        told[#told + 1] = p.phase .. " " .. tostring(p.status)
      end })
    end)
    assert(task:wait())
    assert.same({ "create_product nil", "render_project pending", "wait pending",
      "wait queued", "wait processing", "wait processing", "wait completed" },
      told)
  end)

  describe("is cancelled", function()
    local function cancel(task)
      local before = core.now()
      task:cancel()
      assert.is_true(core.now() - before < 0.05 *
        (tonumber(os.getenv "JOGG_SLOW") or 1))
      assert.is_true(task.done)
      local video, err = task:wait()
      assert.is_nil(video)
      assert.equal("cancelled", err.kind)
      assert.equal(flow.PROJECT, err.resume.project_id)
      assert.equal("wait", err.phase)
      assert.equal("accepted", err.outcome) -- the render, which was paid for
      local again = { version = 1, generation = "open", rendered = true,
        render_sent = true, project_id = flow.PROJECT }
      local other = client:spawn(function() -- it is nobody's job any more
        return client:make_video { resume = again, timeout = 0.001 }
      end)
      assert.equal("timeout", select(2, other:wait()).kind)
      client:step() -- whatever is left over finds nobody
      assert.is_true(has_room())
    end

    it("between two looks", function()
      local task = begin_to_wait({ poll = { first = 0.01, interval = 60 } }, 1)
      assert.is_true(has_room()) -- so the answer before this one came
      cancel(task)
    end)

    it("in the middle of one", function()
      local task = begin_to_wait()
      server:on("GET", "/open/prj_info", { stall = "after_request" })
      local seen = flow.count(server, "info")
      step_until(function() return flow.count(server, "info") > seen end)
      cancel(task)
    end)

    it("in the line for a place", function()
      server:on("PUT", "/open/product", { stall = "after_request" })
      local others = {}
      local task = begin_to_wait { poll = { first = 0.01, interval = 0.2 } }
      for i = 1, 2 do -- max_transfers
        others[i] = client:spawn(function()
          return client:update_product { product_id = i, title = "lamp" }
        end)
      end
      step_until(function() return flow.count(server, "update") == 2 end)
      local seen = flow.count(server, "info")
      local moment = core.now() + 0.5
      step_until(function() return core.now() > moment end)
      assert.equal(seen, flow.count(server, "info"))
      task:cancel()
      assert.is_true(task.done)
      assert.equal("accepted", task.err.outcome)
      for i = 1, 2 do others[i]:cancel() end
      assert.is_true(has_room())
    end)

    it("when the client is closed", function()
      local task = begin_to_wait()
      client:close()
      assert.is_true(task.done)
      assert.equal("closed", task.err.reason)
      assert.equal(flow.PROJECT, task.err.resume.project_id)
    end)

    it("by a callback of another task, in its pause", function()
      local task = begin_to_wait()
      local other = client:spawn(function()
        task:cancel()
        return task:wait()
      end)
      local _, err = other:wait()
      assert.equal("cancelled", err.kind)
    end)
  end)

  it("is not begun in a callback or a task of a task", function()
    local inner
    local outer = client:spawn(function()
      inner = client:spawn(function() return client:make_video(job()) end)
      return inner:wait()
    end)
    assert.equal("completed", assert(outer:wait()).status)
    assert.equal(outer.value, inner.value)
  end)

  it("leaves no listener in a webhook's inbox, however it ends", function()
    local inbox = jogg.webhook.inbox { secret = "whsec_abc123xyz" }
    local other = jogg.client { api_key = "k", base_url = server.url,
      generation = "v2", retries = 0 }
    local function state(status, url)
      server:clear()
      server:on("GET", "/v2/product_video/V", { json = { code = 0,
        data = { status = status, video_url = url } } })
    end
    local function wait(options)
      options = options or {}
      options.webhook, options.project_id = inbox, "V"
      options.poll = { first = 0.01, interval = 0.01 }
      state "processing"
      local task = other:spawn(function() return other:make_video(options) end)
      local deadline = core.now() + 5 * SLOW
      while #server:requests() < 2 and core.now() < deadline do
        other:step(0.01)
      end
      assert.is_function(inbox.listeners.V[1])
      return task
    end
    local function check(task, kind)
      other:run()
      assert.equal(kind, task.err and task.err.kind)
      assert.same({}, inbox.listeners)
    end
    local task = wait()
    state("completed", "https://x.example/v.mp4")
    check(task)
    task = wait()
    state "failed"
    check(task, "render_failed")
    check(wait { timeout = SLOW }, "timeout")
    local told = 0
    check(wait { on_progress = function(p)
      told = told + (p.phase == "wait" and 1 or 0)
      if told == 20 then error "mine" end
    end }, "task")
    task = wait()
    task:cancel()
    check(task, "cancelled")
    task = wait()
    other:close()
    assert.equal("closed", task.err.reason)
    assert.same({}, inbox.listeners)
  end)
end)
