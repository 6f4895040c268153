-- SPDX-License-Identifier: MIT
-- Cancelling tasks, against a real server: prompt in every phase, with nothing
-- left behind.

local socket = require "socket"
local jogg = require "jogg"
local core = require "jogg.core"
local faults = require "spec.support.faults"
local native = require "spec.support.native"
local process = require "spec.support.process"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

local function info(status, fields)
  fields = fields or {}
  fields.status = status
  return { json = { code = 0, data = fields } }
end

describe("tasks", function()
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
    server:on("GET", "/open/prj_info", info(3, { progress = 7 }))
    client = nil
  end)
  after_each(function()
    if client then client:close() end
    assert.is_true(server:wait { open = 0 })
    assert.same({}, process.files(folder))
  end)

  local function connect(options)
    options = options or {}
    options.api_key, options.base_url = "key", options.base_url or server.url
    client = jogg.client(options)
    return client
  end

  -- Runs for so long, or until it holds.
  local function step_until(holds, seconds)
    local deadline = core.now() + (seconds or 5)
    while not holds() and core.now() < deadline do
      client:step(0.01)
    end
    assert.is_true(holds())
  end

  describe("cancelling", function()
    local function cancel(arrange)
      connect(arrange.options)
      local begun = false
      local task = client:spawn(function()
        begun = true
        return arrange.body()
      end)
      step_until(function() return begun and arrange.ready() end)
      local before = core.now()
      task:cancel()
      local seconds = core.now() - before
      assert.is_true(task.done)
      assert.equal("cancelled", task.err.kind)
      assert.is_true(seconds < 0.05 * SLOW, seconds)
      task:cancel() -- again
      local deadline = core.now() + 1
      while #process.files(folder) > 0 and core.now() < deadline do
        socket.sleep(0.001) -- the I/O thread removes it
      end
      assert.same({}, process.files(folder))
      assert.is_true(server:wait { open = arrange.idle or 0 })
      return task
    end

    local function begin_download()
      return client:make_video {
        resume = { version = 1, generation = "open", project_id = "p" },
        output = folder .. "/v.mp4",
      }
    end

    for _, threaded in ipairs { false, true } do
      local how = threaded and ", threaded" or ", inline"
      local function start_thread()
        if threaded then client:step() end
      end

      it("while connecting" .. how, function()
        local hole = faults.blackhole()
        cancel {
          options = { base_url = hole.url },
          body = function()
            start_thread = start_thread
            return client:project_info "p"
          end,
          ready = function()
            start_thread()
            return client:step(0.01) > 0
          end,
        }
        hole.stop()
      end)

      it("before the answer" .. how, function()
        server:on("GET", "/open/prj_info", { stall = "after_request" })
        cancel {
          body = function() return client:project_info "p" end,
          ready = function()
            start_thread()
            return #server:requests() > 0
          end,
        }
      end)

      it("in the answer" .. how, function()
        server:on("GET", "/open/prj_info",
          { json = { code = 0 }, stall = "mid_body" })
        cancel {
          body = function() return client:project_info "p" end,
          ready = function()
            start_thread()
            return #server:requests() > 0
          end,
        }
      end)

      it("in a download" .. how, function()
        server:on("GET", "/v.mp4", { body = ("x"):rep(100000),
          stall = "mid_body" })
        server:on("GET", "/open/prj_info", info(4,
          { video_url = server.url .. "/v.mp4" }))
        cancel {
          idle = 1, body = begin_download,
          ready = function()
            start_thread()
            return #process.files(folder) > 0 and #server:requests() > 1
          end,
        }
      end)

      it("while waiting" .. how, function()
        local times = 0
        cancel {
          body = function() return client:sleep(1000) end,
          ready = function()
            start_thread()
            times = times + 1
            return times > 3
          end,
        }
      end)
    end

    for _, threaded in ipairs { false, true } do
      it("in the TLS handshake" .. (threaded and ", threaded" or ""), function()
        local tls = faults.start { tls = true }
        tls:on_connect { stall = "tls" }
        cancel {
          options = { base_url = tls.url, ca_file = tls.ca_file },
          body = function() return client:project_info "p" end,
          ready = function()
            if threaded then client:step() end
            return (tls:connections()) > 0
          end,
        }
        assert.is_true(tls:wait { open = 0 })
        tls:stop()
      end)
    end

    it("in a name lookup that hangs", function()
      local output, ended = native.run([[
        local jogg, core = require "jogg", require "jogg.core"
        for _, threaded in ipairs { false, true } do
          local client = jogg.client { api_key = "key",
            base_url = "https://nowhere.invalid" }
          if threaded then client:step() end
          local task = client:spawn(function()
            return client:project_info "p"
          end)
          client:step(0.1)
          local begun = core.now()
          task:cancel()
          print(task.done, task.err.kind,
            core.now() - begun < 0.05 * tonumber(arg[1]))
          client:close()
        end
      ]], { preload = { PRELOAD_LOOKUP = 20 }, arguments = { tostring(SLOW) } })
      assert.equal(("true\tcancelled\ttrue\n"):rep(2), output)
      assert.is_true(ended)
    end)

    it("before it began", function()
      connect()
      local ran = false
      local task = client:spawn(function() ran = true end)
      task:cancel()
      assert.is_true(task.done)
      assert.is_false(ran)
      assert.equal("cancelled", task.err.kind)
      assert.equal(0, client:step())
    end)

    it("in the line for a place", function()
      server:on("GET", "/open/prj_info", { { stall = "after_request" },
        info(3, { progress = 1 }) })
      connect { max_transfers = 1, retries = 0 }
      local function poll() return client:project_info "p" end
      local first, second, third =
        client:spawn(poll), client:spawn(poll), client:spawn(poll)
      step_until(function() return #server:requests() == 1 end)
      second:cancel()
      assert.equal("cancelled", second.err.kind)
      first:cancel()
      assert.equal(1, assert(third:wait()).progress)
      assert.equal(2, #server:requests())
      assert.equal(1, assert(client:spawn(poll):wait()).progress)
    end)

    it("is heard by everything that is still tried, and that ends", function()
      connect()
      local tries = 0
      local task = client:spawn(function()
        while true do
          local project, err = client:project_info "p"
          if not project and err.kind ~= "cancelled" then error(err) end
          tries = tries + 1
        end
      end)
      step_until(function() return tries > 0 end)
      local sent = #server:requests()
      task:cancel()
      assert.is_true(task.done)
      assert.matches("does not end", task.err.message)
      client:run()
      assert.is_true(#server:requests() <= sent + 1)
    end)

    it("from inside", function()
      connect()
      local task
      task = client:spawn(function()
        task:cancel()
        local project, err = client:project_info "p"
        return project, err
      end)
      local _, err = task:wait()
      assert.equal("cancelled", err.kind)
      assert.equal("not_sent", err.outcome)
      assert.equal(0, #server:requests())
    end)

    it("never says that what may have left was not sent", function()
      server:on("POST", "/open/project/render", { stall = "after_request" })
      connect()
      local task = client:spawn(function()
        return client:render_project { project_id = "p" }
      end)
      step_until(function() return #server:requests() == 1 end)
      task:cancel()
      assert.equal("unknown", task.err.outcome)
    end)

    it("10,000 at once", function()
      connect { max_transfers = 8 }
      server:on("GET", "/open/prj_info", { stall = "after_request" })
      local list = {}
      for i = 1, 10000 do
        list[i] = client:spawn(function()
          if i % 2 == 0 then return client:project_info "p" end
          return client:sleep(1000)
        end)
      end
      step_until(function() return #server:requests() == 8 end, 10 * SLOW)
      for _, task in ipairs(list) do task:cancel() end
      for _, task in ipairs(list) do
        assert.equal("cancelled", task.err.kind)
      end
      assert.equal(0, client:step())
      server:on("GET", "/open/prj_info", info(3))
      assert.equal(3, client:project_info("p").status)
      local after = client:spawn(function() return client:project_info "p" end)
      assert.equal(3, after:wait().status) -- there is a place for it
    end)
  end)
end)
