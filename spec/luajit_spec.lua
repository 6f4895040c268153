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

  -- They go on in many steps, each in the middle of something else. A compiler
  -- that is off would prove nothing, nor one that waits until a loop is hot.
  it("lose no option of what suspends", function()
    local jit = rawget(_G, "jit")
    assert.is_true(not jit or jit.status())
    if jit then require "jit.opt".start("hotloop=3", "hotexit=2") end
    for _ = 1, 10 do
      local client = jogg.client { api_key = "k", base_url = server.url,
        posts_per_minute = 3 }
      local tasks = {}
      for i = 1, 60 do
        tasks[i] = client:spawn(function()
          return client:make_video { url = flow.PAGE, poll = flow.POLL }
        end)
      end
      for _ = 1, 10 do client:step(0.002) end
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
