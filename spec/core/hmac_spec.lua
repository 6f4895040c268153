-- SPDX-License-Identifier: MIT
-- HMAC-SHA256 against the vectors of RFC 4231 and the openssl command; the
-- comparison of signatures.

local core = require "jogg.core"
local process = require "spec.support.process"

-- Key, text, HMAC: RFC 4231, sections 4.2 to 4.8 (4.6 is about cut results).
local VECTORS = {
  { ("\11"):rep(20), "Hi There",
    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
  { "Jefe", "what do ya want for nothing?",
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
  { ("\170"):rep(20), ("\221"):rep(50),
    "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
  { ("\170"):rep(131), "Test Using Larger Than Block-Size Key - Hash Key First",
    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
  { ("\170"):rep(131), "This is a test using a larger than block-size key and a"
    .. " larger than block-size data. The key needs to be hashed before being"
    .. " used by the HMAC algorithm.",
    "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
}

local function refuses(f, ...)
  local ok, raised = pcall(f, ...)
  assert.is_false(ok)
  assert.truthy(raised:find "string expected", raised)
end

describe("core.hmac_sha256", function()
  it("computes the vectors of RFC 4231", function()
    for _, vector in ipairs(VECTORS) do
      assert.equal(vector[3], core.hmac_sha256(vector[1], vector[2]))
    end
  end)

  it("takes an empty key and an empty text", function()
    assert.equal(
      "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad",
      core.hmac_sha256("", ""))
  end)

  it("counts every byte of the key and of the text, NUL as well", function()
    local all = {}
    for byte = 0, 255 do all[byte + 1] = string.char(byte) end
    local text, results = table.concat(all), {}
    for _, case in ipairs { { "k", text }, { "k", text .. "\0" },
      { "k", "\0" .. text }, { "k\0k", text }, { "k\0l", text } } do
      local result = core.hmac_sha256(case[1], case[2])
      assert.truthy(result:find "^[0-9a-f]+$")
      assert.equal(64, #result)
      assert.is_nil(results[result])
      results[result] = true
    end
  end)

  it("agrees with the openssl command", function()
    local path = os.tmpname()
    for _, length in ipairs { 0, 1, 63, 64, 65, 10000, 300000 } do
      local text = ("a\0\255\r\n"):rep(length):sub(1, length)
      process.write_file(path, text)
      local output, status = process.run({ "openssl", "dgst", "-sha256", "-hmac",
        "whsec_" .. length, path }, { stderr = "merge" })
      assert.equal(0, status, output)
      assert.equal(output:match "(%x+)%s*$", core.hmac_sha256("whsec_" .. length,
        text))
    end
    os.remove(path)
  end)

  it("takes strings only", function()
    refuses(core.hmac_sha256)
    refuses(core.hmac_sha256, "key")
    refuses(core.hmac_sha256, nil, "text")
    refuses(core.hmac_sha256, {}, "text")
    refuses(core.hmac_sha256, "key", true)
  end)
end)

describe("core.equal", function()
  it("compares bytes", function()
    assert.is_true(core.equal("", ""))
    assert.is_true(core.equal("a\0b", "a\0" .. "b"))
    for _, pair in ipairs { { "a\0b", "a\0c" }, { "a", "A" }, { "a", "" },
      { "", "a" }, { "ab", "a" }, { "a", "a\0" } } do
      assert.is_false(core.equal(pair[1], pair[2]))
    end
  end)

  it("sees a difference in any place", function()
    local text = ("f"):rep(64)
    for i = 1, #text do
      assert.is_false(core.equal(text, text:sub(1, i - 1) .. "e"
        .. text:sub(i + 1)))
    end
  end)

  it("takes strings only", function()
    refuses(core.equal)
    refuses(core.equal, "a")
    refuses(core.equal, nil, "a")
    refuses(core.equal, "a", {})
  end)
end)
