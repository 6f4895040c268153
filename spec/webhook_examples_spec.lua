-- SPDX-License-Identifier: MIT
-- The example receivers of webhooks, on cqueues and in nginx, as they stand but
-- for the port and the patience: what is signed is taken once, all else is
-- refused in time, and nothing stops them.

local process = require "spec.support.process"
local socket = require "socket"
local webhook = require "jogg.webhook"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)
local UNDER = os.getenv "JOGG_UNDER" or ""
local SECRET = "whsec_example"
local ENVIRONMENT = { JOGG_WEBHOOK_SECRET = SECRET }

local function body_of(id, timestamp)
  return ('{"event_id":"%s","event":"generated_product_video_success",' ..
    '"timestamp":%d,"data":{"project_id":"p-%s","status":"success",' ..
    '"video_url":"https://res.example/%s.mp4"}}'):format(id,
    timestamp or os.time(), id, id)
end

local function request_of(body, signature, more)
  return ("POST /webhook HTTP/1.1\r\nHost: 127.0.0.1\r\n" ..
    "content-type: application/json\r\nX-Webhook-Event: x\r\n" ..
    "%s%sContent-Length: %d\r\n\r\n%s"):format(signature and
    "X-WEBHOOK-Signature: " .. signature .. "\r\n" or "", more or "", #body,
    body)
end

local function signed(body)
  return request_of(body, webhook.sign(body, SECRET))
end

-- A copy of an example, with other numbers in it. Each pattern stands once.
local function copy(path, target, changes)
  local text = assert(process.read_file(path))
  for from, to in pairs(changes) do
    local n
    text, n = text:gsub(from, to)
    assert(n == 1, from)
  end
  return process.write_file(target, text)
end

-- Sends bytes, says no more if `ends`, and reads the status of the answer; nil
-- if the connection was closed without one.
local function answer(port, bytes, ends)
  local connection = assert(socket.connect("127.0.0.1", port))
  connection:settimeout(5 * SLOW)
  connection:send(bytes)
  if ends then connection:shutdown "send" end
  local line, why = connection:receive "*l"
  connection:close()
  assert.not_equal("timeout", why)
  return line and tonumber(line:match "^HTTP/1%.1 (%d%d%d)")
end

