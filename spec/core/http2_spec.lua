-- SPDX-License-Identifier: MIT
-- A POST is sent once, whatever becomes of its connection. libcurl repeats a
-- request by itself where a connection that was reused breaks before the
-- answer; over HTTP/2, another request can turn a POST's fresh connection into
-- a reused one while the POST is under way.

local core = require "jogg.core"
local bare = require "spec.support.bare"
local process = require "spec.support.process"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)
local LUA54 = os.getenv "LUA54" or "lua5.4"

describe("a POST", function()
  local folder, server, client

  setup(function()
    folder = process.temporary_folder()
    local complaint, status = process.run({ LUA54,
      "spec/support/certificates.lua", folder }, { stderr = "merge" })
    assert(status == 0, complaint)
  end)
  teardown(function()
    process.remove_folder(folder)
  end)
  before_each(function()
    server = process.start { LUA54, "spec/support/h2_reset.lua", folder }
    client = bare.client("https://localhost:" .. server:line(),
      { ca_file = folder .. "/ca.pem" })
  end)
  after_each(function()
    client:close()
    server:stop()
  end)

  for _, threaded in ipairs { false, true } do
    it("is not repeated when others use HTTP/2, " ..
      (threaded and "with" or "without") .. " a thread", function()
      if threaded then
        client:start_thread()
      end
      local post = client:start { method = "POST", path = "/render",
        body = "{}", timeout = 20 * SLOW, slow_answer = true }
      local get
      local began = core.now()
      local deadline = began + 5 * SLOW
      repeat
        client:wait(0.05)
        client:completed()
        if not get and core.now() > began + 0.5 * SLOW then
          get = client:start { path = "/look", timeout = 20 * SLOW }
        end
      until get and get:done() or core.now() > deadline
      assert.is_true(get:done())
      assert.equal(200, (get:result()))
      assert.is_false(post:done())
      server:kill "TERM"
      local lines, posts = server:read_all(), 0
      for method in lines:gmatch "(%u+) %S+\n" do
        posts = posts + (method == "POST" and 1 or 0)
      end
      assert.equal(1, posts, lines)
      assert.truthy(lines:find "GET ")
    end)
  end
end)
