-- SPDX-License-Identifier: MIT
-- Which addresses are talked to: https, or http to this machine; and how one
-- leads to another. The same with every version of libcurl.

local core = require "jogg.core"
local bare = require "spec.support.bare"

local HERE = {
  "127.0.0.1", "127.1", "127.255.255.254", "2130706433", "0x7f000001",
  "017700000001", "localhost", "LOCALHOST", "LocalHost", "[::1]",
  "[0:0:0:0:0:0:0:1]", "localhost.", "LOCALHOST.", "127.0.0.1.", "127.1.",
  "0x7f.1",
}

-- Some systems take these for this machine: a service may not send us there,
-- and http to them is not safe.
local LEADS_HERE = {
  "0.0.0.0", "0", "0.1.2.3", "[::]", "[::ffff:127.0.0.1]", "[::ffff:0.0.0.0]",
  "foo.localhost", "a.b.LocalHost.", "ｌｏｃａｌｈｏｓｔ", "127。0。0。1", "①２7.0.0.1",
  "münchen.example",
}

local ELSEWHERE = {
  "127.0.0.1.example.com", "localhost.example.com", "notlocalhost",
  "localhost-", "128.0.0.1", "126.255.255.255", "10.0.0.1", "192.168.1.1",
  "169.254.169.254", "[::2]", "[fe80::1]", "[::ffff:10.0.0.1]", "[2001:db8::1]",
  "xn--lcalhost-54a", "example.com", "example.com.", "256.0.0.1.example",
}

-- No byte of these may be in an address, wherever it is.
local BYTES = { "\\", "\127", "\194\128", "\194\159", "\192\175", "\195",
  "\237\160\128", "\255" }
