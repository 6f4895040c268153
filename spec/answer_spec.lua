-- SPDX-License-Identifier: MIT
-- What is read out of an answer's data, as it comes through the decoder: `null`
-- leaves holes in lists.

local answer = require "jogg.answer"
local core = require "jogg.core"
local v2 = require "jogg.api.v2"

local function read(name, json)
  return answer.read(v2.operations[name].result, core.decode(json))
end

describe("answer", function()
  it("keeps of a list of addresses what is one", function()
    local info = read("avatar_photo", [[{ "image_url_list":
      [null, "https://a", null, "", 5, {"a": 1}, ["x"], "https://b", null] }]])
    assert.same({ "https://a", "https://b" }, info.urls)
    for _, odd in ipairs { "{}", "[null]", "[]" } do
      assert.same({},
        read("avatar_photo", '{ "image_url_list": ' .. odd .. " }").urls)
    end
    for _, odd in ipairs { '"x"', '{"a": "https://a"}' } do
      assert.is_nil(
        read("avatar_photo", '{ "image_url_list": ' .. odd .. " }").urls)
    end
  end)

  it("keeps of a list of things what is one", function()
    local info = read("product_avatar_batch", [[{ "generations":
      [null, {"generation_id": "a", "status": "completed"}, "x", 7, null,
       {"generation_id": "b", "status": "failed"}] }]])
    assert.equal(2, #info.parts)
    assert.same({ "a", "completed" }, { info.parts[1].id,
      info.parts[1].status })
    assert.same({ "b", "failed" }, { info.parts[2].id, info.parts[2].status })
    local list = v2.operations.webhook_events.list
    assert.same({ "a", "b" }, answer.find(core.decode
      '{ "events": [null, "a", null, "b"] }', "items", list.items))
  end)

  it("has a script's paragraphs, as a list or as one string", function()
    local function paragraphs(json)
      return read("script", '{ "data": { "generated_scripts": [{' ..
        '"script_paragraphs": ' .. json .. "}] } }").parts[1].paragraphs
    end
    assert.same({ "One.", "Two." }, paragraphs '["One.", null, "Two."]')
    assert.equal("One. Two.", paragraphs '"One. Two."')
    assert.is_nil(paragraphs "null")
  end)
end)
