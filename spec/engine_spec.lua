-- SPDX-License-Identifier: MIT
-- The engine and its I/O thread: it starts late and stops at once, whatever is
-- in flight, wakes its host exactly when there is work, and serves several
-- clients and states. Its troubles are in engine_trouble_spec.lua.

local socket = require "socket"
local jogg = require "jogg"
local core = require "jogg.core"
local faults = require "spec.support.faults"
local native = require "spec.support.native"
local process = require "spec.support.process"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)
local PROMPT = 0.05 * SLOW -- s

local function threads()
  return process.file_count("/proc/" .. native.pid() .. "/task")
end

local function wait_for(holds, seconds)
  local deadline = core.now() + (seconds or 5)
  while not holds() do
    if core.now() > deadline then return false end
    socket.sleep(0.001)
  end
  return true
end

describe("engine", function()
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

  describe("thread", function()
    it("is not there for a script that blocks", function()
      local before = threads()
      connect()
      client:project_info "p"
      client:spawn(function() client:project_info "p" end)
      client:run()
      assert.equal(before, threads())
    end)

    it("is there once for a host that steps, and gone with close", function()
      local before, open = threads(), process.settled_descriptor_count()
      connect()
      client:step()
      assert.equal(before + 1, threads())
      client:step()
      client:fd()
      assert.equal(before + 1, threads())
      client:close()
      assert.is_true(wait_for(function() return threads() == before end))
      assert.equal(open, process.descriptor_count())
    end)

    -- What the system says about the client's own thread, in one of its files.
    local function of_new_thread(name)
      local folder_of_tasks = "/proc/" .. native.pid() .. "/task"
      local before, text = {}, nil
      for _, id in ipairs(process.files(folder_of_tasks)) do
        before[id] = true
      end
      connect()
      client:step()
      for _, id in ipairs(process.files(folder_of_tasks)) do
        if not before[id] then
          text = process.read_file(folder_of_tasks .. "/" .. id .. "/" .. name)
        end
      end
      return assert(text)
    end

    it("does not take the processor from a frame when it wakes", function()
      -- proc(5): the policy is 38 fields after the name; 3 is SCHED_BATCH
      local fields = of_new_thread "stat":match "^.*%)(.*)$"
      assert.equal("3", fields:match((" %S+"):rep(38) .. " (%S+)"))
    end)

    it("blocks every signal", function()
      local mask = of_new_thread "status":match "SigBlk:%s*(%x+)"
      -- all but KILL, STOP and, once it is well under way, two of the C
      -- library's own; valgrind keeps the last for itself
      local last = os.getenv "JOGG_UNDER" == "valgrind" and "7" or "f"
      assert.matches("^" .. last .. "ffffff[cef][7f]ffbfeff$", mask)
    end)
  end)

  describe("descriptor", function()
    it("is readable for a result, once", function()
      connect()
      local fd = client:fd()
      while native.readable(fd, 0) do client:step() end -- it said hello
      local task = client:spawn(function() return client:project_info "p" end)
      assert.is_true(native.readable(fd, 0)) -- the task can begin
      client:step()
      assert.is_true(native.readable(fd, 5))
      while client:step() > 0 do native.readable(fd, 1) end
      assert.equal(7, task.value.progress)
      client:step() -- the last one may have run out of its time
      assert.is_false(native.readable(fd, 0.05))
      assert.is_nil(client:timeout())
    end)

    it("is readable for a timer, in time and not before", function()
      connect()
      local fd = client:fd()
      local woken
      client:spawn(function()
        client:sleep(0.1)
        woken = core.now()
      end)
      repeat
        client:step()
      until client:timeout() > 0
      local begun = core.now()
      assert.is_true(client:timeout() > 0.05)
      assert.is_true(native.readable(fd, 5))
      local waited = core.now() - begun
      assert.is_true(waited > 0.08 and waited < 0.1 + 0.05 * SLOW, waited)
      assert.equal(0, client:step(0.01))
      assert.is_not_nil(woken)
      assert.is_false(native.readable(fd, 0.02))
    end)

    it("needs few steps for many waits: it is not busy", function()
      connect()
      local fd = client:fd()
      for i = 1, 20 do
        client:spawn(function()
          for _ = 1, 3 do
            client:sleep(0.01 * i)
            assert(client:project_info "p")
          end
        end)
      end
      local steps = 0
      while client:step() > 0 do
        assert.is_true(native.readable(fd, 5)) -- no wake-up is lost
        steps = steps + 1
      end
      assert.is_true(steps < 800, steps)
    end)

    it("stays right when a blocking call took the results", function()
      connect()
      local fd = client:fd()
      local task = client:spawn(function()
        client:project_info "p"
        client:sleep(0.05)
        return "through"
      end)
      client:step()
      server:on("GET", "/open/prj_info", { delay = 0.1,
        json = { code = 0, data = { status = 3, progress = 7 } } })
      client:project_info "p" -- meanwhile the task's answer came
      while not task.done do
        assert.is_true(native.readable(fd, 2))
        client:step()
      end
      assert.equal("through", task.value)
    end)

    it("is readable after a cancel from outside", function()
      connect()
      local fd = client:fd()
      local first = client:spawn(function() client:sleep(1000) end)
      local second = client:spawn(function()
        first:wait()
        client:sleep(0.01)
        return "through"
      end)
      client:step()
      while native.readable(fd, 0.01) do client:step() end
      first:cancel()
      while not second.done do
        assert.is_true(native.readable(fd, 2))
        client:step()
      end
    end)
  end)

  describe("close", function()
    local function close_in(phase, arrange)
      for _, threaded in ipairs { false, true } do
        it("is prompt " .. phase .. (threaded and ", threaded" or ", inline"),
          function()
            local before = process.settled_descriptor_count()
            local stop
            local options, body, ready = arrange()
            if options.stop then stop, options.stop = options.stop, nil end
            connect(options)
            if threaded then client:step() end
            local task = client:spawn(body)
            client:step(0.01)
            local deadline = core.now() + 5
            while not ready() do
              client:step(0.01)
              assert.is_true(core.now() < deadline)
            end
            local begun = core.now()
            client:close()
            local seconds = core.now() - begun
            assert.is_true(seconds < PROMPT, seconds)
            assert.equal("cancelled", task.err.kind)
            assert.same({}, process.files(folder))
            if stop then stop() end
            assert.is_true(process.descriptor_count() <= before)
          end)
      end
    end

    local function poll() return client:project_info "p" end

    close_in("with nothing to do", function()
      return {}, function() return client:sleep(1000) end,
        function() return true end
    end)

    close_in("while connecting", function()
      local hole = faults.blackhole()
      return { base_url = hole.url, stop = hole.stop }, poll,
        function() return true end
    end)

    close_in("in a stalled TLS handshake", function()
      local tls = faults.start { tls = true }
      tls:on_connect { stall = "tls" }
      return { base_url = tls.url, ca_file = tls.ca_file,
        stop = function() tls:stop() end }, poll,
        function() return (tls:connections()) > 0 end
    end)

    close_in("before the answer", function()
      server:on("GET", "/open/prj_info", { stall = "after_request" })
      return {}, poll, function() return #server:requests() > 0 end
    end)

    close_in("in a stalled download", function()
      server:on("GET", "/v.mp4", { body = ("x"):rep(1e6), stall = "mid_body" })
      server:on("GET", "/open/prj_info", { json = { code = 0, data = {
        status = 4, video_url = server.url .. "/v.mp4" } } })
      return {}, function()
        return client:make_video {
          resume = { version = 1, generation = "open", project_id = "p" },
          output = folder .. "/v.mp4",
        }
      end, function() return #server:requests() > 1 end
    end)

    it("is prompt in a name lookup that hangs", function()
      local output, ended = native.run([[
        local jogg, core = require "jogg", require "jogg.core"
        local soon = 0.05 * tonumber(arg[1])
        for _, threaded in ipairs { false, true } do
          local client = jogg.client { api_key = "key",
            base_url = "https://nowhere.invalid" }
          if threaded then client:step() end
          local task = client:spawn(function()
            return client:project_info "p"
          end)
          client:step(0.1)
          client:step(0.1)
          local begun = core.now()
          client:close()
          print(core.now() - begun < soon, task.err.kind)
        end
        local client = jogg.client { api_key = "key",
          base_url = "https://nowhere.invalid" }
        client:spawn(function() return client:project_info "p" end)
        client:step(0.1)
        begun = core.now()
        client, task = nil
        collectgarbage() collectgarbage()
        print(core.now() - begun < soon, "collected")
      ]], { preload = { PRELOAD_LOOKUP = 20 }, arguments = { tostring(SLOW) } })
      assert.equal("true\tcancelled\ntrue\tcancelled\ntrue\tcollected\n",
        output)
      assert.is_true(ended)
    end)

    it("is prompt with 1,000 tasks", function()
      server:on("GET", "/open/prj_info", { stall = "after_request" })
      connect()
      for _ = 1, 1000 do client:spawn(poll) end
      client:step(0.1)
      local begun = core.now()
      client:close()
      local seconds = core.now() - begun
      assert.is_true(seconds < PROMPT, seconds)
    end)

    it("may come twice, and by itself", function()
      connect()
      client:step()
      client:close()
      client:close()
      assert.equal("jogg.client (closed)", tostring(client))
      assert.has_error(function() client:step() end,
        "attempt to use a closed client")
      if getmetatable(client).__close then
        getmetatable(client).__close(client)
      end
    end)
  end)

  describe("lifetime", function()
    it("stops everything when a client with tasks is collected", function()
      server:on("GET", "/open/prj_info", { stall = "after_request" })
      local before, open = threads(), process.settled_descriptor_count()
      for _, threaded in ipairs { false, true } do
        server:clear()
        server:on("GET", "/open/prj_info", { stall = "after_request" })
        do
          local lost = jogg.client { api_key = "key", base_url = server.url }
          if threaded then lost:step() end
          lost:spawn(function() return lost:project_info "p" end)
          assert.is_true(wait_for(function()
            lost:step(0.01)
            return #server:requests() > 0
          end))
        end
        native.collect()
        assert.is_true(wait_for(function() return threads() == before end))
        assert.equal(open, process.descriptor_count())
        assert.is_true(server:wait { open = 0 })
      end
    end)

    -- Each order of letting go of client, request and download, in each phase.
    local ORDERS = { "cro", "cor", "rco", "roc", "ocr", "orc" }
    for _, threaded in ipairs { false, true } do
      for _, phase in ipairs { "new", "running", "finished" } do
        it("allows any order of closing: " .. phase ..
          (threaded and ", threaded" or ", inline"), function()
          server:on("GET", "/v.mp4", { { body = "no video",
            stall = phase == "running" and "mid_body" or nil } })
          for _, order in ipairs(ORDERS) do
            for _, collected in ipairs { false, true } do
              local bare = core.client { api_key = "key",
                base_url = server.url, user_agent = "spec" }
              if threaded then bare:start_thread() end
              local output = bare:download { path = folder .. "/v.mp4",
                maximum = 1e6, whole = "mp4" }
              local request = bare:start { download = output,
                url = server.url .. "/v.mp4" }
              if phase ~= "new" then
                assert.is_true(wait_for(function()
                  bare:wait(0.01)
                  return phase == "finished" and request:done() or
                    phase == "running" and (request:progress()) > 0
                end))
              end
              local held = { c = bare, r = request, o = output }
              bare, request, output = nil, nil, nil -- luacheck: ignore
              for letter in order:gmatch "." do
                if collected then
                  held[letter] = nil
                  collectgarbage()
                else
                  local close = letter == "o" and "discard" or "close"
                  held[letter][close](held[letter])
                  held[letter][close](held[letter])
                end
              end
              assert.is_true(wait_for(function()
                return #process.files(folder) == 0
              end))
              if not collected then
                assert.has_error(function() held.c:wait(0) end)
                assert.has_error(function() held.r:result() end)
              end
            end
          end
        end)
      end
    end

    it("ends with the Lua state, whatever runs", function()
      local code = [[
        local jogg = require "jogg"
        client = jogg.client { api_key = "key", base_url = %q }
        if %s then client:step() end
        task = client:spawn(function() return client:project_info "p" end)
        for i = 1, 10 do client:step(0.01) end
      ]]
      server:on("GET", "/open/prj_info", { stall = "after_request" })
      local before = threads()
      for _, threaded in ipairs { "true", "false" } do
        assert.equal("", native.state(code:format(server.url, threaded)))
        assert.is_true(wait_for(function() return threads() == before end))
      end
    end)
  end)

  it("serves several clients and several states, each on its thread", function()
    connect()
    client:step()
    local code = ([[
      local jogg = require "jogg"
      local client = jogg.client { api_key = "key", base_url = %q }
      local other = jogg.client { api_key = "key", base_url = %q }
      client:step()
      for i = 1, 20 do
        client:spawn(function() assert(client:project_info "p") end)
        other:spawn(function() assert(other:project_info "p") end)
      end
      client:run()
      other:run()
      client:spawn(function() return client:project_info "p" end)
      client:step()
    ]]):format(server.url, server.url)
    local states = {}
    for i = 1, 4 do states[i] = native.thread(code) end
    for _ = 1, 20 do
      client:spawn(function() assert(client:project_info "p") end)
    end
    client:run()
    for i = 1, 4 do assert.equal("", native.join(states[i])) end
  end)
end)
