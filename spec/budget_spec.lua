-- SPDX-License-Identifier: MIT
-- What calls cost, by the vendor's price list, and what a client may spend.

local budget = require "jogg.budget"
local v2 = require "jogg.api.v2"

local function price(name, fields)
  return budget.price(v2.operations[name], fields or {})
end

-- Floats of tenths.
local function close(expected, got, why)
  assert.is_true(math.abs(expected - got) < 1e-9, ("%s: %g, not %g"):format(why,
    got, expected))
end

-- Operation, fields, credits.
local PRICES = {
  -- a video: 1 for each started 2 minutes
  { "create_product_video", { video_spec = { length = "15" } }, 1 },
  { "create_product_video", { video_spec = { length = "60" } }, 1 },
  { "create_product_video", { video_spec = { length = "120" } }, 1 },
  { "create_product_video", { video_spec = { length = "121" } }, 2 },
  { "create_product_video", {}, 1 },
  { "render_preview", { preview_id = "p" }, 1 },
  { "create_avatar_video", {}, 1 },
  { "create_template_video", {}, 1 },
  -- a preview: 0.5 for the same; one for each style
  { "create_product_previews", { visual_styles = { "a" },
    video_spec = { length = "30" } }, 0.5 },
  { "create_product_previews", { visual_styles = { "a", "b", "c" },
    video_spec = { length = "60" } }, 1.5 },
  { "create_product_previews", { visual_styles = { "a", "b" },
    video_spec = { length = "240" } }, 2 },
  { "create_script", { video_length_seconds = "60" }, 0.2 },
  -- 1 for 125 s, 0.5 for each started 20 s: how long is not known before
  { "create_lip_sync", {}, 1 },
  { "create_translation", {}, 0.5 },
  -- 0.05 an image, the usual four
  { "create_avatar_photo", {}, 0.2 },
  { "create_product_avatar_batch", { num_images = 1 }, 0.05 },
  { "create_product_avatar_batch", { num_images = 4 }, 0.2 },
  -- motion: 2, and 3 for 2.0-Pro; the other operation does not say which is it
  { "create_photo_motion", { model = "1.0" }, 2 },
  { "create_photo_motion", { model = "2.0" }, 2 },
  { "create_photo_motion", { model = "3.0" }, 2 },
  { "create_photo_motion", { model = "2.0-Pro" }, 3 },
  { "create_product_motion", { model = 0 }, 3 },
}

describe("the budget", function()
  it("has the prices of the vendor's list", function()
    local priced = {}
    for _, row in ipairs(PRICES) do
      close(row[3], price(row[1], row[2]), row[1])
      priced[row[1]] = true
    end
    for name, operation in pairs(v2.operations) do
      assert.equal(operation.costs or false, priced[name] or false, name)
      if not operation.costs then
        assert.equal(0, price(name), name)
      end
    end
  end)

  it("may be spent to the last tenth, and no further", function()
    local client = { spent = 0, settings = { max_credits = 0.6 } }
    for _ = 1, 3 do
      close(0.2, budget.reserve(client, v2.operations.create_script, {}), "kept")
    end
    local kept, err = budget.reserve(client, v2.operations.create_script, {})
    assert.is_nil(kept)
    assert.same({ "credit", "max_credits", "not_sent" },
      { err.kind, err.reason, err.outcome })
    budget.give_back(client, 0.2)
    assert.truthy(budget.reserve(client, v2.operations.create_script, {}))
  end)

  it("is without an end where none is set", function()
    local client = { spent = 1e9, settings = {} }
    assert.equal(1, budget.reserve(client, v2.operations.create_lip_sync, {}))
  end)
end)
