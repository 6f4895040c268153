-- SPDX-License-Identifier: MIT
-- The four calls: what goes out, what comes back, and what is refused before
-- anything goes out. Trouble is in client_answers_spec, client_network_spec
-- and client_repeat_spec.

local cjson = require "cjson".new()
local jogg = require "jogg"
local faults = require "spec.support.faults"
local support = require "spec.support.misuse"
local misuse = support.check

local KEY = "k3y-0f-4-cl13nt"
local integer_type = rawget(math, "type") or function() return "integer" end

describe("client", function()
  local server, client

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)
  before_each(function()
    server:clear()
    client = jogg.client { api_key = KEY, base_url = server.url, retries = 0,
      posts_per_minute = 100000, timeout = 10 }
  end)
  after_each(function() client:close() end)

  -- Nothing that was refused may have gone out.
  local function refused(f, expected)
    support.refused(f, expected)
    assert.equal(0, #server:requests())
  end

  describe("options", function()
    it("are what the README says where nothing is said", function()
      local bare = jogg.client { api_key = "k", base_url = "https://a.example" }
      finally(function() bare:close() end)
      assert.same({ generation = "open", timeout = 60, product_timeout = 180,
        connect_timeout = 10, stall_timeout = 30, retries = 4,
        posts_per_minute = 20, max_transfers = 64, max_bytes = 4 * 2 ^ 30,
        base_url = "https://a.example" }, bare.settings)
      assert.is_false(bare.is_local)
      local near = jogg.client { api_key = "k", base_url = server.url }
      assert.is_true(near.is_local)
      near:close()
    end)

    local function make(options)
      options.api_key = options.api_key or KEY
      return function() jogg.client(options):close() end
    end

    it("refuse a key that cannot be a header, without showing it", function()
      for key, position in pairs { ["ge\rheim"] = 3, ["ge\nheim"] = 3,
        ["ge heim"] = 3, ["geheim\127"] = 7, ["\tgeheim"] = 1,
        ["gehe\195\159"] = 5 } do
        local text = misuse(make { api_key = key },
          ("client: api_key: the character at position %d "):format(position))
        assert.falsy(text:find("geh", 1, true))
      end
      for _, tail in ipairs { "\n", "\r\n" } do
        local text = misuse(make { api_key = "geheim" .. tail },
          "client: api_key ends in a newline; remove it")
        assert.falsy(text:find("geh", 1, true))
      end
      misuse(make { api_key = "geheim\0x" }, "client.api_key must be a string: byte 7")
      misuse(make { api_key = "gehe\255m" }, "client.api_key must be a string: byte 5")
      misuse(make { api_key = "" }, "client: api_key: empty")
      misuse(make { api_key = ("x"):rep(5000) }, "too long")
      local text = misuse(make { api_key = 12345 }, "client.api_key must be a string")
      assert.falsy(text:find("12345", 1, true))
      misuse(make { api_key = { "geheim" } }, "client.api_key must be a string")
    end)

    it("of generation v2 are refused for open", function()
      misuse(make { max_credits = 5 },
        "client: max_credits needs generation v2")
      make { max_credits = 5, generation = "v2" } ()
      misuse(function() client:make_video { url = "https://a.example/",
        webhook = jogg.webhook.inbox { secret = "s" } } end,
        'unknown option "webhook" (generation v2 of the service has it)')
      assert.equal(0, #server:requests())
    end)

    it("are named where a product's have the other generation's names",
      function()
        misuse(function() client:make_video { url = "https://a.example/",
          product = { name = "x" } } end,
          'unknown option "name" (of generation v2), did you mean "title"?')
        misuse(function() client:update_product { product_id = 1,
          media = {} } end, 'did you mean "intro_medias"?')
        misuse(function() client:make_video { url = "https://a.example/",
          generation = "v2" } end, "generation is an option of jogg.client")
      end)

    it("are checked", function()
      misuse(make { apikey = "geheim" },
        'client: unknown option "apikey", did you mean "api_key"?')
      misuse(make { generation = "v9" }, 'client.generation must be one of "open"')
      misuse(make { ca_path = "/tmp:/no/such/folder" },
        "client: ca_path: /no/such/folder: No such file or directory")
      misuse(make { ca_file = "" }, "client.ca_file must be a string that is not")
      misuse(make { ca_file = "a\0b" }, "client.ca_file must be a string: byte 2")
      for _, name in ipairs { "connect_timeout", "stall_timeout", "timeout",
        "product_timeout" } do
        for _, odd in ipairs { 0, -1, "5", 0 / 0, 1 / 0, {} } do
          misuse(make { [name] = odd }, "client." .. name .. " must be ")
        end
      end
      for name, odds in pairs {
        retries = { -1, 1.5, 101, "3" }, posts_per_minute = { -1, 0.5, 1e6 },
        max_transfers = { 0, 1001, "1" },
        max_bytes = { 0, -1, 2 ^ 60, "1", rawget(math, "maxinteger") },
      } do
        for _, odd in ipairs(odds) do
          misuse(make { [name] = odd }, "client." .. name .. " must be ")
        end
      end
      misuse(function() jogg.client "key" end, "client must be a table")
    end)

    it("refuse a base_url that would betray the key", function()
      for _, url in ipairs { "http://api.example/", "http://127.0.0.1.example.com",
        "http://localhost.example.com", "http://0.0.0.0:8080", "http://[::]/",
        "http://[::2]/", "http://10.0.0.1/", "http://128.0.0.1/",
        "http://xn--lcalhost-54a/", "http://example.com#127.0.0.1",
        "http://example.com?127.0.0.1", "http://foo.localhost/" } do
        misuse(make { base_url = url }, "client: base_url must use https")
      end
      local text = misuse(make { base_url = "https://user:geheim@api.example/" },
        "user name")
      assert.falsy(text:find("geheim", 1, true))
      text = misuse(make { base_url = "http://127.0.0.1@api.example/" },
        "user name")
      assert.falsy(text:find("https", 1, true))
      misuse(make { base_url = "ftp://api.example/" }, "client.base_url must be")
      misuse(make { base_url = "api.example" }, "client.base_url must be")
    end)

    it("allow http to this machine, however it is written", function()
      for _, host in ipairs { "127.0.0.1", "127.1", "localhost", "LOCALHOST",
        "[::1]", "127.8.9.10", "2130706433", "0x7f.1", "0177.0.0.1" } do
        assert.has_no.errors(make { base_url = "http://" .. host .. ":1/" })
      end
    end)
  end)

  describe("create_product", function()
    it("sends the address and returns the ids", function()
      server:on("POST", "/open/product", { json = { code = 0, msg = "success",
        data = { id = 3924, prj_id = "25081507" } } })
      local product = assert(client:create_product {
        url = "https://shop.example/lamp?a=b&c=ö" })
      assert.same({ id = 3924, prj_id = "25081507", product_id = 3924,
        project_id = "25081507" }, product)
      assert.equal("integer", integer_type(product.id))
      assert.equal("3924", tostring(product.id))
      local request = server:last_request()
      assert.same({ url = "https://shop.example/lamp?a=b&c=ö" },
        cjson.decode(request.body))
      assert.equal(KEY, request.headers["x-api-key"])
      assert.equal("application/json", request.headers["content-type"])
      assert.truthy(request.headers["user-agent"]:find("^jogg/%d"))
      assert.is_nil(request.headers.expect)
      assert.equal("", request.query)
    end)

    it("wants a URL", function()
      refused(function() client:create_product {} end,
        "create_product: url is missing")
      refused(function() client:create_product() end,
        "create_product must be a table, not nil")
      refused(function() client:create_product "https://a.example/" end,
        "create_product must be a table")
      for _, url in ipairs { "ftp://a.example/", "a.example", "", "https://",
        "javascript:1", "https://a.example/\255", "https://a.example/\0", 5,
        "https://u:p@a.example/", "https://a.example/\r\nX: y" } do
        refused(function()
          local product, err = client:create_product { url = url }
          return product, err
        end, "create_product.url must be ")
      end
      refused(function() client:create_product { ulr = "https://a.example/" } end,
        'create_product: unknown option "ulr", did you mean "url"?')
    end)
  end)

  describe("update_product", function()
    before_each(function()
      server:on("PUT", "/open/product", { json = { code = 0, msg = "ok" } })
    end)

    it("sends what was given, and needs no data in the answer", function()
      assert.is_true(client:update_product { product_id = 3924.0, title = "Ö\"\n",
        intro_medias = { { type = "video", name = "n", w = 720.0,
          clip_info = {} }, {} } })
      assert.equal("PUT", server:last_request().method)
      local body = server:last_request().body
      assert.truthy(body:find('"product_id":3924[,}]'), body)
      assert.truthy(body:find('"w":720[,}]'), body)
      assert.truthy(body:find('"clip_info":{}', 1, true), body)
      assert.same({ product_id = 3924, title = "Ö\"\n", intro_medias = {
        { type = 2, name = "n", w = 720, clip_info = {} }, {} } },
        cjson.decode(body))
    end)

    it("an empty list is a list", function()
      assert.is_true(client:update_product { product_id = 1, intro_medias = {} })
      assert.truthy(server:last_request().body:find('"intro_medias":[]', 1, true))
    end)

    it("an id goes back as it came, to the last digit", function()
      for text, pattern in pairs { ["3924"] = "3924",
        ["90071992547409931"] = '"?90071992547409931"?',
        ["12345678901234567890"] = '"12345678901234567890"',
        ['"abc"'] = '"abc"' } do
        server:on("POST", "/open/product", { body =
          ('{"code":0,"data":{"id":%s,"prj_id":"p"}}'):format(text) })
        local product = assert(client:create_product { url = "https://a.example" })
        assert.is_true(client:update_product { product_id = product.id })
        assert.truthy(server:last_request().body:find(
          '^{"product_id":' .. pattern .. '}$'), server:last_request().body)
      end
    end)

    it("names the field and the byte of what cannot be sent", function()
      local function update(fields, expected)
        refused(function()
          local ok, err = client:update_product(fields)
          return ok, err
        end, expected)
      end
      update({ product_id = 1, title = "Gr\246\223e" },
        "update_product.title must be a string: byte 3 is not UTF-8")
      update({ product_id = 1, intro_medias = { { name = "ok" },
        { name = "a\0" } } },
        "update_product.intro_medias[2].name must be a string: byte 2 is a NUL")
      update({ product_id = 1, intro_medias = { { clip_info = { a = "\255" } } } },
        "update_product.intro_medias[1].clip_info.a: byte 1 is not UTF-8")
      update({ product_id = 1, intro_medias = { {}, nil, {} } },
        "update_product.intro_medias must be a list")
      update({ product_id = 1, intro_medias = "x" }, "must be a list")
      update({ title = "x" }, "update_product: product_id is missing")
      update({ product_id = 1.5 }, "update_product.product_id must be an id")
      update({ product_id = 1, titel = "x" }, 'did you mean "title"?')
    end)
  end)

  describe("render_project", function()
    it("sends the options, and needs no data in the answer", function()
      server:on("POST", "/open/project/render", { json = { code = 0 } })
      assert.is_true(client:render_project { project_id = "p", lang = "english",
        aspect_ratio = "16:9", render_subtitle = true, avatar_id = 37 })
      local body = server:last_request().body
      assert.same({ project_id = "p", lang = "english", aspect_ratio = 1,
        render_subtitle = 1, avatar_id = 37 }, cjson.decode(body))
      assert.truthy(body:find('"avatar_id":37[,}]'), body)
    end)

    it("is refused with what the service would refuse", function()
      refused(function() client:render_project {} end,
        "render_project: project_id is missing")
      refused(function()
        local ok, err = client:render_project { project_id = "a\0" }
        return ok, err
      end,
        "render_project.project_id must be a string: byte 2 is a NUL")
      refused(function()
        local ok, err = client:render_project { project_id = "p",
          aspect_ratio = "4:3" }
        return ok, err
      end, "render_project.aspect_ratio must be one of")
    end)
  end)

  describe("project_info", function()
    local ANSWER = { json = { code = 0, data = { status = 3, progress = 40 } } }

    it("asks with the id, whatever is in it", function()
      server:on("GET", "/open/prj_info", ANSWER)
      for _, id in ipairs { "2508abc", "a&b=c", "a#b", "a b", "größe ‰", "100%",
        "%41", "a+b", "/../x?y", "a;b", "\1\127", "'\"<>\\^`{|}", "=", "&" } do
        local info = assert(client:project_info(id))
        assert.same({ status = 3, progress = 40 }, info)
        local request = server:last_request()
        assert.equal("GET", request.method)
        assert.same({ project_id = id }, request.parameters)
        assert.equal(KEY, request.headers["x-api-key"])
        assert.is_nil(request.headers["content-type"])
        assert.equal("", request.body or "")
      end
      local requests = server:requests()
      assert.equal(requests[1].connection, requests[#requests].connection)
    end)

    it("wants an id", function()
      for _, id in ipairs { "", "a\0b", "\255", 5, true } do
        refused(function()
          local info, err = client:project_info(id)
          return info, err
        end,
          "project_info.project_id must be a string")
      end
      refused(function() client:project_info() end,
        "project_info: project_id is missing")
    end)
  end)

  describe("what is endless", function()
    local LONG = ("x"):rep(2 ^ 20)

    it("is refused before anything is sent", function()
      server:clear()
      support.unusable(function()
        return client:update_product { product_id = 1, title = LONG .. "x" }
      end, "a string of at most 1048576 bytes")
      support.unusable(function()
        return client:project_info(("p"):rep(4097))
      end, "a string of at most 4096 bytes")
      support.unusable(function()
        return client:create_product { url = "https://a.example/" .. LONG }
      end, "a string of at most 8192 bytes")
      local product = { intro_medias = {} }
      for i = 1, 70 do
        product.intro_medias[i] = { url = LONG }
        if i == 5 or i == 70 then
          support.unusable(function()
            return client:make_video { url = "https://a.example/",
              product = product }
          end, "make_video.product is too large")
        end
      end
      product.product_id = 1
      support.unusable(function() return client:update_product(product) end,
        "update_product is too large")
      assert.equal(0, #server:requests())
    end)
  end)

  it("keeps the path of base_url", function()
    server:on("*", "/api/v0/open/*", { json = { code = 0,
      data = { id = 1, prj_id = "p" } } })
    for _, base in ipairs { "/api/v0", "/api/v0/", "/api/v0//", "/api/v0?x=y#z" }
    do
      local other = jogg.client { api_key = KEY, base_url = server.url .. base }
      assert(other:create_product { url = "https://a.example/" })
      assert.equal("/api/v0/open/product", server:last_request().path)
      assert.equal("", server:last_request().query)
      assert(other:project_info "p")
      assert.equal("/api/v0/open/prj_info", server:last_request().path)
      assert.equal("project_id=p", server:last_request().query)
      assert(other:update_product { product_id = 1 })
      assert.equal("/api/v0/open/product", server:last_request().path)
      assert.equal("", server:last_request().query)
      other:close()
    end
  end)

  it("sends nothing that nobody asked for", function()
    server:on("GET", "/open/prj_info", { json = { code = 0, data = {} } })
    assert(client:project_info "p")
    local names = {}
    for name in pairs(server:last_request().headers) do
      names[#names + 1] = name
    end
    table.sort(names)
    assert.same({ "accept", "accept-encoding", "host", "user-agent",
      "x-api-key" }, names)
    assert.equal("identity", server:last_request().headers["accept-encoding"])
  end)

  describe("closed", function()
    it("says so at the caller's line, and is closed any number of times",
      function()
        client:close()
        client:close()
        for _, f in ipairs {
          function() client:create_product { url = "https://a.example/" } end,
          function() client:update_product { product_id = 1 } end,
          function() client:render_project { project_id = "p" } end,
          function() client:project_info "p" end,
          function() client:make_video { url = "https://a.example/" } end,
          function() client:watch "p" end,
          function() client:spawn(print) end,
          function() client:step() end,
          function() client:run() end,
          function() client:fd() end,
          function() client:timeout() end,
        } do
          refused(f, "attempt to use a closed client")
        end
        assert.equal("jogg.client (closed)", tostring(client))
      end)
  end)

  it("tells a function call from a method call", function()
    refused(function()
      client.create_product { url = "https://a.example/" }
    end, "create_product is a method: call it as client:create_product(...)")
    refused(function() client.project_info "p" end, "is a method")
  end)

  it("shows no key, wherever one may look", function()
    assert.equal("jogg.client (open)", tostring(client))
    assert.falsy(tostring(client.core):find(KEY, 1, true))
    local seen = {}
    local function walk(value)
      if type(value) == "string" then
        assert.falsy(value:find(KEY, 1, true))
      elseif type(value) == "table" and not seen[value] then
        seen[value] = true
        walk(getmetatable(value))
        for name, item in pairs(value) do
          walk(name)
          walk(item)
        end
      end
    end
    walk(client)
    -- nor in a trace of what is raised while the key is being used
    for _, f in ipairs { function()
      jogg.client { api_key = KEY, base_url = "http://api.example/" }
    end, function()
      jogg.client { api_key = KEY .. "\n" }
    end, function()
      client:create_product { url = 5 }
    end } do
      local _, trace = xpcall(f, debug.traceback)
      assert.truthy(trace:find("traceback", 1, true))
      assert.falsy(trace:find(KEY, 1, true), trace)
    end
  end)
end)
