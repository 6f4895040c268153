-- SPDX-License-Identifier: MIT
-- Many transfers over one multi handle: what happens to one says nothing of
-- another, and connections are neither wasted nor hoarded.

local bare = require "spec.support.bare"
local faults = require "spec.support.faults"
local native = require "spec.support.native"

describe("core.loop", function()
  local server, client

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)
  before_each(function()
    server:clear():on_connect {}
    server:on("*", "*", { json = { code = 0 } })
    client = bare.client(server.url)
  end)
  after_each(function() client:close() end)

  -- A handle is used again, and libcurl tells of its last use until then.
  it("does not take what was there before for an answer", function()
    assert.equal(200, (bare.exchange(client):result()))
    local post = client:start { method = "POST", path = "/x", body = "{}" }
    local other = client:start { path = "/x" }
    other:cancel() -- both get a handle; neither begins
    post:cancel()
    local _, failure = bare.finish(client, post):result()
    assert.same({ class = "cancelled", sent = false }, failure)
    client:close()
    assert.equal(1, #server:requests())
  end)

  it("uses connections again, however many are in use", function()
    local accepted, open, done = server:connections(), {}, 0
    for _ = 1, 40 do
      open[client:start { path = "/x" }] = true
    end
    repeat
      client:wait(0.25)
      for request in function() return (client:completed()) end do
        assert.equal(200, (request:result()))
        open[request] = nil
        done = done + 1
        if done <= 360 then open[client:start { path = "/x" }] = true end
      end
    until not next(open)
    assert.equal(400, done)
    assert.is_true(server:connections() - accepted <= 60)
  end)

  it("keeps few connections that nothing uses", function()
    for _ = 1, 30 do
      assert.equal(200, (bare.exchange(client, { method = "POST" }):result()))
    end
    assert.is_true(server:wait { open = 9 })
  end)

  it("closes all of them after a minute", function()
    local child = native.child([[
      local core = require "jogg.core"
      local bare = require "spec.support.bare"
      local client = bare.client(arg[1])
      local function exchange()
        assert(bare.exchange(client, { method = "POST" }):result() == 200)
      end
      for _ = 1, 5 do exchange() end
      print "idle"
      local begun = core.now()
      repeat client:wait(1) until core.now() > begun + 70
      print "closed"
      os.execute "sleep 2"
      exchange()
      client:close()
      print "done"
    ]], { preload = { PRELOAD_HURRY = 50 }, arguments = { server.url } })
    assert.equal("idle", child:line())
    assert.is_true(select(2, server:connections()) > 0)
    assert.equal("closed", child:line())
    assert.is_true(server:wait { open = 0, timeout = 1 })
    assert.equal("done", child:line())
    assert.is_true(child:wait(5))
    os.remove(child.file)
  end)

  it("sees no silence while the disk holds it up", function()
    server:on("POST", "/x", { delay = 0.2, json = { code = 0 } })
    local output, ended = native.run([[
      local bare = require "spec.support.bare"
      local client = bare.client(arg[1])
      assert(client:start_thread())
      local path = os.tmpname()
      local download = client:download { path = path, overwrite = true,
        maximum = 1e6, whole = "mp4" }
      local check = download:check()
      local post = client:start { method = "POST", path = "/x", body = "{}",
        stall_timeout = 1, timeout = 30 }
      print((bare.finish(client, check):result()),
        (bare.finish(client, post):result()))
      client:close()
      os.remove(path)
    ]], { preload = { PRELOAD_FSYNC = 2 }, arguments = { server.url } })
    assert.equal("0\t200\n", output)
    assert.is_true(ended)
  end)
end)
