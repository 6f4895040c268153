-- SPDX-License-Identifier: MIT
-- JSON both ways: what lua-cjson alone would spoil or refuse comes through
-- whole, and bad text never raises.

local cjson = require "cjson".new()
local core = require "jogg.core"
local process = require "spec.support.process"

local integer_type = rawget(math, "type") or function() return "integer" end
local HAS_INTEGERS = rawget(math, "type") ~= nil

describe("core.encode", function()
  local function encode(value, lists)
    return core.encode(value, lists or {})
  end

  it("tells an empty list from an empty object", function()
    assert.equal("{}", encode {})
    assert.equal('{"a":{}}', encode { a = {} })
    assert.equal('{"a":[]}', encode({ a = {} }, { a = true }))
    assert.equal('{"a":{"b":[]}}', encode({ a = { b = {} } }, { b = true }))
    assert.equal('{"a":[{}]}', encode({ a = { {} } }, { a = true }))
    assert.equal('{"a":[1]}', encode { a = { 1 } })
    assert.equal("[1,2]", encode { 1, 2 })
  end)

  it("writes whole numbers as integers", function()
    for text, value in pairs {
      ["[3924]"] = 3924.0, ["[-7]"] = -7, ["[0]"] = 0.0, ["[1000000]"] = 1e6,
      ["[123456789012345]"] = 123456789012345,
      ["[9007199254740992]"] = 2 ^ 53, ["[0.5]"] = 0.5, ["[-1.25]"] = -1.25,
    } do
      assert.equal(text, encode { value })
    end
    if HAS_INTEGERS then
      assert.equal("[9223372036854775807,-9223372036854775808]",
        encode { rawget(math, "maxinteger"), rawget(math, "mininteger") })
    end
    local huge = encode { 1e300 }
    assert.equal(1e300, cjson.decode(huge)[1])
  end)

  it("writes strings as they are", function()
    for _, text in ipairs { "", "plain", 'quote " back \\ slash /', "größe 𝄞",
      "\b\f\n\r\t\1\31\127", "</script>", ("x"):rep(100000) } do
      local json = encode { a = text }
      assert.equal(text, cjson.decode(json).a)
      assert.falsy(json:find "[%z\1-\31]")
      assert.same({ [text] = 1 }, cjson.decode(encode { [text] = 1 }))
    end
    assert.equal('[true,false]', encode { true, false })
  end)

  it("escapes the bytes that lua-cjson escapes, and no other", function()
    for byte = 0, 255 do
      for _, text in ipairs { string.char(byte), "a" .. string.char(byte) } do
        assert.equal("[" .. cjson.encode(text) .. "]", encode { text })
      end
    end
  end)

  it("refuses values that JSON does not have", function()
    local circle = {}
    circle[1] = circle
    local deep = {}
    for _ = 1, 70 do deep = { deep } end
    for _, value in ipairs {
      { print }, { a = print }, { 0 / 0 }, { 1 / 0 }, { -1 / 0 },
      { coroutine.create(function() end) }, { 1, nil, 3 }, { 1, x = 2 }, { [2] = 1 },
      { [1.5] = 1 }, { [true] = 1 }, { [0] = 1 }, { a = { [{}] = 1 } },
      circle, deep,
    } do
      local ok, err = pcall(encode, value)
      assert.is_false(ok)
      assert.equal("string", type(err))
    end
    for _, odd in ipairs { "text", 5, true } do
      assert.is_false((pcall(encode, odd)))
    end
    assert.is_false((pcall(core.encode, {})))
  end)

  it("encodes values that are as deep as decode allows", function()
    local value, n = {}, 1
    while n < 64 do
      value, n = { value }, n + 1
    end
    local json = encode(value)
    assert.equal(("["):rep(63) .. "{}" .. ("]"):rep(63), json)
    assert.is_table(core.decode(json))
  end)

  it("keeps nothing of a value that failed", function()
    local long = ("x"):rep(100000)
    local many = {}
    for i = 1, 20000 do many[i] = i end
    many[20001] = print
    for _ = 1, 20 do assert.is_false((pcall(encode, many))) end
    assert.is_false((pcall(encode, { long, print })))
    assert.equal('["a"]', encode { "a" })
    assert.equal(100004, #encode { long })
    assert.equal("{}", encode {})
  end)

  it("returns nil and the length when a body may not be so large", function()
    local most = core.body_maximum
    assert.equal(most, #encode { ("x"):rep(most - 4) })
    assert.same({ n = 2, nil, most + 1 },
      { n = 2, encode { ("x"):rep(most - 3) } })
    local list, text = {}, ("x"):rep(2 ^ 20)
    for i = 1, 70 do list[i] = text end
    local body, length = encode(list)
    assert.is_nil(body)
    assert.equal(70 * (2 ^ 20 + 3) + 1, length)
    assert.equal("[1]", encode { 1 })
  end)

  -- Sets a parameter of the collector. Returns the old value.
  local function tune(name, value)
    if _VERSION == "Lua 5.5" then
      return collectgarbage("param", name, value)
    end
    return collectgarbage("set" .. name, value)
  end

  it("goes on when a finalizer encodes in the middle of it", function()
    local newproxy = rawget(_G, "newproxy") -- 5.1's
    local finalizer = newproxy and function(f)
      local proxy = newproxy(true)
      getmetatable(proxy).__gc = f
    end or function(f)
      setmetatable({}, { __gc = f })
    end
    local inside, finalized, wrong = false, 0, nil
    local inner = { inner = ("y"):rep(200) }
    local expected_inner = encode(inner)
    for round = 1, 10 do
      local value = {} -- others each time: equal strings are no garbage
      for i = 1, 50 do
        value[i] = ("%d:%d:%s"):format(round, i, ("z"):rep(50))
      end
      local expected = '["' .. table.concat(value, '","') .. '"]'
      for _ = 1, 5 do
        finalizer(function()
          finalized = finalized + (inside and 1 or 0)
          local ok, text = pcall(encode, inner)
          wrong = wrong or not ok or text ~= expected_inner
        end)
      end
      local pause = tune("pause", 0)
      local multiplier = tune("stepmul", 100000)
      collectgarbage "restart" -- begins at once
      inside = true
      local text = encode(value)
      inside = false
      tune("pause", pause)
      tune("stepmul", multiplier)
      wrong = wrong or text ~= expected
    end
    assert.is_falsy(wrong)
    assert.is_true(finalized > 0)
  end)

  it("leaves the table as it was", function()
    local lists = { a = true }
    local value = { a = {}, b = { c = 1 } }
    encode(value, lists)
    assert.same({ { a = {}, b = { c = 1 } }, { a = true } }, { value, lists })
  end)
end)

describe("core.decode", function()
  local decode = core.decode

  it("keeps integers whole", function()
    for text, shown in pairs {
      ["3924"] = "3924", ["0"] = "0", ["-7"] = "-7", ["1e3"] = "1000",
      ["40.0"] = "40", ["-0"] = HAS_INTEGERS and "0" or "-0",
      ["10000000000000"] = "10000000000000",
      ["1234567890123456"] = "1234567890123456",
      ["-1234567890123456"] = "-1234567890123456",
      ["9007199254740993"] = "9007199254740993",
      ["9223372036854775807"] = "9223372036854775807",
      ["-9223372036854775808"] = "-9223372036854775808",
      ["9223372036854775808"] = "9223372036854775808",
      ["123456789012345678901234567890"] = "123456789012345678901234567890",
    } do
      for _, around in ipairs { "%s", "[%s]", '{"a":[{"b":%s}]}', " %s ",
        '{"n":null,"a":%s,"s":"1234567890123456789"}' } do
        local value = decode(around:format(text))
        if type(value) == "table" then
          value = value[1] or value.a
        end
        if type(value) == "table" then
          value = value[1].b
        end
        assert.equal(shown, tostring(value))
      end
    end
    if HAS_INTEGERS then
      for _, text in ipairs { "3924", "40.0", "9223372036854775807" } do
        assert.equal("integer", integer_type(decode(text)))
      end
    end
    assert.equal("number", type(decode "123456789012345"))
    assert.equal("number", type(decode "-123456789012345"))
    assert.equal(0.1, decode "0.1")
    assert.equal(1.2345678901234567e-7, decode "1.2345678901234567e-7")
    assert.equal(1e300, decode "1e300")
  end)

  it("leaves strings alone, whatever they look like", function()
    for json, text in pairs {
      ['"12345678901234567890"'] = "12345678901234567890",
      ['"\\u0001123"'] = "\1" .. "123", ['"\\u0001"'] = "\1",
      ['"null"'] = "null", ['"a\\"12345678901234567890"'] =
      'a"12345678901234567890', ['"\\\\"'] = "\\", ['""'] = "",
      ['"\\u0000"'] = "\0", ['"\\ud834\\udd1e"'] = "𝄞",
    } do
      assert.equal(text, decode(json))
      -- beside a number that has to be saved
      local value = decode(('[%s,12345678901234567890,{%s:%s}]')
        :format(json, json, json))
      assert.equal(text, value[1])
      assert.equal("12345678901234567890", tostring(value[2]))
      assert.same({ [text] = text }, value[3])
    end
  end)

  it("leaves out null", function()
    assert.is_nil((decode "null"))
    assert.same({}, decode '{"a":null}')
    assert.same({ b = 1, c = {} }, decode '{"a":null,"b":1,"c":{"d":null}}')
    assert.same({ c = {} }, decode '{"a":null,"c":{"d":null}}')
    assert.same({ [1] = 1, [3] = 3 }, decode "[1,null,3]")
    assert.same({ [3] = "12345678901234567890" },
      { [3] = tostring(decode "[null,null,12345678901234567890]"[3]) })
    local many = {}
    for i = 1, 200 do
      many[i] = ('"k%d":null'):format(i)
    end
    assert.same({}, decode("{" .. table.concat(many, ",") .. "}"))
  end)

  it("returns nil and why for what is not JSON", function()
    for _, text in ipairs { "", " ", "{", "[1,", '{"a"', '{"a":', '{"a":1', "]",
      "nul", "tru", "nan", "NaNs", "xNaN", "--Infinity", "1-Infinity",
      "+Infinity", "Inf", "[nullNaN]", "{NaN:1}", "[NaN", "0x10", "01",
      "01234567890123456789", "-", "--1", "+1", ".5", "1e", '"', '"\\', '"\\u12',
      '"\\x"', '"\\ud83', "'a'", "[\255]", "\239\187", "\239\187\191",
      "\239\187\191\239\187\1911", '"\1', "[\1]", "{a:1}", "[1,]", '{"a":1,}', "1 2", "\0",
      "1-2", "12345678901234567890-", "12345678901234567890 1",
      "[12345678901234567890", '"12345678901234567890', "[-]", "/**/1",
      ("["):rep(100000), ('{"a":'):rep(100000), '"\\', "\\", '[1234567890123456789"\\'
    } do
      local value, why = decode(text)
      assert.is_nil(value, text)
      assert.equal("string", type(why))
      assert.is_true(#why > 10 and #why < 200, why)
    end
    assert.is_false((pcall(decode)))
    assert.is_false((pcall(decode, {})))
  end)

  it("keeps what is beside an unusual string", function()
    local found = decode('{"code":0,"data":{"title":"Summer sale \\ud83d",' ..
      '"status":4,"video_url":"https://a.example/v.mp4"}}')
    assert.same({ code = 0, data = { title = "Summer sale \239\191\189",
      status = 4, video_url = "https://a.example/v.mp4" } }, found)
  end)

  it("reads half a surrogate pair as U+FFFD", function()
    local FFFD = "\239\191\189"
    for json, text in pairs {
      ['"\\ud83d"'] = FFFD, ['"\\uDC00"'] = FFFD, ['"a\\ud800b"'] =
      "a" .. FFFD .. "b", ['"\\udfac\\ud83c"'] = FFFD .. FFFD,
      ['"\\ud83d\\ud83c\\udfac"'] = FFFD .. "🎬", ['"\\ud83c\\udfac"'] = "🎬",
      ['"\\ud83d\\u0041"'] = FFFD .. "A", ['"\\ud83d\\n"'] = FFFD .. "\n",
      ['"\\\\ud83d"'] = "\\ud83d", ['"\\\\\\ud83d"'] = "\\" .. FFFD,
      ['"\\ud83d\\""'] = FFFD .. '"',
    } do
      assert.equal(text, decode(json), json)
      assert.same({ [text] = { text, 1 } }, decode(("{%s:[%s,1]}")
        :format(json, json)))
    end
  end)

  it("reads each byte that is not UTF-8 as U+FFFD", function()
    local FFFD = "\239\191\189"
    for bytes, text in pairs {
      ["\255"] = FFFD, ["caf\233 x"] = "caf" .. FFFD .. " x", ["ö\195"] =
      "ö" .. FFFD, ["\192\175"] = FFFD .. FFFD, ["\237\160\128"] =
      FFFD .. FFFD .. FFFD, ["\240\159\142"] = FFFD .. FFFD .. FFFD,
      ["🎬 ä €"] = "🎬 ä €",
    } do
      assert.same({ a = text, b = 1 }, decode('{"a":"' .. bytes .. '","b":1}'))
      assert.is_nil((core.text_fault(decode('"' .. bytes .. '"'))))
    end
  end)

  it("takes control characters in a string as they are", function()
    for byte = 0, 31 do
      local text = "a" .. string.char(byte) .. "b"
      assert.equal(text, decode('"' .. text .. '"'))
      text = string.char(byte)
      assert.same({ [text] = text, n = 3 },
        decode('{"' .. text .. '":"' .. text .. '","n":3}'))
    end
    assert.same({ "two\nlines", 1 }, decode '["two\nlines",\n\t1\r]')
  end)

  it("skips a byte order mark", function()
    local MARK = "\239\187\191"
    assert.same({ a = 1 }, decode(MARK .. '{"a":1}'))
    assert.equal("x", decode(MARK .. ' "x"'))
    assert.equal(MARK, decode('"' .. MARK .. '"'))
  end)

  it("leaves out what is not a number", function()
    assert.same({ b = 1 }, decode '{"a":NaN,"b":1,"c":Infinity,"d":-Infinity}')
    assert.same({ [2] = 1 }, decode "[NaN,1,-Infinity]")
    for _, text in ipairs { "NaN", "Infinity", "-Infinity", " NaN " } do
      local results = { n = select("#", decode(text)), decode(text) }
      assert.same({ n = 1 }, results)
    end
    assert.same({ "NaN", "-Infinity", NaN = "Infinity" }, (function()
      local list = decode '{"l":["NaN","-Infinity"],"NaN":"Infinity"}'
      return { list.l[1], list.l[2], NaN = list.NaN }
    end)())
  end)

  it("never takes a string for a long integer", function()
    for _, digits in ipairs { "1234567890123456", "12345678901234567890",
      "-1234567890123456", "1", "", "\1", "\0011234567890123456" } do
      for _, first in ipairs { "\\u0001", "\1" } do
        local json = '"' .. first .. digits:gsub("\1", "\\u0001") .. '"'
        local text = "\1" .. digits
        assert.equal(text, decode(json))
        local found = decode(("[%s,12345678901234567890,{%s:%s, %s : %s}]")
          :format(json, json, json, '"n"', json))
        assert.equal(text, found[1])
        assert.equal("12345678901234567890", tostring(found[2]))
        assert.same({ [text] = text, n = text }, found[3])
      end
    end
  end)

  it("is not deeper than it says", function()
    assert.is_table(decode(("["):rep(64) .. ("]"):rep(64)))
    assert.is_nil((decode(("["):rep(65) .. ("]"):rep(65))))
    assert.is_nil((decode(('{"a":'):rep(65) .. "1" .. ("}"):rep(65))))
  end)

  it("and core.encode are each other's reverse", function()
    for _, json in ipairs { '{"a":[1,2.5,"x",true,{"b":[[]]}]}', "[]",
      '["ö",-3924,123456789012]' } do
      local value = decode(json)
      assert.same(value, decode(core.encode(value, {})))
    end
  end)
end)

describe("core.text_fault", function()
  it("finds nothing in good text", function()
    for _, text in ipairs { "", "abc", "ö", "\127", "\194\128", "\223\191",
      "\224\160\128", "\237\159\191", "\238\128\128", "\239\191\191",
      "\240\144\128\128", "\244\143\191\191", "\1\r\n\t" } do
      assert.is_nil((core.text_fault(text)))
    end
  end)

  it("finds the first bad byte", function()
    for text, position in pairs { ["\128"] = 1, ["a\191"] = 2, ["\192\175"] = 1,
      ["\193\191"] = 1, ["\224\159\191"] = 1, ["\237\160\128"] = 1,
      ["\240\143\191\191"] = 1, ["\244\144\128\128"] = 1, ["\245\128"] = 1,
      ["\255"] = 1, ["ö\195"] = 3, ["\226\130"] = 1, ["x\240\144\128"] = 2,
      ["\226\40\161"] = 1 } do
      local found, fault = core.text_fault(text)
      assert.same({ position, "is not UTF-8" }, { found, fault })
    end
    assert.same({ 2, "is a NUL" }, { core.text_fault "a\0b" })
    assert.is_nil((core.text_fault("a\226\130\172", 4)))
    assert.same({ 4, "is too much" }, { core.text_fault("a\226\130\172", 3) })
    assert.same({ 1, "is too much" }, { core.text_fault("\0", 0) })
    for _, value in ipairs { 7, {}, false } do
      assert.same({ 0, "is not text" }, { core.text_fault(value) })
    end
    assert.same({ 0, "is not text" }, { core.text_fault(nil, 3) })
    assert.same({ 1, "is a NUL" }, { core.text_fault "\0\255" })
    assert.same({ 1, "is not UTF-8" }, { core.text_fault "\255\0" })
  end)

  -- LuaRocks' lineage (2.1.0.x): integers are integers already, and not every
  -- setting of Debian's is there.
  it("is right with the other lineage of lua-cjson", function()
    local output, status = process.run({ os.getenv "JOGG_LUA" or "lua5.4", "-e",
      [[
      local cjson = require "cjson"
      local function whole(value)
        if type(value) == "table" then
          for name, item in pairs(value) do value[name] = whole(item) end
        elseif math.tointeger and type(value) == "number" then
          return math.tointeger(value) or value
        end
        return value
      end
      local made = 0
      package.loaded.cjson = { new = function()
        made = made + 1
        local own = cjson.new()
        own.decode_max_depth(10)
        return {
          encode = own.encode,
          decode = function(text) return whole(own.decode(text)) end,
          decode_max_depth = own.decode_max_depth,
          decode_invalid_numbers = own.decode_invalid_numbers,
          empty_array = {}, null = own.null,
        }
      end }
      local core = require "jogg.core"
      assert(made == 1)
      local value = assert(core.decode('{"id":3924,"half":1.5,"none":null,' ..
        '"list":[1,2],"long":1234567890123456789,"text":"1"}'))
      assert(tostring(value.id) == "3924" and value.half == 1.5)
      assert(value.none == nil and #value.list == 2)
      assert(("%s"):format(tostring(value.long)) == "1234567890123456789")
      assert(value.text == "1")
      assert(core.encode({ intro_medias = {}, id = 3924 },
        { intro_medias = true }):find('"intro_medias":[]', 1, true))
      assert(core.encode({ id = 3924 }, {}) == '{"id":3924}')
      assert(core.decode "{" == nil)
      io.write "right"]] }, { stderr = "merge" })
    assert.equal("right", output)
    assert.equal(0, status)
  end)
end)
