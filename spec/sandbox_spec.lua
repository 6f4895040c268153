-- SPDX-License-Identifier: MIT
-- jogg-sandbox by itself, spoken to without jogg: the four calls, how strict
-- they are, and accounts.

local socket = require "socket"
local sandbox = require "spec.support.sandbox"

local function put(server, body, headers)
  return server:call("PUT", "/open/product",
    { body = body, headers = headers })
end

local function render(server, body)
  return server:call("POST", "/open/project/render", { body = body })
end

describe("sandbox: the four calls", function()
  local server, product

  setup(function()
    server = sandbox.start()
    product = server:product()
  end)
  teardown(function() server:stop() end)

  it("gives an integer id and 32 hex digits", function()
    local _, text = server:request("POST", "/open/product",
      { json = { url = server:sample "mug" } })
    assert.truthy(text:find '"id":%d+[,}]')
    assert.truthy(text:find('"prj_id":"' .. ("%x"):rep(32) .. '"'))
    assert.truthy(text:find '"code":0')
  end)

  it("reads a page in Latin-1", function()
    local other = server:product(server:sample "mug")
    assert.equal("Café Crème Enamel Mug", server:info(other.prj_id).title)
  end)

  it("answers PUT and render without data", function()
    local changed = put(server, ('{"product_id":%d,"title":"New",'
      .. '"intro_medias":[]}'):format(product.id))
    assert.same({ code = 0, msg = "success" }, changed)
    assert.equal("New", server:info(product.prj_id).title)
    local other = server:product()
    assert.same({ code = 0, msg = "success" },
      (render(server, ('{"project_id":"%s"}'):format(other.prj_id))))
    server:await(other.prj_id)
  end)

  it("shows a fresh project as not started, and no video", function()
    local info = server:info(server:product().prj_id)
    assert.equal(1, info.status)
    assert.equal("", info.video_url)
    assert.equal(0, info.video_duration)
    assert.equal(0, info.progress)
  end)

  it("refuses fields of a wrong type by name", function()
    local id, project = product.id, product.prj_id
    local refused = {
      { "product_id", '{"product_id":"%d"}', id },
      { "product_id", '{"product_id":%d.0}', id },
      { "product_id", '{"product_id":null}' },
      { "product_id", '{"title":"x"}' },
      { "title", '{"product_id":%d,"title":7}', id },
      { "intro_medias", '{"product_id":%d,"intro_medias":{}}', id },
      { "intro_medias[0]", '{"product_id":%d,"intro_medias":["x"]}', id },
      { "intro_medias[1].type",
        '{"product_id":%d,"intro_medias":[{"type":1},{"type":3}]}', id },
      { "intro_medias[0].w",
        '{"product_id":%d,"intro_medias":[{"w":1.5}]}', id },
      { "project_id", '{"project_id":%d}', id },
      { "aspect_ratio", '{"project_id":"%s","aspect_ratio":3}', project },
      { "aspect_ratio", '{"project_id":"%s","aspect_ratio":"9:16"}', project },
      { "render_subtitle", '{"project_id":"%s","render_subtitle":2}', project },
      { "render_subtitle", '{"project_id":"%s","render_subtitle":true}',
        project },
      { "avatar_id", '{"project_id":"%s","avatar_id":"37"}', project },
      { "lang", '{"project_id":"%s","lang":""}', project },
      { "template_name", '{"project_id":"%s","template_name":1}', project },
    }
    for _, case in ipairs(refused) do
      local body = case[3] and case[2]:format(case[3]) or case[2]
      local send = body:find "project_id" and render or put
      local answer, status = send(server, body)
      assert.equal(200, status, body)
      assert.equal(40000, answer.code, body)
      assert.truthy(answer.msg:find(case[1], 1, true), answer.msg)
    end
    assert.equal(1, server:info(project).status)
  end)

  it("lets fields through that it does not know", function()
    assert.equal(0, put(server, ('{"product_id":%d,"new_field":{}}'):format(
      product.id)).code)
  end)

  it("knows no closed list of languages, and no range of avatars", function()
    local id = server:product().prj_id
    assert.equal(4, server:render(id, { lang = "klingon", avatar_id = -1 })
      .status)
    assert.equal(-1, server:info(id).person_id)
  end)

  it("says 10104 for a deleted project, but shows it", function()
    local other = server:product()
    assert.equal(200,
      (server:request("DELETE", "/sandbox/projects/" .. other.prj_id)))
    assert.equal(10104, put(server,
      ('{"product_id":%d,"title":"x"}'):format(other.id)).code)
    assert.equal(10104, render(server,
      ('{"project_id":"%s"}'):format(other.prj_id)).code)
    assert.equal(99, server:info(other.prj_id).status)
  end)

  it("says 10104 for ids nobody has", function()
    assert.equal(10104, put(server, '{"product_id":1}').code)
    assert.equal(10104, render(server, '{"project_id":"00ff"}').code)
    assert.equal(10104, server:call("GET",
      "/open/prj_info?project_id=00ff").code)
    assert.equal(40000, server:call("GET", "/open/prj_info").code)
  end)

  it("answers 400 with its other error shape to what is not JSON", function()
    for _, body in ipairs { "", "{", "[1]", "null", '"x"', "{}x", '{"a":NaN}',
      '{"url":"\255"}', '{"a":"\n"}', '{"a":"\t"}', '{}\0x', '{"a":1.}',
      '{"a":1.e3}', '{"a":-.5}', '{"a":1e999}', '{"a":-1e999}' } do
      local answer, status = server:call("POST", "/open/product",
        { body = body })
      assert.equal(400, status, body)
      assert.equal(400, answer.error)
      assert.equal("string", type(answer.message))
      assert.is_nil(answer.code)
    end
    local _, status = server:call("POST", "/open/product",
      { body = "{}", headers = { ["content-type"] = "text/plain" } })
    assert.equal(400, status)
    _, status = server:call("POST", "/open/product",
      { body = '{"url":"' .. ("x"):rep(1100000) .. '"}' })
    assert.equal(413, status)
  end)

  it("wants the key, the method and the path it knows", function()
    for _, key in ipairs { false, "wrong", "" } do
      local answer, status = server:call("GET",
        "/open/prj_info?project_id=" .. product.prj_id, { key = key })
      assert.equal(401, status)
      assert.equal(10105, answer.code)
    end
    local _, status, headers = server:call("DELETE", "/open/product")
    assert.equal(405, status)
    assert.equal("POST, PUT", headers.allow)
    _, status = server:call("GET", "/open/nothing")
    assert.equal(404, status)
  end)

  it("says why a page cannot be read", function()
    local function refusal(url)
      return server:call("POST", "/open/product", { json = { url = url } })
    end
    assert.equal(40000, refusal("ftp://127.0.0.1/x").code)
    assert.equal(40000, refusal("not a url").code)
    assert.equal(40000, refusal("").code)
    for _, url in ipairs { "http:/127.0.0.1/x", "http:127.0.0.1/x",
      "http:///x", "http://", "javascript:x" } do
      assert.equal(40000, refusal(url).code, url)
    end
    assert.equal(0, refusal(server:sample "lamp" .. "?a b#c").code)
    local answer = refusal(server.url .. "/samples/none.html")
    assert.equal(50000, answer.code)
    assert.truthy(answer.msg:find "HTTP 404")
    answer = refusal(server.url .. "/samples/lamp-1.jpg")
    assert.equal(50000, answer.code)
    assert.truthy(answer.msg:find "not HTML")
    assert.equal(50000, refusal("http://127.0.0.1:1/").code)
  end)

  it("logs what arrived and never the key", function()
    local _, last = server:log()
    put(server, ('{"product_id":%d,"title":"Logged"}'):format(product.id))
    local entries = server:log(last)
    assert.equal(1, #entries)
    local entry = entries[1]
    assert.equal("update", entry.endpoint)
    assert.equal("PUT", entry.method)
    assert.is_true(entry.has_key)
    assert.equal("(hidden)", entry.headers["x-api-key"])
    assert.truthy(entry.body:find "Logged")
    assert.equal(0, entry.code)
    local _, text = server:request("GET", "/sandbox/log")
    assert.is_nil(text:find(server.key, 1, true))
    put(server, "{}", { ["x-other"] = "\255" })
    _, text = server:request("GET", "/sandbox/log")
    assert.truthy(text:find('"x-other":"\239\191\189"', 1, true))
  end)
end)

describe("sandbox: accounts", function()
  local server

  setup(function()
    server = sandbox.start {
      "--key", "rich=3", "--key", "poor=0", "--posts-per-minute", "7",
      "--minute", "1",
    }
  end)
  teardown(function() server:stop() end)

  it("charges each accepted render and no other", function()
    local product = server:product()
    local body = ('{"project_id":"%s"}'):format(product.prj_id)
    assert.equal(40000, render(server, '{"project_id":""}').code)
    assert.equal(3, server:account().credits)
    server:render(product.prj_id)
    assert.equal(0, render(server, body).code)
    local account = server:account()
    assert.equal(1, account.credits)
    assert.equal(2, account.charged)
    assert.equal(2, account.renders[product.prj_id])
    server:await(product.prj_id)
  end)

  it("says 18020 when there is no credit, and keeps accounts apart", function()
    local created = server:call("POST", "/open/product",
      { json = { url = server:sample "lamp" }, key = "poor" })
    local path = "/open/prj_info?project_id=" .. created.data.prj_id
    local answer = server:call("POST", "/open/project/render",
      { json = { project_id = created.data.prj_id }, key = "poor" })
    assert.equal(18020, answer.code)
    assert.equal(1, server:call("GET", path, { key = "poor" }).data.status)
    assert.equal(10104, server:call("GET", path).code)
  end)

  it("limits POSTs, and lets them in again after the time it names", function()
    local answer, status, headers
    for _ = 1, 8 do
      answer, status, headers = render(server, "{}")
      if status == 429 then break end
      assert.truthy(tonumber(headers["x-ratelimit-remaining"]))
    end
    assert.equal(429, status)
    assert.equal(429, answer.code)
    assert.equal("0", headers["x-ratelimit-remaining"])
    assert.equal(1, answer.data.retryAfter)
    assert.equal(40000, put(server, "{}").code)      -- PUT is not limited
    socket.sleep(answer.data.retryAfter)
    local _, after = render(server, "{}")
    assert.equal(200, after)
  end)
end)
