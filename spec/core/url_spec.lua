-- SPDX-License-Identifier: MIT
-- Which addresses are talked to: https, or http to this very machine; and how
-- one leads to another.

local core = require "jogg.core"

local HERE = {
  "127.0.0.1", "127.1", "127.255.255.254", "2130706433", "0x7f000001",
  "017700000001", "localhost", "LOCALHOST", "LocalHost", "[::1]",
  "[0:0:0:0:0:0:0:1]",
}

-- Many systems take these for this machine: nobody may be sent there, and
-- nobody may count on it.
local LEADS_HERE = {
  "0.0.0.0", "0", "0.1.2.3", "[::]", "[::ffff:127.0.0.1]", "[::ffff:0.0.0.0]",
  "localhost.", "LOCALHOST.", "foo.localhost", "a.b.LocalHost.",
}

local ELSEWHERE = {
  "127.0.0.1.example.com", "localhost.example.com", "notlocalhost",
  "localhost-", "128.0.0.1", "126.255.255.255", "10.0.0.1", "192.168.1.1",
  "169.254.169.254", "[::2]", "[fe80::1]", "[::ffff:10.0.0.1]", "[2001:db8::1]",
  "127.0.0.1.", "1270.0.0.1", "xn--lcalhost-54a", "example.com",
}

local function client(base_url)
  return core.client { base_url = base_url, api_key = "k", user_agent = "t" }
end

-- Does a client of this base URL start a download from there? The output's
-- folder is not there: nothing is ever connected.
local function download(from, url)
  local folder = os.tmpname()
  os.remove(folder)
  local output = assert(core.output(folder .. "/v.mp4", false, 100))
  local request = from:download(output, url, 0.001, 0.001, 0.001)
  while not request:done() do
    from:wait(0.1)
  end
  local _, err = request:result()
  request:close()
  output:close()
  if err.kind == "io" then -- it came as far as the file
    return true
  end
  assert.same({ "protocol", "url", "not_sent" },
    { err.kind, err.reason, err.outcome })
  return nil, err.message:match "^the address of the video (.*)"
end

describe("core's URLs", function()
  describe("of a client", function()
    it("may be http to this machine alone", function()
      for _, host in ipairs(HERE) do
        local made = client("http://" .. host .. ":81/x")
        assert.is_true(made:is_local(), host)
        made:close()
      end
      for _, list in ipairs { LEADS_HERE, ELSEWHERE } do
        for _, host in ipairs(list) do
          local ok, err = pcall(client, "http://" .. host .. "/")
          assert.is_false(ok, host)
          assert.truthy(err:find("base_url must use https", 1, true)
            or err:find("is not a URL", 1, true), host .. err)
        end
      end
    end)

    it("may be https to anywhere", function()
      for _, list in ipairs { LEADS_HERE, ELSEWHERE } do
        for _, host in ipairs(list) do
          if not host:find "^1270" then -- some libcurl refuse it
            local made = client("https://" .. host .. "/")
            assert.is_false(made:is_local(), host)
            made:close()
          end
        end
      end
      for _, host in ipairs(HERE) do
        local made = client("https://" .. host .. "/")
        assert.is_true(made:is_local(), host)
        made:close()
      end
    end)

    it("has no credentials, no other scheme, and is a URL", function()
      for url, expected in pairs {
        ["https://u@a.example/"] = "user name", ["https://u:p@a.example"] =
        "user name", ["http://127.0.0.1@a.example/"] = "user name",
        ["https://a.example\\@b.example/"] = "user name",
        ["ftp://127.0.0.1/"] = "must begin with", ["file:///etc/passwd"] =
        "must begin with", ["gopher://127.0.0.1/"] = "must begin with",
        [""] = "is not a URL", ["x"] = "is not a URL", ["//a.example/"] =
        "is not a URL", ["https://"] = "is not a URL",
        ["https://a b/"] = "is not a URL", ["https://a.example:0x1/"] =
        "is not a URL", ["https://a.example:65536/"] = "is not a URL",
        ["https://[::1/"] = "is not a URL", ["https://a.example/\r\nX:"] =
        "is not a URL",
      } do
        local ok, err = pcall(client, url)
        assert.is_false(ok, url)
        assert.truthy(err:find("base_url " .. expected, 1, true)
          or err:find(expected, 1, true), url .. ": " .. err)
      end
    end)
  end)

  describe("of a video", function()
    local far, near

    setup(function()
      far, near = client "https://api.example/", client "http://127.0.0.1:1/"
    end)
    teardown(function()
      far:close()
      near:close()
    end)

    it("lead to this machine only when the API is there", function()
      for _, list in ipairs { HERE, LEADS_HERE } do
        for _, host in ipairs(list) do
          local ok, why = download(far, "https://" .. host .. "/v.mp4")
          assert.is_nil(ok, host)
          assert.truthy(why:find("leads to this machine", 1, true), host)
          assert.is_nil((download(far, "http://" .. host .. "/v.mp4")), host)
          assert.is_true((download(near, "https://" .. host .. "/v.mp4")), host)
        end
      end
      for _, host in ipairs(HERE) do
        assert.is_true((download(near, "http://" .. host .. "/v.mp4")), host)
      end
    end)

    it("use https everywhere else", function()
      for _, list in ipairs { LEADS_HERE, ELSEWHERE } do
        for _, host in ipairs(list) do
          for _, from in ipairs { near, far } do
            assert.is_nil((download(from, "http://" .. host .. "/v.mp4")), host)
          end
        end
      end
      assert.is_true((download(far, "https://cdn.example/v.mp4?a=b#c")))
    end)

    it("have no credentials and no other scheme", function()
      for _, url in ipairs { "https://u:p@cdn.example/v.mp4", "ftp://a.example/v",
        "file:///etc/passwd", "/v.mp4", "", "data:video/mp4,x",
        "https://a.example/\n" } do
        local ok, why = download(far, url)
        assert.is_nil(ok, url)
        assert.equal("string", type(why))
      end
    end)
  end)

  it("lead from one to another", function()
    local function resolve(from, location)
      return (core.resolve(from, location))
    end
    local from = "https://cdn.example:444/a/b.mp4?x=y#z"
    for location, wanted in pairs {
      ["https://other.example/v"] = "https://other.example/v",
      ["http://other.example/v"] = "http://other.example/v",
      ["//other.example/v"] = "https://other.example/v",
      ["/c/d.mp4?e"] = "https://cdn.example:444/c/d.mp4?e",
      ["d.mp4"] = "https://cdn.example:444/a/d.mp4",
      ["../d.mp4"] = "https://cdn.example:444/d.mp4",
      ["?t=1"] = "https://cdn.example:444/a/b.mp4?t=1",
      ["/a b"] = "https://cdn.example:444/a%20b",
      ["/%41%2F?s=%2B+"] = "https://cdn.example:444/%41%2F?s=%2B+",
    } do
      assert.equal(wanted, resolve(from, location))
    end
    assert.is_nil(resolve(from, "https://"))
    assert.is_nil(resolve(from, "https://a.example:99999/"))
    assert.is_nil(resolve("nowhere", "there"))
  end)

  it("that are fit for the service", function()
    assert.is_nil((core.url_fault "https://shop.example/lamp"))
    assert.is_nil((core.url_fault "http://shop.example/lamp"))
    assert.equal("must not contain a user name or a password",
      (core.url_fault "https://u:p@shop.example/"))
    assert.equal("is not a URL", (core.url_fault "shop.example"))
    assert.truthy((core.url_fault "ftp://shop.example/"):find("https", 1, true))
  end)
end)
