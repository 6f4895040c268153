-- SPDX-License-Identifier: MIT
-- jogg-sandbox by itself: it misbehaves exactly as it is told to.

local cjson = require "cjson"
local socket = require "socket"
local process = require "spec.support.process"
local sandbox = require "spec.support.sandbox"

local function render(server, body)
  return server:call("POST", "/open/project/render", { body = body })
end

describe("sandbox: faults", function()
  local server, product, path

  setup(function()
    server = sandbox.start { "--fault", "prj_info:2x2:status=503,retry_after=7" }
    product = server:product()
    path = "/open/prj_info?project_id=" .. product.prj_id
  end)
  teardown(function() server:stop() end)
  after_each(function() server:clear_faults() end)

  local function new_render()
    local id = server:product().prj_id
    return id, ('{"project_id":"%s"}'):format(id)
  end

  it("strike the calls they name on the command line", function()
    local statuses = {}
    for i = 1, 4 do
      local status, _, headers = server:request("GET", path)
      statuses[i] = status
      if status == 503 then assert.equal("7", headers["retry-after"]) end
    end
    assert.same({ 200, 503, 503, 200 }, statuses)
  end)

  it("cut the connection before or after the effect", function()
    for what, renders in pairs { reset_before = 0, reset_after = 1 } do
      local id, body = new_render()
      server:fault { endpoint = "render", what = what }
      local _, last = server:log()
      local status, why = server:request("POST", "/open/project/render",
        { body = body })
      assert.is_nil(status)
      assert.truthy(why == "closed" or why:find "reset", why)
      assert.equal(renders, server:account().renders[id])
      assert.equal(what, server:log(last)[1].fault)
      assert.equal(renders == 1, server:info(id).status ~= 1)
      if renders == 1 then server:await(id) end
    end
  end)

  it("answer a status before or after the effect", function()
    local id, body = new_render()
    server:fault { endpoint = "render", what = "status", value = 500 }
    assert.equal(500, select(2, render(server, body)))
    assert.equal(0, server:account().renders[id])
    server:fault { endpoint = "render", what = "status_after", value = 504 }
    assert.equal(504, select(2, render(server, body)))
    assert.equal(1, server:account().renders[id])
    server:await(id)
  end)

  it("answer codes, HTML, bad JSON, unknown statuses, no address", function()
    server:fault { endpoint = "prj_info", what = "code", value = 50000,
      msg = "boom" }
    assert.same({ code = 50000, msg = "boom" }, (server:call("GET", path)))
    server:fault { endpoint = "prj_info", what = "html" }
    local status, text, headers = server:request("GET", path)
    assert.equal(502, status)
    assert.equal("text/html", headers["content-type"])
    assert.truthy(text:find "<h1>")
    server:fault { endpoint = "any", what = "bad_json" }
    status, text = server:request("GET", path)
    assert.equal(200, status)
    assert.is_false(pcall(cjson.decode, text))
    server:fault { endpoint = "prj_info", what = "unknown_status", value = 77 }
    assert.equal(77, server:info(product.prj_id).status)
    server:fault { endpoint = "prj_info", what = "empty_url" }
    local info = server:info(product.prj_id)
    assert.equal(4, info.status)
    assert.equal("", info.video_url)
  end)

  it("truncate, stall and delay", function()
    server:fault { endpoint = "prj_info", what = "truncate", value = 20 }
    local connection = assert(socket.connect("127.0.0.1",
      server.url:match ":(%d+)$"))
    assert(connection:send(("GET %s HTTP/1.0\r\nHost: x\r\nx-api-key: %s\r\n\r\n")
      :format(path, server.key)))
    local text = connection:receive "*a"
    connection:close()
    local length = tonumber(text:lower():match "content%-length: (%d+)")
    assert.is_true(length > 100)
    assert.equal(20, #text:match "\r\n\r\n(.*)$")
    server:fault { endpoint = "prj_info", what = "delay", value = 0.2 }
    local began = socket.gettime()
    assert.equal(200, (server:request("GET", path)))
    assert.is_true(socket.gettime() - began >= 0.2)
    server:fault { endpoint = "prj_info", what = "stall", value = 20,
      seconds = 0.2 }
    began = socket.gettime()
    assert.is_nil((server:request("GET", path)))
    assert.is_true(socket.gettime() - began >= 0.2)
  end)

  it("strike videos, pages and the work itself", function()
    local id = new_render()
    server:fault { endpoint = "work", what = "fail", value = "no template" }
    local info = server:render(id)
    assert.equal(5, info.status)
    assert.equal("no template", info.err_msg)
    assert.equal("", info.video_url)
    info = server:render(id)
    assert.equal(4, info.status)
    server:fault { endpoint = "video", what = "gone" }
    assert.equal(404, (server:request("GET", info.video_url)))
    server:fault { endpoint = "video", what = "truncate", value = 1000 }
    local status, text = server:request("GET", info.video_url)
    assert.is_true(status == nil or #text == 1000)
    assert.equal(200, (server:request("GET", info.video_url)))
    server:fault { endpoint = "page", what = "status", value = 403 }
    local answer = server:call("POST", "/open/product",
      { json = { url = server:sample "lamp" } })
    assert.equal(50000, answer.code)
    assert.truthy(answer.msg:find "403")
  end)

  it("are checked", function()
    for _, fault in ipairs { { endpoint = "x", what = "gone" },
      { endpoint = "render", what = "x" }, { endpoint = "render" },
      { endpoint = "render", what = "status", value = "x" },
      { endpoint = "render", what = "gone", call = 0 },
      { endpoint = "render", what = "gone", colour = 1 },
      { endpoint = "render", what = "fail" },
      { endpoint = "work", what = "gone" },
      { endpoint = "render", what = "unknown_status" },
      { endpoint = "any", what = "empty_url" },
      { endpoint = "video", what = "bad_json" },
      { endpoint = "video", what = "truncate", value = -1 },
      { endpoint = "render", what = "delay", value = -1 },
      { endpoint = "render", what = "stall", seconds = -1 },
      { endpoint = "render", what = "code", value = 1.5 },
      { endpoint = "render", what = "status", retry_after = { 1 } },
      { endpoint = "render", what = "status", headers = { a = { 1 } } },
      { endpoint = "render", what = "status", headers = { a = "x\ny" } },
      { endpoint = "render", what = "status", headers = { "a" } },
      } do
      local answer, status = server:call("POST", "/sandbox/faults",
        { json = fault })
      assert.equal(400, status)
      assert.equal("string", type(answer.message))
    end
    local many = { endpoint = "prj_info", what = "status", headers = {} }
    for i = 1, 33 do many.headers["x-" .. i] = i end
    assert.equal(400,
      select(2, server:call("POST", "/sandbox/faults", { json = many })))
    assert.equal(0, #server:call("GET", "/sandbox/faults").faults)
    many.headers["x-33"] = nil
    server:fault(many)
    local _, _, headers = server:request("GET", path)
    for i = 1, 32 do assert.equal(tostring(i), headers["x-" .. i]) end
    assert.equal("application/json", headers["content-type"])
  end)

  it("are read whole from the command line", function()
    local date = "Wed, 21 Oct 2015 07:28:00 GMT"
    local other = sandbox.start {
      "--fault", "prj_info:1:status=503,retry_after=" .. date .. ",msg=123",
    }
    local answer, status, headers = other:call("GET", path)
    assert.equal(503, status)
    assert.equal("123", answer.message)
    assert.equal(date, headers["retry-after"])
    other:stop()
    local program = os.getenv "JOGG_SANDBOX" or "build/jogg-sandbox"
    for _, text in ipairs { "render:1:gone,x", "render:1:gone;x",
      "render:1:status=1e999", "render:1:status,colour=1",
      "render:1:delay=1e999", "render:99999999999999999999:gone" } do
      local said, code = process.run({ program, "--fault", text, "--help" },
        { stderr = "merge" })
      assert.equal(2, code, text)
      assert.truthy(said:find("--fault " .. text .. ": ", 1, true), said)
    end
  end)

  it("stall no longer than the client stays", function()
    local threads = "/proc/" .. server.child.pid .. "/task"
    local before = process.file_count(threads)
    server:fault { endpoint = "prj_info", what = "stall", times = 0 }
    local clients = {}
    for i = 1, 5 do
      clients[i] = assert(socket.connect("127.0.0.1",
        server.url:match ":(%d+)$"))
      assert(clients[i]:send(("GET %s HTTP/1.1\r\nHost: x\r\n"
        .. "x-api-key: %s\r\n\r\n"):format(path, server.key)))
      assert(clients[i]:receive "*l")
    end
    for i = 1, 5 do clients[i]:close() end
    local deadline = socket.gettime()
      + 10 * (tonumber(os.getenv "JOGG_SLOW") or 1)
    while process.file_count(threads) > before do
      assert.is_true(socket.gettime() < deadline, "threads remain")
      socket.sleep(0.02)
    end
  end)
end)
