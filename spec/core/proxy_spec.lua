-- SPDX-License-Identifier: MIT
-- Proxies of the environment: what they refuse is told apart from what the
-- service does, nothing that only a proxy saw counts as sent, and no message
-- has a proxy's password.

local faults = require "spec.support.faults"
local native = require "spec.support.native"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

-- Prints a line for each exchange: class, sent, status, detail, all else.
local CODE = [[
  local bare = require "spec.support.bare"
  local client = bare.client(arg[1], { ca_file = arg[2] })
  if arg[3] == "threaded" then client:start_thread() end
  for _, method in ipairs { "GET", "POST" } do
    local status, failure = bare.exchange(client, { method = method,
      connect_timeout = tonumber(arg[5]), stall_timeout = tonumber(arg[4]) }):result()
    if status then
      print(status)
    else
      print(("%s %s %s|%s|%s %s %s"):format(failure.class,
        tostring(failure.sent), tostring(failure.status),
        tostring(failure.detail), tostring(failure.system),
        tostring(failure.path), tostring(failure.verdict)))
    end
  end
  client:close()
]]

describe("core's proxy", function()
  local proxy, service

  setup(function()
    proxy = faults.start()
    service = faults.start { tls = { wrong_name = true } } -- wrong.example
  end)
  teardown(function()
    proxy:stop()
    service:stop()
  end)
  before_each(function()
    proxy:clear():on_connect {}
    service:clear():on_connect {}
    service:on("*", "*", { json = { code = 0 } })
    proxy:on("CONNECT", "*", { tunnel = service.port })
  end)

  local function run(url, address, stall, threaded)
    local output, ended = native.run(CODE, {
      env = { https_proxy = address },
      arguments = { url, service.ca_file, threaded and "threaded" or "",
        tostring((stall or 5) * SLOW), tostring(math.min(SLOW, 5)) },
    })
    assert.is_true(ended, output)
    return output
  end

  local function through(url, stall, threaded)
    return run(url or "https://wrong.example:4433",
      "http://user:s3cret@127.0.0.1:" .. proxy.port, stall, threaded)
  end

  -- Raises unless both exchanges failed like this.
  local function expect(class, output)
    local count = 0
    for line in output:gmatch "[^\n]+" do
      assert.equal(class, line:match "^[^|]*", line)
      assert.falsy(line:find "user" or line:find "s3cret", line)
      count = count + 1
    end
    assert.equal(2, count, output)
    return output
  end

  it("tunnels", function()
    assert.equal("200\n200\n", through())
    local request = proxy:last_request()
    assert.same({ "CONNECT", "wrong.example:4433" },
      { request.method, request.target })
    assert.is_nil(request.headers["x-api-key"])
    assert.equal(2, #service:requests())
    assert.equal("200\n200\n", through(nil, nil, true))
  end)

  it("refuses", function()
    for _, status in ipairs { 302, 403, 407, 429, 502, 503 } do
      proxy:on("CONNECT", "*", { status = status, body = "no",
        headers = { ["X-Request-Id"] = "of the proxy" } })
      expect("proxy false " .. status, through())
    end
    assert.equal(0, #service:requests())
  end)

  it("breaks off, or is silent: nothing was sent", function()
    for _, step in ipairs { { reset = "after_request" },
      { close = "after_request" }, { reset = "mid_headers" },
      { raw = "HTTP/1.1 200 OK\r\n\r\n" } } do
      proxy:on("CONNECT", "*", step)
      local output = through()
      for line in output:gmatch "[^\n]+" do
        assert.matches("^broken false nil", (line:gsub("handshake", "broken")))
        assert.falsy(line:find "s3cret")
      end
    end
    proxy:on("CONNECT", "*", { stall = "after_request" })
    expect("connect_timeout false nil", through())
    proxy:on_connect { reset = "accept" } -- or, if it comes soon, connect
    expect("broken false nil", (through():gsub("connect false", "broken false")))
    assert.equal(0, #service:requests())
  end)

  it("stands between, and what the service does then is told in words",
    function()
      service:on("*", "*", { reset = "after_request" })
      local words = expect("broken true nil", through())
      assert.truthy(words:find "Empty reply" or words:find "SSL_read", words)
      service:on("*", "*", { stall = "after_request" })
      expect("stall_timeout true nil", through(nil, 0.2))
      assert.matches("other%.example",
        expect("certificate false nil", through "https://other.example"))
    end)

  it("cannot be used: whatever is wrong with its address", function()
    local refused = faults.refused_url():match "%d+$"
    for address, class in pairs {
      ["http://user:s3cret#pw@127.0.0.1:3128"] = "proxy",
      ["http://user:s3cret@pw@127.0.0.1:99999"] = "proxy",
      ["http://user:12#s3cret@127.0.0.1:3128"] = "proxy",
      ["http://user:s3cret/@127.0.0.1:3128"] = "proxy",
      ["http://user:s3cret?@127.0.0.1:3128"] = "proxy",
      ["http://user:s3cret@ho st:3128"] = "proxy",
      ["htp://user:s3cret@127.0.0.1:3128"] = "proxy",
      ["socks9://user:s3cret@127.0.0.1"] = "proxy",
      ["ftp://user:s3cret@127.0.0.1"] = "proxy",
      ["://user:s3cret@127.0.0.1"] = "proxy",
      ["user:s3cret@127.0.0.1:99999"] = "proxy",
      ["user:s3cret"] = "proxy",
      ["s3cret"] = "proxy",
      ["http://user:s3cret@nowhere.invalid:3128"] = "proxy",
      ["socks5h://user:s3cret@nowhere.invalid"] = "proxy",
      ["http://user:s3cret@127.0.0.1:" .. refused] = "connect",
      ["socks5://user:s3cret@127.0.0.1:" .. refused] = "connect",
      ["user:s3cret@127.0.0.1:" .. refused] = "connect",
    } do
      expect(class .. " false nil", run("https://wrong.example", address))
    end
    assert.equal(0, #service:requests())
  end)

  it("of the wrong kind breaks off", function()
    for address in pairs { ["https://user:s3cret@127.0.0.1:"] = true,
      ["socks5://user:s3cret@127.0.0.1:"] = true,
      ["socks4a://user:s3cret@127.0.0.1:"] = true } do
      local output = run("https://wrong.example", address .. proxy.port, 0.3)
      for line in output:gmatch "[^\n]+" do
        assert.matches("^%w+_?%w* false nil", line)
        assert.falsy(line:find "user" or line:find "s3cret", line)
      end
    end
  end)
end)
