-- SPDX-License-Identifier: MIT
-- What a step must not do in the host's thread.

local core = require "jogg.core"
local faults = require "spec.support.faults"
local native = require "spec.support.native"
local process = require "spec.support.process"
local studio = require "spec.support.studio"

local LUA = os.getenv "JOGG_LUA" or "lua5.4"
local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

describe("client:step", function()
  it("reads no module: the first task's were read by spawn", function()
    local text, status = process.run({ LUA, "-e", [[
      local client = require "jogg".client {
        api_key = "k", base_url = "http://127.0.0.1:9" }
      client:spawn(function()
        return client:make_video { url = "http://127.0.0.1:9/" }
      end)
      local before = {}
      for name in pairs(package.loaded) do before[name] = true end
      client:step()
      for name in pairs(package.loaded) do
        if not before[name] then print(name) end
      end
      client:close()]] }, { stderr = "merge" })
    assert.equal("", text)
    assert.equal(0, status)
  end)

  describe("with the I/O thread", function()
    local server, folder

    setup(function()
      server = faults.start()
      folder = process.temporary_folder()
    end)
    teardown(function()
      server:stop()
      process.remove_folder(folder)
    end)
    before_each(function()
      studio.open(server)
      os.remove(folder .. "/v.mp4")
    end)

    -- Makes a video in a child, with these options and with this after each
    -- step. Says how often the host's thread had to do with the disk, whether
    -- another had, and how the job ended.
    local function run(given, after_step)
      local output, ended = native.run([[
        math.random = function() return 0 end
        local folder, url = arg[1], arg[2]
        local client = require "jogg".client { api_key = "k", base_url = url,
          posts_per_minute = 100000, stall_timeout = 20 }
        local task, bytes
        local given = { url = "https://shop.example/lamp",
          output = folder .. "/v.mp4", poll = { first = 0.01, interval = 0.01 },
          on_progress = function(p) bytes = p.bytes end, ]] .. given .. [[ }
        client:step()
        local before, none = native.disk_calls()
        assert(none == 0)
        task = client:spawn(function() return client:make_video(given) end)
        while client:step() > 0 do ]] .. (after_step or "") .. [[ end
        local calls, others = native.disk_calls()
        print(calls - before, others > 0)
        if task.value then print(task.value.bytes) end
        if task.err then print(task.err.kind, task.err.reason) end
        client:close()
      ]], { arguments = { folder, server.url }, preload = {} })
      assert.is_true(ended)
      return output
    end

    local function fails(expected, ...)
      assert.matches("^0\t%a+\n" .. expected .. "\n$", (run(...)))
      assert.same({}, process.files(folder)) -- the client is closed
    end

    -- Calls f so many times with a core client and a request that was begun
    -- before: `delay(i)` seconds, in which nobody waited.
    local function begin_unheard(times, delay, f)
      server:on("GET", "/open/prj_info", { json = { code = 0, data = {} } })
      local client = core.client { api_key = "key", base_url = server.url,
        user_agent = "spec" }
      client:start_thread()
      for i = 1, times do
        local request = client:start { path = "/open/prj_info",
          connect_timeout = 5, stall_timeout = 5, timeout = 5 }
        local moment = core.now() + delay(i)
        while core.now() < moment do end
        f(client, request)
        assert.equal(request, client:completed())
        request:close()
      end
      client:close()
    end

    it("misses nothing that comes before anybody waits, or just then", function()
      begin_unheard(60, function(i) return i * 5e-4 end, function(client, request)
        local begun = core.now()
        repeat
          client:wait(SLOW)
        until request:done()
        assert.is_true(core.now() - begun < 0.5 * SLOW)
      end)
    end)

    it("misses nothing that came before the descriptor was asked for", function()
      local function delay(i) return i == 1 and 0.05 or 0 end
      begin_unheard(2, delay, function(client)
        assert.is_true(native.readable(client:descriptor(), 5))
        client:wait(SLOW) -- takes what came
      end)
    end)

    it("leaves the disk to it, for a video that is made", function()
      assert.equal(("0\ttrue\n%d\n"):format(#studio.VIDEO), (run ""))
      assert.same({ "v.mp4" }, process.files(folder))
    end)

    it("leaves the disk to it, for one that cannot be put there", function()
      fails("io\tfile", "output = folder .. '/none/v.mp4'")
      fails("io\tfile", "output = folder, overwrite = true")
    end)

    it("leaves the disk to it, for one that begins anew and fails", function()
      server:on("GET", "/v.mp4", { body = studio.VIDEO:sub(1, -2) })
      fails("protocol\tcut", "")
    end)

    it("leaves the disk to it, for one that is cancelled", function()
      server:on("GET", "/v.mp4", { body = studio.VIDEO, stall = "mid_body" })
      fails("cancelled\tcancelled", "", "if (bytes or 0) > 0 then task:cancel() end")
      fails("cancelled\tcancelled", "", "task:cancel()")
    end)

    it("leaves the disk to it, for one whose callback raises", function()
      server:on("GET", "/v.mp4", { body = studio.VIDEO, stall = "mid_body" })
      fails("task\tnil", [[on_progress = function(p)
        if (p.bytes or 0) > 0 then error "oh" end
      end]])
    end)
  end)
end)
