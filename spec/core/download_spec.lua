-- SPDX-License-Identifier: MIT
-- Userdata jogg.core.download: checked, fetched, stored, let go of; by a client
-- with a thread of its own or without. What the disk can do wrong is in
-- spec/c/layer0_file.c and its neighbours.

local bare = require "spec.support.bare"
local faults = require "spec.support.faults"
local flow = require "spec.support.flow"
local native = require "spec.support.native"
local process = require "spec.support.process"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

describe("core.download", function()
  local server, folder, path, client

  setup(function()
    server = faults.start()
    folder = process.temporary_folder()
    path = folder .. "/ad.mp4"
  end)
  teardown(function()
    server:stop()
    process.remove_folder(folder)
  end)
  before_each(function()
    server:clear():on_connect {}
    client = bare.client(server.url)
  end)
  after_each(function()
    client:close()
    os.remove(path)
    assert.same({}, process.files(folder))
  end)

  local function make(fields)
    fields = fields or {}
    fields.path = fields.path or path
    fields.maximum = fields.maximum or 1e6
    fields.whole = fields.whole or "mp4"
    return client:download(fields)
  end

  local function start(download, fields)
    fields = fields or {}
    fields.url, fields.download = server.url .. "/v.mp4", download
    fields.stall_timeout, fields.timeout = 5 * SLOW, 9 * SLOW
    return client:start(fields)
  end

  local function fetch(download, fields)
    return bare.finish(client, start(download, fields))
  end

  local function result_of(request)
    return bare.finish(client, request):result()
  end

  -- Raises unless a request fails like this; returns the failure.
  local function expect(class, request)
    local status, failure = result_of(request)
    assert.is_nil(status)
    assert.equal(class, failure.class)
    return failure
  end

  local function wait_until_empty()
    bare.wait(client, function() return process.file_count(folder) == 0 end)
  end

  it("checks its table", function()
    for expected, fields in pairs {
      ["path is missing"] = { maximum = 1, whole = "mp4" },
      ["path: string expected, got table"] = { path = {}, maximum = 1 },
      ["path: contains a NUL"] = { path = "a\0b" },
      ["maximum: out of range"] = { path = path, whole = "mp4" },
      ["whole: mp4 or length expected"] = { path = path, maximum = 1 },
      ["whole: mp4"] = { path = path, maximum = 1, whole = "mp3" },
      ["whole: string"] = { path = path, maximum = 1, whole = true },
    } do
      local ok, err = pcall(client.download, client, fields)
      assert.is_false(ok)
      assert.truthy(err:find(expected, 1, true), err)
    end
    for _, odd in ipairs { 0, -1, 0 / 0, 1e300, "x", {} } do
      assert.is_false((pcall(make, { maximum = odd })))
    end
    assert.is_false((pcall(client.download, client)))
    assert.is_false((pcall(client.download, {}, { path = path })))
  end)

  it("touches nothing by itself", function()
    local before = process.settled_descriptor_count()
    local download = make()
    assert.equal("jogg.core.download (open)", tostring(download))
    assert.equal("jogg.core.download", getmetatable(download))
    assert.is_nil((download:temporary()))
    assert.same({}, process.files(folder))
    assert.equal(before, process.descriptor_count())
    download:discard()
    download:discard()
    assert.equal("jogg.core.download (closed)", tostring(download))
    for _, name in ipairs { "check", "commit", "temporary" } do
      local ok, err = pcall(download[name], download)
      assert.is_false(ok)
      assert.truthy(err:find("attempt to use a closed download", 1, true), err)
    end
    assert.is_false((pcall(start, download)))
    assert.is_false((pcall(download.check, client)))
    make { path = folder .. "/none/ad.mp4" }:discard()
  end)

  for _, threaded in ipairs { false, true } do
    local how = threaded and ", threaded" or ", inline"

    local function begin()
      if threaded then client:start_thread() end
    end

    it("is checked, and nothing stays of that" .. how, function()
      begin()
      local download = make()
      for _ = 1, 3 do
        assert.same({ 0, true }, { result_of(download:check()) })
        assert.same({}, process.files(folder))
      end
      process.write_file(path, "x")
      local failure = expect("file", download:check())
      assert.same({ "EEXIST", false, "File exists" },
        { failure.errno, failure.sent, failure.system })
      assert.is_nil(failure.path)
      assert.same({ 0, true },
        { result_of(make { overwrite = true }:check()) })
      for target, errno in pairs { [folder] = "EISDIR", ["/dev/null"] =
        "ENOTSUP", [folder .. "/none/ad.mp4"] = "ENOENT" } do
        failure = expect("file",
          make { path = target, overwrite = true }:check())
        assert.equal(errno, failure.errno)
      end
      assert.equal("x", process.read_file(path))
    end)

    it("is fetched, then stored" .. how, function()
      begin()
      server:on("GET", "/v.mp4", { body = flow.VIDEO })
      local download = make()
      local request = fetch(download)
      assert.same({ 200, true }, { request:result() })
      assert.same({ #flow.VIDEO, #flow.VIDEO }, { request:progress() })
      local files = process.files(folder)
      assert.equal(1, #files)
      assert.equal(folder .. "/" .. files[1], download:temporary())
      assert.equal("600\n", (process.run { "stat", "-c", "%a",
        download:temporary() }))
      assert.same({ 0, true }, { result_of(download:commit()) })
      assert.is_nil(download:temporary())
      assert.same({ "ad.mp4" }, process.files(folder))
      assert.equal(flow.VIDEO, process.read_file(path))
      assert.equal("EBADF", expect("file", start(download)).errno)
      download:discard()
      assert.equal(flow.VIDEO, process.read_file(path))
    end)

    it("stays when it is whole and cannot be stored" .. how, function()
      begin()
      server:on("GET", "/v.mp4", { body = flow.VIDEO })
      local download = make()
      assert.equal(200, (fetch(download):result()))
      process.write_file(path, "another")
      for _ = 1, 2 do
        local failure = expect("file", download:commit())
        assert.same({ "EEXIST", download:temporary() },
          { failure.errno, failure.path })
        assert.equal(flow.VIDEO, process.read_file(failure.path))
      end
      local kept = download:temporary()
      download:discard()
      client:close()
      assert.equal(flow.VIDEO, process.read_file(kept))
      os.remove(kept)
    end)

    it("is not whole: empty, cut, foreign, or shorter than was said" .. how,
      function()
        begin()
        for word, step in pairs {
          empty = { body = "" }, foreign = { body = "<html>" .. ("x"):rep(99) },
          cut = { body = flow.VIDEO:sub(1, -2) },
        } do
          server:on("GET", "/v.mp4", step)
          local download = make()
          local failure = expect("not_whole", start(download))
          assert.same({ word, true, 200 },
            { failure.verdict, failure.sent, failure.status })
          download:discard()
          wait_until_empty()
        end
        server:on("GET", "/v.mp4", { body = "anything" })
        local download = make { whole = "length" }
        assert.same({ 200, true }, { fetch(download):result() })
        assert.equal(0, (result_of(download:commit())))
        assert.equal("anything", process.read_file(path))
        os.remove(path)
        server:on("GET", "/v.mp4", { body = "anything", content_length = 9 })
        download = make { whole = "length" }
        expect("broken", start(download))
        download:discard()
        wait_until_empty()
      end)

    it("continues where it broke off" .. how, function()
      begin()
      server:on("GET", "/v.mp4", { { body = flow.VIDEO, reset = "mid_body",
        cut_at = 1000, headers = { ETag = '"e"' } } })
      local download = make()
      local request = start(download)
      local failure = expect("broken", request)
      assert.same({ 200, true }, { failure.status, failure.sent })
      assert.same({ 1000, #flow.VIDEO }, { request:progress() })
      assert.equal('"e"', request:validator())
      local name = download:temporary()
      server:on("GET", "/v.mp4", { status = 206, body = flow.VIDEO:sub(1001),
        headers = { ["Content-Range"] = ("bytes 1000-%d/%d"):format(
          #flow.VIDEO - 1, #flow.VIDEO), ETag = '"e"' } })
      request = fetch(download, { validator = '"e"' })
      assert.same({ 206, true }, { request:result() })
      assert.is_nil((request:validator()))
      assert.equal(name, download:temporary())
      assert.equal(0, (result_of(download:commit())))
      assert.equal(flow.VIDEO, process.read_file(path))
      local headers = server:last_request().headers
      assert.same({ "bytes=1000-", '"e"' },
        { headers.range, headers["if-range"] })
    end)

    it("begins again without a validator, or with another part" .. how,
      function()
        begin()
        local download = make()
        server:on("GET", "/v.mp4", { body = flow.VIDEO, reset = "mid_body",
          cut_at = 1000 })
        expect("broken", start(download))
        expect("broken", start(download))
        assert.is_nil(server:last_request().headers.range)
        for _, range in ipairs { "bytes 999-3239/3240", "bytes 1000-3239/3241",
          "bytes 1001-3239/3240", "x" } do
          server:on("GET", "/v.mp4", { status = 206, headers = {
            ["Content-Range"] = range, ETag = '"e"' }, body = "x" })
          local failure = bare.failure(client, { url = server.url .. "/v.mp4",
            download = download, validator = '"e"' })
          assert.truthy(failure.class == "range" or failure.class == "broken",
            failure.class)
        end
        server:on("GET", "/v.mp4", { body = flow.VIDEO })
        assert.equal(200, (fetch(download, { validator = '"e"' }):result()))
        assert.equal(0, (result_of(download:commit())))
        assert.equal(flow.VIDEO, process.read_file(path))
      end)

    it("is no larger than is allowed" .. how, function()
      begin()
      for _, step in ipairs { { zeros = 2e6 }, { endless = true } } do
        server:on("GET", "/v.mp4", step)
        local download = make { whole = "length" }
        assert.is_true(expect("too_large", start(download)).sent)
        download:discard()
        wait_until_empty()
      end
    end)

    it("has the answer of a refusal, as much of it as is of use" .. how,
      function()
        begin()
        local download = make()
        server:on("GET", "/v.mp4", { status = 403, json = { code = 7 } })
        assert.same({ 403, { code = 7 } }, { fetch(download):result() })
        server:on("GET", "/v.mp4", { status = 404, endless = true })
        local request = fetch(download)
        local status, body, why = request:result()
        assert.same({ 404, nil, "string" }, { status, body, type(why) })
        assert.equal(0, (request:progress()))
        server:on("GET", "/v.mp4", { body = flow.VIDEO,
          headers = { ["Content-Encoding"] = "br" } })
        assert.equal("br", expect("encoding", start(download)).detail)
        download:discard()
      end)

    it("may go to a file of the API itself" .. how, function()
      begin()
      server:on("GET", "/file", { body = "of the API" })
      local download = make { whole = "length" }
      assert.same({ 200, true }, { bare.exchange(client, { path = "/file",
        download = download }):result() })
      assert.equal(bare.KEY, server:last_request().headers["x-api-key"])
      assert.equal(0, (result_of(download:commit())))
      assert.equal("of the API", process.read_file(path))
    end)

    it("does not follow a change of folder" .. how, function()
      server:on("GET", "/file", { body = "of the API" })
      local output = native.run([[
        local bare = require "spec.support.bare"
        local client = bare.client(arg[1])
        if arg[2] == "threaded" then client:start_thread() end
        native.chdir(arg[3])
        local download = client:download { path = "ad.mp4", maximum = 1e6,
          whole = "length" }
        native.chdir "/"
        assert(bare.finish(client, download:check()):result() == 0)
        assert(bare.exchange(client, { path = "/file",
          download = download }):result() == 200)
        print((bare.finish(client, download:commit()):result()))
      ]], { arguments = { server.url, threaded and "threaded" or "", folder } })
      assert.equal("0\n", output)
      assert.equal("of the API", process.read_file(path))
    end)

    it("is gone when it is forgotten, or let go of in any order" .. how,
      function()
        begin()
        server:on("GET", "/v.mp4", { body = flow.VIDEO, stall = "mid_body" })
        local before = process.settled_descriptor_count()
        for round = 1, 8 do
          local download = make()
          local request = start(download)
          bare.wait(client, function() return (request:progress()) > 0 end)
          assert.equal(1, process.file_count(folder))
          if round <= 2 then
            download:discard()
            request:close()
          elseif round <= 4 then
            request:close()
            download:discard()
          elseif round <= 6 then
            request:close()
            download, request = nil, nil -- luacheck: ignore
            native.collect()
          else
            download:discard()
            client:close()
            assert.same({}, process.files(folder))
            client = bare.client(server.url)
            begin()
          end
          wait_until_empty()
        end
        client:close()
        native.collect()
        assert.is_true(process.descriptor_count() <= before)
      end)

    it("is gone when it is whole and was not to be stored, unless it is kept" ..
      how, function()
      begin()
      server:on("GET", "/v.mp4", { body = flow.VIDEO })
      local download = make()
      assert.equal(200, (fetch(download):result()))
      assert.equal(1, process.file_count(folder))
      download:discard()
      wait_until_empty()
      download = make()
      bare.finish(client, download:keep()) -- there is nothing yet
      assert.equal(200, (fetch(download):result()))
      local before = download:temporary()
      bare.finish(client, download:keep())
      local kept = download:temporary()
      assert.are_not.equal(before, kept)
      download:discard()
      client:close()
      assert.equal(flow.VIDEO, process.read_file(kept))
      os.remove(kept)
    end)

    it("does not stay when the work is cancelled, or never done" .. how,
      function()
        begin()
        server:on("GET", "/v.mp4", { body = flow.VIDEO })
        for round = 1, 100 do
          local download = make()
          local request = round % 3 == 0 and download:check() or
            start(download)
          if round % 2 == 0 then request:cancel() end
          request:close()
          download:discard()
        end
        wait_until_empty()
        client:close()
        local download
        client = bare.client(server.url)
        begin()
        download = make()
        download:check()
        client:close()
        download:discard() -- a closed client's: here and now
        assert.equal("jogg.core.download (closed)", tostring(download))
      end)

    it("tells its temporary file's name at any time" .. how, function()
      begin()
      server:on("GET", "/v.mp4", { slow = 4000, body = flow.VIDEO })
      local download = make()
      local request, names = start(download), {}
      repeat
        client:wait(0.001)
        names[download:temporary() or "none"] = true
      until request:done()
      assert.equal(200, (request:result()))
      names.none = nil
      assert.matches("^" .. folder:gsub("%p", "%%%0") .. "/%.jogg%-......$",
        (next(names)))
      assert.is_nil(next(names, (next(names))))
      request = download:commit()
      repeat
        client:wait(0.001)
        download:temporary()
      until request:done()
      assert.is_nil((download:temporary()))
    end)
  end

  -- Each order of letting go of client, request, download, record, in each
  -- phase, by hand and by the collector.
  local ORDERS = {}
  for one in ("crdj"):gmatch "." do
    for two in ("crdj"):gsub(one, ""):gmatch "." do
      local rest = ("crdj"):gsub("[" .. one .. two .. "]", "")
      ORDERS[#ORDERS + 1] = one .. two .. (#ORDERS % 2 == 0 and rest or
        rest:reverse())
    end
  end
  for _, threaded in ipairs { false, true } do
    for _, phase in ipairs { "new", "running", "finished" } do
      it("may end in any order: " .. phase ..
        (threaded and ", threaded" or ", inline"), function()
        server:on("GET", "/v.mp4", { body = "no video",
          stall = phase == "running" and "mid_body" or nil })
        for _, order in ipairs(ORDERS) do
          for _, collected in ipairs { false, true } do
            local own = bare.client(server.url)
            if threaded then own:start_thread() end
            local download = own:download { path = path, maximum = 1e6,
              whole = "mp4" }
            local record = own:record(folder .. "/ad.job")
            local open = record:open()
            local request = own:start { url = server.url .. "/v.mp4",
              download = download }
            if phase ~= "new" then
              bare.wait(own, function()
                return phase == "finished" and request:done() or
                  phase == "running" and (request:progress()) > 0
              end)
            end
            local held = { c = own, r = request, d = download, j = record }
            own, request, download, record = nil, nil, nil, nil -- luacheck: ignore
            open:close()
            open = nil -- luacheck: ignore
            for letter in order:gmatch "." do
              if collected then
                held[letter] = nil
                collectgarbage()
              else
                local close = letter == "d" and "discard" or "close"
                held[letter][close](held[letter])
                held[letter][close](held[letter])
              end
            end
            if collected then native.collect() end
            local deadline = 5000
            while process.file_count(folder) > 0 and deadline > 0 do
              deadline = deadline - 1
            end
            assert.same({}, process.files(folder))
            if not collected then
              assert.has_error(function() held.c:wait(0) end)
              assert.has_error(function() held.r:result() end)
            end
          end
        end
      end)
    end
  end

  it("is inherited by no other program", function()
    server:on("GET", "/v.mp4", { body = flow.VIDEO, reset = "mid_body" })
    local download = make()
    expect("broken", start(download))
    local list = process.run { "sh", "-c", "ls -l /proc/self/fd" }
    assert.falsy(list:find(".jogg-", 1, true), list)
    download:discard()
  end)

  it("keeps its client, and neither needs the other at the end", function()
    local download = bare.client(server.url):download { path = path,
      maximum = 1, whole = "length" }
    native.collect()
    local request = download:check()
    native.collect()
    assert.is_false(request:done())
    request, download = nil, nil -- luacheck: ignore
    native.collect()
  end)
end)
