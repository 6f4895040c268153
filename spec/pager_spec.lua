-- SPDX-License-Identifier: MIT
-- Lists of the service, page after page, whatever it makes of pages.

local cjson = require "cjson".new()
local faults = require "spec.support.faults"
local jogg = require "jogg"
local misuse = require "spec.support.misuse"

describe("a list", function()
  local server, client

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)
  before_each(function()
    server:clear()
    client = jogg.client { api_key = "k", base_url = server.url,
      generation = "v2", retries = 0 }
  end)
  after_each(function() client:close() end)

  local function page(...)
    local avatars = {}
    for i, id in ipairs { ... } do avatars[i] = { id = id } end
    return { json = { code = 0, data = { avatars = avatars[1] and avatars or
      cjson.empty_array } } }
  end

  local function serve(steps)
    server:on("GET", "/v2/avatars/public", steps)
  end

  -- The ids of a list, one after the other, and how many pages were asked for.
  local function walk(list)
    local ids = {}
    for avatar in list do ids[#ids + 1] = avatar.id end
    return table.concat(ids, " "), #server:requests()
  end

  it("is walked through once, to the page that has nothing", function()
    serve { page(1, 2), page(3), page() }
    local list = client:avatars {}
    assert.same({ "1 2 3", 3 }, { walk(list) })
    assert.is_nil(list.err)
    assert.is_nil(list())
    local pages = {}
    for i, request in ipairs(server:requests()) do
      pages[i] = request.parameters.page
    end
    assert.same({ "1", "2", "3" }, pages)
  end)

  it("that ignores pages has each item once", function()
    serve(page(1, 2, 3))
    assert.same({ "1 2 3", 2 }, { walk(client:avatars { page_size = 2 }) })
  end)

  it("with pages that overlap has each item once", function()
    serve { page(1, 2), page(2, 3), page(3, 2, 4), page(4) }
    local list = client:avatars {}
    assert.same({ "1 2 3 4", 4 }, { walk(list) })
    assert.is_nil(list.err)
  end)

  it("of one page that was asked for is that page", function()
    serve { page(5, 6), page(7) }
    assert.same({ "5 6", 1 }, { walk(client:avatars { page = 3 }) })
  end)

  it("has no items where the answer has no list", function()
    for _, data in ipairs { { avatars = cjson.null }, { avatars = "none" },
      { other = 1 } } do
      server:clear()
      serve { json = { code = 0, data = data } }
      local list = client:avatars {}
      assert.same({ "", 1 }, { walk(list) })
      assert.is_nil(list.err)
    end
  end)

  it("without an end is an error, after 1000 pages", function()
    local steps = {}
    for i = 1, 1001 do steps[i] = page(i) end
    serve(steps)
    local list = client:avatars {}
    local ids, pages = walk(list)
    assert.equal(1000, pages)
    assert.is_truthy(ids:find "^1 2 3 .* 998 999$")
    assert.same({ "protocol", "endless" }, { list.err.kind, list.err.reason })
    for _ = 1, 2 do
      assert.same({ nil, list.err }, { list() }) -- it stays at its end
    end
    serve(steps)
    local all, err = client:avatars {}:all()
    assert.is_nil(all)
    assert.equal("endless", err.reason)
  end)

  it("that cannot be asked for is empty, and says why", function()
    local list = client:avatars { page = 0 }
    assert.same({ "", 0 }, { walk(list) })
    assert.same({ "parameter", "avatars" }, { list.err.kind, list.err.phase })
    local all, err = list:all()
    assert.is_nil(all)
    assert.equal(list.err, err)
    list = client:voices { language = "\255" }
    assert.is_nil((list()))
    assert.equal("parameter", list.err.kind)
  end)

  it("is no table: it says how to use it", function()
    local list = client:avatars {}
    misuse.check(function() return list[1] ~= nil end, "use list:all()")
    if _VERSION ~= "Lua 5.1" then
      misuse.check(function() return #list > 0 end, "for item in list do")
    end
    assert.same({}, server:requests())
  end)

  it("that breaks off says why, and gives no half of it", function()
    serve { page(1, 2), { status = 503, body = "" } }
    local list = client:avatars {}
    assert.same({ "1 2", 2 }, { walk(list) })
    assert.same({ "server", 503 }, { list.err.kind, list.err.http_status })
    assert.is_nil((list()))
    assert.equal(2, #server:requests())
    serve { page(1, 2), { status = 503, body = "" } }
    local all, err = client:avatars {}:all()
    assert.is_nil(all)
    assert.equal(503, err.http_status)
  end)
end)
