-- SPDX-License-Identifier: MIT
-- `make install` and `make uninstall`: what was installed works and goes
-- again, and nothing else goes with it.

local process = require "spec.support.process"

local VERSION = _VERSION:match "%d%.%d"

describe("make install", function()
  local folder, share, library

  before_each(function()
    folder = process.temporary_folder() .. "/a folder"
    share = folder .. "/usr/local/share/lua/" .. VERSION
    library = folder .. "/usr/local/lib/lua/" .. VERSION
  end)
  after_each(function()
    process.remove_folder(folder:match "^(.*)/")
  end)

  -- The core is built, and other specs use it: it is not to be built again.
  local function make(target)
    local text, code = process.run({ "env", "-u", "MAKEFLAGS", "make", "-s",
      "-o", "core", target, "DESTDIR=" .. folder }, { stderr = "merge" })
    assert.equal(0, code, text)
    return text
  end

  local function files(path)
    local text = process.run { "find", path, "-type", "f" }
    local list = {}
    for name in text:gmatch "[^\n]+" do
      list[#list + 1] = name:sub(#path + 2)
    end
    table.sort(list)
    return list
  end

  it("installs every module and the core", function()
    make "install"
    assert.same(files "lua", files(share))
    assert.same({ "jogg/core.so", "jogg/installed.txt" }, files(library))
    local text, code = process.run({ "env", "-u", "LUA_INIT",
      "LUA_PATH=" .. share .. "/?.lua;" .. share .. "/?/init.lua;;",
      "LUA_CPATH=" .. library .. "/?.so;;", os.getenv "JOGG_LUA", "-e",
      "local jogg = require 'jogg'; print(debug.getinfo(jogg.client).source)" },
      { stderr = "merge" })
    assert.equal(0, code, text)
    assert.truthy(text:find("@" .. share .. "/jogg/", 1, true), text)
  end)

  it("uninstalls what it installed, and the empty folders", function()
    make "install"
    make "uninstall"
    assert.same({}, files(folder))
    assert.same({}, process.files(share))
    assert.same({}, process.files(library))
  end)

  it("leaves what others put there", function()
    local foreign = { "jogg/mine.lua", "jogg/loop/mine.lua", "other.lua" }
    make "install"
    for _, name in ipairs(foreign) do
      process.write_file(share .. "/" .. name, "return 1")
    end
    process.write_file(library .. "/other.so", "x")
    make "uninstall"
    table.sort(foreign)
    assert.same(foreign, files(share))
    assert.same({ "other.so" }, files(library))
  end)

  it("touches nothing that it did not install", function()
    make "install"
    process.run { "rm", library .. "/jogg/installed.txt" }
    local before = files(folder) -- as the rock leaves them
    assert.matches("nothing to do", make "uninstall")
    assert.same(before, files(folder))
  end)

  it("replaces an earlier version as a whole", function()
    make "install"
    local gone = share .. "/jogg/gone.lua"
    process.write_file(gone, "return 1")
    local list = library .. "/jogg/installed.txt"
    process.write_file(list, process.read_file(list)
      .. gone:sub(#folder + 1) .. "\n")
    make "install"
    assert.is_nil(process.read_file(gone))
    assert.same(files "lua", files(share))
  end)
end)
