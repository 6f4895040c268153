-- SPDX-License-Identifier: MIT
-- What a step must not do in the host's thread.

local process = require "spec.support.process"

local LUA = os.getenv "JOGG_LUA" or "lua5.4"

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
end)
