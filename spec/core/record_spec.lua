-- SPDX-License-Identifier: MIT
-- Userdata jogg.core.record: opened, written, closed; by a client with a thread
-- of its own or without. What files do is in spec/c/layer0_record.c.

local bare = require "spec.support.bare"
local native = require "spec.support.native"
local process = require "spec.support.process"

describe("core.record", function()
  local folder, path, client

  before_each(function()
    folder = process.temporary_folder()
    path = folder .. "/lamp.job"
    client = bare.client "http://127.0.0.1:9"
  end)
  after_each(function()
    client:close()
    process.remove_folder(folder)
  end)

  local function result_of(request, other)
    return bare.finish(other or client, request):result()
  end

  it("checks its arguments, and touches nothing by itself", function()
    for _, odd in ipairs { {}, "a\0b", true } do
      assert.is_false((pcall(client.record, client, odd)))
    end
    assert.is_false((pcall(client.record, client)))
    assert.is_false((pcall(client.record, {}, path)))
    local record = client:record(path)
    assert.equal("jogg.core.record (open)", tostring(record))
    assert.equal("jogg.core.record", getmetatable(record))
    assert.same({}, process.files(folder))
    for _, odd in ipairs { {}, ("x"):rep(5 * 2 ^ 20), true } do
      assert.is_false((pcall(record.write, record, odd)))
    end
    assert.is_false((pcall(record.open, client)))
    record:close()
    record:close()
    assert.equal("jogg.core.record (closed)", tostring(record))
    for _, name in ipairs { "open", "write" } do
      local ok, err = pcall(record[name], record, "x")
      assert.is_false(ok)
      assert.truthy(err:find("attempt to use a closed record", 1, true), err)
    end
  end)

  for _, threaded in ipairs { false, true } do
    local how = threaded and ", threaded" or ", inline"

    local function begin()
      if threaded then client:start_thread() end
    end

    it("keeps the last text that was written" .. how, function()
      begin()
      local record = client:record(path)
      local request = record:open()
      assert.same({ 0, nil }, { result_of(request) })
      assert.equal(2, select("#", request:result()))
      for _, text in ipairs { "one", "", "two\0\n", ("x"):rep(2 ^ 20) } do
        assert.same({ 0, true }, { result_of(record:write(text)) })
        assert.equal(text, process.read_file(path))
      end
      assert.equal("600\n", (process.run { "stat", "-c", "%a", path }))
      record:close()
      record = client:record(path)
      assert.same({ 0, ("x"):rep(2 ^ 20) }, { result_of(record:open()) })
      record:close()
      client:wait(0)
    end)

    it("is held by one at a time" .. how, function()
      begin()
      local other = bare.client "http://127.0.0.1:9"
      local record = client:record(path)
      assert.equal(0, (result_of(record:open())))
      assert.equal(0, (result_of(record:write "mine")))
      local second = other:record(path)
      local status, failure = result_of(second:open(), other)
      assert.is_nil(status)
      assert.same({ "busy", false }, { failure.class, failure.sent })
      record:close()
      bare.wait(client, function()
        return (result_of(second:open(), other)) == 0
      end)
      assert.equal("busy", select(2,
        result_of(client:record(path):open())).class)
      second:close()
      other:close()
    end)

    it("fails in words of the system" .. how, function()
      begin()
      for target, errno in pairs { [folder] = "EISDIR",
        [folder .. "/none/lamp.job"] = "ENOENT", ["/dev/null"] = "ENOTSUP" } do
        local record = client:record(target)
        local status, failure = result_of(record:open())
        assert.is_nil(status)
        assert.same({ "file", errno, false },
          { failure.class, failure.errno, failure.sent })
        assert.equal("string", type(failure.system))
      end
      process.write_file(path, ("x"):rep(5 * 2 ^ 20))
      assert.equal("EFBIG", select(2,
        result_of(client:record(path):open())).errno)
    end)

    it("is done in the order of asking, closing included" .. how, function()
      begin()
      for i = 1, 20 do
        local record = client:record(path)
        local requests = { record:open(), record:write("a" .. i),
          record:write("b" .. i) }
        record:close()
        for _, request in ipairs(requests) do
          assert.equal(0, (result_of(request)))
        end
        assert.equal("b" .. i, process.read_file(path))
      end
    end)

    it("is unlocked when it is forgotten, or its client closed" .. how,
      function()
        begin()
        local record = client:record(path)
        assert.equal(0, (result_of(record:open())))
        record = nil -- luacheck: ignore
        native.collect()
        client:wait(0.01)
        record = client:record(path)
        bare.wait(client, function()
          return (result_of(record:open())) == 0
        end)
        record:write "x" -- may be done, or not
        client:close()
        record:close()
        client = bare.client "http://127.0.0.1:9"
        assert.equal(0, (result_of(client:record(path):open())))
      end)
  end
end)
