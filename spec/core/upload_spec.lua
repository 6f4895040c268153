-- SPDX-License-Identifier: MIT
-- Userdata jogg.core.source, and uploads: the bytes of a file arrive as they
-- were when it was opened, or the request fails; by a client with a thread of
-- its own or without. What the disk can do wrong is in spec/c/layer0_source.c.

local core = require "jogg.core"
local bare = require "spec.support.bare"
local faults = require "spec.support.faults"
local native = require "spec.support.native"
local nginx = require "spec.support.nginx"
local process = require "spec.support.process"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)
local MB = 2 ^ 20

-- Bytes that are not the same at any two places.
local function content(size)
  local parts = {}
  for i = 1, math.ceil(size / 8) do
    parts[i] = ("%07d\n"):format(i)
  end
  return table.concat(parts):sub(1, size)
end

-- So many that no socket holds them.
local LARGE = content(12 * MB)

describe("core's upload", function()
  local server, folder, path, stored, client

  setup(function()
    server = faults.start()
    folder = process.temporary_folder()
    path, stored = folder .. "/photo.jpg", folder .. "/stored"
  end)
  teardown(function()
    server:stop()
    process.remove_folder(folder)
  end)
  before_each(function()
    server:clear():on_connect {}
    os.remove(stored)
    client = bare.client(server.url)
  end)
  after_each(function() client:close() end)

  local function result_of(request)
    return bare.finish(client, request):result()
  end

  -- A source with these bytes, that was opened.
  local function open(bytes)
    if bytes then process.write_file(path, bytes) end
    local source = client:source { path = path }
    local status, size = result_of(source:open())
    assert.same({ 0, bytes and #bytes }, { status, bytes and size })
    return source
  end

  local function start(source, fields)
    fields = fields or {}
    fields.method = fields.method or "PUT"
    fields.url = fields.url or server.url .. "/asset?signature=s"
    fields.source = source
    fields.timeout = fields.timeout or 20 * SLOW
    return client:start(fields)
  end

  local function send(source, fields)
    return bare.finish(client, start(source, fields))
  end

  -- Raises unless a request fails like this; returns the failure.
  local function expect(class, request)
    local status, failure = result_of(request)
    assert.is_nil(status)
    assert.equal(class, failure.class)
    return failure
  end

  local function serve(step)
    server:on("*", "/asset", step)
  end

  -- Not assert.equal: it would print 12 MB.
  local function check_stored(bytes)
    local seen = process.read_file(stored)
    assert.equal(#bytes, #seen)
    assert.is_true(bytes == seen)
  end

  -- Waits until the server has begun to read, or the client to send.
  local function wait_until_moving(request)
    bare.wait(client, function() return (request:progress()) > 0 end)
  end

  describe("source", function()
    it("checks its table", function()
      for expected, fields in pairs {
        ["path is missing"] = {},
        ["path: string expected, got table"] = { path = {} },
        ["path: contains a NUL"] = { path = "a\0b" },
      } do
        local ok, err = pcall(client.source, client, fields)
        assert.is_false(ok)
        assert.truthy(err:find(expected, 1, true), err)
      end
      for _, odd in ipairs { 5, "x", client } do
        assert.is_false((pcall(client.source, client, odd)))
      end
      assert.is_false((pcall(client.source, client)))
      assert.is_false((pcall(client.source, {}, { path = path })))
    end)

    it("touches nothing by itself, and is closed any number of times",
      function()
        local before = process.settled_descriptor_count()
        local source = client:source { path = folder .. "/none/x" }
        assert.equal("jogg.core.source (open)", tostring(source))
        assert.equal("jogg.core.source", getmetatable(source))
        assert.is_false((pcall(setmetatable, source, {})))
        assert.equal(before, process.descriptor_count())
        source:close()
        source:close()
        assert.equal("jogg.core.source (closed)", tostring(source))
        for _, use in ipairs { source.open, start } do
          local ok, err = pcall(use, source)
          assert.is_false(ok)
          assert.truthy(err:find("attempt to use a closed source", 1, true),
            err)
        end
        source = client:source { path = path }
        client:close()
        assert.is_false((pcall(source.open, source)))
        source:close()
      end)

    it("goes with PUT and POST, url, and no other body", function()
      local source = client:source { path = path }
      local url = server.url
      local download = client:download { path = path, maximum = 1,
        whole = "length" }
      for expected, fields in pairs {
        ["source: goes with PUT and POST"] = { url = url, source = source },
        ["source: goes with PUT"] = { url = url, source = source,
          method = "DELETE" },
        ["source: goes with url"] = { method = "PUT", path = "/x",
          source = source },
        ["source: goes with neither body"] = { method = "PUT", url = url,
          source = source, body = "x" },
        ["body nor download"] = { method = "PUT", url = url, source = source,
          download = download },
        ["content_type: goes with source"] = { method = "PUT", url = url,
          content_type = "a/b" },
        ["content_type: string expected"] = { method = "PUT", url = url,
          source = source, content_type = 5 },
        ["content_type: empty"] = { method = "PUT", url = url,
          source = source, content_type = "" },
        ["content_type: too long"] = { method = "PUT", url = url,
          source = source, content_type = ("x"):rep(600) },
        ["jogg.core.source expected"] = { method = "PUT", url = url,
          source = download },
      } do
        local ok, err = pcall(client.start, client, fields)
        assert.is_false(ok, expected)
        assert.truthy(err:find(expected, 1, true), err)
      end
      for position, odd in pairs { [2] = "a\0b", [3] = "ab\r\nX: y",
        [4] = "a/b\195\164", [5] = "a/bc\127", [1] = " a/b", [6] = "a/bcd ",
        [7] = "a/bcde\n" } do
        local ok, err = pcall(start, source, { content_type = odd })
        assert.is_false(ok)
        assert.truthy(err:find("content_type: the character at position " ..
          position .. " cannot be sent", 1, true), err)
      end
      assert.equal(0, #server:requests())
    end)
  end)

  for _, threaded in ipairs { false, true } do
    local how = threaded and ", threaded" or ", inline"

    local function begin()
      if threaded then assert(client:start_thread()) end
    end

    it("needs a regular file that can be read" .. how, function()
      begin()
      local fifo = folder .. "/fifo"
      process.run { "mkfifo", fifo }
      for name, errno in pairs { [folder] = "EISDIR", [fifo] = "ENOTSUP",
        ["/dev/null"] = "ENOTSUP", [folder .. "/none"] = "ENOENT",
        [folder .. "/none/x"] = "ENOENT", ["/dev/null/x"] = "ENOTDIR",
        [("x"):rep(300)] = "ENAMETOOLONG" } do
        local source = client:source { path = name }
        for _ = 1, 2 do
          local failure = expect("file", source:open())
          assert.same({ errno, false, "string" },
            { failure.errno, failure.sent, type(failure.system) })
          assert.is_nil(failure.path)
        end
        assert.equal("EBADF", expect("file", start(source)).errno)
        source:close()
      end
      process.write_file(path, "secret")
      process.run { "chmod", "0", path }
      if process.run { "id", "-u" } ~= "0\n" then
        assert.equal("EACCES",
          expect("file", client:source { path = path }:open()).errno)
      end
      os.remove(path)
      os.remove(fifo)
      assert.equal(0, #server:requests())
    end)

    it("arrives byte by byte, whatever its size" .. how, function()
      begin()
      serve { status = 200, store = stored }
      for _, size in ipairs { 0, 1, 65535, 65536, 65537, 262144, 1000003 } do
        for _, method in ipairs { "PUT", "POST" } do
          local bytes = content(size)
          local source = open(bytes)
          local request = send(source, { method = method,
            content_type = "image/jpeg" })
          local status, body, why = request:result()
          assert.same({ 200, nil, "string" }, { status, body, type(why) })
          assert.same({ size, size }, { request:progress() })
          check_stored(bytes)
          local seen = server:last_request()
          assert.equal(("%d"):format(size), seen.headers["content-length"])
          assert.same({ method, "/asset?signature=s", "image/jpeg" },
            { seen.method, seen.target, seen.headers["content-type"] })
          for _, name in ipairs { "x-api-key", "transfer-encoding", "expect",
            "if-range", "range" } do
            assert.is_nil(seen.headers[name])
          end
          source:close()
        end
      end
    end)

    it("has a type only if that is given, as it is given" .. how, function()
      begin()
      serve { status = 204 }
      local source = open "x"
      for _, kind in ipairs { "text/plain; charset=\"utf-8\" ~!", "x" } do
        assert.equal(204, (send(source, { content_type = kind }):result()))
        assert.equal(kind, server:last_request().headers["content-type"])
      end
      for _, method in ipairs { "PUT", "POST" } do
        assert.equal(204, (send(source, { method = method }):result()))
        assert.is_nil(server:last_request().headers["content-type"])
      end
    end)

    it("leaves nothing to the exchanges after it" .. how, function()
      begin()
      server:on("*", "*", { json = { code = 0 } })
      local source = open "of a file"
      for _ = 1, 2 do
        for _, fields in ipairs { { method = "POST", body = "{}" }, {},
          { method = "PUT", body = "{}" }, { method = "DELETE" } } do
          local request = send(source, { content_type = "a/b" })
          assert.same({ 200, { code = 0 } }, { request:result() })
          local seen = server:last_request()
          assert.same({ "of a file", "9", "a/b" }, { seen.body,
            seen.headers["content-length"], seen.headers["content-type"] })
          assert.is_nil(seen.headers["x-api-key"])
          bare.exchange(client, fields)
          seen = server:last_request()
          assert.same({ fields.method or "GET", fields.body or "",
            fields.body and "2", fields.body and "application/json",
            bare.KEY }, { seen.method, seen.body,
            seen.headers["content-length"], seen.headers["content-type"],
            seen.headers["x-api-key"] })
        end
      end
    end)

    it("tells how far it is" .. how, function()
      begin()
      serve { status = 200, slow_request = 20 * MB, store = stored }
      local request = start(open(LARGE))
      local last, between = 0, 0
      while not request:done() do
        client:wait(0.01)
        local sent, whole = request:progress()
        assert.is_true(sent >= last and sent <= #LARGE)
        assert.is_true(whole == #LARGE or whole == nil and sent == 0)
        if sent > last and sent < #LARGE then between = between + 1 end
        last = sent
      end
      assert.equal(200, (request:result()))
      assert.is_true(between > 2)
      assert.same({ #LARGE, #LARGE }, { request:progress() })
      check_stored(LARGE)
    end)

    it("begins anew after the connection was cut" .. how, function()
      begin()
      local source = open(LARGE)
      for _, step in ipairs { { reset = "mid_request" },
        { close = "mid_request", cut_at = 100000 },
        { reset = "after_headers_read" }, { close = "after_request" },
        { reset = "mid_headers" } } do
        serve(step)
        local request = start(source, { stall_timeout = 9 * SLOW })
        local failure = expect("broken", request)
        assert.is_true(failure.sent)
        assert.equal(#LARGE, (select(2, request:progress())))
        serve { status = 200, store = stored }
        assert.equal(200, (send(source, { fresh = true }):result()))
        check_stored(LARGE)
      end
    end)

    -- libcurl takes a connection that was closed without an answer for one
    -- that had been idle for too long, and sends again over another.
    it("is rewound by libcurl" .. how, function()
      begin()
      local bytes = content(300000)
      local source = open(bytes)
      server:on("*", "/json", { json = { code = 0 } })
      for _, cut in ipairs { 1, 100000, 299999 } do
        server:close_idle()
        for _ = 1, 2 do -- the handle that carries it has sent a text as well
          assert.equal(200, (bare.exchange(client, { method = "PUT",
            url = server.url .. "/json", body = "{}" }):result()))
        end
        local accepted = server:connections()
        serve { status = 200, store = stored,
          reused = { close = "mid_request", cut_at = cut } }
        local request = send(source)
        assert.equal(200, (request:result()))
        assert.same({ #bytes, #bytes }, { request:progress() })
        check_stored(bytes)
        assert.equal(accepted + 1, (server:connections()))
      end
    end)

    it("ends as changed when the file does" .. how, function()
      begin()
      for _, change in ipairs {
        function() -- it grows
          local file = assert(io.open(path, "ab"))
          file:write "x"
          file:close()
        end,
        function() process.run { "truncate", "-s", "12000000", path } end,
        function() process.run { "truncate", "-s", "0", path } end,
        function() process.run { "touch", "-d", "2001-02-03", path } end,
        function() process.write_file(path, LARGE:sub(2) .. "x") end,
      } do
        serve { status = 200, slow_request = 20 * MB }
        local request = start(open(LARGE))
        wait_until_moving(request)
        change()
        local failure = expect("changed", request)
        assert.same({ class = "changed", sent = true, path = path }, failure)
        assert.is_true(server:wait { open = 0 })
        assert.is_false(server:last_request().complete)
        assert.is_true((request:progress()) < #LARGE)
      end
    end)

    it("is not begun if the file has changed since it was opened" .. how,
      function()
        begin()
        for _, bytes in ipairs { "0123456789", "" } do
          local source = open(bytes)
          process.write_file(path, bytes .. "x")
          for _ = 1, 2 do
            local failure = expect("changed", start(source))
            assert.same({ class = "changed", sent = false, path = path },
              failure)
            assert.same({ 0, #bytes }, { result_of(source:open()) })
          end
        end
        assert.equal(0, #server:requests())
      end)

    it("sends the file that was opened, whatever its name means now" .. how,
      function()
        begin()
        serve { status = 200, store = stored }
        local source = open "the first"
        process.write_file(path .. ".new", "the second")
        assert(os.rename(path .. ".new", path))
        assert.equal(200, (send(source):result()))
        check_stored "the first"
        os.remove(path)
        assert.equal(200, (send(source):result()))
        check_stored "the first"
      end)

    it("has the answer of a refusal that comes early" .. how, function()
      begin()
      local source = open(LARGE)
      for _, step in ipairs { { status = 403 }, { status = 413 },
        { status = 500 }, { status = 403, close = "after_answer" },
        { status = 413, headers = { Connection = "close" } },
        { status = 307, headers = { Location = "https://x.example/" } } } do
        step.early, step.body = true, '{"code":7}'
        serve(step)
        local request = send(source)
        assert.same({ step.status, { code = 7 } }, { request:result() })
        assert.is_true((request:progress()) < #LARGE)
      end
      for _, step in ipairs { { status = 403, endless = true },
        { status = 403, body = "x", headers = { ["Content-Encoding"] = "br" } },
        { status = 403, zeros = 9e6 } } do
        serve(step)
        local status, body, why = send(open "x"):result()
        assert.same({ 403, nil, "string" }, { status, body, type(why) })
      end
    end)

    it("is not stored when the server is content too early" .. how, function()
      begin()
      local source = open(LARGE)
      serve { status = 200, early = true, reset = "after_answer" }
      assert.is_true(expect("broken", start(source)).sent)
      serve { status = 200, endless = true } -- that is no matter
      assert.equal(200, (send(open "x"):result()))
      serve { status = 200, body = "x", headers = { ["Content-Encoding"] =
        "gzip" } }
      assert.equal(200, (send(open "x"):result()))
    end)

    it("stalls, or takes too long" .. how, function()
      begin()
      local source = open(LARGE)
      for class, step in pairs { stall_timeout = { stall = "mid_request" },
        timeout = { slow_request = MB } } do
        serve(step)
        local begun = core.now()
        local failure = expect(class, start(source, {
          stall_timeout = class == "stall_timeout" and 0.3 * SLOW or 9 * SLOW,
          timeout = class == "timeout" and 0.5 * SLOW or 9 * SLOW }))
        assert.is_true(failure.sent)
        assert.is_true(core.now() - begun < 2 * SLOW)
      end
      serve { stall = "after_request" }
      assert.is_true(expect("stall_timeout", start(open "x", {
        stall_timeout = 0.3 * SLOW })).sent)
    end)

    -- All that is sent fits into the sockets: for libcurl nothing happens
    -- until the server has read it.
    it("does not stall while a slow line takes what was sent" .. how,
      function()
        begin()
        local bytes = content(2 * MB)
        serve { status = 200, slow_request = MB / SLOW, store = stored }
        assert.equal(200, (send(open(bytes), { stall_timeout = 0.7 * SLOW,
          timeout = 30 * SLOW }):result()))
        check_stored(bytes)
      end)

    it("is cancelled, or closed, in any order" .. how, function()
      begin()
      process.write_file(path, LARGE)
      serve { stall = "mid_request", cut_at = 1 }
      native.collect()
      local before = process.settled_descriptor_count()
      for round = 1, 12 do
        local source = open()
        local request = start(source)
        wait_until_moving(request)
        if round <= 2 then
          assert.is_true(request:cancel())
          assert.is_true(expect("cancelled", request).sent)
        elseif round <= 4 then
          source:close()
          assert.is_false(request:done())
          request:close()
        elseif round <= 6 then
          request:close()
          source:close()
        elseif round <= 8 then
          request:close()
          source, request = nil, nil -- luacheck: ignore
          native.collect()
        else
          if round % 2 == 0 then source:close() end
          client:close()
          assert.equal("closed", select(2, request:result()).class)
          source:close()
          client = bare.client(server.url)
          begin()
        end
        assert.is_true(server:wait { open = 0 })
      end
      client:close()
      native.collect()
      assert.is_true(process.descriptor_count() <= before)
    end)

    it("goes on when its source is closed" .. how, function()
      begin()
      local before = process.settled_descriptor_count()
      serve { status = 200, slow_request = 40 * MB, store = stored }
      local source = open(LARGE)
      local request = start(source)
      source:close()
      assert.equal(200, (result_of(request)))
      check_stored(LARGE)
      client:close()
      assert.is_true(process.descriptor_count() <= before)
    end)

    it("is many at once, of one source" .. how, function()
      begin()
      local source = open(LARGE:sub(1, 3 * MB))
      local requests = {}
      for i = 1, 8 do
        server:on("PUT", "/asset" .. i, { status = 200,
          store = stored .. i })
        requests[i] = start(source, { url = server.url .. "/asset" .. i })
      end
      for i = 1, 8 do
        assert.equal(200, (result_of(requests[i])))
        assert.is_true(process.read_file(stored .. i) == LARGE:sub(1, 3 * MB))
        os.remove(stored .. i)
      end
    end)

    it("takes little memory, reads in no other thread" .. how, function()
      if native.checked then return end -- the checker's own memory
      process.write_file(path, LARGE:rep(4))
      serve { status = 200, store = stored }
      local output = native.run([[
        local bare = require "spec.support.bare"
        local process = require "spec.support.process"
        local function peak()
          return tonumber(process.read_file "/proc/self/status":match
            "VmHWM:%s*(%d+)")
        end
        local client = bare.client(arg[1])
        if arg[2] == "threaded" then client:start_thread() end
        local function send(path)
          local source = client:source { path = path }
          assert(bare.finish(client, source:open()):result() == 0)
          assert(bare.exchange(client, { method = "PUT", source = source,
            url = arg[1] .. "/asset" }):result() == 200)
          source:close()
        end
        send(arg[4])
        local before, calls = peak(), native.disk_calls()
        send(arg[3])
        assert(peak() - before < 1024, peak() - before)
        local own, others = native.disk_calls()
        print(own - calls > 700, others > 700)
        client:close()
      ]], { preload = {}, arguments = { server.url,
        threaded and "threaded" or "", path, LARGE and "Makefile" } })
      assert.equal(threaded and "false\ttrue\n" or "true\tfalse\n", output)
      assert.equal(#LARGE * 4, #process.read_file(stored))
    end)

    it("fails where the disk does" .. how, function()
      process.write_file(path, "x")
      local output = native.run([[
        local bare = require "spec.support.bare"
        local client = bare.client(arg[1])
        if arg[2] == "threaded" then client:start_thread() end
        local source = client:source { path = arg[3] }
        assert(bare.finish(client, source:open()):result() == 0)
        local failure = bare.failure(client, { method = "PUT",
          url = arg[1] .. "/asset", source = source })
        print(failure.class, failure.errno, failure.path)
        client:close()
      ]], { preload = { PRELOAD_READ_ERROR = 5 }, arguments = { server.url,
        threaded and "threaded" or "", path } })
      assert.equal("file\tEIO\tnil\n", output)
    end)

    it("does not follow a change of folder" .. how, function()
      process.write_file(path, "of this folder")
      serve { status = 200, store = stored }
      local output = native.run([[
        local bare = require "spec.support.bare"
        local client = bare.client(arg[1])
        if arg[2] == "threaded" then client:start_thread() end
        native.chdir(arg[3])
        local source = client:source { path = "photo.jpg" }
        native.chdir "/"
        print((bare.finish(client, source:open()):result()))
        print((bare.exchange(client, { method = "PUT", source = source,
          url = arg[1] .. "/asset" }):result()))
        client:close()
      ]], { arguments = { server.url, threaded and "threaded" or "", folder } })
      assert.equal("0\n200\n", output)
      check_stored "of this folder"
    end)
  end

  -- libcurl is told that HTTP/2 goes over TLS alone.
  describe("over HTTP/2", function()
    local front

    setup(function()
      front = nginx.start({}, ([[
        location / {
          proxy_pass http://127.0.0.1:%d; proxy_request_buffering off;
          proxy_http_version 1.1; client_max_body_size 0;
        }
        location /small { client_max_body_size 1m; }
        location /content { client_max_body_size 0; return 200; }
        location /drop { client_max_body_size 0; return 444; }
      ]]):format(server.port))
    end)
    teardown(function() front:stop() end)
    before_each(function()
      client:close()
      client = bare.client(front.url, { ca_file = front.ca_file })
    end)

    for _, threaded in ipairs { false, true } do
      local how = threaded and ", threaded" or ", inline"

      local function begin()
        if threaded then assert(client:start_thread()) end
        assert.equal(404, (bare.exchange(client):result())) -- it is connected
      end

      it("arrives" .. how, function()
        begin()
        serve { status = 200, store = stored }
        for _, size in ipairs { 0, 1, 65536, 500000, #LARGE } do
          local bytes = LARGE:sub(1, size)
          local request = send(open(bytes), { url = front.url .. "/asset",
            content_type = "image/png" })
          assert.equal(200, (request:result()))
          check_stored(bytes)
          assert.same({ size, size }, { request:progress() })
          local headers = server:last_request().headers
          assert.same({ ("%d"):format(size), "image/png" },
            { headers["content-length"], headers["content-type"] })
          assert.is_nil(headers["x-api-key"])
        end
      end)

      it("is refused early" .. how, function()
        begin()
        local source = open(LARGE)
        for _ = 1, 3 do
          assert.equal(413, (send(source,
            { url = front.url .. "/small" }):result()))
        end
        serve { status = 403, early = true, close = "after_answer" }
        assert.equal(403, (send(source,
          { url = front.url .. "/asset" }):result()))
      end)

      it("is not stored when the server is content too early" .. how,
        function()
          begin()
          local url = front.url .. "/content"
          local failure = expect("broken", start(open(LARGE), { url = url }))
          assert.same({ 200, true }, { failure.status, failure.sent })
          assert.equal(200, (send(open "", { url = url }):result()))
        end)

      it("breaks, stalls, is cancelled, changes" .. how, function()
        begin()
        serve { stall = "mid_request", cut_at = 1 }
        local source = open(LARGE)
        local url = front.url .. "/asset"
        assert.is_true(expect("broken",
          start(source, { url = front.url .. "/drop" })).sent)
        assert.is_true(expect("stall_timeout",
          start(source, { url = url, stall_timeout = 0.3 * SLOW })).sent)
        local request = start(source, { url = url })
        wait_until_moving(request)
        assert.is_true(request:cancel())
        expect("cancelled", request)
        request = start(source, { url = url })
        wait_until_moving(request)
        process.run { "touch", "-d", "2001-02-03", path }
        request:close()
        serve { status = 200, slow_request = 20 * MB }
        source = open(LARGE)
        request = start(source, { url = url })
        wait_until_moving(request)
        process.run { "touch", "-d", "2001-02-03", path }
        assert.equal(path, expect("changed", request).path)
        assert.equal(404, (bare.exchange(client):result()))
      end)
    end
  end)
end)