for byte = 1, 31 do
  BYTES[#BYTES + 1] = string.char(byte)
end

local PLACES = { "%shttps://a.example/", "h%sttps://a.example/",
  "https:%s//a.example/", "https://%sa.example/", "https://a.example%s/",
  "https://a.example:%s443/", "https://a.example/%s", "https://a.example/b%sX:",
  "https://a.example/?c=%sd", "https://a.example/#%s" }

-- These are not URLs, though some parsers make something of them.
local MALFORMED = {
  "", "x", "//a.example/", "/v.mp4", "https://", "https:///", "https:///a.example/",
  "https:/a.example/", "https:a.example", "https://a b/", "https://a.example /",
  " https://a.example/", "https://a.example:0x1/", "https://a.example:65536/",
  "https://a.example:-1/", "https://:443/", "https://[::1/", "https://[::1]x/",
  "https://[::1%25lo]/", "https://[v1.a]/", "https://./", "https://../",
  "https://a.example../", "https://.:443/", "https://%61.example/",
  "https://a%2eexample/", "https://a;b/", "https://a.example,b/", "https://a!/",
  "https://a'b/", 'https://a"b/', "https://a<b>/", "https://{a,b}/", "https://a`/",
  "https://a*/", "https://a$b/", "https://a|b/", "https://a=b/", "https://a&b/",
}

local function client(base_url)
  return core.client { base_url = base_url, api_key = "k", user_agent = "t" }
end

-- Does a client of this base URL start a download from there? Otherwise, the
-- word for why not. The download's folder is not there: nothing is ever
-- connected.
local function download(from, url)
  local folder = os.tmpname()
  os.remove(folder)
  local target = from:download { path = folder .. "/v.mp4", maximum = 100,
    whole = "mp4" }
  local failure = bare.failure(from, { url = url, download = target })
  target:discard()
  if failure.class == "file" then -- it came as far as the file
    assert.equal("ENOENT", failure.errno)
    return true
  end
  assert.same({ "url", false }, { failure.class, failure.sent })
  return nil, failure.verdict
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
          local made = client("https://" .. host .. "/")
          assert.is_false(made:is_local(), host)
          made:close()
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
        ["https://u%40v@a.example/"] = "user name", ["https://:@a.example/"] =
        "user name", ["https://@a.example/"] = "user name",
        ["ftp://127.0.0.1/"] = "must begin with", ["file:///etc/passwd"] =
        "must begin with", ["gopher://127.0.0.1/"] = "must begin with",
        ["a.example:81/x"] = "must begin with", ["localhost:8080"] =
        "must begin with", ["httpss://a.example/"] = "must begin with",
      } do
        local ok, err = pcall(client, url)
        assert.is_false(ok, url)
        assert.truthy(err:find(expected, 1, true), url .. ": " .. err)
      end
      for _, url in ipairs(MALFORMED) do
        local ok, err = pcall(client, url)
        assert.is_false(ok, url)
        assert.truthy(err:find("base_url is not a URL", 1, true), url .. err)
      end
    end)

    it("has no byte that does not belong in a URL", function()
      for _, bytes in ipairs(BYTES) do
        for _, place in ipairs(PLACES) do
          local url = place:format(bytes)
          local ok, err = pcall(client, url)
          assert.is_false(ok, url)
          assert.truthy(err:find("base_url ", 1, true), url .. err)
          assert.is_string((core.url_fault(url)), url)
        end
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
          assert.equal("local", why, host)
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
            local ok, why = download(from, "http://" .. host .. "/v.mp4")
            assert.is_nil(ok, host)
            assert.truthy(why == "insecure" or why == "local" or
              why == "malformed", host)
          end
        end
      end
      assert.is_true((download(far, "https://cdn.example/v.mp4?a=b#c")))
    end)

    it("have no credentials and no other scheme", function()
      for url, word in pairs { ["https://u:p@cdn.example/v.mp4"] =
        "credentials", ["ftp://a.example/v"] = "scheme",
        ["file:///etc/passwd"] = "scheme", ["/v.mp4"] = "malformed",
        [""] = "malformed", ["data:video/mp4,x"] = "malformed scheme",
        ["https://a.example/\n"] = "malformed",
        ["https://a.example/\0"] = "malformed" } do
        local ok, why = download(far, url)
        assert.is_nil(ok, url)
        assert.truthy(word:find(why, 1, true), url)
      end
      for _, url in ipairs(MALFORMED) do
        assert.is_nil((download(far, url)), url)
      end
      for _, bytes in ipairs(BYTES) do
        for _, place in ipairs(PLACES) do
          assert.is_nil((download(far, place:format(bytes))))
        end
      end
    end)

    it("may have blanks after the host", function()
      assert.is_true((download(far, "https://cdn.example/a video.mp4?b c#d e")))
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
    assert.equal("https://cdn.example:444/c?d%20e", resolve(from, "/c?d e"))
    assert.is_nil(resolve(from, "https://a b/"))
    assert.is_nil(resolve(from, "/" .. ("x"):rep(8192)))
    for _, bytes in ipairs(BYTES) do
      for _, place in ipairs { "%s", "/%s", "/a%sX:", "?%s", "#%s", "//%sx/",
        "https://a.example/%s" } do
        assert.is_nil(resolve(from, place:format(bytes)))
      end
      assert.is_nil(resolve(from .. bytes, "/x"))
    end
  end)

  it("that are fit for the service", function()
    assert.is_nil((core.url_fault "https://shop.example/lamp"))
    assert.is_nil((core.url_fault "http://shop.example/lamp"))
    assert.equal("credentials",
      (core.url_fault "https://u:p@shop.example/"))
    assert.equal("malformed", (core.url_fault "shop.example"))
    for _, url in ipairs(MALFORMED) do
      assert.equal("malformed", (core.url_fault(url)), url)
    end
    for _, url in ipairs { "https://shop.example/a b?c d", "https://münchen.example/",
      "https://shop.example/größe?x=ö", "https://shop.example", "HTTPS://SHOP.example./",
      "https://shop.example/~a/;b,c'd(e)!$&*+=:@%20%zz{}|^`<>\"" } do
      assert.is_nil((core.url_fault(url)), url)
    end
    local long = "https://shop.example/" .. ("x"):rep(65000)
    assert.is_nil((core.url_fault(long)))
    assert.equal("malformed", (core.url_fault(long .. ("x"):rep(1000))))
    assert.equal("scheme", (core.url_fault "ftp://shop.example/"))
    assert.equal("malformed", (core.url_fault "https://shop.example/\0"))
  end)
end)
