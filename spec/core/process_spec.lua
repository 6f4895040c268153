-- SPDX-License-Identifier: MIT
-- What there is once in a process: its end finds no thread at work.

local faults = require "spec.support.faults"
local process = require "spec.support.process"

describe("a process that exits while the I/O thread is at work", function()
  local server

  setup(function() server = faults.start { tls = true } end)
  teardown(function() server:stop() end)

  -- exit(3) takes OpenSSL's tables away; whoever reads certificates then
  -- crashes. One try in five hit that moment, hence so many. The system's
  -- certificates do not fit the server, but take their time to be read.
  it("ends with the status it was given", function()
    server:on("*", "*", { json = { code = 0 } })
    local file = os.tmpname()
    process.write_file(file, [[
      local core = require "jogg.core"
      local client = core.client { base_url = arg[1], api_key = "k",
        user_agent = "spec", ca_file = arg[2] }
      assert(client:run_thread())
      local requests = {}
      for n = 1, 8 do
        requests[n] = client:start("GET", "/x", nil, 10, 30, 60, false)
      end
      local moment = core.now() + tonumber(arg[3])
      while core.now() < moment do end
      os.exit(7)
    ]])
    local bundle = "/etc/ssl/certs/ca-certificates.crt"
    if not process.read_file(bundle) then bundle = server.ca_file end
    local statuses = {}
    for i = 1, 20 do
      local _, status = process.run({ os.getenv "JOGG_LUA" or "lua5.4", file,
        server.url, bundle, ("%.3f"):format(i * 0.004) })
      statuses[i] = status
    end
    os.remove(file)
    for i, status in ipairs(statuses) do
      assert.equal(7, status, "try " .. i)
    end
  end)
end)
