-- SPDX-License-Identifier: MIT
-- What require "jogg" gives, and what it leaves alone.

local process = require "spec.support.process"
local faults = require "spec.support.faults"

local LUA = os.getenv "JOGG_LUA" or "lua5.4"

-- Runs a script in an interpreter of its own, which has no key unless given.
local function run(script, environment)
  local child = process.start({ LUA, "-e", script }, { env = environment })
  local output = child:read_all()
  child:wait()
  return output
end

describe("require 'jogg'", function()
  it("sets no globals and prints nothing", function()
    local output = run [[
      local before = {}
      for name in pairs(_G) do before[name] = true end
      local jogg = require "jogg"
      jogg.client { api_key = "k" }:close()
      for name in pairs(_G) do
        if not before[name] then io.write("global ", name, "\n") end
      end
      io.write("done")]]
    assert.equal("done", output)
  end)

  it("leaves the host's lua-cjson alone, and is left alone by it", function()
    local output = run [==[
      local cjson = require "cjson"
      local core = require "jogg.core"
      local sparse = { [1] = 1, [100000] = 2 }
      -- as it was: null is there, deep is an error at the default depth
      assert(cjson.decode "[null]"[1] == cjson.null)
      assert(cjson.decode(("["):rep(500) .. ("]"):rep(500)))
      assert(tostring(cjson.decode "[1e999]"[1]) == "inf")
      -- whatever the host sets later does not reach us
      cjson.decode_max_depth(2)
      cjson.encode_sparse_array(true, 1, 1)
      cjson.encode_number_precision(3)
      cjson.encode_max_depth(1)
      assert(core.decode "[[[[1]]]]"[1][1][1][1] == 1)
      assert(core.encode({ a = { b = { c = 1234567 } } }, {}) ==
        '{"a":{"b":{"c":1234567}}}')
      assert(cjson.encode { 1.23456 } == "[1.23]")
      io.write("done")]==]
    assert.equal("done", output)
  end)

  it("has what the documentation says, and a version in one place", function()
    local jogg = require "jogg"
    local names = {}
    for name, value in pairs(jogg) do
      names[#names + 1] = name .. " " .. type(value)
    end
    table.sort(names)
    assert.same({ "VERSION string", "client function", "is_error function",
      "make_video function", "webhook table" }, names)
    assert.truthy(jogg.VERSION:find "^%d+%.%d+%.%d+$")
    assert.equal(require "jogg.version", jogg.VERSION)
    local errors = require "jogg.error"
    assert.is_true(jogg.is_error(errors.new { kind = "io", message = "m" }))
    assert.is_false(jogg.is_error "io")
  end)

  it("says at the caller's line that there is no key", function()
    for _, call in ipairs { "jogg.make_video { url = 'https://a.example/' }",
      "jogg.client()", "jogg.client {}" } do
      for _, key in ipairs { false, "" } do
        local output = run('local jogg = require "jogg"\n'
          .. "local function work()\n" .. call .. "\nend\n"
          .. "io.write(select(2, pcall(work)))", { JOGG_API_KEY = key })
        assert.truthy(output:find(":3: client: api_key is missing", 1, true),
          output)
        assert.truthy(output:find("JOGG_API_KEY", 1, true))
      end
    end
  end)

  it("says at the caller's line what is wrong with the environment", function()
    for value, expected in pairs {
      ["geheim\r\nX-Evil: 1"] = "api_key: the character at position 7 ",
      ["geheim "] = "api_key: the character at position 7 ",
      ["gehei\195\159"] = "api_key: the character at position 6 ",
    } do
      local output = run([[local jogg = require "jogg"
        local function work()
          jogg.client()
        end
        io.write(select(2, pcall(work)))]], { JOGG_API_KEY = value })
      assert.truthy(output:find(":3: client: " .. expected, 1, true), output)
      assert.falsy(output:find("gehei", 1, true))
    end
    for _, value in ipairs { "http://api.example/", "nonsense", "ftp://a.b/" } do
      local output = run([[local jogg = require "jogg"
        io.write(select(2, pcall(jogg.client)))]],
        { JOGG_API_KEY = "k", JOGG_BASE_URL = value })
      assert.truthy(output:find("client: base_url ", 1, true), output)
    end
  end)

  it("takes the generation from the environment, unless it is given", function()
    local OPEN, V2 = "this client speaks open", "it is v2"
    for _, case in ipairs {
      { false, "nil", OPEN }, { "", "nil", OPEN }, { "open", "nil", OPEN },
      { "v2", "nil", V2 },
      { "v3", "nil", ":3: client: JOGG_GENERATION must be open or v2" },
      { "v2", "'open'", OPEN }, { "open", "'v2'", V2 }, { "v3", "'v2'", V2 },
    } do
      local output = run(([[local jogg = require "jogg"
        local function work()
          local client = jogg.client { generation = %s }
          return client.whoami and "it is v2"
        end
        io.write(select(2, pcall(work)))]]):format(case[2]),
        { JOGG_API_KEY = "k", JOGG_GENERATION = case[1] })
      assert.truthy(output:find(case[3], 1, true), output)
    end
    -- the default client as well
    local output = run([[io.write(tostring(select(2, pcall(function()
      require "jogg".make_video { url = "https://a.example/" }
    end))))]], { JOGG_API_KEY = "k", JOGG_GENERATION = "v2" })
    assert.matches("make_video: avatar_id is missing", output)
  end)

  it("makes the default client from the environment, once", function()
    local server = faults.start()
    server:on("POST", "/prefix/open/product",
      { status = 401, json = { code = 10105, msg = "no" } })
    local output = run([[local jogg = require "jogg"
      local core = require "jogg.core"
      local make, made = core.client, 0
      core.client = function(...) made = made + 1 return make(...) end
      for _ = 1, 2 do
        local video, err = jogg.make_video { url = "https://a.example/" }
        io.write(tostring(video), " ", err.kind, " ")
      end
      local ok, raised = pcall(function()
        jogg.make_video { ulr = "https://a.example/" }
      end)
      io.write(raised, " made ", made)]],
      { JOGG_API_KEY = "from-environment", JOGG_BASE_URL = server.url .. "/prefix/" })
    local requests = server:requests()
    server:stop()
    assert.truthy(output:find("nil auth nil auth ", 1, true), output)
    assert.truthy(output:find(':10: make_video: unknown option "ulr", did you ' ..
      'mean "url"?', 1, true), output)
    assert.truthy(output:find " made 1$")
    assert.equal(2, #requests)
    assert.equal("from-environment", requests[1].headers["x-api-key"])
  end)

  it("keeps the key off every command line", function()
    local server = faults.start()
    server:on("POST", "/open/product", { stall = "before_answer" })
    local child = process.start({ LUA, "-e", [[
      local jogg = require "jogg"
      jogg.client { api_key = os.getenv "KEY", base_url = os.getenv "URL" }
        :create_product { url = "https://a.example/" }
    ]] }, { env = { KEY = "very-secret-key", URL = server.url } })
    assert.is_true(server:wait { requests = 1 })
    local pattern = "/proc/[0-9]*/cmdline"
    local list = assert(io.popen("cat " .. pattern .. " 2>/dev/null | tr '\\0' '\\n'"))
    local lines = list:read "*a"
    list:close()
    child:stop()
    server:stop()
    assert.truthy(lines:find("jogg.client", 1, true))
    assert.falsy(lines:find("very-secret" .. "-key", 1, true))
  end)
end)
