-- SPDX-License-Identifier: MIT
-- What a compiler makes of it all: LuaJIT's traces, which other Luas do not
-- have, must not change what a task was told to do.

local faults = require "spec.support.faults"
local flow = require "spec.support.flow"
local jogg = require "jogg"

describe("compiled traces", function()
  local server

  setup(function()
    server = faults.start()
    flow.script(server)
  end)
  teardown(function() server:stop() end)

  it("are switched off for each of jogg's modules", function()
    if not rawget(_G, "jit") then return end
    for name in pairs(package.loaded) do
      if name:find "^jogg%." and name ~= "jogg.core" and
        not name:find "^jogg%.loop" then
        assert.truthy(package.preload[name], name)
      end
    end
  end)

  it("are not made of jogg's own functions", function()
    local jit = rawget(_G, "jit")
    if not jit then return end
    local traced, funcinfo = {}, require "jit.util".funcinfo
    local function note(what, _, f)
      local info = what == "start" and f and funcinfo(f)
      if info and info.source and info.source:find "lua/jogg/" then
        traced[#traced + 1] = info.source .. ":" .. (info.currentline or 0)
      end
    end
    jit.off(note) -- LuaJIT crashes when its handlers run compiled code
    jit.attach(note, "trace")
    local client = jogg.client { api_key = "traces", base_url = server.url,
      posts_per_minute = 0 }
    for _ = 1, 300 do
      client:spawn(function() return client:project_info "p" end)
    end
    client:run()
    client:close()
    jit.attach(note)
    assert.same({}, traced)
  end)

  -- They go on in many steps, each in the middle of something else. A compiler
  -- that is off would prove nothing, nor one that waits until a loop is hot.
  it("lose no option of what suspends", function()
    local jit = rawget(_G, "jit")
    assert.is_true(not jit or jit.status())
    if jit then require "jit.opt".start("hotloop=3", "hotexit=2") end
    for round = 1, 10 do
      local client = jogg.client { api_key = "k" .. round, base_url = server.url,
        posts_per_minute = 3 }
      local tasks = {}
      for i = 1, 60 do
        tasks[i] = client:spawn(function()
          return client:make_video { url = flow.PAGE, poll = flow.POLL }
        end)
      end
      local steps = 0
      repeat
        client:step(0.002)
        steps = steps + 1
      until steps >= 10 and flow.count(server, "product") > round
      client:close()
      for _, task in ipairs(tasks) do
        if not task.value then
          assert.equal("cancelled", task.err.kind, tostring(task.err))
        end
      end
    end
    assert.is_true(flow.count(server, "product") > 10)
  end)
end)
