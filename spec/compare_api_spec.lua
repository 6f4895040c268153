-- SPDX-License-Identifier: MIT
-- tools/compare_api.lua finds what differs between an OpenAPI file and data like
-- jogg's. The vendor's own file is not here: `make compare-api` takes its path.

local process = require "spec.support.process"

local LUA54 = os.getenv "LUA54" or "lua5.4"

local FILE = [[
paths:
  /v2/thing/{id}:
    get:
      tags: [Thing]
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
        - {name: page, in: query, schema: {type: integer, minimum: 1}}
      responses:
        '200':
          content:
            application/json:
              schema:
                allOf:
                  - $ref: '#/components/Base'
                  - properties:
                      data:
                        properties:
                          things:
                            type: array
                            items: {properties: {id: {type: string}}}
  /v2/thing/:
    post:
      tags: [Thing]
      requestBody:
        content:
          application/json:
            schema:
              required: [url, size]
              properties:
                url: {type: string, format: uri}
                size: {type: string, enum: ["1", "2"]}
                names: {type: array, items: {type: string}}
                more:
                  type: object
                  required: [flag]
                  properties: {flag: {type: boolean}}
      responses:
        '200':
          content: {application/json: {schema: {$ref: '#/components/Base'}}}
components:
  Base:
    type: object
    properties: {code: {type: integer}}
]]

local API = [[
return {
  lists = { names = true },
  operations = {
    thing = {
      topic = "Thing", method = "GET", path = "/v2/thing/{id}", data = true,
      fields = {
        id = { kind = "segment", required = true },
        page = { kind = "integer", minimum = 1 },
      },
      list = { items = { "things" }, item = { id = { "id" } } },
    },
    create_thing = {
      topic = "Thing", method = "POST", path = "/v2/thing/",
      fields = {
        url = { kind = "url", required = true },
        size = { kind = "string", required = true,
          values = { ["1"] = "1", ["2"] = "2", small = "1" } },
        names = { kind = "list", item = { kind = "string" } },
        more = { kind = "fields", fields = {
          flag = { kind = "boolean", required = true } } },
      },
    },
  },
}
]]

-- What is replaced in the data, by what, and what the tool says.
local CASES = {
  { '"/v2/thing/",', '"/v2/thing",', "POST /v2/thing/ operation: is missing" },
  { '"/v2/thing/",', '"/v2/thing",',
    "POST /v2/thing operation: the file does not have it" },
  { '"POST"', '"PUT"', "POST /v2/thing/ operation: is missing" },
  { 'page = { kind = "integer", minimum = 1 },', "",
    "GET /v2/thing/{id} page: the field is missing" },
  { "page = {", "pages = {", "pages: the file does not have this field" },
  { "minimum = 1", "minimum = 0", "page: minimum 0, in the file 1" },
  { 'kind = "segment"', 'kind = "integer"', "id: kind integer, in the file" },
  { 'kind = "url"', 'kind = "string"', "url: kind string, in the file string" },
  { 'kind = "boolean"', 'kind = "string"', "more.flag: kind string, in the" },
  { 'item = { kind = "string" }', 'item = { kind = "integer" }',
    "names[]: kind integer, in the file string" },
  { 'kind = "boolean", required = true', 'kind = "boolean"',
    "more.flag: optional, in the file required" },
  { "more = {", "more = { required = true,",
    "more: required, in the file optional" },
  { '["2"] = "2", ', "", "size: the value 2 is not accepted" },
  { 'small = "1"', 'small = "0"', "size: the value 0 is not in the file" },
  { 'small = "1"', "small = 1", "size: small is sent as 1, which is no" },
  { "names = true", "", "lists names: is a list" },
  { "names = true", "names = true, more = true", "lists more: is no list" },
  { '{ "things" }', '{ "items" }', "list.items: the answer has no such list" },
  { 'item = { id = { "id" } }', 'item = { id = { "name" } }',
    "list.id: the answer has none of name" },
  { "data = true,", "", "data: jogg does not expect data" },
  { 'topic = "Thing", method = "GET"', 'topic = "Other", method = "GET"',
    "topic: Other, in the file Thing" },
}

describe("compare_api", function()
  local folder, is_able

  local function write(name, text)
    local file = assert(io.open(folder .. "/" .. name, "w"))
    file:write(text)
    file:close()
    return folder .. "/" .. name
  end

  local function compare(api)
    return process.run({ LUA54, "tools/compare_api.lua",
      folder .. "/file.yaml", write("api.lua", api) }, { stderr = "merge" })
  end

  setup(function()
    folder = process.temporary_folder()
    write("file.yaml", FILE)
    local _, code = process.run({ LUA54, "-e", 'require "lyaml"' },
      { stderr = "merge" })
    is_able = code == 0
  end)
  teardown(function() process.remove_folder(folder) end)

  it("finds nothing where nothing differs", function()
    if not is_able then
      return pending "lyaml is not installed"
    end
    local text, code = compare(API)
    assert.equal("2 operations and 8 fields compared, 0 known " ..
      "contradictions, 0 differences\n", text)
    assert.equal(0, code)
  end)

  it("finds each thing that differs", function()
    if not is_able then
      return pending "lyaml is not installed"
    end
    for _, case in ipairs(CASES) do
      local from, to = API:find(case[1], 1, true)
      local text, code = compare(API:sub(1, from - 1) .. case[2] ..
        API:sub(to + 1))
      assert.truthy(text:find(case[3], 1, true), case[3] .. "\n" .. text)
      assert.equal(1, code)
    end
  end)

  it("needs a file", function()
    for _, path in ipairs { "", "no-such-file.yaml" } do
      local _, code = process.run({ LUA54, "tools/compare_api.lua", path },
        { stderr = "merge" })
      assert.equal(2, code)
    end
  end)
end)
