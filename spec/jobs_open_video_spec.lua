-- SPDX-License-Identifier: MIT
-- One vocabulary for what the service says about a project.

local kind = require "jogg.jobs.open_video"

describe("kind.read", function()
  it("has a word for every number", function()
    for number, word in pairs { "pending", "queued", "processing",
      [5] = "failed", [99] = "deleted" } do
      assert.equal(word, kind.read({ status = number }).status)
      assert.equal(word, kind.read({ status = number,
        video_url = "https://x" }).status)
    end
  end)

  it("is completed only with an address", function()
    local with = { status = 4, video_url = "https://x/v.mp4" }
    assert.equal("completed", kind.read(with).status)
    assert.equal("https://x/v.mp4", kind.read(with).video_url)
    for _, odd in ipairs { "", 5, {}, true } do
      local info = kind.read { status = 4, video_url = odd }
      assert.equal("processing", info.status)
      assert.is_nil(info.video_url)
    end
    assert.equal("processing", kind.read({ status = 4 }).status)
  end)

  it("takes what nobody knows for still running", function()
    for _, odd in ipairs { 0, 6, 98, -1, 4.5, "soon", {}, true, "" } do
      local data = { status = odd, video_url = "https://x" }
      local info = kind.read(data)
      assert.equal("processing", info.status)
      assert.equal(data, info.raw)
    end
    assert.equal("processing", kind.read({}).status)
  end)

  it("takes numbers in quotes for numbers", function()
    assert.equal("failed", kind.read({ status = "5" }).status)
  end)

  it("says what the service said, where it makes sense", function()
    local data = {
      id = "p1", status = 3, progress = 40, progress_desc = "rendering",
      cover_url = "https://x/c.jpg", video_duration = 31, err_msg = "",
      title = "T",
    }
    local info = kind.read(data)
    assert.equal("p1", info.project_id)
    assert.equal(40, info.progress)
    assert.equal("rendering", info.description)
    assert.equal("https://x/c.jpg", info.cover_url)
    assert.equal(31, info.duration)
    assert.is_nil(info.message)
    assert.equal("T", info.raw.title)
    info = kind.read { status = 5, err_msg = "no pictures", progress = 250,
      video_duration = -1, cover_url = 7, id = 5 }
    assert.equal("no pictures", info.message)
    assert.equal(100, info.progress)
    assert.is_nil(info.duration)
    assert.is_nil(info.cover_url)
    for _, odd in ipairs { "much", {}, true, 0 / 0, 1 / 0, -1 } do
      assert.is_nil(kind.read({ progress = odd }).progress)
    end
  end)

  it("knows which states last", function()
    assert.same({ completed = true, failed = true, deleted = true },
      kind.FINAL)
  end)
end)
