-- SPDX-License-Identifier: MIT
-- jogg-sandbox by itself: its options, restarts, and its end.

local socket = require "socket"
local process = require "spec.support.process"
local sandbox = require "spec.support.sandbox"

local function render(server, body)
  return server:call("POST", "/open/project/render", { body = body })
end

-- Whether programs run inside a folder.
local function busy(folder)
  return process.run({ "find", "/proc", "-maxdepth", "2", "-name", "cwd",
    "-lname", folder .. "/*", "-print" }, { stderr = "merge" })
    :find "/proc/%d+/cwd\n" ~= nil
end

-- A render whose ffmpeg encodes.
local function start_encoding(server)
  local id = server:product().prj_id
  assert.equal(0, render(server, ('{"project_id":"%s"}'):format(id)).code)
  repeat socket.sleep(0.01)
  until server:info(id).progress > 15     -- 10 are the pictures
end

describe("sandbox: its life", function()
  it("survives a restart with --data, and takes renders up again", function()
    local folder = process.temporary_folder()
    local arguments = { "--data", folder, "--key", "k=5" }
    local slow = { "--data", folder, "--key", "k=5", "--speed", "1" }
    local server = sandbox.start(arguments)
    local done = server:product()
    server:render(done.prj_id)
    server:stop()
    server = sandbox.start(slow)
    assert.equal(4, server:info(done.prj_id).status)
    assert.equal(200, (server:request("GET",
      server:info(done.prj_id).video_url)))
    assert.equal(4, server:account().credits)
    server:stop()
    server = sandbox.start(arguments)
    local later = server:product()
    assert.is_true(later.id > done.id)
    server:stop()
    server = sandbox.start(slow)
    assert.equal(0, render(server,
      ('{"project_id":"%s"}'):format(later.prj_id)).code)
    assert.equal(2, server:info(later.prj_id).status)
    server:stop()
    server = sandbox.start(arguments)
    assert.equal(4, server:await(later.prj_id).status)
    local account = server:account()
    assert.equal(3, account.credits)
    assert.equal(1, account.renders[later.prj_id])
    server:stop()
    process.remove_folder(folder)
  end)

  it("takes up what was queued as queued", function()
    local folder = process.temporary_folder()
    local arguments = { "--data", folder, "--speed", "1" }
    local server = sandbox.start { "--data", folder, "--renders", "4",
      "--speed", "100000", "--video", "full" }
    local ids = {}
    for i = 1, 3 do
      ids[i] = server:product().prj_id
      assert.equal(0, render(server,
        ('{"project_id":"%s"}'):format(ids[i])).code)
    end
    repeat socket.sleep(0.01) until server:info(ids[3]).status == 3
    server:stop()
    server = sandbox.start(arguments)
    for i = 1, 3 do
      assert.is_true(server:info(ids[i]).status ~= 3)
    end
    server:stop()
    process.remove_folder(folder)
  end)

  it("keeps the credits of keys that are not named", function()
    local folder = process.temporary_folder()
    local function start(...)
      return sandbox.start { "--data", folder, ... }
    end
    local server = start("--key", "a=5")
    server:render(server:product().prj_id)
    server:stop()
    server = start("--key", "b=5")
    server:product()
    server:stop()
    server = start("--key", "a=5")
    assert.equal(4, server:account().credits)
    assert.equal(1, server:account().charged)
    server:stop()
    process.remove_folder(folder)
  end)

  it("skips records that are none of its own, and their numbers", function()
    local folder = process.temporary_folder()
    local complaints = folder .. "/complaints"
    local function path(id)
      return ("%s/data/projects/%s.json"):format(folder, id)
    end
    local server = sandbox.start { "--data", folder .. "/data" }
    local kept, broken = server:product(), server:product()
    server:stop()
    local text = process.read_file(path(kept.prj_id))
    process.write_file(path(broken.prj_id), "[]")
    process.write_file(path "00ff", text)                      -- a copy
    process.write_file(path "x", '{"id":"x"}')
    server = sandbox.start({ "--data", folder .. "/data" },
      { stderr = complaints })
    assert.equal(1, server:info(kept.prj_id).status)
    for _, id in ipairs { broken.prj_id, "00ff", "x" } do
      assert.is_nil(server:info(id))
      assert.truthy(process.read_file(complaints):find(id .. ".json: ", 1, true))
    end
    assert.equal(broken.id + 1, server:product().id)
    server:stop()
    process.remove_folder(folder)
  end)

  it("answers 50000 when it cannot write, and takes no credit", function()
    local folder = process.temporary_folder()
    local server = sandbox.start { "--data", folder, "--key", "k=5" }
    local product = server:product()
    -- in the place of the file that is to replace the record
    local obstacle = ("%s/projects/%s.json.new"):format(folder, product.prj_id)
    process.run { "mkdir", obstacle }
    local body = ('{"project_id":"%s"}'):format(product.prj_id)
    assert.equal(50000, render(server, body).code)
    assert.equal(50000, server:call("PUT", "/open/product",
      { json = { product_id = product.id, title = "x" } }).code)
    local info = server:info(product.prj_id)
    assert.equal(1, info.status)
    assert.equal("Solstice Desk Lamp", info.title)
    assert.equal(5, server:account().credits)
    process.run { "rmdir", obstacle }
    assert.equal(0, render(server, body).code)
    assert.equal(4, server:await(product.prj_id).status)
    server:stop()
    process.remove_folder(folder)
  end)

  it("deletes nothing of its data folder but its own leftovers", function()
    local folder = process.temporary_folder()
    process.run { "mkdir", "-p", folder .. "/work/0123456789abcdef" }
    process.write_file(folder .. "/work/0123456789abcdef/slide1.jpg", "x")
    process.write_file(folder .. "/work/thesis.txt", "years of work")
    sandbox.start({ "--data", folder }):stop()
    assert.equal("years of work",
      process.read_file(folder .. "/work/thesis.txt"))
    assert.equal(1, process.file_count(folder .. "/work"))
    process.remove_folder(folder)
  end)

  it("shares its data folder with no other sandbox", function()
    local folder = process.temporary_folder()
    local server = sandbox.start { "--data", folder }
    process.run { "mkdir", folder .. "/work/0123456789abcdef" }
    local text, code = process.run({
      os.getenv "JOGG_SANDBOX" or "build/jogg-sandbox", "--data", folder,
    }, { stderr = "merge" })
    assert.equal(1, code)
    assert.truthy(text:find("another sandbox", 1, true), text)
    assert.equal(1, process.file_count(folder .. "/work"))
    server:stop()
    sandbox.start({ "--data", folder }):stop()
    process.remove_folder(folder)
  end)

  it("stops at once in the middle of everything, and cleans up", function()
    local folder = process.temporary_folder()
    local server = sandbox.start({ "--video", "full", "--speed", "1000" },
      { env = { TMPDIR = folder } })
    start_encoding(server)
    server:fault { endpoint = "prj_info", what = "delay", value = 60 }
    local waiting = assert(socket.connect("127.0.0.1",
      server.url:match ":(%d+)$"))
    assert(waiting:send(("GET /open/prj_info HTTP/1.1\r\nHost: x\r\n"
      .. "x-api-key: %s\r\n\r\n"):format(server.key)))
    while #server:call("GET", "/sandbox/faults").faults > 0 do
      socket.sleep(0.01)
    end
    assert.equal(1, process.file_count(folder))
    assert.is_true(busy(folder))
    local began = socket.gettime()
    server:stop()
    assert.is_true(socket.gettime() - began < 1)
    waiting:close()
    assert.is_false(busy(folder))
    assert.equal(0, process.file_count(folder))
    process.remove_folder(folder)
  end)

  it("leaves no program behind when it is killed", function()
    local folder = process.temporary_folder()
    local server = sandbox.start { "--data", folder, "--video", "full",
      "--speed", "1000" }
    start_encoding(server)
    assert.is_true(busy(folder))
    server.child:kill "KILL"
    local deadline = socket.gettime()
      + 1 * (tonumber(os.getenv "JOGG_SLOW") or 1)
    while busy(folder) do
      assert.is_true(socket.gettime() < deadline, "ffmpeg still runs")
      socket.sleep(0.01)
    end
    server:stop()
    process.remove_folder(folder)
  end)

  it("asks no proxy for its own pages", function()
    local server = sandbox.start({},
      { env = { http_proxy = "http://127.0.0.1:9", no_proxy = false } })
    assert.equal(1, server:info(server:product().prj_id).status)
    server:stop()
  end)

  it("explains wrong options", function()
    local program = os.getenv "JOGG_SANDBOX" or "build/jogg-sandbox"
    for argument, expected in pairs {
      ["--port=99999"] = "from 0 to 65535", ["--speed=0"] = "a number from",
      ["--nothing"] = "not an option", ["--fault=x"] = "ENDPOINT",
      ["--fault=render:1:x"] = "what must be", ["--video=big"] = "full or quick",
      ["--key="] = "KEY or KEY=CREDITS", ["--data=/nowhere/x"] = "No such file",
    } do
      local text, code = process.run({ program, argument },
        { stderr = "merge" })
      assert.is_true(code > 0, argument)
      assert.truthy(text:find(expected, 1, true), text)
    end
    local text, code = process.run { program, "--help" }
    assert.equal(0, code)
    assert.truthy(text:find "%-%-posts%-per%-minute")
    assert.equal("jogg-sandbox " .. require "jogg.version" .. "\n",
      (process.run { program, "--version" }))
  end)
end)