-- What holds of every receiver. `server` has a port and takes("text"): whether
-- it tells of an event.
local function receives(server)
  it("takes what is signed, once", function()
    local body = body_of "one"
    assert.equal(200, answer(server.port, signed(body)))
    assert.is_true(server:tells
      "generated_product_video_success completed p%-one https://res.example/one")
    assert.equal(200, answer(server.port, signed(body)))
    assert.equal(200, answer(server.port, signed(body .. " ")))
    assert.equal(200, answer(server.port, signed(body_of "two")))
    assert.is_true(server:tells "p%-two")
    assert.equal(1, server:count "p%-one")
  end)

  it("refuses what is not", function()
    local body = body_of "three"
    local signature = webhook.sign(body, SECRET)
    for i, case in ipairs {
      { 401, request_of(body) }, { 401, request_of(body, "") },
      { 401, request_of(body, "x") }, { 401, request_of("", signature) },
      { 401, request_of(body, webhook.sign(body, "other")) },
      { 401, request_of(body .. " ", signature) },
      { 401, request_of(body, signature:sub(1, 63)) },
      { 401, request_of(body, signature, "X-Webhook-Signature: " ..
        signature .. "\r\n") },
      { 400, signed "{}" }, { 400, signed "{" },
      { 400, signed(body_of("three", os.time() - 3600)) },
    } do
      assert.equal(case[1], answer(server.port, case[2]), "case " .. i)
    end
    assert.equal(0, server:count "p%-three")
    assert.equal(200, answer(server.port, request_of(body,
      " " .. signature:upper() .. " ")))
    assert.is_true(server:tells "p%-three")
  end)

  it("takes a body of 1 MiB, and refuses a larger one before it came",
  function()
    local body = body_of "large"
    body = body .. (" "):rep(2 ^ 20 - #body)
    assert.equal(200, answer(server.port, signed(body)))
    assert.equal(413, answer(server.port, "POST /webhook HTTP/1.1\r\n" ..
      "Host: h\r\nContent-Length: 100000000\r\n\r\n"))
  end)

  it("does not wait for a request that does not come", function()
    local before = socket.gettime()
    local status = answer(server.port, (request_of(body_of "late", "x")
      :sub(1, -2)))
    assert.is_true(status == nil or status == 408, status)
    assert.is_true(socket.gettime() - before < 3 * SLOW)
  end)

  it("outlives requests that are none", function()
    for _, bytes in ipairs { "", "\r\n", "\0\1\2\255", "POST\r\n\r\n",
      "GET /webhook HTTP/1.1\r\nHost: h\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
      "POST /webhook HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
      "POST /webhook HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n" ..
        "Content-Length: 3\r\n\r\n{}",
      "POST /webhook HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n" ..
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST /webhook HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
      "POST /webhook HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n{}",
      "POST /" .. ("x"):rep(100000) .. " HTTP/1.1\r\n\r\n",
      "POST /webhook HTTP/1.1\r\n" .. ("A: " .. ("x"):rep(4000) .. "\r\n")
        :rep(100) .. "\r\n",
    } do
      local status = answer(server.port, bytes, true)
      assert.is_true(status == nil or status >= 400, status)
    end
    assert.equal(200, answer(server.port, signed(body_of "after")))
    assert.is_true(server:tells "p%-after")
  end)
end

-- The pattern in what the server told, at the latest a while from now.
local function tells(self, pattern)
  local deadline = socket.gettime() + 5 * SLOW
  repeat
    if self:count(pattern) > 0 then return true end
    socket.sleep(0.01)
  until socket.gettime() > deadline
  return false
end

local function count(self, pattern)
  local _, n = (process.read_file(self.log) or ""):gsub("[%s]+", " ")
    :gsub(pattern, "")
  return n
end

describe("examples/webhook_cqueues", function()
  if not pcall(require, "cqueues") then
    pending "cqueues is not installed for this Lua"
    return
  end

  local server = { tells = tells, count = count }
  local folder

  setup(function()
    folder = process.temporary_folder()
    local path = copy("examples/webhook_cqueues/server.lua",
      folder .. "/server.lua", { ["PATIENCE = 4"] = "PATIENCE = " .. 0.3 * SLOW })
    server.log = folder .. "/log"
    process.write_file(server.log, "")
    server.child = process.start({ "sh", "-c", 'exec "$0" "$1" 0 >"$2" 2>&1',
      os.getenv "JOGG_LUA" or "lua5.4", path, server.log },
      { env = ENVIRONMENT })
    assert(server:tells "listening on http://127.0.0.1:%d+ ",
      process.read_file(server.log))
    server.port = tonumber(process.read_file(server.log):match ":(%d+)\n")
  end)
  teardown(function()
    assert.is_true(server.child:alive(), process.read_file(server.log))
    server.child:stop()
    process.remove_folder(folder)
  end)

  receives(server)

  it("answers each fault of a request by its status", function()
    local head = "POST /webhook HTTP/1.1\r\n"
    for i, case in ipairs {
      { 404, "GET /webhook HTTP/1.1\r\n\r\n" }, { 404, "POST / HTTP/1.1\r\n\r\n" },
      { 404, "POST /webhook HTTP/2.0\r\n\r\n" },
      { 404, "POST /webhook HTTP/1.1\n\n" }, { 411, head .. "\r\n" },
      { 411, head .. "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}" },
      { 411, head .. "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n" },
      { 411, head .. "Content-Length: 0x2\r\n\r\n{}" },
      { 413, head .. "Content-Length: 1048577\r\n\r\n" },
      { 413, head .. "Content-Length: " .. ("9"):rep(400) .. "\r\n\r\n" },
      { 400, head .. "A: b\n\r\n" }, { 400, head .. "A: b\r\n c: d\r\n\r\n" },
      { 400, head .. "A\r\n\r\n" }, { 400, head .. ("A: b\r\n"):rep(65) .. "\r\n" },
      { 400, head .. "A: " .. ("b"):rep(4096) .. "\r\n\r\n" },
      { 400, head .. "A: b\r\n" }, -- and no more
      { 408, head .. "Content-Length: 3\r\n\r\n{}" },
    } do
      assert.equal(case[1], answer(server.port, case[2], true), "case " .. i)
    end
  end)

  it("serves again after a crowd that says nothing", function()
    local crowd = {}
    for i = 1, 150 do crowd[i] = assert(socket.connect("127.0.0.1", server.port)) end
    assert.equal(200, answer(server.port, signed(body_of "patient")))
    for _, connection in ipairs(crowd) do connection:close() end
  end)

  it("says what it lacks", function()
    local output = process.run({ "env", "-u", "JOGG_WEBHOOK_SECRET",
      os.getenv "JOGG_LUA" or "lua5.4", "examples/webhook_cqueues/server.lua" },
      { stderr = "merge" })
    assert.truthy(output:find("no JOGG_WEBHOOK_SECRET", 1, true), output)
  end)
end)

describe("examples/webhook_nginx", function()
  if not rawget(_G, "jit") then
    pending "nginx's Lua is LuaJIT: run this with LUA=luajit"
    return
  elseif UNDER == "asan" or UNDER == "tsan" then
    pending "nginx is not built for sanitizers"
    return
  end

  local folder = process.temporary_folder()
  local probe = assert(socket.bind("127.0.0.1", 0))
  local _, port = probe:getsockname()
  probe:close()
  local path = copy("examples/webhook_nginx/nginx.conf", folder .. "/conf", {
    ["127%.0%.0%.1:8080;"] = "127.0.0.1:" .. port .. ";",
    ["client_body_timeout 4s"] = "client_body_timeout 300ms",
  })
  local environment = {
    JOGG_WEBHOOK_SECRET = SECRET, LD_PRELOAD = false,
    PATH = os.getenv "PATH" .. ":/usr/sbin:/usr/local/sbin",
  }

  -- Starts nginx and waits for its end; what it said.
  local function run(variables, ...)
    local child = process.start({ "sh", "-c", 'exec "$@" 2>&1', "sh", "nginx",
      "-p", folder, "-c", path, ... }, { env = variables })
    local output = child:read_all()
    child:wait(10 * SLOW)
    return output
  end

  local trouble = run(environment, "-t")
  if trouble:find "not found" or trouble:find "dlopen%(%)" then
    process.remove_folder(folder)
    pending("nginx has no Lua module that works (Debian: " ..
      "libnginx-mod-http-lua, with luajit2 on Debian 12): " .. trouble)
    return
  end

  local server = { tells = tells, count = count, port = tonumber(port),
    log = folder .. "/log" }

  setup(function()
    assert.truthy(trouble:find "test is successful", trouble)
    process.write_file(server.log, "")
    server.child = process.start({ "nginx", "-p", folder, "-c", path },
      { env = environment, stderr = server.log })
    assert(server:tells "start worker process ", process.read_file(server.log))
  end)
  teardown(function()
    if server.child then server.child:stop() end
    process.remove_folder(folder)
  end)

  receives(server)

  it("does not start without a secret", function()
    for _, secret in ipairs { false, "" } do
      local output = run { PATH = environment.PATH, LD_PRELOAD = false,
        JOGG_WEBHOOK_SECRET = secret }
      assert.truthy(output:find "no JOGG_WEBHOOK_SECRET" or
        output:find "secret must be a string that is not empty", output)
    end
  end)
end)
