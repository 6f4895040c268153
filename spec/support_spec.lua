-- SPDX-License-Identifier: MIT
-- The specs' own tools: children, signals, files (process.lua), and that a
-- run cannot look green when it is not (outcome.lua).

local socket = require "socket"
local process = require "spec.support.process"

local LUA, BUSTED = arg[-1] or os.getenv "JOGG_LUA" or "lua5.4", arg[0]

describe("process", function()
  local folder

  before_each(function() folder = process.temporary_folder() end)
  after_each(function() process.remove_folder(folder) end)

  it("passes every argument as it is", function()
    local arguments = { "it's", "$(echo no)", "a  b", "", "\n;", "-n", '"\\' }
    local output, code = process.run {
      "sh", "-c", 'for word; do printf "[%s]" "$word"; done; exit 7', "sh",
      arguments[1], arguments[2], arguments[3], arguments[4], arguments[5],
      arguments[6], arguments[7],
    }
    assert.equal("[" .. table.concat(arguments, "][") .. "]", output)
    assert.equal(7, code)
    assert.has_error(function() process.run { "echo", "a\0b" } end)
  end)

  it("knows its child", function()
    local child = process.start({ "sh", "-c",
      'echo "$$ $A ${LUA_PATH-none}"; echo oops >&2; pwd; exec sleep 60' },
      { env = { A = "x y", LUA_PATH = false }, folder = folder,
        stderr = folder .. "/err" })
    assert.equal(child.pid .. " x y none", child:line())
    assert.equal(folder, child:line())
    assert.equal("oops\n", process.read_file(folder .. "/err"))
    assert.is_true(child:alive())
    assert.is_false(child:wait(0.05))
    child:stop()
    child:stop()
    assert.is_false(child:alive())
    assert.is_false(process.alive(child.pid))
  end)

  it("kills a child that ignores SIGTERM, and one that is forgotten", function()
    local deaf = process.start { "sh", "-c",
      "trap '' TERM; echo ready; while :; do sleep 0.05; done" }
    assert.equal("ready", deaf:line())
    assert.is_true(deaf:kill "TERM")
    assert.is_false(deaf:wait(0.1))
    deaf:kill "KILL"
    assert.is_true(deaf:wait())
    local forgotten = process.start { "sleep", "60" }
    local pid = forgotten.pid
    forgotten = nil   -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    assert.is_true(process.wait_gone(pid, 2))
  end)

  it("handles files, folders and descriptors", function()
    assert.equal(0, process.file_count(folder))
    local path = process.write_file(folder .. "/.hidden", "a\0\r\n")
    process.write_file(folder .. "/b", "")
    assert.equal("a\0\r\n", process.read_file(path))
    assert.same({ ".hidden", "b" }, process.files(folder))
    assert.is_nil((process.read_file(folder .. "/none")))
    local before = process.settled_descriptor_count()
    local file = io.open(path)
    local connection = socket.tcp4()
    assert.equal(before + 2, process.descriptor_count())
    local found = false
    for _, target in pairs(process.descriptors()) do
      found = found or target == path
    end
    assert.is_true(found)
    file:close()
    connection:close()
    assert.equal(before, process.descriptor_count())
    process.remove_folder(folder)
    assert.is_nil((process.read_file(path)))
    process.remove_folder "/usr/share"         -- not one of ours: ignored
    assert.is_true(process.file_count "/usr/share" > 0)
  end)
end)

describe("outcome", function()
  local folder

  setup(function() folder = process.temporary_folder() end)
  teardown(function() process.remove_folder(folder) end)

  -- Runs specs with the handler: the last line, all lines, the exit status.
  local function run(...)
    local arguments = { LUA, BUSTED, "-o", "spec.support.outcome" }
    for i, text in ipairs { ... } do
      arguments[#arguments + 1] = process.write_file(
        folder .. "/" .. i .. "_spec.lua", text)
    end
    if #arguments == 4 then arguments[5] = folder .. "/none_spec.lua" end
    local output, code = process.run(arguments, { stderr = "merge" })
    return output:match "([^\n]*)\n$", output, code
  end

  it("counts what passed, failed and was skipped", function()
    local last, output, code = run([[
      it("passes", function() end)
      it("fails", function() assert.equal(1, 2) end)
      it("raises", function() error { code = 42 } end)
      pending "later"
      it("pends", function() pending "now" end)
    ]], 'it("passes too", function() end)')
    assert.equal("2 passed, 2 failed, 2 skipped", last)
    assert.equal(1, code)
    assert.truthy(output:find("FAILED: fails\n", 1, true))
    assert.truthy(output:find("code = 42", 1, true))
    assert.truthy(output:find("1_spec.lua:2: in", 1, true))
    assert.truthy(output:find "/1_spec.lua%s+5 tests, 2 failed%s+%d+%.%d+ s\n")
    assert.truthy(output:find "/2_spec.lua%s+1 tests%s+%d+%.%d+ s\n")
  end)

  it("is content with a good run", function()
    local last, _, code = run 'it("passes", function() end)'
    assert.equal("1 passed, 0 failed", last)
    assert.equal(0, code)
  end)

  it("counts trouble outside of tests", function()
    for _, text in ipairs {
      "no Lua", 'error "load"',
      'setup(function() error "x" end) it("never", function() end)',
      'before_each(function() error "x" end) it("never", function() end)',
      'describe("d", function() error "x" end)',
    } do
      local last, _, code = run(text)
      assert.equal("0 passed, 1 failed", last, text)
      assert.equal(1, code)
    end
    for _, text in ipairs {
      'teardown(function() error "x" end) it("passes", function() end)',
      'after_each(function() error "x" end) it("passes", function() end)',
    } do
      local last, _, code = run(text)
      assert.equal("1 passed, 1 failed", last, text)
      assert.equal(1, code)
    end
    local last, _, code = run
      'it("ends ill", function() finally(function() error "x" end) end)'
    assert.equal("0 passed, 1 failed", last)
    assert.equal(1, code)
  end)

  it("does not take an empty run for a good one", function()
    local last, _, code = run 'describe("empty", function() end)'
    assert.equal("0 passed, 1 failed", last)
    assert.equal(1, code)
    last, _, code = run()
    assert.truthy(last:find "^0 passed, %d failed$", last)
    assert.equal(1, code)
  end)
end)
