-- SPDX-License-Identifier: MIT
-- What the four calls make of answers: the service's refusals in both shapes,
-- HTTP's, pages in place of JSON, JSON of all kinds, and answers without end.

local jogg = require "jogg"
local errors = require "jogg.error"
local faults = require "spec.support.faults"
local process = require "spec.support.process"

local KEY = "k3y-0f-4nsw3rs"
local LUA = os.getenv "JOGG_LUA" or "lua5.4"
local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)
local integer_type = rawget(math, "type") or function() return "integer" end

local CALLS = {
  create_product = { "POST", "/open/product", { url = "https://a.example/" } },
  update_product = { "PUT", "/open/product", { product_id = 1 } },
  render_project = { "POST", "/open/project/render", { project_id = "p" } },
  project_info = { "GET", "/open/prj_info", "p" },
}

describe("client's answers", function()
  local server, client

  setup(function()
    server = faults.start()
    client = jogg.client { api_key = KEY, base_url = server.url, retries = 0,
      posts_per_minute = 100000, timeout = 10 * SLOW }
  end)
  teardown(function()
    client:close()
    server:stop()
  end)
  before_each(function() server:clear() end)

  -- The error that a call makes of an answer; the call is made once.
  local function failure(name, step)
    local method, path, argument = CALLS[name][1], CALLS[name][2], CALLS[name][3]
    server:clear()
    server:on(method, path, step)
    local value, err = client[name](client, argument)
    assert.is_nil(value)
    assert.is_true(errors.is(err))
    assert.equal(name, err.phase)
    assert.equal(1, #server:requests())
    local text = tostring(err)
    assert.equal(name .. ": ", text:sub(1, #name + 2))
    assert.falsy(text:find("[%c]"), text)
    for field, item in pairs(err) do
      assert.falsy(tostring(item):find(KEY, 1, true), field)
    end
    return err
  end

  local function each(step, check)
    for name in pairs(CALLS) do
      check(failure(name, step), name, CALLS[name][1])
    end
  end

  describe("a refusal", function()
    for code, kind in pairs { [10104] = "not_found", [10105] = "auth",
      [18020] = "credit", [18025] = "permission", [40000] = "parameter",
      [50000] = "server", [31337] = "server", [-1] = "server" } do
      it(("with code %d is %s"):format(code, kind), function()
        each({ json = { code = code, msg = "because", rid = "r7" } },
          function(err, name)
            local page = code == 50000 and name == "create_product"
            assert.equal(page and "page" or kind, err.kind)
            assert.equal(code, err.code)
            assert.equal("because", err.message)
            assert.equal("r7", err.request_id)
            assert.equal(200, err.http_status)
            local proof = code ~= 50000 and not (name == "render_project" and
              (code == 31337 or code == -1))
            assert.equal(proof and "rejected" or "unknown", err.outcome)
          end)
      end)
    end

    for status, kind in pairs { [400] = "parameter", [401] = "auth",
      [403] = "permission", [404] = "not_found", [429] = "rate_limit",
      [500] = "server", [503] = "server" } do
      it(("with HTTP %d is %s, in both shapes"):format(status, kind), function()
        for _, body in ipairs { { error = 7, message = "because" },
          { code = 7, msg = "because" } } do
          each({ status = status, json = body }, function(err)
            assert.equal(kind, err.kind)
            assert.equal(7, err.code)
            assert.equal("because", err.message)
            assert.equal(status, err.http_status)
            assert.equal(status >= 500 and "unknown" or "rejected", err.outcome)
          end)
        end
      end)
    end

    it("with an HTML page is one sentence with the status", function()
      each({ status = 502, headers = { ["Content-Type"] = "text/html" },
        body = "<html><body><h1>502 Bad\r\nGateway</h1></body></html>" },
        function(err)
          assert.equal("server", err.kind)
          assert.equal(502, err.http_status)
          assert.equal("unknown", err.outcome)
          assert.equal("the server answered HTTP 502 without JSON (text/html)",
            err.message)
        end)
    end)

    it("without a body, or with odd text, still has its kind", function()
      for _, body in ipairs { "", "null", "[]", '"no"', "0", "\0", "{" } do
        local err = failure("project_info", { status = 401, body = body })
        assert.equal("auth", err.kind)
        assert.equal("rejected", err.outcome)
      end
    end)

    it("says which request it was, by a header too", function()
      local err = failure("project_info", { status = 500, body = "",
        headers = { ["X-Request-Id"] = "h-7" } })
      assert.equal("h-7", err.request_id)
      assert.truthy(tostring(err):find("request h-7", 1, true))
    end)

    it("says when to come back: seconds, a date, or in the body", function()
      local function asked(headers, body)
        return failure("render_project", { status = 429, headers = headers,
          json = body or { code = 429, msg = "m" } }).retry_after
      end
      assert.equal(7, asked { ["Retry-After"] = "7" })
      local date = asked { ["Retry-After"] =
        os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + 50) }
      assert.is_true(date > 50 - 10 * SLOW and date <= 51, tostring(date))
      assert.equal(30, asked(nil, { code = 10401, data = { retryAfter = 30 } }))
      assert.equal(31, asked(nil, { error = 429, retryAfter = 31 }))
      local reset = asked { ["X-RateLimit-Reset"] = tostring(os.time() + 40) }
      assert.is_true(reset > 40 - 10 * SLOW and reset <= 40, tostring(reset))
      for _, odd in ipairs { "5", "soon", "1e999", "-1", "" } do
        assert.is_nil(asked { ["X-RateLimit-Reset"] = odd })
      end
      assert.is_nil(asked(nil))
      assert.is_nil(asked { ["Retry-After"] = "soon" })
      assert.is_nil(asked { ["Retry-After"] = "Mon, 01 Jan 2001 00:00:00 GMT" })
    end)
  end)

  describe("a redirect", function()
    it("is not followed: the key must not go elsewhere", function()
      local other = faults.start()
      finally(function() other:stop() end)
      other:on("*", "*", { json = { code = 0, data = { id = 1, prj_id = "p" } } })
      for _, status in ipairs { 301, 302, 303, 307, 308 } do
        each({ status = status, redirect = other.url .. "/open/product" },
          function(err)
            assert.equal("http", err.kind)
            assert.equal(status, err.http_status)
            assert.equal("unknown", err.outcome) -- it may follow on an effect
            assert.truthy(err.message:find("redirect", 1, true))
          end)
      end
      assert.equal(0, #other:requests())
      assert.equal(0, (other:connections()))
    end)

    it("to itself is not followed either", function()
      local err = failure("project_info", { redirect = "/open/prj_info" })
      assert.equal("http", err.kind)
    end)
  end)

  describe("success", function()
    it("needs no data where the service has none to give", function()
      for _, body in ipairs { '{"code":0}', '{"code":0,"data":null}',
        '{"code":0,"msg":"success","data":{}}', '{"code":0,"data":[]}',
        ' {"code" : 0.0} \n' } do
        server:on("PUT", "/open/product", { body = body })
        server:on("POST", "/open/project/render", { body = body })
        assert.is_true(client:update_product { product_id = 1 })
        assert.is_true(client:render_project { project_id = "p" })
      end
    end)

    it("needs data where the ids are to come from", function()
      for _, body in ipairs { '{"code":0}', '{"code":0,"data":null}',
        '{"code":0,"data":"x"}', '{"code":0,"data":7}' } do
        for _, name in ipairs { "create_product", "project_info" } do
          local err = failure(name, { body = body })
          assert.equal("protocol", err.kind)
          assert.equal("accepted", err.outcome)
          assert.equal(200, err.http_status)
        end
      end
    end)

    it("needs a code", function()
      for _, body in ipairs { "{}", '{"data":{"id":1,"prj_id":"p"}}', "[]",
        "null", "true", "7", '"text"', '{"code":null}', '{"code":false}' } do
        each({ body = body }, function(err)
          assert.equal("protocol", err.kind)
          assert.equal("unknown", err.outcome)
          assert.falsy(err.message:find("nil", 1, true), err.message)
        end)
      end
    end)

    it("has absent fields for null, and integers for whole numbers", function()
      server:on("GET", "/open/prj_info", { body = [[{"code":0,"msg":null,
        "data":{"id":"p","status":3,"progress":40.0,"err_msg":null,"ratio":0.5,
        "deep":{"n":null,"list":[1,null,3]},"big":12345678901234567890,
        "created_at":1732000000,"long":1234567890123456,"minus":-7,"exp":1e3,
        "u":"\u00f6\ud834\udd1e\u0000\u0001" }}]] })
      local info = assert(client:project_info "p")
      assert.is_nil(info.err_msg)
      assert.same({ [1] = 1, [3] = 3 }, info.deep.list)
      assert.is_nil(info.deep.n)
      for name, value in pairs { status = "3", progress = "40", minus = "-7",
        created_at = "1732000000", big = "12345678901234567890",
        long = "1234567890123456" } do
        assert.equal(value, tostring(info[name]))
      end
      assert.equal("integer", integer_type(info.progress))
      assert.equal(0.5, info.ratio)
      assert.equal(1000, info.exp)
      assert.equal("ö𝄞\0\1", info.u)
    end)
  end)

  describe("ids", function()
    local function make_video(id, prj_id)
      server:clear()
      server:on("POST", "/open/product", { body =
        ('{"code":0,"data":{"id":%s,"prj_id":%s}}'):format(id, prj_id) })
      server:on("POST", "/open/project/render", { status = 401, body = "" })
      return client:make_video { url = "https://a.example/" }
    end

    it("of unexpected kinds are no ids: nothing is rendered", function()
      for _, odd in ipairs { "null", '""', "{}", "[]", "true", "1.5", "1e999",
        '"a\\u0000b"', '"\255"', '"\\ud800"', "NaN", '[1]' } do
        for _, ids in ipairs { { odd, '"p"' }, { "1", odd } } do
          local video, err = make_video(ids[1], ids[2])
          assert.is_nil(video)
          assert.equal("protocol", err.kind, odd)
          assert.equal("accepted", err.outcome)
          assert.equal("create_product", err.phase)
          assert.is_false(err.retryable)
          assert.equal(1, #server:requests())
        end
      end
    end)

    it("that are numbers instead of text, or text, go back whole", function()
      for prj_id, text in pairs { ["25081507"] = "25081507",
        ["123456789012345"] = "123456789012345",
        ["12345678901234567890"] = "12345678901234567890", ["7.0"] = "7",
        ['"x y"'] = "x y" } do
        local _, err = make_video('"abc"', prj_id)
        assert.equal("auth", err.kind)
        assert.equal("abc", err.product_id)
        assert.equal(text, err.project_id)
        assert.equal('{"project_id":"' .. text .. '"}',
          server:last_request().body)
      end
    end)
  end)

  describe("JSON that is none", function()
    it("is a protocol error that says where", function()
      for _, body in ipairs { '{"code":0,"data":{"id":1,"prj_id":"p"}',
        '{"code":0,"data":{"id":39', '{"code":0', "", "{", "<html></html>",
        "{'code':0}", '{"code":0}}', '{"code":0} x', '{"code":0,}',
        '{"code":01}', "\239\187\191{",
        '{"code":0x0}', "{code:0}", "/**/{}", ("x"):rep(100000) } do
        each({ body = body }, function(err)
          assert.equal("protocol", err.kind, body)
          assert.equal("unknown", err.outcome)
          assert.equal(200, err.http_status)
          assert.is_true(#err.message < 300)
          assert.truthy(err.message:find "is not the JSON" or
            err.message:find "JSON that is not", err.message)
        end)
      end
    end)

    it("may be deep", function()
      local function nested(n, open, close)
        return { body = '{"code":0,"data":' .. open:rep(n) .. close:rep(n) .. "}" }
      end
      for _, n in ipairs { 100, 1000, 1000000 } do
        for _, step in ipairs { nested(n, "[", "]"), nested(n, '{"a":', "}"),
          { body = ("["):rep(n) } } do
          local err = failure("project_info", step)
          assert.equal("protocol", err.kind)
        end
      end
      server:on("GET", "/open/prj_info", nested(20, "[", "]"))
      assert.is_table(client:project_info "p")
    end)
  end)

  describe("an answer without end", function()
    local function too_large(step)
      for _, name in ipairs { "project_info", "render_project" } do
        local err = failure(name, step)
        assert.equal("protocol", err.kind, tostring(err))
        assert.equal("too_large", err.reason, tostring(err))
        assert.equal("unknown", err.outcome)
        assert.is_false(err.retryable)
      end
    end

    it("is cut at the cap", function()
      too_large { endless = true }
      too_large { endless = true, chunked = true }
      too_large { zeros = 5 * 2 ^ 20 }
      too_large { zeros = 10 * 2 ^ 30 }
      too_large { status = 500, endless = true }
    end)

    it("is no gzip bomb: nothing is unpacked", function()
      -- what comes is small, what it would become is 100 MB
      local err = failure("project_info", { gzip_bomb = 1e5 })
      assert.equal("protocol", err.kind, tostring(err))
      assert.are_not.equal("too_large", err.reason)
    end)

    it("may be announced: nobody reads it then", function()
      too_large { content_length = 10 * 2 ^ 30, body = "{", close = "after_answer" }
    end)

    it("may be its headers", function()
      too_large { endless_headers = true }
      too_large { huge_headers = true }
      too_large { long_header = 2 ^ 20 }
      too_large { huge_headers = 70000 }
    end)

    it("may be as large as the cap allows", function()
      local filler = ("x"):rep(4 * 2 ^ 20 - 40)
      server:on("GET", "/open/prj_info",
        { body = '{"code":0,"data":{"filler":"' .. filler .. '"}}' })
      assert.equal(filler, assert(client:project_info "p").filler)
    end)

    it("does not fill the memory", function()
      server:on("*", "*", { zeros = 10 * 2 ^ 30 })
      local child = process.start({ LUA, "-e", [[
        local jogg = require "jogg"
        local client = jogg.client { api_key = "k", base_url = os.getenv "URL",
          retries = 0 }
        local function peak()
          for line in io.lines "/proc/self/status" do
            local kB = line:match "^VmHWM:%s+(%d+)"
            if kB then return tonumber(kB) end
          end
        end
        client:project_info "p"
        local before = peak()
        for _ = 1, 5 do
          local _, err = client:project_info "p"
          assert(err.reason == "too_large")
        end
        print(before, peak())]] }, { env = { URL = server.url } })
      local before, after = child:line():match "(%d+)%s+(%d+)"
      child:wait()
      if SLOW == 1 then -- checkers have memory of their own
        assert.is_true(tonumber(before) < 40 * 1024, before)
      end
      assert.is_true(after - before < 8 * 1024 * SLOW, after .. before)
    end)
  end)
end)
