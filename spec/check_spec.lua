-- SPDX-License-Identifier: MIT
-- What callers pass: each kind of field takes what it should, and refuses the
-- rest with the field's name, what is expected and what came. A wrong type raises
-- at the caller's line; a wrong value comes back as an error.

local check = require "jogg.check"
local support = require "spec.support.misuse"
local misuse = support.check

local integer_type = rawget(math, "type") or function() return "integer" end

local FILE_URL = "https://cdn.example/a.jpg"

-- A function of a user's: it may be called from anywhere.
local function call(fields, given)
  local checked, err = check.fields(fields, given, "call", 3)
  return checked, err
end

local function value(field, given)
  local checked, err = check.value(field, given, "call: x", 3)
  return checked, err
end

-- given is not accepted as a field of this kind; says so.
local function refused(field, given, expected)
  return support.refused(function()
    local checked, err = call({ x = field }, { x = given })
    return checked, err
  end, expected)
end

describe("check", function()
  describe("a table", function()
    local FIELDS = {
      title = { kind = "string" }, template_name = { kind = "string" },
      product_id = { kind = "id", required = true },
    }

    it("comes back as a copy with what was given, and nothing else", function()
      local given = { product_id = 1, title = "T" }
      local checked = call(FIELDS, given)
      assert.same(given, checked)
      assert.not_equal(given, checked)
    end)

    it("must be one", function()
      for _, given in ipairs { "text", 5, true } do
        misuse(function() call(FIELDS, given) end, "call must be a table, not ")
      end
      misuse(function() call(FIELDS, nil) end, "call must be a table, not nil")
    end)

    it("has no unknown options, and names the one that was meant", function()
      misuse(function() call(FIELDS, { product_id = 1, titel = "x" }) end,
        'call: unknown option "titel", did you mean "title"?')
      misuse(function() call(FIELDS, { product_id = 1, templatename = "x" }) end,
        'did you mean "template_name"?')
      misuse(function() call(FIELDS, { product_id = 1, Title = "x" }) end,
        'did you mean "title"?')
      local text = misuse(function() call(FIELDS, { product_id = 1, q = 1 }) end,
        'unknown option "q"')
      assert.falsy(text:find("did you mean", 1, true))
      misuse(function() call(FIELDS, { product_id = 1, "x" }) end,
        "call: unknown option 1")
      misuse(function() call(FIELDS, { product_id = 1, [{}] = 1 }) end,
        "call: unknown option a table")
    end)

    it("names what is missing", function()
      misuse(function() call(FIELDS, { title = "x" }) end,
        "call: product_id is missing")
    end)

    it("shows nothing unprintable and nothing endless", function()
      local text = misuse(function()
        call(FIELDS, { product_id = 1, ["\27[31m" .. ("x"):rep(100)] = 1 })
      end, "unknown option")
      assert.falsy(text:find("\27", 1, true))
      assert.is_true(#text < 100)
    end)
  end)

  describe("text", function()
    it("is UTF-8", function()
      for _, text in ipairs { "", "plain", "Größe ‰ 𝄞", "\127", "\t\r\n" } do
        assert.equal(text, value({ kind = "string" }, text))
      end
    end)

    it("is refused with the position of the bad byte", function()
      for text, position in pairs {
        ["\255"] = 1, ["abc\255"] = 4, ["Gr\246\223e"] = 3,
        ["\195"] = 1, ["x\226\130"] = 2,             -- cut short
        ["\192\128"] = 1, ["\224\159\191"] = 1,      -- overlong
        ["ok\237\160\128"] = 3,                      -- a surrogate
        ["\244\144\128\128"] = 1, ["\245\128\128\128"] = 1, -- above U+10FFFF
        ["\226\130\172\128"] = 4,                    -- a stray continuation
      } do
        refused({ kind = "string" }, text,
          ("call.x must be a string: byte %d is not UTF-8"):format(position))
      end
    end)

    it("holds no NUL", function()
      refused({ kind = "string" }, "ab\0c", "call.x must be a string: byte 3 is a NUL")
      -- the first fault is the one that is named
      refused({ kind = "string" }, "a\0\255", "byte 2 is a NUL")
      refused({ kind = "string" }, "a\255\0", "byte 2 is not UTF-8")
    end)

    it("is text", function()
      for _, given in ipairs { 5, true, {}, print } do
        refused({ kind = "string" }, given, "call.x must be a string, not ")
      end
    end)

    it("is filled where it has to be", function()
      refused({ kind = "string", filled = true }, "",
        'call.x must be a string that is not empty, not ""')
    end)
  end)

  describe("a URL", function()
    local URL = { kind = "url" }

    it("is http or https", function()
      for _, url in ipairs {
        "https://shop.example/lamp", "http://shop.example/lamp",
        "HTTPS://SHOP.EXAMPLE/", "https://shop.example:8443/a?b=c&d=%20#e",
        "https://shop.example/größe", "http://127.0.0.1:8080/",
        "https://[2001:db8::1]/", "https://xn--bcher-kva.example/",
      } do
        assert.equal(url, value(URL, url))
      end
    end)

    it("is refused otherwise", function()
      for _, url in ipairs {
        "shop.example/lamp", "lamp", "/lamp", "https://", "https:///lamp",
        "https://shop.example:99999/", "https://sh op.example/",
        "http//shop.example", "https://shop.example/a\r\nX: y", " ",
      } do
        refused(URL, url, "call.x must be a URL")
      end
      for _, url in ipairs {
        "ftp://shop.example/lamp", "file:///etc/passwd", "javascript:alert(1)",
        "data:text/html,x", "gopher://shop.example/", "ws://shop.example/",
      } do
        refused(URL, url, "http")
      end
      refused(URL, "https://user:word@shop.example/", "a user name")
      refused(URL, "https://user@shop.example/", "a user name")
      refused(URL, "", "not empty")
      refused(URL, 5, "call.x must be")
      refused(URL, "https://shop.example/\0", "byte 22 is a NUL")
      refused(URL, "https://shop.example/\255", "byte 22 is not UTF-8")
    end)

    it("is not shown when it holds a password", function()
      local text = refused(URL, "https://user:geheim@shop.example/", "user name")
      assert.falsy(text:find("geheim", 1, true))
    end)
  end)

  describe("an integer", function()
    it("is whole, and of the integer type where there is one", function()
      for _, given in ipairs { 0, 3, 3.0, -7, 2 ^ 52 } do
        local checked = value({ kind = "integer" }, given)
        assert.equal(given, checked)
        assert.equal("integer", integer_type(checked))
      end
    end)

    it("is refused otherwise", function()
      for _, given in ipairs { 0.5, 1 / 0, -1 / 0, 0 / 0, "3", {}, true, 2 ^ 70 }
      do
        refused({ kind = "integer" }, given, "call.x must be an integer, not ")
      end
    end)

    it("keeps to its bounds", function()
      local field = { kind = "integer", minimum = 1, maximum = 5 }
      assert.equal(1, value(field, 1))
      assert.equal(5, value(field, 5))
      refused(field, 0, "call.x must be an integer of at least 1, not 0")
      refused(field, 6, "call.x must be an integer of at most 5, not 6")
    end)
  end)

  it("an id goes back as it came", function()
    local field = { kind = "id" }
    assert.equal("integer", integer_type(value(field, 3924.0)))
    assert.equal(3924, value(field, 3924))
    assert.equal("12345678901234567890", value(field, "12345678901234567890"))
    for _, given in ipairs { "", 1.5, true, {}, 0 / 0 } do
      refused(field, given, "call.x must be ")
    end
    refused(field, "a\0", "byte 2 is a NUL")
  end)

  it("a segment of a path is an id that is a string in the end", function()
    local field = { kind = "segment" }
    assert.equal("3924", value(field, 3924.0))
    assert.equal("9007199254740991", value(field, 2 ^ 53 - 1))
    for _, given in ipairs { "../x", "a/b?c", "...", "%2e", " ", "größe" } do
      assert.equal(given, value(field, given)) -- escaped when it is sent
    end
    for _, given in ipairs { "", 1.5, 0 / 0, true, {} } do
      refused(field, given, "call.x must be ")
    end
    refused(field, "a\0", "byte 2 is a NUL")
    refused(field, ("x"):rep(4097), "at most 4096 bytes")
  end)

  it("one field may stand in for another", function()
    local fields = { url = { kind = "url", required_without = "name" },
      name = { kind = "string" } }
    assert.same({ name = "x" }, call(fields, { name = "x" }))
    assert.same({ url = "https://a.example/" },
      call(fields, { url = "https://a.example/" }))
    misuse(function() call(fields, {}) end, "call: url or name is missing")
  end)

  it("a value may require other fields", function()
    local fields = {
      type = { kind = "string", values = { a = "id", b = "details", c = "c" },
        needs = { id = "id", details = { "data.name", "data.text" } } },
      id = { kind = "string" },
      data = { kind = "fields", fields = { name = { kind = "string" },
        text = { kind = "string" } } },
    }
    for _, given in ipairs { {}, { type = "c" }, { type = "a", id = "" },
      { type = "b", data = { name = "n", text = "t" } } } do
      assert.is_table(call(fields, given))
    end
    misuse(function() call(fields, { type = "a" }) end,
      'call: id is missing: type = "id" requires it')
    misuse(function() call(fields, { type = "b" }) end,
      'call: data.name is missing: type = "details" requires it')
    misuse(function() call(fields, { type = "b", data = { name = "n" } }) end,
      "call: data.text is missing")
  end)

  it("an object may always be sent, if only empty", function()
    local fields = { audio = { kind = "fields", always = true,
      fields = { id = { kind = "integer" } } } }
    local checked = call(fields, {})
    assert.same({ audio = {} }, checked)
    assert.not_equal(checked.audio, call(fields, {}).audio)
    assert.same({ audio = { id = 3 } }, call(fields, { audio = { id = 3 } }))
  end)

  it("seconds are a number, not negative, not endless", function()
    local field = { kind = "seconds" }
    for _, given in ipairs { 0, 0.001, 1e9 } do
      assert.equal(given, value(field, given))
    end
    for _, given in ipairs { -1, -0.001, 0 / 0, 1 / 0, 1e10, "5", {}, true } do
      refused(field, given, "call.x must be ")
    end
    refused({ kind = "seconds", minimum = 0.001 }, 0,
      "call.x must be seconds, at least 0.001, not 0")
  end)

  it("booleans, callbacks and tables are what they are called", function()
    assert.is_false(value({ kind = "boolean" }, false))
    refused({ kind = "boolean" }, 1, "call.x must be true or false, not 1")
    refused({ kind = "boolean" }, "true", 'call.x must be true or false')
    local callable = setmetatable({}, { __call = function() end })
    assert.equal(print, value({ kind = "callback" }, print))
    assert.equal(callable, value({ kind = "callback" }, callable))
    refused({ kind = "callback" }, "print", "call.x must be a function")
    refused({ kind = "callback" }, {}, "call.x must be a function, not a table")
    refused({ kind = "table" }, 5, "call.x must be a table, not 5")
  end)

  it("a choice is mapped, and all of it is named", function()
    local field = { kind = "integer", values = { [0] = 0, [1] = 1, on = 1 } }
    assert.equal(1, value(field, "on"))
    assert.equal(0, value(field, 0))
    assert.equal(1, value(field, 1.0))
    refused(field, "off", 'call.x must be one of 0, 1, "on", not "off"')
    refused(field, 2, 'call.x must be one of 0, 1, "on", not 2')
    refused(field, {}, 'not a table')
    refused(field, 0 / 0, 'call.x must be one of')
    assert.is_false(value({ kind = "boolean", values = { no = false } }, "no"))
  end)

  describe("a list", function()
    local LIST = { kind = "list", item = { kind = "fields", fields = {
      name = { kind = "string" }, w = { kind = "integer", minimum = 0 } } } }

    it("is checked item by item", function()
      assert.same({}, value(LIST, {}))
      assert.same({ { name = "a" }, { w = 3 } },
        value(LIST, { { name = "a" }, { w = 3.0 } }))
    end)

    it("names the item and its field", function()
      refused(LIST, { { name = "ok" }, { name = "x\255" } },
        "call.x[2].name must be a string: byte 2 is not UTF-8")
      refused(LIST, { { name = "\0" } }, "call.x[1].name must be a string: byte 1")
      refused(LIST, { { nane = "x" } },
        'call.x[1]: unknown option "nane", did you mean "name"?')
      refused(LIST, { { w = -1 } }, "call.x[1].w must be an integer of at least")
      refused(LIST, { "a" }, 'call.x[1] must be a table, not "a"')
    end)

    it("is a list", function()
      refused(LIST, "a", 'call.x must be a list, not "a"')
      refused(LIST, { {}, nil, {} }, "call.x must be a list: 1, 2, 3")
      refused(LIST, { [2] = {} }, "call.x must be a list: 1, 2, 3")
      refused(LIST, { [0] = {} }, "call.x must be a list: 1, 2, 3")
      refused(LIST, { {}, name = "x" }, "call.x must be a list: 1, 2, 3")
      refused(LIST, { name = "x" }, "call.x must be a list: 1, 2, 3")
    end)
  end)

  it("fields within fields have names within names", function()
    local field = { kind = "fields", fields = { a = {
      kind = "fields", fields = { b = { kind = "string" } } } } }
    assert.same({ a = { b = "c" } }, value(field, { a = { b = "c" } }))
    refused(field, { a = { b = 1 } }, "call.x.a.b must be a string, not 1")
    refused(field, { a = { c = 1 } }, 'call.x.a: unknown option "c"')
    refused(field, { a = 1 }, "call.x.a must be a table, not 1")
  end)

  describe("a local file", function()
    local IMAGE = { kind = "url", uploads = "image" }

    it("is a path that says so, or is called a file", function()
      for _, path in ipairs { "./a.jpg", "../a.jpg", "/tmp/a.jpg" } do
        assert.same({ file = path }, value(IMAGE, path))
        assert.same({ file = path }, value(IMAGE, { file = path }))
      end
      assert.same({ file = "a.jpg" }, value(IMAGE, { file = "a.jpg" }))
      assert.same({ file = os.getenv "HOME" .. "/a.jpg" },
        value(IMAGE, "~/a.jpg"))
      assert.same({ { file = "./a.jpg" }, FILE_URL }, value({ kind = "list",
        item = IMAGE }, { "./a.jpg", FILE_URL }))
    end)

    it("is nothing else", function()
      for _, given in ipairs { "//cdn.example/a.jpg", "file:///tmp/a.jpg",
        "a.jpg", ".a", "..", "~root/a.jpg", { file = "" }, { file = 5 },
        { file = "a.jpg", size = 3 }, { "a.jpg" }, { path = "a.jpg" } } do
        refused(IMAGE, given, "call.x must be a")
      end
      refused({ kind = "url" }, "/tmp/a.jpg", "call.x must be a URL")
    end)

    it("is hinted at where a bare name was given", function()
      refused(IMAGE, "ann.jpg", 'or a local file such as "./ann.jpg"')
      refused(IMAGE, "photos/ann.jpg", 'such as "./photos/ann.jpg"')
      for _, given in ipairs { "http:/ann.jpg", "//cdn.example/a.jpg", "" } do
        assert.falsy(refused(IMAGE, given, "call.x"):find("local", 1, true))
      end
      assert.falsy(refused({ kind = "url" }, "ann.jpg", "call.x"):find("local"))
    end)

    it("may need a certain value beside it", function()
      local fields = { type = { kind = "string", values = { image = "image",
        description = "description" } }, value = { kind = "string",
        uploads = "image", uploads_when = { type = "image" } } }
      assert.same({ type = "image", value = { file = "./a.jpg" } },
        call(fields, { type = "image", value = "./a.jpg" }))
      local told = { type = "description", value = "/imagine a woman" }
      assert.same(told, call(fields, told))
      misuse(function()
        call(fields, { type = "description", value = { file = "a.jpg" } })
      end, "call.value must be a string, not a table")
    end)
  end)

  describe("a free-form object", function()
    local OBJECT = { kind = "object" }

    it("may hold anything that JSON can, and is a copy", function()
      local given = { text = "x", list = { 1, 2.5, "y" }, flag = false,
        inner = { deep = { true } }, empty = {} }
      local checked = value(OBJECT, given)
      assert.same(given, checked)
      assert.not_equal(given, checked)
      assert.not_equal(given.inner.deep, checked.inner.deep)
    end)

    it("is refused with the path to what JSON cannot", function()
      for expected, given in pairs {
        ["call.x.a.b: byte 2 is not UTF-8"] = { a = { b = "x\255" } },
        ["call.x.a: byte 1 is a NUL"] = { a = "\0" },
        ["is not UTF-8"] = { ["k\255"] = 1 },
        ["call.x.n is not a finite number"] = { n = 0 / 0 },
        ["call.x.m is not a finite number"] = { m = 1 / 0 },
        ["call.x.f: a function cannot be sent"] = { f = print },
        ["call.x.list"] = { list = { 1, nil, 3 } },
        ["call.x.mixed"] = { mixed = { 1, name = 2 } },
        ["call.x.late"] = { late = { [2] = 1 } },
        ["call.x.flags"] = { flags = { [true] = 1 } },
        ["call.x.half"] = { half = { [1.5] = 1 } },
      } do
        refused(OBJECT, given, expected)
      end
    end)

    it("is refused when it has no end", function()
      local loop = {}
      loop.loop = loop
      refused(OBJECT, loop, "is too deep, or contains itself")
    end)

    it("is refused as a list", function()
      refused(OBJECT, "text", "call.x must be a table")
    end)
  end)

  it("a wrong type raises, a wrong value is returned", function()
    local fields = {
      title = { kind = "string", maximum = 3 }, url = { kind = "url" },
      lang = { kind = "language", known = { english = true } },
      id = { kind = "id" }, n = { kind = "integer", maximum = 2 },
      word = { kind = "string", values = { a = 1 } },
      object = { kind = "object" }, seconds = { kind = "seconds" },
    }
    for name, given in pairs { title = 5, url = true, lang = 7, id = {},
      n = "1", word = 3, object = "x", seconds = -1 } do
      misuse(function() call(fields, { [name] = given }) end, "call." .. name)
    end
    for name, given in pairs { title = "long", url = "no", lang = "klingon",
      id = "", n = 3, word = "b", object = { 0 / 0 } } do
      support.unusable(function() return call(fields, { [name] = given }) end,
        "call." .. name)
    end
    -- misuse comes first, whatever else is wrong
    misuse(function() call(fields, { n = 3, title = 5 }) end, "call.title")
  end)

  it("nothing is misuse in data that was stored", function()
    for expected, given in pairs {
      ["token must be a table"] = 5, ["token.title must be a string"] =
        { title = 5 }, ['token: unknown option "x"'] = { x = 1 },
    } do
      support.unusable(function()
        return check.as_data(check.fields, { title = { kind = "string" } },
          given, "token", 1)
      end, expected)
    end
    misuse(function() call({ a = { kind = "string" } }, { a = 1 }) end,
      "call.a must be a string") -- it is misuse again
  end)

  it("a language is known, whatever its case; others have neighbours",
    function()
      local field = { kind = "language",
        known = { english = true, german = true, greek = true },
        elsewhere = { known = { swahili = true }, generation = "v2" } }
      assert.equal("english", value(field, "English"))
      assert.equal("german", value(field, "GERMAN"))
      refused(field, "germann", 'such as "german"')
      refused(field, "swahili", "swahili is one of generation v2")
      refused(field, "klingon", "a language of the service")
    end)

  it("a field may have further names, one at a time", function()
    local fields = {
      project_id = { kind = "string", aliases = { "prj_id", "id" } },
    }
    assert.same({ project_id = "p" }, call(fields, { prj_id = "p" }))
    misuse(function() call(fields, { prj_id = "p", project_id = "p" }) end,
      "project_id is given twice")
    misuse(function() call(fields, { prj_id = "p", id = "p" }) end,
      "project_id is given twice")
  end)

  it("what people try leads to the option that is meant", function()
    local fields = { output = { kind = "string" } }
    misuse(function() call(fields, { file = "x" }) end, 'did you mean "output"?')
    misuse(function() call(fields, { retries = 1 }) end,
      "retries is an option of jogg.client")
    misuse(function() call(fields, { key = "x" }) end,
      "api_key is an option of jogg.client")
    for _, name in ipairs { "generation", "max_credits", "ca_path", "log",
      "product_timeout", "connect_timeout", "stall_timeout" } do
      misuse(function() call({ timeout = { kind = "seconds" },
        duration = { kind = "seconds" } }, { [name] = 1 }) end,
        name .. " is an option of jogg.client")
    end
  end)

  it("an option of the other generation leads to the one here", function()
    local open = { title = { kind = "string" }, medias = { kind = "list" } }
    local v2 = { name = { kind = "string", aliases = { "title" } },
      style = { kind = "string" } }
    check.has_elsewhere(open, v2, "v2")
    misuse(function() call(open, { name = "x" }) end,
      'unknown option "name" (of generation v2), did you mean "title"?')
    misuse(function() call(open, { style = "x" }) end,
      'unknown option "style" (generation v2 of the service has it)')
  end)

  it("what is missing may say where to find it", function()
    misuse(function()
      call({ avatar_id = { kind = "integer", required = true,
        found_in = "client:avatars {}" } }, {})
    end, "call: avatar_id is missing: client:avatars {} lists them")
  end)

  it("a kind that does not exist is an error of the library", function()
    assert.has_error(function() value({ kind = "number" }, {}) end)
  end)

  it("the nearest word is the one with the fewest changes", function()
    local known = { lang = 1, title = 1, intro_text = 1, intro_medias = 1 }
    assert.equal("lang", check.nearest("language", { lang = 1, x = 1 }))
    assert.equal("render_subtitle", check.nearest("subtitle",
      { render_subtitle = 1, title = 1, script_style = 1 }))
    assert.equal("intro_text", check.nearest("introtext", known))
    assert.equal("intro_medias", check.nearest("intro_media", known))
    assert.is_nil(check.nearest("entirely", known))
    -- whichever is first in the alphabet, when both are as near
    assert.equal("ab", check.nearest("a", { ab = 1, ac = 1 }))
  end)
end)
