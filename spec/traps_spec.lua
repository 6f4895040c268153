-- SPDX-License-Identifier: MIT
-- What is easily got wrong about this service, one test each.

local cjson = require "cjson".new()
local jogg = require "jogg"
local open = require "jogg.api.open"
local faults = require "spec.support.faults"
local flow = require "spec.support.flow"
local support = require "spec.support.misuse"
local misuse = support.check

local integer_type = rawget(math, "type") or function() return "integer" end

describe("trap", function()
  local server, client

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)
  before_each(function()
    server:clear()
    flow.script(server)
    client = jogg.client { api_key = "geheim", base_url = server.url,
      retries = 1, posts_per_minute = 100000 }
  end)
  after_each(function() client:close() end)

  local function make(given)
    given = given or {}
    given.url, given.poll = flow.PAGE, flow.POLL
    return client:make_video(given)
  end

  it("1: two ids of two types go by three names", function()
    local product = assert(client:create_product { url = flow.PAGE })
    assert.equal("integer", integer_type(product.id))
    assert.equal("string", type(product.prj_id))
    local video = assert(make { product = { title = "t" } })
    assert.equal("3924", tostring(video.product_id))
    assert.equal(flow.PROJECT, video.project_id)
    local _, body = flow.sent(server, "update")
    assert.truthy(body:find '"product_id":3924[,}]')
    _, body = flow.sent(server, "render")
    assert.equal(('{"project_id":"%s"}'):format(flow.PROJECT), body)
    for _, request in ipairs(flow.requests(server, "info")) do
      assert.equal("project_id=" .. flow.PROJECT, request.query)
    end
    assert.equal(flow.PROJECT, video.raw.id)
    -- whatever the types are one day, ids go back as they came
    for sent, came in pairs { ['"3924"'] = '"3924"', ["3924"] = "3924.0",
      ["123456789012345"] = "123456789012345" } do
      server:clear()
      flow.script(server, { product = { body =
        ('{"code":0,"data":{"id":%s,"prj_id":77}}'):format(came) } })
      assert(make { product = { title = "t" } })
      _, body = flow.sent(server, "update")
      assert.truthy(body:find('"product_id":' .. sent .. "[,}]"), body)
      _, body = flow.sent(server, "render")
      assert.equal('{"project_id":"77"}', body)
    end
  end)

  it("2: the edit and the render answer without data", function()
    for _, answer in ipairs { '{"code":0,"msg":"success"}', '{"code":0}',
      '{"code":0,"msg":"","data":null}', '{"code":0,"data":{}}',
      '{"code":0,"data":[]}', '{"code":0,"data":"","rid":"r"}' } do
      flow.script(server, { update = { body = answer }, render = { body = answer } })
      assert.is_true(client:update_product { product_id = 1, title = "t" })
      assert.is_true(client:render_project { project_id = "p" })
      local video = assert(make { product = { title = "t" } })
      assert.equal(flow.PROJECT, video.project_id)
    end
  end)

  it("3: a project id in the render's answer is not this job's", function()
    flow.script(server, { render = { json = { code = 0,
      data = { prj_id = "another" } } } })
    assert.equal(flow.PROJECT, make().project_id)
    for _, request in ipairs(flow.requests(server, "info")) do
      assert.equal(flow.PROJECT, request.parameters.project_id)
    end
  end)

  it("4: pictures that are sent replace all; none is a list, no object", function()
    local pictures = { { type = 1, url = "a" }, { type = "video", url = "b" } }
    assert(client:update_product { product_id = 1, intro_medias = pictures })
    assert.same({ { type = 1, url = "a" }, { type = 2, url = "b" } },
      cjson.decode(server:last_request().body).intro_medias)
    assert(client:update_product { product_id = 1, intro_medias = {} })
    assert.truthy(server:last_request().body:find('"intro_medias":[]', 1, true))
    assert(client:update_product { product_id = 1, title = "t" })
    assert.falsy(server:last_request().body:find "intro_medias")
    assert(client:update_product { product_id = 1,
      intro_medias = { { clip_info = {} } } })
    assert.truthy(server:last_request().body:find('"clip_info":{}', 1, true))
  end)

  it("5: an empty text is sent if it was set, and never by itself", function()
    assert(make { index_template_name = "", product = { intro_text = "" } })
    assert.same({ project_id = flow.PROJECT, index_template_name = "" },
      (flow.sent(server, "render")))
    assert.same({ product_id = 3924, intro_text = "" },
      (flow.sent(server, "update")))
  end)

  it("6: subtitles off are 0 here, whatever they are elsewhere", function()
    for given, sent in pairs { [true] = 1, [false] = 0, [1] = 1, [0] = 0 } do
      assert(client:render_project { project_id = "p", render_subtitle = given })
      assert.equal(sent, cjson.decode(server:last_request().body).render_subtitle)
    end
    support.unusable(function()
      return client:render_project { project_id = "p", render_subtitle = 2 }
    end, "render_subtitle must be one of 0, 1, false, true")
  end)

  it("7: errors have two shapes, or none", function()
    for expected, answer in pairs {
      ["the url is bad"] = { json = { code = 40000, msg = "the url is bad" } },
      ["not an object"] = { status = 400,
        json = { error = 400, message = "not an object" } },
      ["HTTP 502 without JSON (text/html)"] = { status = 502,
        body = "<h1>Bad gateway</h1>", headers = { ["Content-Type"] = "text/html" } },
      ["HTTP 500 without JSON"] = { status = 500, body = "" },
      ["new shape"] = { status = 400, json = { code = 1, msg = "new shape" } },
    } do
      server:on("POST", "/open/product", answer)
      local data, err = client:create_product { url = flow.PAGE }
      assert.is_nil(data)
      assert.truthy(tostring(err):find(expected, 1, true), tostring(err))
      assert.falsy(tostring(err):find "<h1>")
    end
  end)

  it("8: samples with comments are no JSON, neither in nor out", function()
    for _, sample in ipairs { '{"code":0, # fine\n"data":{"id":1,"prj_id":"p"}}',
      '{"code":0, // fine\n"data":{"id":1,"prj_id":"p"}}',
      '{"code":0 "data":{"id":1,"prj_id":"p"}}',
      '{"code":0,"data":{"id":1,"prj_id":"p}}' } do
      server:on("POST", "/open/product", { body = sample })
      local data, err = client:create_product { url = flow.PAGE }
      assert.is_nil(data)
      assert.equal("protocol", err.kind)
      assert.equal("unknown", err.outcome)
    end
  end)

  it("9: finished means status 4 and an address", function()
    flow.script(server, { info = { flow.info(4, { cover_url = "https://c" }),
      flow.finished(server) } })
    assert.equal(server.url .. "/v.mp4", make().url)
    assert.equal(2, flow.count(server, "info"))
  end)

  it("10: of the avatar's four names this call knows one", function()
    assert(client:render_project { project_id = "p", avatar_id = 37 })
    assert.truthy(server:last_request().body:find '"avatar_id":37[,}]')
    for _, name in ipairs { "person_id", "dp_id", "avatar" } do
      misuse(function()
        client:render_project { project_id = "p", [name] = 37 }
      end, ('render_project: unknown option "%s"'):format(name))
    end
    misuse(function()
      client:render_project { project_id = "p", avatar = 37 }
    end, 'did you mean "avatar_id"?')
  end)

  it("11: a repeat is a second video; a lost answer is looked into", function()
    flow.script(server, { render = { reset = "after_request" } })
    assert(make())
    assert.equal(1, flow.count(server, "render"))
    -- a page is read again: that costs nothing, and leaves an orphan at most
    server:clear()
    flow.script(server, { product = { { reset = "after_request" },
      { json = { code = 0, data = { id = 5, prj_id = flow.PROJECT } } } } })
    assert.equal(5, assert(make()).product_id)
    assert.equal(2, flow.count(server, "product"))
    assert.equal(1, flow.count(server, "render"))
  end)

  it("12: no list but that of languages is closed", function()
    local given = { script_style = "Some_stage", template_name = "Naïve  Cards",
      template_type = "user", index_template_name = "10 €", lang = "polish",
      project_id = "p" }
    assert(client:render_project(given))
    assert.same(given, cjson.decode(server:last_request().body))
    support.unusable(function()
      return client:render_project { project_id = "p", lang = "klingon" }
    end, "lang must be a language of the service")
  end)

  it("13: the account is one of JoggAI, wherever that may live", function()
    assert.equal("https://api-services.jogg.ai", open.base_url)
    server:on("POST", "/prefix/open/product",
      { json = { code = 10105, msg = "bad key" } })
    local other = jogg.client { api_key = "k", base_url = server.url .. "/prefix/" }
    local _, err = other:create_product { url = flow.PAGE }
    assert.equal("auth", err.kind)
    assert.falsy(tostring(err):lower():find "creatify")
    assert.equal("/prefix/open/product", server:last_request().path)
    other:close()
  end)

  it("14: so many POSTs a minute, and no more; looks do not count", function()
    local other = jogg.client { api_key = "k14", base_url = server.url }
    for _ = 1, 30 do assert(other:project_info(flow.PROJECT)) end
    for _ = 1, 20 do assert(other:create_product { url = flow.PAGE }) end
    assert(other:update_product { product_id = 1, title = "t" })
    local task = other:spawn(function()
      return other:make_video { url = flow.PAGE }
    end)
    other:step(0.2)
    other:step(0.2)
    assert.equal(20, flow.count(server, "product"))
    assert(other:project_info(flow.PROJECT))
    other:close()
    assert.same({ "cancelled", "not_sent" }, { task.err.kind, task.err.outcome })
  end)

  describe("that later generations share", function()
    it("the HTTP status and the code both have a say", function()
      for _, answer in ipairs { { status = 500, json = { code = 0, msg = "success",
        data = { id = 1, prj_id = "p" } } },
        { json = { code = 7, msg = "success", data = { id = 1, prj_id = "p" } } },
        { json = { msg = "success", data = { id = 1, prj_id = "p" } } } } do
        server:on("POST", "/open/product", answer)
        local data, err = client:create_product { url = flow.PAGE }
        assert.is_nil(data)
        assert.is_true(jogg.is_error(err))
      end
      server:on("POST", "/open/product", { json = { code = 0, msg = "whatever",
        rid = "r-1", extra = { 1 }, data = { id = 1, prj_id = "p", more = true } } })
      assert.equal("p", client:create_product({ url = flow.PAGE }).prj_id)
    end)

    it("the request's number is in what is said", function()
      server:on("POST", "/open/product", { json = { code = 40000, msg = "no",
        rid = "r-77", data = cjson.null } })
      local _, err = client:create_product { url = flow.PAGE }
      assert.equal("r-77", err.request_id)
      assert.truthy(tostring(err):find("request r-77", 1, true))
    end)

    it("a redirect does not take the key elsewhere", function()
      local other = faults.start()
      for _, word in ipairs { "product", "render", "info" } do
        server:clear()
        flow.script(server, { [word] = { redirect = other.url .. "/open/product" } })
        local video, err = make {}
        assert.is_nil(video)
        assert.equal("http", err.kind)
        assert.equal(302, err.http_status)
      end
      assert.equal(0, #other:requests())
      client:close()
      other:stop()
    end)
  end)
end)
