-- SPDX-License-Identifier: MIT
-- The engine among the troubles of a process: forks, signals, a system that
-- runs out of descriptors or memory, a clock that is set back.

local socket = require "socket"
local jogg = require "jogg"
local core = require "jogg.core"
local faults = require "spec.support.faults"
local native = require "spec.support.native"
local process = require "spec.support.process"
local studio = require "spec.support.studio"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

local function wait_for(holds, seconds)
  local deadline = core.now() + (seconds or 5)
  while not holds() do
    if core.now() > deadline then return false end
    socket.sleep(0.001)
  end
  return true
end

describe("engine in trouble", function()
  local server, client, folder

  setup(function()
    server = faults.start()
    folder = process.temporary_folder()
    local first = jogg.client { api_key = "key", base_url = server.url }
    first:step() -- with the first thread a checker may start one of its own
    first:close()
  end)
  teardown(function()
    server:stop()
    process.remove_folder(folder)
  end)
  before_each(function()
    server:clear():on_connect {}
    server:on("GET", "/open/prj_info",
      { json = { code = 0, data = { status = 3, progress = 7 } } })
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

  describe("fork", function()
    local function in_child(f)
      local pid = native.fork()
      if pid == 0 then
        local ok, value = pcall(f)
        native.exit(ok and value == true and 0 or 1)
      end
      return native.wait(pid)
    end

    it("gives the child a client of its own for jogg.make_video", function()
      local output = native.run([[
        local jogg = require "jogg"
        local function try()
          local video, err = jogg.make_video {
            url = "https://a.example/", poll = { first = 0 } }
          return err.kind
        end
        print(try())
        local pid = native.fork()
        if pid == 0 then
          local ok, kind = pcall(try)
          native.exit(ok and kind == "not_found" and 0 or 1)
        end
        print(native.wait(pid))
      ]], { env = { JOGG_API_KEY = "k", JOGG_BASE_URL = server.url },
        arguments = {} })
      assert.equal("not_found\n0\n", output)
    end)

    for _, threaded in ipairs { false, true } do
      it("is noticed by the child and nothing to the parent" ..
        (threaded and ", threaded" or ", inline"), function()
        connect()
        if threaded then client:step() end
        server:on("GET", "/v.mp4", { body = ("x"):rep(1e5),
          stall = "mid_body" })
        local output = client.core:download { path = folder .. "/v.mp4",
          maximum = 1e6, whole = "mp4" }
        local request = client.core:start { download = output,
          url = server.url .. "/v.mp4" }
        assert.is_true(wait_for(function()
          client.core:wait(0.01)
          return (request:progress()) > 0
        end))
        local task = client:spawn(function()
          return client:project_info "p"
        end)
        assert.equal(0, in_child(function()
          local ok, why = pcall(client.project_info, client, "p")
          return not ok and why:find("before a fork", 1, true) ~= nil
        end))
        assert.equal(0, in_child(function()
          local ok, why = pcall(client.step, client)
          return not ok and why:find("before a fork", 1, true) ~= nil
        end))
        assert.equal(0, in_child(function() -- all that a child's end does
          request:cancel()
          request:close()
          output:discard()
          client:close()
          collectgarbage()
          return true
        end))
        assert.equal(0, in_child(function() -- a client of its own works
          local own = jogg.client { api_key = "key", base_url = server.url }
          local progress = own:project_info("p").progress
          if os.getenv "JOGG_UNDER" ~= "tsan" then own:step() end -- no threads
          own:close()
          return progress == 7
        end))
        assert.equal(1, process.file_count(folder)) -- still the parent's
        assert.equal(7, assert(task:wait()).progress)
        request:close()
        output:discard()
        assert.is_true(wait_for(function()
          return #process.files(folder) == 0
        end))
      end)
    end
  end)

  describe("signals", function()
    local SCRIPT = [[
      local jogg = require "jogg"
      local client = jogg.client { api_key = "key", base_url = arg[1] }
      if arg[2] == "threaded" then client:step() end
      if arg[2] == "call" then
        print "ready"
        client:project_info "p"
      end
      client:spawn(function() client:project_info "p" end)
      print "ready"
      client:run()
      print "not interrupted"
    ]]

    for _, how in ipairs { "inline", "threaded", "call" } do
      it("let SIGINT end a script at once, " .. how, function()
        server:on("GET", "/open/prj_info", { stall = "after_request" })
        local errors = os.tmpname()
        local child = native.child(SCRIPT, { stderr = errors,
          arguments = { server.url, how } })
        assert.equal("ready", child:line())
        assert.is_true(server:wait { requests = 1, timeout = 5 * SLOW })
        local begun = core.now()
        child:kill "INT"
        assert.is_true(child:wait(5 * SLOW))
        local seconds = core.now() - begun
        assert.is_true(seconds < 0.2 * SLOW, seconds)
        local text = process.read_file(errors)
        os.remove(errors)
        os.remove(child.file)
        assert.matches("interrupted!", text)
      end)
    end

    it("never include SIGPIPE, inline and on TLS", function()
      local tls = faults.start { tls = true }
      tls:on("PUT", "/open/product", { { reset = "after_headers_read" },
        { close = "after_headers_read" } })
      tls:on("GET", "/open/prj_info", { json = { code = 0, data = {} } })
      local output = native.run([[
        local jogg = require "jogg"
        local client = jogg.client { api_key = "key", base_url = arg[1],
          ca_file = arg[2], retries = 0 }
        local text = ("x"):rep(1e6)
        for i = 1, 4 do
          client:project_info "p"
          local ok, err = client:update_product { product_id = 1,
            intro_text = text, title = text }
          print(ok, err and err.kind)
        end
      ]], { arguments = { tls.url, tls.ca_file } })
      tls:stop()
      assert.equal(("nil\tnetwork\n"):rep(4), output)
    end)
  end)

  describe("want", function()
    it("of descriptors is a clear error, and passes", function()
      for _, how in ipairs { "inline", "threaded" } do
        server:clear()
        server:on("GET", "/open/prj_info",
          { json = { code = 0, data = { status = 3, progress = 7 } } })
        local output = native.run([[
          local jogg = require "jogg"
          local client = jogg.client { api_key = "key", base_url = arg[1],
            retries = tonumber(arg[3]) }
          if arg[2] == "threaded" then client:step() end
          native.descriptor_limit(40)
          local held = {}
          repeat
            held[#held + 1] = native.dup(1)
          until not native.dup(1)
          repeat
            local fd = native.dup(1)
            held[#held + 1] = fd
          until not fd
          local task = client:spawn(function()
            return client:project_info "p"
          end)
          if arg[3] == "0" then
            task:wait()
            print(task.err.kind, task.err.reason, task.err.retryable)
          else
            client:step(0.1)
            assert(not task.done)
          end
          for fd = 30, 39 do native.close(fd) end
          print((client:project_info("p") or {}).progress)
          print((task:wait() or {}).progress)
        ]], { arguments = { server.url, how, "0" } })
        assert.equal("io\tdescriptors\ttrue\n7\nnil\n", output)
        output = native.run([[
          local jogg = require "jogg"
          local client = jogg.client { api_key = "key", base_url = arg[1] }
          if arg[2] == "threaded" then client:step() end
          native.descriptor_limit(40)
          local held = {}
          repeat
            local fd = native.dup(1)
            held[#held + 1] = fd
          until not fd
          local task = client:spawn(function()
            return client:project_info "p"
          end)
          client:step(0.05)
          client:step(0.05)
          print(task.done)
          for _, fd in ipairs(held) do native.close(fd) end
          print((task:wait() or {}).progress)
        ]], { arguments = { server.url, how } })
        assert.equal("nil\n7\n", output)
      end
    end)

    it("of descriptors for the video's file passes as well", function()
      server:on("GET", "/open/prj_info", { delay = 0.3, json = { code = 0,
        data = { status = 4, video_url = server.url .. "/v.mp4" } } })
      server:on("GET", "/v.mp4", { body = studio.VIDEO })
      local output = native.run([[
        local jogg = require "jogg"
        local client = jogg.client { api_key = "key", base_url = arg[1] }
        local looking
        local task = client:spawn(function()
          return client:make_video { output = arg[2],
            resume = { version = 1, generation = "open", project_id = "p" },
            on_progress = function() looking = true end }
        end)
        repeat client:step(0.1) until looking -- the folder was tried before
        client:step(0.1)
        native.descriptor_limit(40)
        local held = {}
        repeat
          local fd = native.dup(1)
          held[#held + 1] = fd
        until not fd
        for _ = 1, 5 do client:step(0.1) end
        print(task.done)
        for _, fd in ipairs(held) do native.close(fd) end
        local video, err = task:wait()
        print(video and video.bytes, err)
        os.remove(arg[2])
      ]], { arguments = { server.url, folder .. "/v.mp4" } })
      assert.equal("nil\n" .. #studio.VIDEO .. "\tnil\n", output)
      if os.getenv "JOGG_UNDER" == "valgrind" then
        -- it opens, and so makes, the file, and only then finds the limit
        for _, name in ipairs(process.files(folder)) do
          assert.matches("^%.jogg%-", name)
          assert(os.remove(folder .. "/" .. name))
        end
      end
    end)

    -- libcurl 8.20 and later need a descriptor for the client, others for the
    -- first step.
    it("of descriptors when a client is made is no deaf client", function()
      local output = native.run [[
        local jogg = require "jogg"
        native.descriptor_limit(20)
        local fd
        repeat fd = native.dup(1) until not fd
        local ok, client = pcall(jogg.client, { api_key = "k" })
        local message = client
        if ok then
          local _, err = client:step()
          assert(err.kind == "io" and err.reason == "descriptors")
          message = err.message
        end
        print(message:find "descriptors?" ~= nil)
        for i = 10, 19 do native.close(i) end
        if not ok then client = jogg.client { api_key = "k" } end
        print((client:step()))
      ]]
      assert.equal("true\n0\n", output)
    end)

    it("of memory in the I/O thread ends transfers, not the process", function()
      if native.checked then
        return pending "a checker has an allocator of its own"
      end
      local output, ended = native.run([[
        local jogg = require "jogg"
        local client = jogg.client { api_key = "key", base_url = arg[1],
          retries = 0 }
        client:step()
        local good, bad, other = 0, 0, 0
        for every = 1, 60 do
          native.fail_allocations(every)
          local task = client:spawn(function()
            return client:project_info "p"
          end)
          task:wait()
          if task.value then good = good + 1
          elseif task.err.kind == "io" then bad = bad + 1
          else other = other + 1 end
          native.fail_allocations(0)
        end
        print(native.fail_allocations(0) > 0, bad > 0)
        print(client:project_info("p").progress)
        client:close()
      ]], { preload = {},
        arguments = { server.url } })
      assert.equal("true\ttrue\n7\n", output)
      assert.is_true(ended)
    end)
  end)

  it("does not care for the wall clock, which runs backwards", function()
    server:on("GET", "/open/prj_info", { delay = 0.05,
      json = { code = 0, data = { status = 3, progress = 7 } } })
    local output = native.run([[
      local jogg, core = require "jogg", require "jogg.core"
      local a = os.time()
      assert(os.time() < a)
      local client = jogg.client { api_key = "key", base_url = arg[1],
        timeout = 5, retries = 0 }
      local begun = core.now()
      print(client:project_info("p").progress)
      local task = client:spawn(function()
        client:sleep(0.1)
        return client:project_info("p").progress
      end)
      print((task:wait()))
      print(core.now() - begun < 5)
    ]], { preload = { PRELOAD_CLOCK = 3600 },
      arguments = { server.url } })
    assert.equal("7\n7\ntrue\n", output)
  end)
end)
