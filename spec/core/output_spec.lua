-- SPDX-License-Identifier: MIT
-- Userdata jogg.core.output: the temporary file beside a target, which a client
-- makes, and which is gone when nobody holds it; and a download's bytes on their
-- way through it.

local core = require "jogg.core"
local faults = require "spec.support.faults"
local flow = require "spec.support.flow"
local process = require "spec.support.process"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

describe("core.output", function()
  local folder, path, maker

  setup(function()
    folder = process.temporary_folder()
    path = folder .. "/ad.mp4"
  end)
  teardown(function() process.remove_folder(folder) end)
  before_each(function()
    maker = core.client { base_url = "http://127.0.0.1:9", api_key = "k",
      user_agent = "spec" }
  end)
  after_each(function()
    maker:close()
    os.remove(path)
    assert.same({}, process.files(folder))
  end)

  -- Waits for a request of `maker`.
  local function wait_for(request)
    local deadline = core.now() + 10 * SLOW
    while not request:done() do
      assert(core.now() < deadline, "the request does not end")
      maker:wait(0.25)
    end
    return request
  end

  local function make(target, overwrite, maximum)
    local output = assert(core.output(target, overwrite, maximum))
    local made, err = wait_for((maker:create(output))):result()
    if not made then
      output:close()
      return nil, err
    end
    assert.same({ 0, true }, { made, err })
    return output
  end

  -- Waits for the I/O thread, if there is one; the client does not hear of it.
  local function wait_until_empty()
    local deadline = core.now() + 10 * SLOW
    while process.file_count(folder) > 0 do
      assert(core.now() < deadline, "the file stays")
    end
  end

  local function refused(target, overwrite, reason)
    local before = process.settled_descriptor_count()
    for _ = 1, 5 do
      local output, err = make(target, overwrite, 100)
      assert.is_nil(output)
      assert.equal("io", err.kind)
      assert.equal(reason, err.reason)
      assert.equal("not_sent", err.outcome)
      assert.equal(1, (err.message:find(target, 1, true)))
    end
    collectgarbage()
    assert.equal(before, process.descriptor_count())
  end

  it("touches nothing by itself", function()
    local before = process.settled_descriptor_count()
    local output = assert(core.output(path, false, 100))
    assert.same({}, process.files(folder))
    assert.equal(before, process.descriptor_count())
    output:close()
    assert(core.output(folder .. "/none/ad.mp4", false, 100)):close()
  end)

  it("is a private file beside the target, and not the target", function()
    local output = assert(make(path, false, 100))
    assert.equal("jogg.core.output (open)", tostring(output))
    assert.equal("jogg.core.output", getmetatable(output))
    local files = process.files(folder)
    assert.equal(1, #files)
    assert.truthy(files[1]:find "^%.jogg%-......$")
    assert.equal("600\n", (process.run { "stat", "-c", "%a",
      folder .. "/" .. files[1] }))
    output:close()
    output:close()
    assert.equal("jogg.core.output (closed)", tostring(output))
    assert.same({}, process.files(folder))
  end)

  it("is gone when it is forgotten", function()
    local before = process.settled_descriptor_count()
    for _ = 1, 20 do
      assert(make(path, false, 100))
    end
    collectgarbage()
    collectgarbage()
    assert.same({}, process.files(folder))
    assert.equal(before, process.descriptor_count())
  end)

  it("is not inherited by other programs", function()
    local output = assert(make(path, false, 100))
    local list = process.run { "sh", "-c", "ls -l /proc/self/fd" }
    assert.falsy(list:find(".jogg-", 1, true), list)
    output:close()
  end)

  it("does not come where the target cannot be", function()
    refused(folder, true, "file")
    refused(path .. "/", true, "file")
    refused("", false, "file")
    refused(folder .. "/none/ad.mp4", false, "file")
    refused("/dev/null", false, "exists")
    refused("/dev/null", true, "file")
    process.write_file(path, "x")
    refused(path, false, "exists")
    local output = assert(make(path, true, 100))
    output:close()
    assert.equal("x", process.read_file(path))
  end)

  it("may be made again: it is there, or could not be made", function()
    local later = folder .. "/later"
    local output = assert(core.output(later .. "/ad.mp4", false, 100))
    for _ = 1, 3 do
      assert.is_nil((wait_for((maker:create(output))):result()))
    end
    process.run { "mkdir", later }
    for _ = 1, 3 do
      assert.equal(0, (wait_for((maker:create(output))):result()))
      assert.equal(1, process.file_count(later))
    end
    output:close()
    assert.same({}, process.files(later))
    process.run { "rmdir", later }
  end)

  for _, threaded in ipairs { false, true } do
    local how = threaded and ", threaded" or ", inline"

    it("is discarded where it was made, in the order of asking" .. how,
      function()
        if threaded then maker:run_thread() end
        local output = assert(make(path, false, 100))
        assert.equal(1, process.file_count(folder))
        maker:discard(output)
        maker:discard(output)
        assert.equal("jogg.core.output (closed)", tostring(output))
        wait_until_empty()
        for _ = 1, 100 do -- before it is made
          output = core.output(path, false, 100)
          local request = maker:create(output)
          maker:discard(output)
          assert.equal(0, (wait_for(request):result()))
        end
        assert.is_nil(maker:next())
        wait_until_empty()
      end)

    it("does not stay when its making is cancelled" .. how, function()
      if threaded then maker:run_thread() end
      for round = 1, 100 do
        local output = core.output(path, false, 100)
        local request = maker:create(output)
        if round % 2 == 0 then request:cancel() end
        request:close()
        maker:discard(output)
      end
      wait_until_empty()
    end)

    it("is gone when the client is closed" .. how, function()
      for round = 1, 20 do
        if threaded then maker:run_thread() end
        local list = {}
        for i = 1, 20 do
          list[i] = assert(core.output(path, false, 100))
          maker:create(list[i])
        end
        if round % 2 == 0 then maker:wait(0.01) end
        for i = 1, 20 do maker:discard(list[i]) end
        maker:close()
        assert.same({}, process.files(folder))
        maker:discard(list[1])
        local output = core.output(path, false, 100)
        maker:discard(output) -- a closed one does it here
        assert.equal("jogg.core.output (closed)", tostring(output))
        maker = core.client { base_url = "http://127.0.0.1:9", api_key = "k",
          user_agent = "spec" }
      end
    end)
  end

  it("is made and discarded by a client, and by nothing else", function()
    local output = core.output(path, false, 100)
    for _, name in ipairs { "create", "discard" } do
      for _, odd in ipairs { {}, "x", 5 } do
        assert.is_false((pcall(maker[name], maker, odd)))
        assert.is_false((pcall(maker[name], odd, output)))
      end
      assert.is_false((pcall(maker[name], maker, maker)))
      assert.is_false((pcall(maker[name], output, output)))
      assert.is_false((pcall(maker[name], maker)))
    end
    output:close()
    local ok, err = pcall(maker.create, maker, output)
    assert.is_false(ok)
    assert.truthy(err:find("attempt to use a closed output", 1, true))
  end)

  it("checks its arguments", function()
    for _, arguments in ipairs { {}, { path }, { path, false }, { {}, false, 1 },
      { "a\0b", false, 1 }, { path, false, 0 }, { path, false, -1 },
      { path, false, 0 / 0 }, { path, false, 1e300 }, { path, false, "x" } } do
      assert.is_false((pcall(core.output, arguments[1], arguments[2],
        arguments[3])))
    end
  end)

  describe("in a download", function()
    local server, client

    setup(function() server = faults.start() end)
    teardown(function() server:stop() end)
    before_each(function()
      server:clear()
      client = core.client { base_url = server.url, api_key = "k",
        user_agent = "spec" }
    end)
    after_each(function() client:close() end)

    local function start(output, ...)
      local request = assert(client:download(output, server.url .. "/v.mp4",
        5, 5, 9 * SLOW, ...))
      return request
    end

    local function finish(request)
      local deadline = core.now() + 10 * SLOW
      while not request:done() do
        assert(core.now() < deadline, "the request does not end")
        client:wait(0.25)
      end
      return request
    end

    it("gets the target's name when it is whole", function()
      server:on("GET", "/v.mp4", { body = flow.VIDEO })
      local output = core.output(path, false, 1e6)
      local request = finish(start(output))
      assert.same({ 200, true }, { request:result() })
      assert.same({ #flow.VIDEO, #flow.VIDEO }, { request:progress() })
      assert.same({ "ad.mp4" }, process.files(folder))
      assert.equal(flow.VIDEO, process.read_file(path))
      output:close()
      assert.equal(flow.VIDEO, process.read_file(path))
      -- and takes nothing more
      output = core.output(path, true, 1e6)
      finish(start(output))
      request = finish(start(output))
      local status, err = request:result()
      assert.is_nil(status)
      assert.equal("io", err.kind)
    end)

    it("keeps what it has for the next try", function()
      server:on("GET", "/v.mp4", { { body = flow.VIDEO, reset = "mid_body",
        cut_at = 1000 } })
      local output = core.output(path, false, 1e6)
      local request = finish(start(output))
      local status, err = request:result()
      assert.is_nil(status)
      assert.same({ "network", "broken", 200 },
        { err.kind, err.reason, err.http_status })
      assert.same({ 1000, #flow.VIDEO }, { request:progress() })
      server:on("GET", "/v.mp4", { status = 206, body = flow.VIDEO:sub(1001),
        headers = { ["Content-Range"] = ("bytes 1000-%d/%d"):format(
          #flow.VIDEO - 1, #flow.VIDEO), ETag = '"e"' } })
      request = finish(start(output, '"e"'))
      assert.same({ 206, true }, { request:result() })
      assert.equal(flow.VIDEO, process.read_file(path))
      local headers = server:last_request().headers
      assert.same({ "bytes=1000-", '"e"' },
        { headers.range, headers["if-range"] })
    end)

    it("may be let go by everybody, in any order", function()
      server:on("GET", "/v.mp4", { body = flow.VIDEO, stall = "mid_body" })
      for round = 1, 6 do
        local output = core.output(path, false, 1e6)
        local request = start(output)
        client:wait(0.01)
        if round <= 2 then
          output:close()
          assert.equal(1, process.file_count(folder))
          request:close()
        elseif round <= 4 then
          request:close()
          output:close()
        else
          output:close()
          client:close()
          client = core.client { base_url = server.url, api_key = "k",
            user_agent = "spec" }
        end
        client:wait(0.01)
        client:wait(0.01)
        assert.same({}, process.files(folder))
      end
    end)

    it("needs one that is open", function()
      local output = core.output(path, false, 1e6)
      output:close()
      local ok, err = pcall(client.download, client, output, server.url)
      assert.is_false(ok)
      assert.truthy(err:find("attempt to use a closed output", 1, true))
      for _, odd in ipairs { {}, client, "x", 5 } do
        assert.is_false((pcall(client.download, client, odd, server.url)))
      end
      assert.is_false((pcall(client.download, client)))
    end)

    it("has the text of a refusal, as much of it as is of use", function()
      server:on("GET", "/v.mp4", { status = 403, body = ("no "):rep(100000) })
      local output = core.output(path, false, 1e6)
      local request = finish(start(output))
      assert.equal(403, (request:result()))
      assert.equal(16384, #request:text(1e6))
      assert.equal(0, (request:progress()))
      output:close()
    end)
  end)
end)
