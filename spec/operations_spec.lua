-- SPDX-License-Identifier: MIT
-- The service's calls as data: complete, consistent, and strict where the
-- service is.

local operations = require "jogg.operations"
local options = require "jogg.options"
local misuse = require "spec.support.misuse".check

local OPEN = operations.open

local function render(fields)
  fields.project_id = fields.project_id or "p"
  local checked = options.check(OPEN.render_project.fields, fields, "render", 3)
  return checked
end

local function update(fields)
  fields.product_id = fields.product_id or 1
  local checked = options.check(OPEN.update_product.fields, fields, "update", 3)
  return checked
end

describe("operations", function()
  it("are the four calls of the service", function()
    local seen = {}
    for name, operation in pairs(OPEN) do
      if type(operation) == "table" and operation.method then
        assert.equal(name, operation.name)
        seen[#seen + 1] = operation.method .. " " .. operation.path
      end
    end
    table.sort(seen)
    assert.same({ "GET /open/prj_info", "POST /open/product",
      "POST /open/project/render", "PUT /open/product" }, seen)
    assert.equal("https://api-services.jogg.ai", OPEN.base_url)
  end)

  it("know kinds that options knows, and lists that are lists", function()
    local function walk(fields)
      for name, field in pairs(fields) do
        assert.equal("string", type(name))
        assert.equal("string", type(field.kind), name)
        if field.kind == "list" then
          walk(field.item)
        elseif field.kind == "fields" then
          walk(field.fields)
        elseif not field.values and field.kind ~= "object" then
          -- every kind has a checker: anything but an error inside it
          local ok, err = pcall(options.value, field, {}, name, 1)
          assert.is_false(ok)
          assert.truthy(err:find(name, 1, true), err)
        end
      end
    end
    for _, operation in pairs(OPEN) do
      if type(operation) == "table" and operation.fields then
        walk(operation.fields)
        for name in pairs(operation.lists or {}) do
          assert.equal("list", operation.fields[name].kind)
        end
        for name, field in pairs(operation.fields) do
          assert.equal(field.kind == "list",
            (operation.lists or {})[name] or false, name)
        end
      end
    end
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
    misuse(function() render { aspect_ratio = 3 } end,
      'render.aspect_ratio must be one of 0, 1, 2, "16:9", "1:1", "9:16"')
    misuse(function() render { aspect_ratio = "4:3" } end, 'not "4:3"')
    misuse(function() render { render_subtitle = 2 } end,
      "render.render_subtitle must be one of 0, 1, false, true, not 2")
    misuse(function() render { avatar_id = -1 } end, "render.avatar_id")
    misuse(function() render { avatar_id = "37" } end, "render.avatar_id")
    misuse(function() render { project_id = "" } end, "render.project_id")
    misuse(function() render { project_id = 5 } end, "render.project_id")
    misuse(function() render { titel = "x" } end, 'unknown option "titel"')
    misuse(function() render { language = "english" } end,
      'did you mean "lang"?')
    misuse(function() update { product_id = true } end, "update.product_id")
    misuse(function() update { intro_medias = { { type = 3 } } } end,
      'update.intro_medias[1].type must be one of 1, 2, "image", "video"')
    misuse(function() update { intro_medias = { { w = 1.5 } } } end,
      "update.intro_medias[1].w must be an integer")
    misuse(function() update { intro_medias = { { name = "\255" } } } end,
      "update.intro_medias[1].name must be text: byte 1 is not UTF-8")
    misuse(function()
      update { intro_medias = { {}, { clip_info = { a = { "\255" } } } } }
    end, "update.intro_medias[2].clip_info.a[1]: byte 1 is not UTF-8")
  end)
end)
