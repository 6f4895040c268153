-- SPDX-License-Identifier: MIT
-- Name servers that do not answer: libcurl looks names up in threads that
-- cannot be stopped, and since 8.20 in a limited number of them.

local core = require "jogg.core"
local faults = require "spec.support.faults"
local native = require "spec.support.native"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

local BEGIN = [[
  local core = require "jogg.core"
  local bare = require "spec.support.bare"
  local SLOW = tonumber(arg[1])
  local url = arg[2]
  local DEAD = "https://dead.invalid/x"
]]

describe("core's name look-up", function()
  local server

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)
  before_each(function()
    server:clear()
    server:on("*", "*", { json = { code = 0 } })
  end)

  local function run(code, seconds, name)
    local begun = core.now()
    local output, ended = native.run(BEGIN .. code, {
      preload = { PRELOAD_LOOKUP = seconds, PRELOAD_NAME = name },
      arguments = { tostring(SLOW), (server.url:gsub("127.0.0.1", "localhost")) },
    })
    assert.is_true(ended, output)
    assert.is_true(core.now() - begun < 10 * SLOW, "it waited for a look-up")
    return output
  end

  it("does not hold up close, nor the end of the process", function()
    assert.equal("closed\nclosed\ncollected\nended\n", run([[
      for _, threaded in ipairs { false, true } do
        local client = bare.client "https://nowhere.invalid"
        if threaded then client:start_thread() end
        local request = client:start { path = "/x" }
        for _ = 1, 3 do client:wait(0.1) end
        local begun = core.now()
        client:close()
        assert(core.now() - begun < 0.05 * SLOW, core.now() - begun)
        print(select(2, request:result()).class)
      end
      local client = bare.client "https://nowhere.invalid"
      client:start { path = "/x" }
      client:wait(0.1)
      local begun = core.now()
      client = nil
      collectgarbage() collectgarbage()
      assert(core.now() - begun < 0.05 * SLOW)
      print "collected"
      client = bare.client "https://nowhere.invalid"
      client:start_thread()
      client:start { path = "/x" }
      client:wait(0.1)
      print "ended"
    ]], 20))
  end)

  it("ends with connect_timeout, and nothing was sent", function()
    assert.equal("connect_timeout\tfalse\ntimeout\tfalse\n", run([[
      local client = bare.client "https://nowhere.invalid"
      local failure = bare.failure(client, { connect_timeout = 0.2 })
      print(failure.class, failure.sent)
      failure = bare.failure(client, { timeout = 0.2 })
      print(failure.class, failure.sent)
      client:close()
    ]], 20))
  end)

  for _, threaded in ipairs { "false", "true" } do
    it("of one dead host holds up no other host" ..
      (threaded == "true" and ", threaded" or ", inline"), function()
      assert.equal("200\n200\n60 connect_timeout\n", run(([[
        local client = bare.client(url, { transfers = 8 })
        if %s then client:start_thread() end
        local dead = {}
        for i = 1, 60 do
          dead[i] = client:start { url = DEAD, connect_timeout = 2,
            beside = i %% 2 == 0 }
        end
        client:wait(0.1)
        local begun = core.now()
        for _ = 1, 2 do
          print((bare.exchange(client):result()))
        end
        assert(core.now() - begun < 1 * SLOW)
        local failed = 0
        for i = 1, 60 do
          local failure = select(2, bare.finish(client, dead[i]):result())
          assert(failure.class == "connect_timeout" and not failure.sent)
          failed = failed + 1
        end
        assert(core.now() - begun < 3 * SLOW, core.now() - begun)
        print(failed .. " connect_timeout")
        client:close()
      ]]):format(threaded), 20, "dead.invalid"))
    end)
  end

  it("is waited for no longer than a connection of one's own", function()
    assert.equal("connect_timeout connect_timeout\n", run([[
      local client = bare.client(url)
      local first = client:start { url = DEAD, connect_timeout = 1 }
      client:wait(0.2)
      local second = client:start { url = DEAD, connect_timeout = 1.5 }
      local begun = core.now()
      local classes = {}
      for i, request in ipairs { first, second } do
        classes[i] = select(2, bare.finish(client, request):result()).class
      end
      local seconds = core.now() - begun
      assert(seconds > 1.4 and seconds < 1.6 + 0.4 * SLOW, seconds)
      print(table.concat(classes, " "))
      client:close()
    ]], 20, "dead.invalid"))
  end)

  it("is made once for many, who then begin at once", function()
    assert.equal("20\n", run([[
      local client = bare.client(url)
      local requests = {}
      for i = 1, 20 do requests[i] = client:start { path = "/" .. i } end
      local begun = core.now()
      for i = 1, 20 do
        assert(bare.finish(client, requests[i]):result() == 200)
      end
      assert(core.now() - begun < 2 * SLOW, core.now() - begun)
      print(#requests)
      client:close()
    ]], 1))
  end)

  it("takes no signal of the host's, not even inline", function()
    local masks = run([[
      local process = require "spec.support.process"
      local own = native.pid()
      local client = bare.client "https://nowhere.invalid"
      client:start { path = "/x" }
      client:wait(0.2)
      local folder = "/proc/" .. own .. "/task"
      local before = process.read_file("/proc/" .. own .. "/status")
        :match "SigBlk:%s*(%x+)"
      for _, id in ipairs(process.files(folder)) do
        if tonumber(id) ~= own then
          local text = process.read_file(folder .. "/" .. id .. "/status")
          print((text:match "SigBlk:%s*(%x+)"))
        end
      end
      assert(before:match "^0+$", before)
      client:close()
    ]], 2)
    -- bits of INT, TERM, PIPE, ALRM, XFSZ, CHLD are set in each
    local count = 0
    for mask in masks:gmatch "%x+" do
      count = count + 1
      local low = tonumber(mask:sub(-8), 16)
      for _, signal in ipairs { 2, 13, 14, 15, 17, 25 } do
        assert.equal(1, math.floor(low / 2 ^ (signal - 1)) % 2, mask)
      end
    end
    assert.is_true(count >= 1)
  end)
end)
