-- SPDX-License-Identifier: MIT
-- The service's calls as data: complete, consistent, and strict where the
-- service is.

local check = require "jogg.check"
local open = require "jogg.api.open"
local refused = require "spec.support.misuse".refused

local function render(fields)
  fields.project_id = fields.project_id or "p"
  local checked, err = check.fields(open.operations.render_project.fields,
    fields, "render", 3)
  return checked, err
end

local function update(fields)
  fields.product_id = fields.product_id or 1
  local checked, err = check.fields(open.operations.update_product.fields,
    fields, "update", 3)
  return checked, err
end

describe("the api of generation open", function()
  it("has the four calls of the service", function()
    local seen = {}
    for _, operation in pairs(open.operations) do
      seen[#seen + 1] = operation.method .. " " .. operation.path
    end
    table.sort(seen)
    assert.same({ "GET /open/prj_info", "POST /open/product",
      "POST /open/project/render", "PUT /open/product" }, seen)
    assert.equal("https://api-services.jogg.ai", open.base_url)
  end)

  it("has kinds that check knows, and lists that are lists", function()
    local function walk(fields)
      for name, field in pairs(fields) do
        assert.equal("string", type(name))
        assert.equal("string", type(field.kind), name)
        if field.kind == "list" then
          walk { item = field.item }
        elseif field.kind == "fields" then
          walk(field.fields)
        else
          -- every kind has a checker: an error inside it would lack the name
          local ok, err = pcall(check.value, field, print, name, 1)
          assert.is_false(ok)
          assert.truthy(err:find(name .. " must be", 1, true), err)
        end
        assert.equal(field.kind == "list", open.lists[name] or false, name)
      end
    end
    for _, operation in pairs(open.operations) do walk(operation.fields) end
  end)

  it("take friendly values beside the service's", function()
    for value, wanted in pairs { ["9:16"] = 0, ["16:9"] = 1, ["1:1"] = 2,
      portrait = 0, landscape = 1, square = 2, [0] = 0, [1] = 1, [2] = 2 } do
      assert.equal(wanted, render({ aspect_ratio = value }).aspect_ratio)
    end
    for value, wanted in pairs { [true] = 1, [false] = 0, [0] = 0, [1] = 1 } do
      assert.equal(wanted, render({ render_subtitle = value }).render_subtitle)
    end
    for value, wanted in pairs { image = 1, video = 2, [1] = 1, [2] = 2 } do
      assert.equal(wanted,
        update({ intro_medias = { { type = value } } }).intro_medias[1].type)
    end
  end)

  it("send only what was given", function()
    assert.same({ project_id = "p" }, render {})
    assert.same({ product_id = 1, title = "" }, update { title = "" })
    assert.same({ project_id = "p", lang = "english", template_name = "t",
      template_type = "common", index_template_name = "", avatar_id = 37,
      script_style = "Discovery_stage" },
      render { lang = "english", template_name = "t", template_type = "common",
        index_template_name = "", avatar_id = 37.0,
        script_style = "Discovery_stage" })
  end)

  it("refuse what the service would", function()
    refused(function()
      local fields, err = render { aspect_ratio = 3 }
      return fields, err
    end,
      'render.aspect_ratio must be one of 0, 1, 2, "16:9", "1:1", "9:16"')
    refused(function()
      local fields, err = render { aspect_ratio = "4:3" }
      return fields, err
    end, 'not "4:3"')
    refused(function()
      local fields, err = render { render_subtitle = 2 }
      return fields, err
    end,
      "render.render_subtitle must be one of 0, 1, false, true, not 2")
    refused(function()
      local fields, err = render { avatar_id = -1 }
      return fields, err
    end, "render.avatar_id")
    refused(function()
      local fields, err = render { avatar_id = "37" }
      return fields, err
    end, "render.avatar_id")
    refused(function()
      local fields, err = render { project_id = "" }
      return fields, err
    end, "render.project_id")
    refused(function()
      local fields, err = render { project_id = 5 }
      return fields, err
    end, "render.project_id")
    refused(function()
      local fields, err = render { titel = "x" }
      return fields, err
    end, 'unknown option "titel"')
    refused(function()
      local fields, err = render { language = "english" }
      return fields, err
    end,
      'did you mean "lang"?')
    refused(function()
      local fields, err = update { product_id = true }
      return fields, err
    end, "update.product_id")
    refused(function()
      local fields, err = update { intro_medias = { { type = 3 } } }
      return fields, err
    end,
      'update.intro_medias[1].type must be one of 1, 2, "image", "video"')
    refused(function()
      local fields, err = update { intro_medias = { { w = 1.5 } } }
      return fields, err
    end,
      "update.intro_medias[1].w must be an integer")
    refused(function()
      local fields, err = update { intro_medias = { { name = "\255" } } }
      return fields, err
    end,
      "update.intro_medias[1].name must be a string: byte 1 is not UTF-8")
    refused(function()
      local fields, err = update {
        intro_medias = { {}, { clip_info = { a = { "\255" } } } } }
      return fields, err
    end, "update.intro_medias[2].clip_info.a[1]: byte 1 is not UTF-8")
  end)
end)
