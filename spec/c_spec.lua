-- SPDX-License-Identifier: MIT
-- The C parts without a Lua around them, and everything with memory that runs
-- out: builds the drivers of spec/c with sanitizers and runs them. See there.

local core = require "jogg.core"
local faults = require "spec.support.faults"
local process = require "spec.support.process"

local NAME = rawget(_G, "jit") and "luajit" or _VERSION:gsub("^Lua ", "lua")
local FLAGS = "-std=c11 -O1 -g -Wall -Wextra -Isrc -pthread -rdynamic"
local SANITIZERS = "-fsanitize=address,undefined -fno-sanitize-recover=all " ..
  "-fno-omit-frame-pointer"

local folder = process.temporary_folder()

teardown(function()
  process.remove_folder(folder)
end)

-- {=== building

local function run(words)
  return process.run(words, { stderr = "merge" })
end

-- Runs a driver: its findings are in its output, wherever a checker that runs
-- this spec sends those of its own.
local function drive(...)
  return run { "env", "-u", "ASAN_OPTIONS", "-u", "LSAN_OPTIONS", "-u",
    "UBSAN_OPTIONS", ... }
end

local function output_of(...)
  local output, status = process.run { ... }
  assert(status == 0, table.concat({ ... }, " ") .. " failed")
  return output
end

local function compile(target, texts)
  local words = {}
  for word in ((os.getenv "CC" or "cc") .. " " .. FLAGS .. " " ..
    table.concat(texts, " ")):gmatch "%S+" do
    words[#words + 1] = word
  end
  words[#words + 1] = "-o"
  words[#words + 1] = target
  return run(words)
end

-- Some compilers come without the sanitizers' libraries: the drivers find a
-- crash, a hang, a leak and a wrong result without them as well.
local function sanitizers()
  process.write_file(folder .. "/empty.c", "int main(void) { return 0; }\n")
  local _, status = compile(folder .. "/empty", {
    SANITIZERS, folder .. "/empty.c" })
  return status == 0 and SANITIZERS or ""
end

local function renamed(prefix, names)
  local flags = {}
  for name in names:gmatch "%S+" do
    flags[#flags + 1] = ("-D%s=%s%s"):format(name, prefix, name)
  end
  return table.concat(flags, " ")
end

local function sources(names)
  return (names:gsub("%S+", "src/%0.c"))
end

local built = {}

local function program(name, ...)
  if not built[name] then
    local path = folder .. "/bin-" .. name
    local output, status = compile(path, { sanitizers(), ... })
    assert(status == 0, output)
    assert(not output:find "warning:", output)
    built[name] = path
  end
  return built[name]
end

-- ===}

describe("layer 0", function()
  -- Functions of the system for which spec/c/layer0_disk.c has its own.
  local REPLACED = "write link unlink renameat2 rename fsync flock"

  local function layer0()
    return program("layer0", renamed("layer0_", REPLACED),
      output_of("sh", "-c", "echo spec/c/layer0*.c"),
      sources "address buf clock disk file headers json_scan mp4 record secret",
      sources "signals source utf8")
  end

  for name, what in pairs {
    buf_grows = "a buffer keeps every byte",
    buf_stops = "a buffer has a maximum, and its growth no overflow",
    secret_keeps = "a secret of any length",
    clock_runs = "the clock runs forward",
    signals_held = "SIGPIPE and SIGXFSZ of ours are discarded, the host's are not",
    signals_threads = "a thread of ours has no signals",
    utf8_judges = "UTF-8 as Unicode's table has it",
    headers_say = "headers keep what fits and cannot be injected",
    headers_ranges = "Content-Range, to the letter",
    headers_hostile = "300,000 broken header lines",
    json_repairs = "JSON that lua-cjson refuses or spoils is repaired",
    json_hostile = "300,000 broken JSON texts are repaired within bounds",
    mp4_judges = "MP4 files: whole, cut, hostile",
    file_writes = "a file, written in parts of any size",
    file_commits = "a file appears whole, with the right permissions",
    file_fails = "a disk that is full for a while costs no byte",
    file_syncs = "no name for bytes that may not be on the disk",
    file_stays = "a file that is whole stays when it cannot be committed",
    file_limited = "ulimit -f is an error, not a signal",
    file_goes = "a large file that is given up is gone at once",
    target_refused = "an existing target is not touched unless that is asked for",
    target_linked = "symbolic links to the target are followed and stay",
    target_checked = "the check leaves nothing, on any file system",
    target_late = "a file that cannot be made is made later",
    target_elsewhere = "a host that changes its folder, and forks",
    record_holds = "a record is held by one at a time",
    record_writes = "a record is replaced whole",
    record_refuses = "a record is a regular file of limited size",
    record_strange = "a record on file systems that lack something",
    record_races = "two processes never hold a record at once",
    record_killed = "a record is whole after 400 kills",
    source_reads = "a source is read in parts, any number of times",
    source_large = "a source of 5 GiB",
    source_refuses = "a source is a regular file, and never waits",
    source_changes = "a source that changes is never read to its end",
    address_public = "which addresses are public, at the edge of each block",
  } do
    it(what, function()
      local where = folder .. "/" .. name
      assert.equal(0, select(2, run { "mkdir", where }))
      local output, status = drive(layer0(), name, where)
      assert.equal(0, status, output)
      assert.truthy(output:find "ok\n")
    end)
  end
end)

describe("torture", function()
  local NAMES = "malloc calloc realloc free strdup strndup mmap munmap"
  local server, video, place

  local function box(kind, n)
    local size = n + 8
    return string.char(0, math.floor(size / 65536), math.floor(size / 256) % 256,
      size % 256) .. kind .. ("x"):rep(n)
  end

  local function prepare()
    server:clear() -- the uploads of all runs are a gigabyte
    local function data(fields)
      return { json = { code = 0, data = fields } }
    end
    server:on("GET", "/get", data { echo = "get" })
    server:on("POST", "/post", data { echo = "post" })
    server:on("PUT", "/put", data { echo = "put" })
    server:on("*", "/asset", { status = 204 })
    server:on("GET", "/video.mp4", { file = video, range = true, etag = '"1"' })
    server:on("GET", "/cut.mp4", { file = video, range = true, etag = '"1"',
      cut_at = 300000, close = "mid_body" })
    server:on("POST", "/open/product", data { id = 7, prj_id = "p-1" })
    server:on("POST", "/open/project/render", data {})
    server:on("GET", "/open/prj_info", data {
      status = 4, progress = 100, video_url = server.url .. "/video.mp4",
      cover_url = "", video_duration = 3,
    })
  end

  setup(function()
    server = faults.start()
    video = folder .. "/source.mp4"
    place = folder .. "/torture"
    run { "mkdir", place }
    process.write_file(video, box("ftyp", 8) .. box("moov", 100) ..
      box("mdat", 400000))
  end)

  before_each(prepare)

  teardown(function()
    server:stop()
  end)

  -- Fails allocations of `whose`, one after the other. Returns how many, or
  -- nothing where this Lua takes no allocator of ours.
  local function torture(whose, how, step, script, ...)
    local path = program("torture", renamed("torture_", NAMES),
      output_of("tools/find-lua", "cflags", NAME), "spec/c/torture.c spec/c/torture_memory.c",
      output_of("sh", "-c", "echo src/*.c"),
      output_of("tools/find-lua", "libs", NAME), "-lcurl -lcrypto -lm -ldl")
    local output, status = drive(path, whose, how, step,
      "spec/c/" .. script .. ".lua", place, server.url, video, ...)
    if os.getenv "VERBOSE" then
      print(("%s %s, %s %s:\n%s"):format(script, table.concat({ ... }), whose,
        how, output))
    end
    if status == 77 then
      pending(output)
      return
    end
    assert.equal(0, status, output)
    return tonumber(output:match "(%d+) allocations failed")
  end

  it("survives every allocation of the core", function()
    assert.is_true(torture("core", "once", 1, "torture", "inline") > 10)
    torture("core", "on", 1, "torture", "inline")
    torture("core", "once", 1, "torture", "thread")
    torture("core", "on", 1, "torture", "thread")
  end)

  it("survives every allocation of libcurl", function()
    assert.is_true(torture("curl", "once", 1, "torture", "inline") > 100)
    torture("curl", "on", 1, "torture", "inline")
    torture("curl", "once", 1, "torture", "thread")
  end)

  it("survives every allocation of Lua", function()
    assert.is_true(torture("lua", "on", 1, "torture", "inline") > 100)
    torture("lua", "once", 1, "torture", "inline")
    torture("lua", "on", 3, "torture", "thread")
  end)

  it("survives finalizers that cannot be called", function()
    torture("core", "never", 1, "torture_deep")
  end)

  it("pays once, whatever allocation of a whole job fails", function()
    assert.is_true(torture("core", "once", 1, "torture_job") > 10)
    torture("curl", "once", 1, "torture_job")
    torture("lua", "on", 31, "torture_job")
    torture("lua", "once", 151, "torture_job")
    local renders, runs = {}, 0
    for _, request in ipairs(server:requests()) do
      if request.path == "/open/project/render" then
        local name = request.body:match '"template_name":"(run at [^"]+)"'
        assert.is_string(name)
        assert.is_nil(renders[name])
        renders[name], runs = true, runs + 1
      end
    end
    assert.is_true(runs > 100)
  end)
end)

describe("core.decode", function()
  -- The same texts at each run and on every Lua.
  local function generator(state)
    return function(n)
      state = (state * 16807) % 2147483647
      return state % n + 1
    end
  end

  local SEEDS = {
    '{"code":0,"msg":"Success","data":{"id":3924,"prj_id":"2508","list":[]}}',
    '[1,-2.5e10,12345678901234567890,true,false,null,"\\u00e9\\n\\"x"]',
    '{"a":{"b":{"c":[[[[{"d":-1234567890123456789}]]]]}},"n":null}',
    '"text \\ud83c\\udfac"', "12345678901234567", "-0.0", "null", "[]",
    '["\\ud83d",NaN,"\\u00011",-Infinity,"\1",1234567890123456]',
  }
  local ODD = '{}[]",:\\u0019.-+eEntrf \1\127\195\255'

  local function mutated(random)
    local text = SEEDS[random(#SEEDS)]
    for _ = 1, random(4) do
      local at = random(#text)
      local odd = random(#ODD)
      local what = random(4)
      if what == 1 then
        text = text:sub(1, at - 1) .. ODD:sub(odd, odd) .. text:sub(at + 1)
      elseif what == 2 then
        text = text:sub(1, at) .. text:sub(random(#text))
      elseif what == 3 then
        text = text:sub(1, at)
      else
        text = text:sub(1, at) .. "\0" .. text:sub(at + 1)
      end
    end
    return text
  end

  it("takes 20,000 broken texts without raising", function()
    local random = generator(42)
    local understood = 0
    for _ = 1, 20000 do
      local text = mutated(random)
      local ok, value, why = pcall(core.decode, text)
      assert(ok, text)
      if value == nil and why ~= nil then
        assert(type(why) == "string" and #why > 0, text)
      else
        understood = understood + 1
      end
    end
    assert.is_true(understood > 500)
  end)

  it("takes any depth", function()
    for _, depth in ipairs { 63, 64, 65, 1000, 100000 } do
      local value, why = core.decode(("["):rep(depth) .. ("]"):rep(depth))
      assert.equal(depth <= 64, value ~= nil)
      assert.equal(depth <= 64, why == nil)
      assert.is_nil((core.decode(('{"a":'):rep(depth))))
    end
  end)
end)
