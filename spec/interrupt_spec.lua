-- SPDX-License-Identifier: MIT
-- A script that makes a video and is interrupted, or killed, at any moment:
-- Ctrl-C ends it at once and leaves nothing, and whatever a kill leaves, the
-- next process carries on, and nothing is paid for twice.

local cjson = require "cjson".new()
local socket = require "socket"
local jogg = require "jogg"
local core = require "jogg.core"
local faults = require "spec.support.faults"
local flow = require "spec.support.flow"
local process = require "spec.support.process"
local sandbox = require "spec.support.sandbox"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

-- What a user would write: the token goes to a file before each step.
local SCRIPT = [[
local cjson = require "cjson".new()
local jogg = require "jogg"
local url, output, saved = arg[1], arg[2], arg[2] .. ".token"
local file = io.open(saved)
local token = file and cjson.decode(file:read "*a")
if file then file:close() end
local video, err = jogg.make_video {
  url = not token and url or nil, resume = token, output = output,
  overwrite = true, poll = { first = 0.02, interval = tonumber(arg[3]), settle = 0 },
  on_progress = function(p)
    local new = assert(io.open(saved .. ".new", "w"))
    assert(new:write(cjson.encode(p.resume)))
    assert(new:close())
    assert(os.rename(saved .. ".new", saved))
    print(p.phase .. (p.bytes and p.bytes > 0 and " some" or ""))
    io.stdout:flush()
  end,
}
assert(video, tostring(err))
print "done"
]]

describe("a script", function()
  local folder, script, output, child

  setup(function()
    folder = process.temporary_folder()
    script = process.write_file(folder .. "/script.lua", SCRIPT)
  end)
  teardown(function() process.remove_folder(folder) end)
  before_each(function()
    output = process.temporary_folder()
  end)
  after_each(function()
    if child then child:stop() end
    child = nil
    process.remove_folder(output)
  end)

  local function start(server, page, interval)
    child = process.start({ os.getenv "JOGG_LUA", script, page,
      output .. "/ad.mp4", interval or 0.02 }, {
      env = { JOGG_API_KEY = server.key or "k", JOGG_BASE_URL = server.url },
      stderr = folder .. "/stderr",
    })
    return child
  end

  local function read_until(word)
    repeat
      local line = child:line()
      assert(line, "it ended before " .. word .. ": "
        .. tostring(process.read_file(folder .. "/stderr")))
    until line == word
  end

  -- All but the token, which is the script's own.
  local function left()
    local names = {}
    for _, name in ipairs(process.files(output)) do
      if not name:find "%.token" then names[#names + 1] = name end
    end
    return names
  end

  describe("that hears Ctrl-C", function()
    local server

    setup(function() server = faults.start() end)
    teardown(function() server:stop() end)
    before_each(function() server:clear() end)

    for _, case in ipairs {
      { "create_product", { product = { stall = "after_request" } } },
      { "render_project", { render = { stall = "after_request" } } },
      { "wait", { info = flow.info(3) }, "between looks", interval = 600 },
      { "wait", { info = { stall = "after_request" } }, "in a look" },
      { "download some", { video = { slow = 500, body = flow.VIDEO } } },
      { "download", { video = { stall = "after_request" } },
        "before the first byte" },
    } do
      local phase, steps = case[1], case[2]
      local where = phase:match "%w+$" == "some" and "download" or phase
      it("while it is at " .. where .. (case[3] and ", " .. case[3] or ""), function()
        flow.script(server, steps)
        start(server, flow.PAGE, case.interval)
        read_until(phase)
        local stalled = where == "create_product" and 1 or
          where == "render_project" and 2 or where == "wait" and 3
        if stalled then
          assert.is_true(server:wait { requests = stalled, timeout = 5 * SLOW })
        elseif case[3] then
          assert.is_true(server:wait { requests = 6, timeout = 5 * SLOW })
        end
        if where == "download" then
          assert.same({ ".jogg-" }, { left()[1]:sub(1, 6) })
        end
        local before = core.now()
        child:kill "INT"
        assert.is_true(child:wait(5 * SLOW), "it does not end")
        assert.is_true(core.now() - before < 1 * SLOW)
        assert.truthy(process.read_file(folder .. "/stderr")
          :find("interrupted!", 1, true))
        assert.same({}, left())
        assert.is_true(server:wait { open = 0 })
        -- and what it had saved is good
        local token = cjson.decode(process.read_file(output .. "/ad.mp4.token"))
        flow.script(server)
        local client = jogg.client { api_key = "k", base_url = server.url }
        token.output = nil
        local video, err = client:make_video { resume = token, poll = flow.POLL }
        client:close()
        assert.truthy(video, tostring(err))
        assert.equal(1, flow.count(server, "render"))
      end)
    end
  end)

  describe("that is killed", function()
    local server, before

    setup(function() server = sandbox.start { "--reuse" } end)
    teardown(function() server:stop() end)
    before_each(function()
      server:clear_faults()
      before = server:account()
    end)

    -- It ran to its end: one video was paid for, and it is here.
    local function check()
      assert.equal(1, server:account().charged - before.charged)
      local token = cjson.decode(process.read_file(output .. "/ad.mp4.token"))
      local status, bytes = server:request("GET",
        server:info(token.project_id).video_url)
      assert.equal(200, status)
      assert.equal(bytes, process.read_file(output .. "/ad.mp4"))
    end

    local function finish()
      start(server, server:sample "lamp")
      read_until "done"
      assert.is_true(child:wait(5 * SLOW))
      check()
    end

    for phase, fault in pairs {
      create_product = { endpoint = "product", what = "delay", value = 1 },
      render_project = { endpoint = "render", what = "delay_after", value = 1 },
      wait = false,
      ["download some"] = { endpoint = "video", what = "stall", value = 4000 },
    } do
      it("while it is at " .. phase:match "%S+" .. " is carried on", function()
        if fault then
          fault.call = 1
          server:fault(fault)
        end
        local _, since = server:log()
        start(server, server:sample "lamp")
        read_until(phase)
        local arrived, deadline = not fault, core.now() + 5 * SLOW
        while not arrived do
          for _, entry in ipairs((server:log(since))) do
            arrived = arrived or entry.endpoint == fault.endpoint
          end
          assert.is_true(core.now() < deadline)
          if not arrived then socket.sleep(0.01) end
        end
        child:kill "KILL"
        assert.is_true(child:wait(5 * SLOW))
        assert.is_nil(process.read_file(output .. "/ad.mp4"))
        finish()
      end)
    end

    it("at random, again and again, pays once", function()
      local seed = os.time()
      math.randomseed(seed)
      local kills_in_all, round = 0, 0
      while round < 4 or kills_in_all == 0 do
        round = round + 1
        assert.is_true(round < 20, "it is always done before it is killed")
        local most = 0.4 * SLOW / round -- how long a run takes is not known
        before = server:account()
        local kills = 0
        while true do
          start(server, server:sample "mug", 0.005)
          local ended = child:wait(kills < 6 and math.random() * most or
            20 * SLOW)
          if ended then break end
          child:kill "KILL"
          assert.is_true(child:wait(5 * SLOW))
          kills = kills + 1
        end
        kills_in_all = kills_in_all + kills
        local ok, why = pcall(check)
        assert(ok, ("seed %d: %s"):format(seed, tostring(why)))
        process.remove_folder(output)
        output = process.temporary_folder()
      end
    end)
  end)
end)
