-- SPDX-License-Identifier: MIT
-- Every example script runs as it is, under each Lua: to its end, and to a
-- clear one when something is wrong. All at once, for each waits as in life.

local process = require "spec.support.process"
local sandbox = require "spec.support.sandbox"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)
local NAMES = { "make_video", "edit_product", "resume" }

describe("example", function()
  local server, folder, running

  setup(function()
    server = sandbox.start { "--reuse" }
    folder = process.temporary_folder()
    running = {}
  end)
  teardown(function()
    for _, child in pairs(running) do child:stop() end
    server:stop()
    process.remove_folder(folder)
  end)

  local function start(name, output, url)
    local child = process.start({ os.getenv "JOGG_LUA",
      "examples/" .. name .. ".lua", url or server:sample "lamp",
      folder .. "/" .. output }, {
      env = { JOGG_API_KEY = server.key, JOGG_BASE_URL = server.url },
      stderr = folder .. "/" .. output .. ".err",
    })
    running[output] = child
    return child
  end

  local function errors_of(output)
    return process.read_file(folder .. "/" .. output .. ".err")
  end

  local function finish(output)
    local child = running[output]
    local text = child:read_all()
    assert.is_true(child:wait(30 * SLOW), errors_of(output))
    local path = folder .. "/" .. output
    assert.truthy(text:find(path, 1, true), errors_of(output))
    assert.truthy(text:find("/video.mp4", 1, true))
    local printed, code = process.run({ "ffprobe", "-v", "error", path },
      { stderr = "merge" })
    assert.equal(0, code, printed)
  end

  it("begins with what it does, how to use it, what it needs", function()
    local found = 0
    for _, file in ipairs(process.files "examples") do
      if file:find "%.lua$" then
        found = found + 1
        local text = process.read_file("examples/" .. file)
        local head = text:match "^%-%- SPDX.-\n(%-%- .-)\n\n"
        assert.truthy(head, file)
        assert.truthy(head:find("\n-- Usage: lua " .. file .. " URL", 1, true), file)
        assert.truthy(head:find("\n-- Needs: JOGG_API_KEY", 1, true), file)
        local _, lines = text:gsub("\n", "")
        assert.is_true(lines < 50, file)
      end
    end
    assert.equal(#NAMES, found)
  end)

  it("scripts make their videos; one is killed in between", function()
    for _, name in ipairs(NAMES) do start(name, name .. ".mp4") end
    local token = folder .. "/resume.mp4.job"
    local before = os.time()
    repeat
      local text = process.read_file(token)
      assert.is_true(os.time() - before < 10 * SLOW)
    until text and text:find('"phase":"wait"', 1, true)
    running["resume.mp4"]:kill "KILL"
    assert.is_true(running["resume.mp4"]:wait(5))
    start("resume", "resume.mp4")
    for _, name in ipairs(NAMES) do finish(name .. ".mp4") end
    assert.truthy(process.read_file(token):find('"result":', 1, true))
    assert.truthy(errors_of "edit_product.mp4":find("[##############################] 100 %",
      1, true))
    local account = server:account()
    assert.equal(3, account.charged)
    assert.equal(3, account.products)
    local titles = 0
    for _, entry in ipairs((server:log())) do
      titles = titles + (entry.method == "PUT"
        and entry.body:find("finds your desk", 1, true) and 1 or 0)
    end
    assert.equal(1, titles)
  end)

  it("scripts say in a sentence what is wrong, and fail", function()
    server:fault { endpoint = "product", call = 1, times = #NAMES,
      what = "code", value = 18025, msg = "no permission" }
    for _, name in ipairs(NAMES) do
      local output = name .. "-no.mp4"
      local text, code = process.run({ "env", "JOGG_API_KEY=" .. server.key,
        "JOGG_BASE_URL=" .. server.url, os.getenv "JOGG_LUA",
        "examples/" .. name .. ".lua", server:sample "mug",
        folder .. "/" .. output }, { stderr = "merge" })
      assert.equal(1, code)
      assert.truthy(text:find "create_product: no permission [^\n]+\n$", text)
      assert.falsy(text:find "traceback")
      assert.is_nil(process.read_file(folder .. "/" .. output))
    end
  end)

  it("scripts name their arguments in one line when one is missing", function()
    for _, name in ipairs(NAMES) do
      for missing, command in pairs {
        url = { "env", "JOGG_API_KEY=" .. server.key },
        key = { "env", "-u", "JOGG_API_KEY" },
      } do
        command[#command + 1] = os.getenv "JOGG_LUA"
        command[#command + 1] = "examples/" .. name .. ".lua"
        if missing ~= "url" then command[#command + 1] = server:sample "mug" end
        local text, code = process.run(command, { stderr = "merge" })
        assert.equal(2, code)
        assert.matches("^usage: JOGG_API_KEY=KEY lua " .. name
          .. "%.lua URL [^\n]+\n$", text)
      end
    end
  end)
end)
