-- SPDX-License-Identifier: MIT
-- Many transfers over one multi handle: what happens to one says nothing of
-- another.

local core = require "jogg.core"
local faults = require "spec.support.faults"
local fetching = require "spec.support.fetching"
local native = require "spec.support.native"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

describe("core.loop", function()
  local server, client

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)
  before_each(function() server:clear() end)

  local function make()
    client = core.client { base_url = server.url, api_key = "k",
      user_agent = "spec" }
  end

  local function finish(request)
    local deadline = core.now() + 10 * SLOW
    while not request:done() do
      assert(core.now() < deadline, "the request does not end")
      client:wait(0.25)
    end
    return request
  end

  -- A handle is used again, and libcurl tells of its last use until then.
  it("does not take what was there before for an answer", function()
    make()
    server:on("*", "*", { json = { code = 0 } })
    assert.equal(200, (finish(client:start("GET", "/x")):result()))
    local post = client:start("POST", "/x", "{}")
    local other = client:start("GET", "/x")
    other:cancel() -- both get a handle; neither begins
    post:cancel()
    local status, err = finish(post):result()
    assert.is_nil(status)
    assert.same({ "cancelled", "not_sent" }, { err.kind, err.outcome })
    assert.is_nil(err.http_status)
    client:close()
    assert.equal(1, #server:requests())
  end)

  it("sees no silence while the disk holds it up", function()
    server:on("GET", "/v.mp4", { body = fetching.video(1000) })
    server:on("POST", "/x", { delay = 0.2, json = { code = 0 } })
    local output, ended = native.run([[
      local core = require "jogg.core"
      local client = core.client { base_url = arg[1], api_key = "k",
        user_agent = "spec" }
      assert(client:run_thread())
      local path = os.tmpname()
      local output = assert(core.output(path, true, 1e6))
      local post = client:start("POST", "/x", "{}", 5, 1, 30, false)
      local video = client:download(output, arg[1] .. "/v.mp4", 5, 1, 30)
      while not (post:done() and video:done()) do client:wait(0.25) end
      print((video:result()), (post:result()))
      client:close()
      os.remove(path)
    ]], { preload = { PRELOAD_FSYNC = 2 }, arguments = { server.url } })
    assert.equal("200\t200\n", output)
    assert.is_true(ended)
  end)
end)
