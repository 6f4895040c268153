-- SPDX-License-Identifier: MIT
-- What there is once in a process: its end, which finds no thread at work, its
-- forks, its signals, its descriptors.

local core = require "jogg.core"
local bare = require "spec.support.bare"
local faults = require "spec.support.faults"
local native = require "spec.support.native"
local process = require "spec.support.process"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

describe("core's process", function()
  local server, tls

  setup(function()
    server = faults.start()
    tls = faults.start { tls = true }
  end)
  teardown(function()
    server:stop()
    tls:stop()
  end)
  before_each(function()
    for _, each in ipairs { server, tls } do
      each:clear():on_connect {}
      each:on("*", "*", { json = { code = 0 } })
    end
  end)

  -- exit(3) frees OpenSSL's tables; a thread that reads certificates then
  -- crashes. One try in five hit that moment, hence so many. The system's
  -- certificates do not fit the server, but take their time to be read.
  it("ends with the status it was given, whatever the thread does", function()
    local file = os.tmpname()
    process.write_file(file, [[
      local core = require "jogg.core"
      local bare = require "spec.support.bare"
      local client = bare.client(arg[1], { ca_file = arg[2] })
      assert(client:start_thread())
      local requests = {}
      for n = 1, 8 do
        requests[n] = client:start { path = "/x", timeout = 60 }
      end
      local moment = core.now() + tonumber(arg[3])
      while core.now() < moment do end
      os.exit(7)
    ]])
    local bundle = "/etc/ssl/certs/ca-certificates.crt"
    if not process.read_file(bundle) then bundle = tls.ca_file end
    local statuses = {}
    for i = 1, 20 do
      local _, status = process.run({ os.getenv "JOGG_LUA" or "lua5.4", file,
        tls.url, bundle, ("%.3f"):format(i * 0.004) })
      statuses[i] = status
    end
    os.remove(file)
    for i, status in ipairs(statuses) do
      assert.equal(7, status, "try " .. i)
    end
  end)

  describe("in a fork", function()
    local function in_child(f)
      local pid = native.fork()
      if pid == 0 then
        local ok, value = pcall(f)
        native.exit(ok and value == true and 0 or 1)
      end
      return native.wait(pid)
    end

    for _, threaded in ipairs { false, true } do
      it("knows that the client is the parent's" ..
        (threaded and ", threaded" or ", inline"), function()
        local folder = process.temporary_folder()
        finally(function() process.remove_folder(folder) end)
        local client = bare.client(server.url)
        if threaded then client:start_thread() end
        server:on("GET", "/v.mp4", { body = ("x"):rep(1e5),
          stall = "mid_body" })
        local download = client:download { path = folder .. "/v.mp4",
          maximum = 1e6, whole = "mp4" }
        local record = client:record(folder .. "/v.job")
        local request = client:start { path = "/v.mp4", download = download }
        local plain = client:start { path = "/x" }
        bare.wait(client, function()
          return (request:progress()) > 0 and plain:done()
        end)
        assert.equal(0, in_child(function()
          for _, name in ipairs { "completed", "start", "wait", "descriptor",
            "start_thread", "wake_at" } do
            local ok, why = pcall(client[name], client, { path = "/x" })
            assert(not ok and why:find("before a fork", 1, true), name)
          end
          return client:fault():find("before a fork", 1, true) ~= nil
        end))
        assert.equal(0, in_child(function() -- all that a child's end does
          request:cancel()
          request:close()
          download:discard()
          record:close()
          client:close()
          collectgarbage()
          return true
        end))
        assert.equal(0, in_child(function() -- a client of its own works
          local own = bare.client(server.url)
          local status = bare.exchange(own):result()
          if os.getenv "JOGG_UNDER" ~= "tsan" then own:start_thread() end
          own:close()
          return status == 200
        end))
        assert.equal(1, process.file_count(folder)) -- still the parent's
        assert.equal(200, (bare.exchange(client):result()))
        request:close()
        download:discard()
        bare.wait(client, function()
          return process.file_count(folder) == 0
        end)
        client:close()
      end)
    end
  end)

  describe("gets its signals", function()
    for _, how in ipairs { "inline", "threaded" } do
      it("while it waits, at once, " .. how, function()
        server:on("*", "*", { stall = "after_request" })
        local errors = os.tmpname()
        local child = native.child([[
          local bare = require "spec.support.bare"
          local client = bare.client(arg[1])
          if arg[2] == "threaded" then client:start_thread() end
          local request = client:start { path = "/x" }
          client:wait(0)
          print "ready"
          while true do client:wait(30) end
        ]], { stderr = errors, arguments = { server.url, how } })
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

    it("that come while the disk holds it up", function()
      server:on("*", "*", { stall = "after_request" })
      local errors = os.tmpname()
      local child = native.child([[
        local bare = require "spec.support.bare"
        local client = bare.client(arg[1])
        local download = client:download { path = os.tmpname(),
          overwrite = true, maximum = 1e6, whole = "length" }
        local request = client:start { path = "/x", download = download }
        print "ready"
        client:wait(30)
        while true do client:wait(30) end
      ]], { stderr = errors, preload = { PRELOAD_MAKE = 1 },
        arguments = { server.url } })
      assert.equal("ready", child:line())
      local begun = core.now()
      repeat until core.now() > begun + 0.3
      child:kill "INT"
      assert.is_true(child:wait(3 * SLOW))
      assert.matches("interrupted!", process.read_file(errors))
      os.remove(errors)
      os.remove(child.file)
    end)

    it("but for SIGPIPE, inline and on TLS", function()
      tls:on("PUT", "*", { { reset = "after_headers_read" },
        { close = "after_headers_read" } })
      local output = native.run([[
        local bare = require "spec.support.bare"
        local client = bare.client(arg[1], { ca_file = arg[2] })
        for i = 1, 4 do
          assert(bare.exchange(client):result() == 200)
          local failure = bare.failure(client, { method = "PUT",
            body = ("x"):rep(2e6) })
          print(failure.class, failure.sent)
        end
      ]], { arguments = { tls.url, tls.ca_file } })
      assert.equal(("broken\ttrue\n"):rep(4), output)
    end)

    for _, how in ipairs { "inline", "threaded" } do
      it("but for SIGXFSZ, " .. how, function()
        local folder = process.temporary_folder()
        finally(function() process.remove_folder(folder) end)
        server:on("*", "*", { zeros = 1e6 })
        process.write_file(folder .. "/script.lua", [[
          local bare = require "spec.support.bare"
          local client = bare.client(arg[1])
          if arg[2] == "threaded" then client:start_thread() end
          local download = client:download { path = arg[3], maximum = 1e7,
            whole = "length" }
          local failure = bare.failure(client, { url = arg[1] .. "/v",
            download = download })
          print(failure.class, failure.errno, failure.sent)
          download:discard()
          client:close()
        ]])
        local output, status = process.run { "sh", "-c",
          'ulimit -f 100; exec "$@"', "sh", os.getenv "JOGG_LUA" or "lua5.4",
          folder .. "/script.lua", server.url, how, folder .. "/v" }
        assert.same({ "file\tEFBIG\ttrue\n", 0 }, { output, status })
        assert.same({ "script.lua" }, process.files(folder))
      end)
    end
  end)

  it("runs out of descriptors, and has them again", function()
    for _, how in ipairs { "inline", "threaded" } do
      local output = native.run([[
        local bare = require "spec.support.bare"
        local client = bare.client(arg[1])
        if arg[2] == "threaded" then client:start_thread() end
        native.descriptor_limit(40)
        local held = {}
        repeat
          local fd = native.dup(1)
          held[#held + 1] = fd
        until not fd
        local failure = bare.failure(client)
        print(failure.class, failure.sent)
        local download = client:download { path = "/tmp/x", maximum = 1,
          whole = "length" }
        failure = select(2, bare.finish(client, download:check()):result())
        print(failure.class, failure.errno, failure.sent)
        local other = pcall(bare.client, arg[1])
        for _, fd in ipairs(held) do native.close(fd) end
        print((bare.exchange(client):result()))
      ]], { arguments = { server.url, how } })
      assert.equal(
        "descriptors\tfalse\ndescriptors\tEMFILE\tfalse\n200\n", output)
    end
  end)

  it("starts no thread where there is none, and says so", function()
    local output = native.run([[
      local bare = require "spec.support.bare"
      local client = bare.client(arg[1])
      native.descriptor_limit(30)
      local held = {}
      repeat
        local fd = native.dup(1)
        held[#held + 1] = fd
      until not fd
      for _, name in ipairs { "start_thread", "descriptor" } do
        local ok, failure = client[name](client)
        print(ok, failure.class, failure.errno)
      end
      for _, fd in ipairs(held) do native.close(fd) end
      print(client:start_thread(), (bare.exchange(client):result()))
    ]], { arguments = { server.url } })
    assert.equal(("nil\tdescriptors\tEMFILE\n"):rep(2) .. "true\t200\n", output)
  end)

  it("has a thread that sleeps while there is nothing to do", function()
    local id, others = nil, {}
    local folder = "/proc/" .. native.pid() .. "/task"
    for _, name in ipairs(process.files(folder)) do others[name] = true end
    local client = bare.client(tls.url, { ca_file = tls.ca_file })
    client:start_thread()
    for _, name in ipairs(process.files(folder)) do
      id = others[name] and id or name
    end
    local function switches()
      local status = process.read_file(folder .. "/" .. id .. "/status")
      return tonumber(status:match "voluntary_ctxt_switches:%s*(%d+)")
    end
    for _, fields in ipairs { { path = "/x" }, { path = "/stall",
      stall_timeout = 100 } } do
      tls:on("GET", "/stall", { stall = "after_request" })
      local request = client:start(fields)
      assert.is_true(tls:wait { requests = fields.path == "/x" and 1 or 2 })
      client:wait(0.1)
      local before = switches()
      client:wait(1)
      assert.is_true(switches() - before <= 5, switches() - before)
      request:close()
      while client:completed() do end
    end
    client:close()
  end)

  it("may have several clients and states, each on its thread", function()
    local code = ([[
      local bare = require "spec.support.bare"
      local clients = { bare.client %q, bare.client %q }
      for _, client in ipairs(clients) do client:start_thread() end
      for _ = 1, 20 do
        for _, client in ipairs(clients) do
          assert(bare.exchange(client):result() == 200)
        end
      end
      clients[1]:start { path = "/x" }
    ]]):format(server.url, server.url)
    local states = {}
    for i = 1, 4 do states[i] = native.thread(code) end
    for i = 1, 4 do assert.equal("", native.join(states[i])) end
  end)
end)
