-- SPDX-License-Identifier: MIT
-- Servers that lie about a video, and files that are none: nothing of it gets
-- the target's name, nothing is taken for whole that is not, and no try goes
-- on for ever.

local core = require "jogg.core"
local fetching = require "spec.support.fetching"
local flow = require "spec.support.flow"
local process = require "spec.support.process"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

describe("download", function()
  local rig, server

  setup(function()
    rig = fetching.start(50000)
    server = rig.server
  end)
  teardown(function() rig.stop() end)
  before_each(function() rig.reset() end)

  -- The error when the video is always served like this.
  local function failure(steps, options)
    rig.reset(options)
    rig.serve(steps)
    local begun = core.now()
    local err = rig.check_nothing(rig.fetch())
    assert.is_true(core.now() - begun < 5 * SLOW)
    assert.is_true(#rig.tries() <= 16, #rig.tries())
    return err
  end

  describe("from a server that lies", function()
    it("about where a part begins", function()
      local cut = { file = rig.file, range = true, etag = '"v1"',
        reset = "mid_body", cut_at = 20000 }
      for _, range in ipairs { "bytes 0-49999/50000", "bytes 20001-49999/50000",
        "bytes 19999-49999/50000", "bytes */50000", "bytes 20000", "x", "",
        "bytes -20000-49999/50000", "bytes 99999999999999999999-1/2" } do
        rig.reset()
        rig.serve { cut, { status = 206, body = rig.video:sub(20001),
          headers = { ["Content-Range"] = range, ETag = '"v1"' } },
          { file = rig.file, etag = '"v1"' } }
        rig.check_whole(rig.fetch())
        assert.is_nil(rig.tries()[3].headers.range)
      end
      rig.reset()
      rig.serve { cut, { status = 206, body = rig.video:sub(20001) },
        { file = rig.file } }
      rig.check_whole(rig.fetch())
      -- and never tells the truth
      local err = failure { cut, { status = 206, body = rig.video,
        headers = { ["Content-Range"] = "bytes 5-50004/50005" } } }
      assert.same({ "protocol", "range" }, { err.kind, err.reason })
    end)

    it("about how much of a part it sends", function()
      local cut = { file = rig.file, range = true, etag = '"v1"',
        reset = "mid_body", cut_at = 20000 }
      rig.serve { cut, { status = 206, body = rig.video:sub(20001, 30000),
        headers = { ["Content-Range"] = "bytes 20000-49999/50000" } },
        { file = rig.file, range = true, etag = '"v1"' } }
      rig.check_whole(rig.fetch())
      assert.equal("bytes=30000-", rig.tries()[3].headers.range)
    end)

    it("about having what it was asked for: 416", function()
      rig.serve { { file = rig.file, range = true, etag = '"v1"',
        reset = "mid_body", cut_at = 20000 }, { status = 416 },
        { file = rig.file } }
      rig.check_whole(rig.fetch())
      assert.is_nil(rig.tries()[3].headers.range)
      local err = failure { status = 416 }
      assert.equal(416, err.http_status)
    end)

    it("once, about the length", function()
      rig.serve { { file = rig.file, range = true, content_length = 60000,
        etag = '"v1"' }, { file = rig.file, range = true, etag = '"v1"' } }
      rig.check_whole(rig.fetch())
    end)

    it("always, about the length, upwards", function()
      for _, range in ipairs { true, false } do
        local err = failure { file = rig.file, range = range, etag = '"v1"',
          content_length = 60000 }
        assert.is_true(err.retryable)
      end
    end)

    it("about the length, and then about the rest", function()
      local steps = {} -- the same bytes again and again are no progress
      for i = 1, 20 do
        steps[i] = i % 2 == 0 and { status = 416 } or
          { body = rig.video, content_length = 60000 }
      end
      failure(steps)
      assert.is_true(#rig.tries() <= 8, #rig.tries())
    end)

    it("about the length, downwards", function()
      local err = failure { body = rig.video, content_length = 40000 }
      assert.same({ "protocol", "cut" }, { err.kind, err.reason })
      err = failure { body = rig.video, content_length = 0 }
      assert.same({ "protocol", "empty" }, { err.kind, err.reason })
      rig.reset()
      rig.serve { { body = rig.video, content_length = 40000 },
        { body = rig.video } }
      rig.check_whole(rig.fetch())
    end)

    it("in the middle of a chunk", function()
      local err = failure { chunks = { rig.video:sub(1, 999), "rest" },
        bad_chunk = true }
      assert.is_true(err.kind == "network" or err.kind == "protocol")
    end)

    it("about the end: a chunked or endless body just ends", function()
      -- a FIN where only the end says how long the body is
      local err = failure { body = rig.video:sub(1, 40000),
        content_length = false }
      assert.same({ "protocol", "cut" }, { err.kind, err.reason })
      rig.reset()
      rig.serve { { file = rig.file, chunked = true, close = "mid_body" },
        { file = rig.file, chunked = true } }
      rig.check_whole(rig.fetch())
    end)
  end)

  describe("of what is no video", function()
    for what, case in pairs {
      ["is cut, though its length is right"] = { function()
        return rig.video:sub(1, 49999)
      end, "cut" },
      ["ends after its first box"] = { function()
        return rig.video:sub(1, 24)
      end, "cut" },
      ["has no content"] = { function() return rig.video:sub(1, 232) end, "cut" },
      ["is cut in a box's head"] = { function()
        return rig.video .. "\0\0"
      end, "cut" },
      ["has a box that ends before it began"] = { function()
        return rig.video .. "\0\0\0\7free"
      end, "cut" },
      ["has a box of a size beyond all sizes"] = { function()
        return rig.video .. "\0\0\0\1free\255\255\255\255\255\255\255\255"
      end, "cut" },
      ["is empty"] = { function() return "" end, "empty" },
      ["is a page"] = { function()
        return "<!doctype html><html>not found</html>"
      end, "not_video" },
      ["is JSON"] = { function() return '{"code":10104}' end, "not_video" },
      ["is a few bytes"] = { function() return "ftyp" end, "not_video" },
      ["is another kind of file"] = { function()
        return "\137PNG\r\n\26\n" .. ("x"):rep(1000)
      end, "not_video" },
    } do
      it("that " .. what, function()
        local err = failure { body = case[1](),
          headers = { ["Content-Type"] = "video/mp4" } }
        assert.same({ "protocol", case[2] }, { err.kind, err.reason })
        assert.equal(200, err.http_status)
        assert.is_true(#rig.tries() >= 2 and #rig.tries() <= 3)
      end)
    end

    it("asks once for a fresh address when it gets a page", function()
      server:on("GET", "/open/prj_info", {
        flow.info(4, { video_url = server.url .. "/v-old.mp4" }),
        flow.info(4, { video_url = server.url .. "/v-new.mp4" }) })
      server:on("GET", "/v-old.mp4", { body = "<html>expired</html>" })
      server:on("GET", "/v-new.mp4", { file = rig.file, range = true })
      rig.check_whole(rig.fetch())
      assert.is_nil(rig.tries()[2].headers.range)
    end)

    it("does with a whole file of any make", function()
      for _, whole in ipairs {
        rig.video .. "\0\0\0\8free", -- boxes after the content
        rig.video:sub(1, 24) .. "\0\0\0\1mdat\0\0\0\0\0\0\0\20abcd"
          .. rig.video:sub(25, 232), -- a 64-bit size; moov at the end
        rig.video:sub(1, 232) .. "\0\0\0\0mdat" .. ("x"):rep(999), -- to the end
      } do
        rig.reset()
        rig.serve { body = whole }
        local video, err = rig.fetch()
        rig.check_whole(video, err, whole)
      end
    end)
  end)

  describe("of too much", function()
    it("is refused by its announced size before any of it comes", function()
      for _, step in ipairs {
        { content_length = 10 * 2 ^ 30, body = rig.video:sub(1, 99),
          stall = "after_answer" },
        { file = rig.file }, { file = rig.file, chunked = true },
        { endless = true },
        { body = rig.video, content_length = false },
      } do
        local err = failure(step, { max_bytes = 40000 })
        assert.same({ "protocol", "too_large" }, { err.kind, err.reason })
        assert.is_false(err.retryable)
        assert.equal(1, #rig.tries())
      end
      rig.reset { max_bytes = 50000 }
      rig.check_whole(rig.fetch())
    end)

    it("is no page of error without an end", function()
      for _, status in ipairs { 500, 404 } do
        local err = failure { status = status, endless = true }
        assert.equal(status, err.http_status)
      end
    end)

    it("are headers without an end", function()
      for _, step in ipairs { { endless_headers = true },
        { long_header = 2 ^ 20 } } do
        local err = failure(step)
        assert.same({ "protocol", "too_large" }, { err.kind, err.reason })
      end
    end)

    it("is a bomb: nothing is unpacked", function()
      local err = failure { gzip_bomb = 2 ^ 20 }
      assert.same({ "protocol", "encoding" }, { err.kind, err.reason })
      assert.matches("gzip", err.message)
    end)
  end)

  it("leaves no descriptor open, however it ends", function()
    collectgarbage()
    local steps = { { file = rig.file }, { body = "x" }, { status = 404 },
      { reset = "mid_body", file = rig.file }, { endless = true } }
    local function all()
      for _, step in ipairs(steps) do
        rig.reset { max_bytes = 60000 }
        rig.serve(step)
        rig.fetch()
      end
      rig.client:close()
    end
    all()
    local before = process.settled_descriptor_count()
    all()
    assert.equal(before, process.descriptor_count())
  end)

  -- What was paid for stays beside the target, and the error says where.
  local function check_kept(err)
    assert.same({ err.kept:match "[^/]*$", "ad.mp4" },
      process.files(rig.target_folder))
    assert.truthy(tostring(err):find(err.kept, 1, true))
    assert.is_true(process.read_file(err.kept) == rig.video)
    assert(os.remove(err.kept))
  end

  it("goes on after the target came into being: nothing is replaced", function()
    local made = false
    rig.serve { { file = rig.file, reset = "mid_body", slow = 60000 },
      { status = 416 }, { file = rig.file } }
    local video, err = rig.fetch { on_progress = function(p)
      if p.phase == "download" and not made and (p.bytes or 0) > 0 then
        made = true
        process.write_file(rig.path, "somebody else's")
      end
    end }
    assert.is_true(made)
    assert.is_nil(video)
    assert.same({ "io", "exists" }, { err.kind, err.reason })
    assert.equal("somebody else's", process.read_file(rig.path))
    check_kept(err)
  end)

  it("is not replaced at the last moment either", function()
    local made = false
    rig.serve { file = rig.file, slow = 60000 }
    local video, err = rig.fetch { on_progress = function(p)
      if p.phase == "download" and not made and (p.bytes or 0) > 0 then
        made = true
        process.write_file(rig.path, "somebody else's")
      end
    end }
    assert.is_nil(video)
    assert.same({ "io", "exists" }, { err.kind, err.reason })
    assert.equal("somebody else's", process.read_file(rig.path))
    check_kept(err)
  end)
end)
