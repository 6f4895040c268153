-- SPDX-License-Identifier: MIT
-- jogg-sandbox by itself: what it reads off product pages, and its own page.

local cjson = require "cjson"
local process = require "spec.support.process"
local sandbox = require "spec.support.sandbox"

describe("sandbox: pages", function()
  local server, folder

  setup(function()
    folder = process.temporary_folder()
    server = sandbox.start { "--site", folder, "--data", folder .. "/data" }
  end)
  teardown(function()
    server:stop()
    process.remove_folder(folder)
  end)

  -- What the sandbox makes of a page: the stored project.
  local function read(html)
    process.write_file(folder .. "/page.html", html)
    local product = server:product(server.url .. "/site/page.html")
    return cjson.decode(process.read_file(
      folder .. "/data/projects/" .. product.prj_id .. ".json"))
  end

  local function addresses(project)
    local list = {}
    for i, media in ipairs(project.medias) do
      list[i] = media.url:gsub("^http://127%.0%.0%.1:%d+", "")
    end
    return list
  end

  it("JSON-LD before Open Graph before the page, addresses made whole",
  function()
    local project = read [[<html><head><base href="/shop/items/">
      <title>Page</title><meta property="og:title" content="Graph">
      <meta name="description" content="Meta">
      <meta property="og:image" content="../og.jpg">
      <script type="application/ld+json">not json</script>
      <script type="application/ld+json">{"@graph":[{"@type":"WebPage"},
        {"@type":["Product","Thing"],"name":" Real &amp;\n name ",
         "image":[{"@type":"ImageObject","url":"a b.jpg"},"/c.png","x.svg"],
         "offers":[{"price":5,"priceCurrency":"USD"}]}]}</script></head>
      <body><img src="d.jpg"><img src="data:image/png;base64,xx">
      <img data-src="//127.0.0.1:1/e.jpg" src="blank.gif"><img src="d.jpg">]]
    assert.equal("Real &amp; name", project.title)
    assert.equal("Meta", project.intro_text)
    assert.equal("$5", project.price)
    assert.same({ "/shop/items/a%20b.jpg", "/c.png", "/shop/og.jpg",
      "/shop/items/d.jpg", "/e.jpg" }, addresses(project))
  end)

  it("takes addresses as a browser does, and no control characters",
  function()
    local project = read('<img src="\n\t/a.png \r\n"><img src="/b\nc.png">'
      .. '<img src="/d\127.png"><img src="/e f.png?g h">'
      .. '<img src="http://a b/c.png">')
    assert.same({ "/a.png", "/e%20f.png?g%20h" }, addresses(project))
  end)

  it("falls back to Open Graph and to the title", function()
    local project = read [[<title>T</title>
      <meta property="og:title" content="Graph &amp; Co">
      <meta property="og:description" content="Of <b>graphs</b>">]]
    assert.equal("Graph & Co", project.title)
    assert.equal("Of graphs", project.intro_text)
    assert.equal("T", read("<title>T</title><p>x").title)
    assert.equal("", read("<p>nothing").title)
  end)

  it("reads the charsets that pages declare", function()
    assert.equal("日本", read('<meta charset="Shift_JIS"><title>'
      .. "\147\250\150\123" .. "</title>").title)
    assert.equal("naïve €", read('<meta http-equiv="Content-Type" content='
      .. '"text/html; charset=windows-1252"><title>na\239ve \128</title>').title)
    assert.equal("Größe", read('<meta charset="utf-8"><title>Größe</title>')
      .title)
    assert.equal("Größe", read("\239\187\191<title>Größe</title>").title)
  end)

  it("replaces bytes that are not of the charset", function()
    local project = read("\239\187\191<title>Caf\233 ok</title>"
      .. '<img src="http://\255.example/a.png">')
    assert.equal("Caf\239\191\189 ok", project.title)
    assert.equal("Caf\239\191\189 ok", server:info(project.id).title)
    assert.equal(4, server:render(project.id, { render_subtitle = 1 }).status)
  end)

  it("reads JSON-LD with broken lines", function()
    assert.equal("A b", read('<script type="application/ld+json">'
      .. '{"@type":"Product","name":"A\nb"}</script>').title)
  end)

  it("reads JSON-LD after many pictures, and no drawing's title", function()
    local project = read(("<img src=a.png>"):rep(500)
      .. "<svg><title>Drawing</title></svg><title>Page</title>"
      .. '<script type="application/ld+json">{"@type":"Product",'
      .. '"description":"Said"}</script>')
    assert.equal("Page", project.title)
    assert.equal("Said", project.intro_text)
  end)

  it("names pictures, however long their path is", function()
    local media = read(("<img src='/%s/x.png?a/b'>"):format(("a"):rep(30000)))
      .medias[1]
    assert.equal("x.png", media.name)
  end)

  it("survives what is hardly HTML", function()
    local deep = ("<div>"):rep(20000) .. "<title>deep</title>"
    assert.equal("string", type(read(deep).title))
    assert.equal("string", type(read("\0\1\2<title>x").title))
  end)

  it("serves its own page and control only under its own name", function()
    local status, text, headers = server:request("GET", "/")
    assert.equal(200, status)
    assert.truthy(text:find "/sandbox/projects")
    assert.truthy(headers["content-security-policy"])
    assert.is_nil(text:find "https?://[%w]")       -- nothing from elsewhere
    local evil = { headers = { host = "evil.example" } }
    assert.equal(404, (server:request("GET", "/", evil)))
    assert.equal(404, (server:request("GET", "/sandbox/projects", evil)))
    assert.equal(404, (server:request("GET", "/site/../data/accounts.json")))
    assert.equal(404, (server:request("GET", "/site/data")))
  end)
end)
