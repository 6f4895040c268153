-- SPDX-License-Identifier: MIT
-- Addresses that a service hands out may lead to this machine or into its
-- network: with `public`, what is connected to is checked, not what the name
-- promises. Which addresses are public is in spec/c/layer0_address.c.

local bare = require "spec.support.bare"
local faults = require "spec.support.faults"
local native = require "spec.support.native"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

local PRIVATE = {
  "10.0.0.1", "10.1", "0xa000001", "172.16.0.1", "172.31.255.255",
  "192.168.1.1", "100.64.0.1", "169.254.169.254", "0251.0376.0251.0376",
  "224.0.0.1", "255.255.255.255", "[fc00::1]", "[fd12:3456::1]", "[fe80::1]",
  "[::ffff:10.0.0.1]", "[::ffff:a9fe:a9fe]", "[64:ff9b::a00:1]",
}

local LOCAL = { "127.0.0.1", "127.1", "localhost", "a.localhost", "0.0.0.0",
  "[::1]", "[::]", "[::ffff:127.0.0.1]" }

-- Prints, of one exchange after the other, how it ended.
local CODE = [[
  local bare = require "spec.support.bare"
  local client = bare.client("https://api.invalid", { ca_file = arg[2] })
  if arg[3] == "threaded" then client:start_thread() end
  local fields = { url = arg[1], timeout = 20 }
  local function exchange(public)
    fields.public = public
    local request = bare.exchange(client, fields)
    local status, failure = request:result()
    print(status or failure.class .. " " .. tostring(failure.verdict) .. " " ..
      tostring(failure.sent))
  end
  %s
  client:close()
]]

describe("core's public addresses", function()
  local service, proxy

  setup(function()
    service = faults.start { tls = { wrong_name = true } } -- wrong.example
    proxy = faults.start()
  end)
  teardown(function()
    proxy:stop()
    service:stop()
  end)
  before_each(function()
    service:clear():on_connect {}
    service:on("*", "*", { json = { code = 0 } })
    proxy:clear():on_connect {}
    proxy:on("CONNECT", "*", { tunnel = service.port })
  end)

  local function run(code, options)
    options.url = options.url or "https://wrong.example:" .. service.port
    local preload = { PRELOAD_NAME = "wrong.example",
      PRELOAD_ADDRESS = options.address }
    for name, value in pairs(options.env or {}) do preload[name] = value end
    local output, ended = native.run(CODE:format(code), { preload = preload,
      arguments = { options.url .. "/x", service.ca_file,
        options.threaded and "threaded" or "" } })
    assert.is_true(ended, output)
    return output
  end

  it("are asked for with url alone", function()
    local client = bare.client "https://api.invalid"
    local ok, err = pcall(client.start, client, { path = "/x", public = true })
    assert.is_false(ok)
    assert.truthy(err:find("public: goes with url", 1, true), err)
    client:close()
  end)

  it("are none that are numbers of another kind", function()
    local client = bare.client "https://api.invalid"
    for verdict, hosts in pairs { private = PRIVATE, ["local"] = LOCAL } do
      for _, host in ipairs(hosts) do
        local failure = bare.failure(client,
          { url = "https://" .. host .. "/x", public = true })
        assert.same({ class = "url", verdict = verdict, sent = false },
          failure)
      end
    end
    client:close()
  end)

  it("are not asked for where the API is on this machine", function()
    local server = faults.start()
    finally(function() server:stop() end)
    server:on("*", "*", { json = { code = 0 } })
    local client = bare.client(server.url)
    assert.equal(200, (bare.exchange(client, { url = server.url .. "/x",
      public = true }):result()))
    client:close()
  end)

  it("may be connected to", function()
    local client = bare.client "https://api.invalid"
    for _, host in ipairs { "192.0.2.1", "[2001:db8::1]" } do -- nobody's
      local failure = bare.failure(client, { url = "https://" .. host .. "/",
        public = true, connect_timeout = 0.1 * SLOW })
      assert.is_false(failure.sent)
      assert.truthy(failure.class == "connect" or
        failure.class == "connect_timeout", failure.class)
    end
    client:close()
  end)

  for _, threaded in ipairs { false, true } do
    local how = threaded and ", threaded" or ", inline"

    it("are looked for behind the name" .. how, function()
      local before = service:connections()
      for _, address in ipairs { "127.0.0.1", "10.0.0.1", "192.168.0.1",
        "169.254.169.254", "0.0.0.0", "::1", "fe80::1", "fd00::1",
        "::ffff:127.0.0.1" } do
        assert.equal("url private false\n", run("exchange(true)",
          { address = address, threaded = threaded }))
      end
      assert.equal(before, (service:connections()))
      assert.equal("200\n", run("exchange(false)",
        { address = "127.0.0.1", threaded = threaded }))
    end)

    it("are not what a connection that is there leads to" .. how, function()
      assert.equal("200\nurl private false\n200\nurl private false\n200\n",
        run([[
          for i = 1, 5 do exchange(i % 2 == 0) end
        ]], { address = "127.0.0.1", threaded = threaded }))
      assert.equal(3, #service:requests())
    end)

    it("are not looked for behind a proxy" .. how, function()
      local env = { https_proxy = "http://127.0.0.1:" .. proxy.port }
      for _, no_proxy in ipairs { "", "other.example", "rong.example",
        ".wrong.example.com,x", "wrong", "xample", "wrong.example.x" } do
        env.no_proxy = no_proxy
        assert.equal("200\n200\n200\n", run(
          "exchange(true) exchange(false) exchange(true)",
          { env = env, threaded = threaded }), no_proxy)
      end
      local tunnels = #proxy:requests()
      assert.is_true(tunnels >= 14)
      -- in spite of the proxy, this host is connected to directly
      for _, no_proxy in ipairs { "wrong.example", "WRONG.example",
        "x, .wrong.example", "example", "a.b , example.", "*" } do
        env.no_proxy = no_proxy
        assert.equal("url private false\n200\nurl private false\n", run(
          "exchange(true) exchange(false) exchange(true)",
          { address = "127.0.0.1", env = env, threaded = threaded }))
      end
      assert.equal(tunnels, #proxy:requests())
      -- the next exchange of the same handle knows nothing of that; and what
      -- libcurl takes for an exception, but we do not, is none
      env.no_proxy = "wrong.example, 192.0.2.0/24"
      assert.equal("url private false\n200\nurl private false\n" ..
        "certificate nil false\n200\n", run([[
        local first = fields.url
        exchange(true) exchange(false) exchange(true)
        fields.url = "https://192.0.2.1/"
        exchange(true)
        fields.url = first
        exchange(false)
      ]], { address = "127.0.0.1", env = env, threaded = threaded }))
      assert.equal("192.0.2.1:443", proxy:last_request().target)
      assert.equal(tunnels + 1, #proxy:requests())
      assert.equal("url private false\ncertificate nil false\n", run([[
        exchange(true)
        fields.url = "https://198.51.100.1/"
        exchange(false)
      ]], { address = "127.0.0.1", env = env, threaded = threaded }))
      assert.equal("198.51.100.1:443", proxy:last_request().target)
      tunnels = #proxy:requests()
      env = { http_proxy = env.https_proxy } -- it is not for https
      assert.equal("url private false\n200\n", run(
        "exchange(true) exchange(false)",
        { address = "127.0.0.1", env = env, threaded = threaded }))
      assert.equal("url private false\n", run("exchange(true)",
        { url = "https://10.0.0.1", threaded = threaded,
          env = { https_proxy = "http://127.0.0.1:" .. proxy.port } }))
      assert.equal(tunnels, #proxy:requests())
    end)
  end
end)
