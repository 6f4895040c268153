-- SPDX-License-Identifier: MIT
-- Fetching the video: whole or not at all, from wherever it broke off, to
-- where nothing else is touched. Servers that lie are in
-- download_trouble_spec.lua, the disk's side in download_disk_spec.lua.

local faults = require "spec.support.faults"
local core = require "jogg.core"
local fetching = require "spec.support.fetching"
local flow = require "spec.support.flow"
local process = require "spec.support.process"

describe("download", function()
  local rig, server

  setup(function()
    rig = fetching.start()
    server = rig.server
  end)
  teardown(function() rig.stop() end)
  before_each(function() rig.reset() end)

  it("puts the whole file there, and the key nowhere", function()
    rig.check_whole(rig.fetch())
    local tries = rig.tries()
    assert.equal(1, #tries)
    local names = {}
    for name in pairs(tries[1].headers) do
      names[#names + 1] = name
    end
    table.sort(names)
    assert.same({ "accept", "accept-encoding", "host", "user-agent" }, names)
    for _, line in ipairs(tries[1].header_list) do
      assert.falsy(line:find(fetching.KEY, 1, true))
    end
    assert.equal(fetching.KEY, server:requests()[1].headers["x-api-key"])
  end)

  it("takes a file from elsewhere: TLS, chunks, an end as its length", function()
    local other = faults.start { tls = true }
    finally(function() other:stop() end)
    rig.reset { ca_file = other.ca_file }
    server:on("GET", "/open/prj_info", flow.info(4,
      { video_url = other.url .. "/some%20where/v.mp4?sign=a%2Bb+c&e=" }))
    other:on("GET", "/some%20where/v.mp4", { file = rig.file })
    rig.check_whole(rig.fetch())
    local request = other:last_request()
    assert.equal("sign=a%2Bb+c&e=", request.query)
    assert.is_nil(request.headers["x-api-key"])
    for _, step in ipairs { { file = rig.file, chunked = true },
      { file = rig.file, content_length = false },
      { chunks = { rig.video:sub(1, 1), rig.video:sub(2, 5),
        rig.video:sub(6) } } } do
      rig.reset()
      rig.serve(step)
      rig.check_whole(rig.fetch())
      assert.equal(1, #rig.tries())
    end
  end)

  it("tells how far it is", function()
    rig.serve { file = rig.file, slow = 200000 }
    local seen, last = 0, -1
    local video, err = rig.fetch { on_progress = function(p)
      if p.phase == "download" and p.bytes and p.bytes > 0 then
        seen = seen + 1
        assert(p.bytes >= last)
        last = p.bytes
        assert(p.percent >= 0 and p.percent <= 100)
      end
    end }
    rig.check_whole(video, err)
    assert.is_true(seen >= 1)
    assert.equal(#rig.video, last)
  end)

  describe("that breaks", function()
    for _, how in ipairs { "reset", "close" } do
      it("goes on where it broke off: " .. how, function()
        rig.serve {
          { file = rig.file, range = true, etag = '"v1"', [how] = "mid_body",
            cut_at = 30000 },
          { file = rig.file, range = true, etag = '"v1"' },
        }
        rig.check_whole(rig.fetch())
        local tries = rig.tries()
        assert.equal(2, #tries)
        assert.is_nil(tries[1].headers.range)
        assert.equal("bytes=30000-", tries[2].headers.range)
        assert.equal('"v1"', tries[2].headers["if-range"])
        assert.is_nil(tries[2].headers["x-api-key"])
      end)
    end

    it("goes on any number of times while it gets on", function()
      local steps = {}
      for i = 1, 9 do
        steps[i] = { file = rig.file, range = true, etag = '"v1"',
          [i % 2 == 0 and "reset" or "close"] = "mid_body", cut_at = 10000 }
      end
      steps[10] = { file = rig.file, range = true, etag = '"v1"' }
      rig.serve(steps)
      rig.check_whole(rig.fetch())
      local tries = rig.tries()
      assert.equal(10, #tries)
      assert.equal("bytes=90000-", tries[10].headers.range)
    end)

    it("goes on after silence, a 503 and a refused connection", function()
      rig.reset { stall_timeout = 0.2 }
      rig.serve {
        { file = rig.file, range = true, etag = '"v1"', stall = "mid_body",
          cut_at = 30000 },
        { status = 503, body = "busy" },
        { reset = "after_request" },
        { close = "mid_headers", file = rig.file, range = true },
        { status = 429, body = "" },
        { file = rig.file, range = true, etag = '"v1"' },
      }
      rig.check_whole(rig.fetch())
      local tries = rig.tries()
      assert.equal(6, #tries)
      for i = 2, 6 do
        assert.equal("bytes=30000-", tries[i].headers.range)
      end
    end)

    it("begins anew without an ETag, or with a weak one, which proves nothing",
      function()
        for _, etag in ipairs { 'W/"v1"', "" } do
          rig.reset()
          local whole = { file = rig.file, range = true,
            etag = etag ~= "" and etag or nil }
          local cut = { file = rig.file, range = true, etag = whole.etag,
            reset = "mid_body", cut_at = 30000 }
          rig.serve { cut, whole }
          rig.check_whole(rig.fetch())
          local tries = rig.tries()
          assert.equal(2, #tries)
          assert.is_nil(tries[2].headers.range)
          assert.is_nil(tries[2].headers["if-range"])
        end
      end)

    it("goes on when only the time of the last change is known", function()
      local day = "Tue, 24 Nov 2026 10:00:00 GMT"
      for _, etag in ipairs { 'W/"v1"', "" } do
        local whole = { file = rig.file, range = true, modified = day,
          etag = etag ~= "" and etag or nil }
        local cut = { file = rig.file, range = true, modified = day,
          etag = whole.etag, reset = "mid_body", cut_at = 30000 }
        rig.reset()
        rig.serve { cut, whole }
        rig.check_whole(rig.fetch())
        local tries = rig.tries()
        assert.equal(2, #tries)
        assert.equal("bytes=30000-", tries[2].headers.range)
        assert.equal(day, tries[2].headers["if-range"])
      end
    end)

    it("begins anew when the server knows no Range", function()
      rig.serve { { file = rig.file, reset = "mid_body", cut_at = 30000 },
        { file = rig.file } }
      rig.check_whole(rig.fetch())
      assert.equal(2, #rig.tries())
      rig.reset()
      rig.serve {
        { file = rig.file, etag = '"v1"', reset = "mid_body", cut_at = 30000 },
        { file = rig.file, etag = '"v1"', reset = "mid_body", cut_at = 40000 },
        { file = rig.file, etag = '"v1"', chunked = true } }
      rig.check_whole(rig.fetch())
      assert.equal("bytes=40000-", rig.tries()[3].headers.range)
    end)

    it("ends at last when it never gets on", function()
      for _, step in ipairs { { reset = "after_request" },
        { status = 500, body = "x" }, { status = 502, body = "<html>" },
        { file = rig.file, reset = "mid_body", cut_at = 0 },
        { file = rig.file, reset = "mid_body", cut_at = 30000 } } do
        rig.reset()
        rig.serve(step)
        local err = rig.check_nothing(rig.fetch())
        assert.is_true(err.retryable)
        local n = #rig.tries()
        assert.is_true(n >= 6 and n <= 8, n) -- libcurl may add one
      end
    end)

    it("does not outwait the time it has for a server's wish", function()
      local download = require "jogg.download"
      rig.serve { status = 503, body = "", headers = { ["Retry-After"] = "60" } }
      local begun = core.now()
      local task = rig.client:spawn(function()
        local fetched = download.new(rig.client, rig.path, false, "mp4")
        local bytes, err = fetched:fetch { url = server.url .. "/v.mp4",
          deadline = core.now() + 5 }
        fetched:discard()
        return bytes, err
      end)
      local bytes, err = task:wait()
      assert.is_nil(bytes)
      assert.equal(503, err.http_status)
      assert.is_true(core.now() - begun < 4)
    end)

    it("ends at last when nobody is there", function()
      server:on("GET", "/open/prj_info", flow.info(4,
        { video_url = faults.refused_url() .. "/v.mp4" }))
      local err = rig.check_nothing(rig.fetch())
      assert.same({ "network", "connect" }, { err.kind, err.reason })
      -- and goes on with what err.resume says, without paying again
      server:on("GET", "/open/prj_info", flow.finished(server))
      rig.check_whole(rig.client:make_video { resume = err.resume,
        poll = flow.POLL })
      assert.equal(1, flow.count(server, "render"))
    end)
  end)

  describe("of a file that changes", function()
    local other_video, other_file

    setup(function()
      other_video = fetching.video(#rig.video, "e")
      other_file = process.write_file(rig.folder .. "/other.mp4", other_video)
    end)

    it("begins anew when the ETag says so", function()
      rig.serve { { file = rig.file, range = true, etag = '"v1"',
        reset = "mid_body", cut_at = 30000 },
        { file = other_file, range = true, etag = '"v2"',
          reset = "mid_body", cut_at = 20000 },
        { file = other_file, range = true, etag = '"v2"' } }
      local video, err = rig.fetch()
      rig.check_whole(video, err, other_video)
      local tries = rig.tries()
      assert.equal('"v1"', tries[2].headers["if-range"])
      assert.equal('"v2"', tries[3].headers["if-range"])
      assert.equal("bytes=20000-", tries[3].headers.range)
    end)

    it("begins anew when the server knows Range, but no If-Range", function()
      rig.serve { { file = rig.file, range = true, etag = '"v1"',
        reset = "mid_body", cut_at = 30000 },
        { status = 206, body = other_video:sub(30001), headers = {
          ETag = '"v2"', ["Content-Range"] = ("bytes 30000-%d/%d")
            :format(#other_video - 1, #other_video) } },
        { file = other_file, etag = '"v2"' } }
      local video, err = rig.fetch()
      rig.check_whole(video, err, other_video)
      assert.is_nil(rig.tries()[3].headers.range)
    end)

    it("begins anew though a whole answer of the new one broke off at once",
      function()
        for _, cut_at in ipairs { 0, false } do
          rig.reset()
          rig.serve { { file = rig.file, range = true, etag = '"v1"',
            reset = "mid_body", cut_at = 30000 },
            cut_at and { file = other_file, range = true, etag = '"v2"',
              close = "mid_body", cut_at = 0 } or { close = "mid_headers" },
            { file = other_file, range = true, etag = '"v2"' } }
          local video, err = rig.fetch()
          rig.check_whole(video, err, other_video)
          assert.equal('"v1"', rig.tries()[3].headers["if-range"])
        end
      end)

    it("begins anew when nothing says that it is the same", function()
      rig.serve { { file = rig.file, range = true, reset = "mid_body",
        cut_at = 30000 }, { file = other_file, range = true } }
      local video, err = rig.fetch()
      rig.check_whole(video, err, other_video)
    end)

    it("begins anew when only the length says so", function()
      -- put together, the two would be a whole file of boxes
      local longer = other_video .. "\0\0\0\16free12345678"
      rig.serve { { file = rig.file, range = true, etag = '"v1"',
        reset = "mid_body", cut_at = 30000 },
        { status = 206, body = longer:sub(30001), headers = {
          ["Content-Range"] = ("bytes 30000-%d/%d"):format(#longer - 1,
            #longer) } },
        { body = longer } }
      local video, err = rig.fetch()
      rig.check_whole(video, err, longer)
    end)
  end)

  describe("from an address", function()
    it("that is gone asks for a fresh one", function()
      for _, status in ipairs { 404, 410, 403, 401, 400 } do
        rig.reset()
        server:on("GET", "/open/prj_info", {
          flow.info(4, { video_url = server.url .. "/v-old.mp4" }),
          flow.info(4, { video_url = server.url .. "/v-new.mp4" }) })
        server:on("GET", "/v-old.mp4", { status = status, body = "gone" })
        server:on("GET", "/v-new.mp4", { file = rig.file })
        rig.check_whole(rig.fetch())
        assert.equal(2, #rig.tries())
        assert.equal(2, flow.count(server, "info"))
      end
    end)

    it("that goes stale half-way goes on at the fresh one", function()
      server:on("GET", "/open/prj_info", {
        flow.info(4, { video_url = server.url .. "/v-old.mp4" }),
        flow.info(4, { video_url = server.url .. "/v-new.mp4" }) })
      server:on("GET", "/v-old.mp4", { { file = rig.file, range = true,
        etag = '"v1"', reset = "mid_body", cut_at = 30000 }, { status = 403 } })
      server:on("GET", "/v-new.mp4", { file = rig.file, range = true,
        etag = '"v1"' })
      rig.check_whole(rig.fetch())
      local tries = rig.tries()
      assert.equal(3, #tries)
      assert.equal("bytes=30000-", tries[3].headers.range)
      assert.equal('"v1"', tries[3].headers["if-range"])
    end)

    it("that goes stale half-way begins anew without a strong ETag", function()
      server:on("GET", "/open/prj_info", {
        flow.info(4, { video_url = server.url .. "/v-old.mp4" }),
        flow.info(4, { video_url = server.url .. "/v-new.mp4" }) })
      server:on("GET", "/v-old.mp4", { { file = rig.file, range = true,
        etag = 'W/"v1"', reset = "mid_body", cut_at = 30000 }, { status = 403 } })
      server:on("GET", "/v-new.mp4", { file = rig.file, range = true })
      rig.check_whole(rig.fetch())
      assert.is_nil(rig.tries()[3].headers.range)
    end)

    it("that stays gone is an error", function()
      rig.serve { status = 404, body = "gone" }
      local err = rig.check_nothing(rig.fetch())
      assert.equal("not_found", err.kind)
      assert.equal(404, err.http_status)
      assert.is_true(#rig.tries() >= 2)
      assert.truthy(tostring(err):find("the server of the file answered HTTP 404", 1, true))
    end)

    it("that sends us on is followed, without a key", function()
      local other = faults.start()
      finally(function() other:stop() end)
      other:on("GET", "/far/v2.mp4", { redirect = "../near/v3.mp4?a=b",
        status = 307 })
      other:on("GET", "/near/v3.mp4", { file = rig.file })
      rig.serve { redirect = other.url .. "/far/v2.mp4" }
      rig.check_whole(rig.fetch())
      assert.equal(2, #other:requests())
      assert.equal("a=b", other:last_request().query)
      for _, request in ipairs(other:requests()) do
        assert.is_nil(request.headers["x-api-key"])
      end
    end)

    it("that sends us on goes on there, when it breaks", function()
      rig.serve { redirect = "/v-there.mp4" }
      server:on("GET", "/v-there.mp4", { { file = rig.file, range = true,
        etag = '"v1"', close = "mid_body", cut_at = 30000 },
        { file = rig.file, range = true, etag = '"v1"' } })
      rig.check_whole(rig.fetch())
      local tries = rig.tries()
      assert.equal(3, #tries)
      assert.equal("bytes=30000-", tries[3].headers.range)
    end)

    it("that sends us in circles, or where nobody may be sent, is an error",
      function()
        for location, expected in pairs {
          ["/v.mp4"] = "redirects too often",
          [""] = "redirects",
          ["http://cdn.example/v.mp4"] = "must use https",
          ["http://0.0.0.0/v.mp4"] = "must use https",
          ["file:///etc/passwd"] = "must begin with https",
          ["ftp://127.0.0.1/v.mp4"] = "must begin with https",
          ["https://u:p@127.0.0.1/v.mp4"] = "user name",
          ["https://"] = "redirects to nowhere",
        } do
          rig.reset()
          rig.serve { redirect = location }
          local err = rig.check_nothing(rig.fetch())
          assert.truthy(err.message:find "^the address ",
            err.message)
          assert.truthy(err.message:find(expected, 1, true), err.message)
          assert.falsy(tostring(err):find("the key", 1, true), tostring(err))
          assert.is_true(#rig.tries() <= 7)
        end
      end)

    it("that is none is an error", function()
      for url, expected in pairs {
        ["http://cdn.example/v.mp4"] = "must use https",
        ["file:///etc/passwd"] = "must begin with https",
        ["v.mp4"] = "is not a URL",
        ["https://u:p@127.0.0.1/v.mp4"] = "user name",
        ["https://cdn.example/v.mp4\nX-Api-Key: x"] = "is not a URL",
        ["https://cdn.example/v.mp4\0x"] = "is not a URL",
        ["https://cdn.example/" .. ("v"):rep(70000)] = "is not a URL",
      } do
        rig.reset()
        server:on("GET", "/open/prj_info", flow.info(4, { video_url = url }))
        local err = rig.check_nothing(rig.fetch())
        assert.equal("protocol", err.kind)
        assert.equal("url", err.reason)
        assert.truthy(err.message:find(expected, 1, true), err.message)
      end
    end)
  end)
end)
