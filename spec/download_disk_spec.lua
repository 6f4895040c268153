-- SPDX-License-Identifier: MIT
-- The disk's side of a download: what may be a target, whose permissions it
-- gets, what happens when there is no room; and how little memory it takes.

local fetching = require "spec.support.fetching"
local native = require "spec.support.native"
local process = require "spec.support.process"

local LUA = os.getenv "JOGG_LUA" or "lua5.4"
local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)
local QUOTE = process.quote

-- Runs a shell script of the spec's own.
local function shell(script)
  local output, status = process.run { "sh", "-c", script }
  return output, status
end

local function mode_of(path)
  return (shell("stat -c %a -- " .. QUOTE(path)):gsub("%s", ""))
end

-- A script that fetches the video as make_video does.
local CHILD = [[
  math.random = function() return 0 end
  local jogg = require "jogg"
  local client = jogg.client { api_key = "k", base_url = "%s",
    stall_timeout = 20 }
  local video, err = client:make_video { url = "https://a.example/",
    output = %q, overwrite = %s, poll = { first = 0, interval = 0.01 } }
  print(video and "made " .. video.bytes or err.kind .. " " .. err.reason ..
    "\n" .. tostring(err))
]]

describe("download", function()
  local rig, server, target

  setup(function()
    rig = fetching.start(1000000)
    server, target = rig.server, rig.path
  end)
  teardown(function() rig.stop() end)
  before_each(function()
    rig.reset()
    shell("rm -rf -- " .. QUOTE(rig.target_folder) .. "/* "
      .. QUOTE(rig.target_folder) .. "/.[!.]*")
  end)

  -- The command that runs CHILD under the interpreter.
  local function child(path, overwrite)
    return QUOTE(LUA) .. " -e " .. QUOTE(CHILD:format(server.url, path,
      overwrite and "true" or "false"))
  end

  describe("to a target that cannot be", function()
    -- Said before anything is paid for.
    local function refused(path, reason, expected)
      local video, err = rig.fetch { output = path }
      assert.is_nil(video)
      assert.same({ "io", reason }, { err.kind, err.reason }, tostring(err))
      assert.truthy(err.message:find(path, 1, true), err.message)
      assert.truthy(err.message:find(expected, 1, true), err.message)
      assert.equal(0, #server:requests())
    end

    it("is refused: a folder, in no folder, in a file", function()
      refused(rig.target_folder, "file", "is a folder")
      refused(rig.target_folder .. "/", "file", "is a folder")
      refused(rig.target_folder .. "/none/ad.mp4", "file", "the folder " ..
        rig.target_folder .. "/none does not exist; create it")
      refused(rig.file .. "/ad.mp4", "file", "Not a directory")
      refused(rig.target_folder .. "/" .. ("x"):rep(256), "file", "too long")
      assert.same({}, process.files(rig.target_folder))
    end)

    it("is refused: it exists", function()
      process.write_file(target, "old")
      refused(target, "exists", "overwrite = true")
      assert.equal("old", process.read_file(target))
      assert.same({ "ad.mp4" }, process.files(rig.target_folder))
    end)

    it("is refused: a link exists, and leads to a file or nowhere", function()
      for _, to in ipairs { rig.file, "/nowhere" } do
        shell("ln -sfn -- " .. QUOTE(to) .. " " .. QUOTE(target))
        refused(target, "exists", "overwrite = true")
        os.remove(target)
      end
    end)

    it("is refused: a link leads to something else", function()
      for to, expected in pairs { ["."] = "is a folder", ["ad.mp4"] = "symbolic",
        ["/dev/null"] = "is a device" } do
        shell("ln -sfn -- " .. QUOTE(to) .. " " .. QUOTE(target))
        for _, overwrite in ipairs { false, true } do
          local video, err = rig.fetch { overwrite = overwrite }
          assert.is_nil(video)
          assert.same({ "io", "file" }, { err.kind, err.reason })
          assert.truthy(err.message:find(expected, 1, true), err.message)
          assert.falsy(err.message:find("overwrite", 1, true), err.message)
        end
        os.remove(target)
      end
      assert.equal(0, #server:requests())
    end)

    it("is refused: no file, though it may be overwritten", function()
      shell("mkfifo " .. QUOTE(target))
      for _, path in ipairs { target, "/dev/null" } do
        local video, err = rig.fetch { output = path, overwrite = true }
        assert.is_nil(video)
        assert.equal("io", err.kind)
        assert.matches("is a device, a pipe", err.message)
        assert.falsy(err.message:find "overwrite")
      end
      assert.equal(0, #server:requests())
      assert.equal("666", mode_of "/dev/null")
      assert.same({ "ad.mp4" }, process.files(rig.target_folder))
    end)

    it("is refused: nobody may write there", function()
      local folder = rig.target_folder .. "/locked"
      shell("mkdir -m 555 " .. QUOTE(folder))
      local command = child(folder .. "/ad.mp4")
      local user = shell "id -u"
      if user:match "^0" then -- root may write anywhere: be another user
        shell("chmod 755 " .. QUOTE(rig.target_folder))
        -- that user may not write a checker's reports: they are printed
        local other = "setpriv --reuid=65534 --regid=65534 --clear-groups "
        local said, status = shell(other .. QUOTE(os.getenv "LUA" or LUA) ..
          " -v 2>&1")
        if status ~= 0 then
          return pending("cannot run as another user: " .. said:sub(1, 200))
        end
        command = "REPORTS= " .. other .. command
      end
      local output = shell(command .. " 2>&1")
      assert.truthy(output:find("^io file\n"), output)
      assert.truthy(output:find("Permission denied", 1, true), output)
      assert.equal(0, #server:requests())
    end)

    it("is refused when it cannot be a name", function()
      local either = require "spec.support.misuse".refused
      for _, odd in ipairs { "", "a\0b", 5, {} } do
        either(function()
          local video, err = rig.client:make_video {
            url = "https://a.example/", output = odd }
          return video, err
        end, "make_video.output must be a string")
      end
      assert.equal(0, #server:requests())
    end)
  end)

  it("takes names as long as names may be, and odd ones", function()
    for _, name in ipairs { ("x"):rep(255), "-rf", "a b", "größe.mp4", ".hidden",
      "\n", "$(id)", "*" } do
      local path = rig.target_folder .. "/" .. name
      local video = assert(rig.fetch { output = path })
      assert.equal(path, video.path)
      assert.equal(rig.video, process.read_file(path))
      os.remove(path)
    end
    assert.same({}, process.files(rig.target_folder))
  end)

  it("takes a path from the working folder", function()
    local name = "jogg-spec-" .. tostring(rig):match "%w+$" .. ".mp4"
    local video = assert(rig.fetch { output = name })
    assert.equal(name, video.path)
    local bytes = process.read_file(name)
    os.remove(name)
    assert.equal(#rig.video, #bytes)
  end)

  describe("that may overwrite", function()
    it("replaces the file, and keeps its permissions", function()
      for _, mode in ipairs { "640", "600", "755" } do
        process.write_file(target, "old")
        shell("chmod " .. mode .. " " .. QUOTE(target))
        local video, err = rig.fetch { overwrite = true }
        rig.check_whole(video, err)
        assert.equal(mode, mode_of(target))
      end
    end)

    it("leaves the old file alone until the new one is whole", function()
      process.write_file(target, "old")
      rig.serve { body = rig.video:sub(1, 9999) }
      local video = rig.fetch { overwrite = true }
      assert.is_nil(video)
      assert.equal("old", process.read_file(target))
      assert.same({ "ad.mp4" }, process.files(rig.target_folder))
    end)

    it("replaces what a link leads to, and not the link", function()
      local folder = rig.folder .. "/elsewhere"
      shell("mkdir " .. QUOTE(folder))
      for _, old in ipairs { true, false } do -- the link dangles as well
        local other = folder .. "/" .. tostring(old)
        if old then process.write_file(other, "old") end
        shell("ln -sfn " .. QUOTE(other) .. " " .. QUOTE(target))
        local video, err = rig.fetch { overwrite = true }
        assert(video, tostring(err))
        assert.is_true(process.read_file(other) == rig.video)
        assert.equal(0, select(2, shell("test -L " .. QUOTE(target))))
      end
      assert.equal(2, process.file_count(folder))
      shell("rm -r " .. QUOTE(folder))
      os.remove(target)
    end)

    it("need not find anything", function()
      rig.check_whole(rig.fetch { overwrite = true })
    end)
  end)

  it("makes files with the permissions that the process gives", function()
    for mask, mode in pairs { ["022"] = "644", ["077"] = "600", ["002"] = "664",
      ["000"] = "666" } do
      os.remove(target)
      local output = shell("umask " .. mask .. "; exec " .. child(target))
      assert.truthy(output:find("^made 1000000"), output)
      assert.equal(mode, mode_of(target))
    end
  end)

  it("is private, and beside the target, while it goes on", function()
    rig.serve { file = rig.file, slow = 1000000 }
    local seen
    local video, err = rig.fetch { on_progress = function(p)
      if p.phase == "download" and (p.bytes or 0) > 0 and not seen then
        seen = process.files(rig.target_folder)
        seen.mode = mode_of(rig.target_folder .. "/" .. seen[1])
      end
    end }
    assert.equal(1, #seen)
    assert.truthy(seen[1]:find("^%.jogg%-"), seen[1])
    assert.equal("600", seen.mode)
    rig.check_whole(video, err)
  end)

  describe("on a disk that is full", function()
    it("is an error, and leaves nothing", function()
      -- a disk of our own, as small as can be
      local folder = rig.target_folder .. "/disk"
      shell("mkdir " .. QUOTE(folder))
      local probe, status = shell("unshare -rm mount -t tmpfs none " ..
        QUOTE(folder) .. " 2>&1")
      if status ~= 0 then
        return pending("no disk could be mounted: " .. probe:sub(1, 200))
      end
      local output = shell("unshare -rm sh -c " .. QUOTE(
        "mount -t tmpfs -o size=400k none " .. QUOTE(folder) .. " || exit 1\n"
        .. child(folder .. "/ad.mp4") .. "\nls -A " .. QUOTE(folder)) .. " 2>&1")
      assert.truthy(output:find("^io full\n"), output)
      assert.truthy(output:find("No space left on device", 1, true), output)
      assert.truthy(output:find(folder .. "/ad.mp4", 1, true), output)
      assert.truthy(output:find("resume with err.resume\n$"), output)
      assert.equal(1, #rig.tries())
    end)

    it("or that takes no file so large, is no matter of the server", function()
      local output = shell("ulimit -f 500; exec " .. child(target) .. " 2>&1")
      assert.truthy(output:find("^io file\n"), output)
      assert.truthy(output:find("ulimit -f", 1, true), output)
      assert.same({}, process.files(rig.target_folder))
      assert.equal(1, #rig.tries())
    end)
  end)

  describe("on a file system", function()
    local function fetch(preload)
      local output = native.run(CHILD:format(server.url, target, "false"),
        { preload = preload })
      assert.truthy(output:find "^made 1000000\n", output)
      assert.is_true(process.read_file(target) == rig.video)
      assert.same({ "ad.mp4" }, process.files(rig.target_folder))
    end

    it("where no open file can be renamed", function()
      fetch { PRELOAD_OPEN_BUSY = 1 }
    end)

    it("that cannot fsync", function()
      for _, number in ipairs { 22, 38, 95 } do -- EINVAL, ENOSYS, EOPNOTSUPP
        fetch { PRELOAD_FSYNC_ERROR = number }
        os.remove(target)
      end
    end)
  end)

  it("takes no more memory for a larger file", function()
    local size = 200 * 2 ^ 20
    local large = rig.folder .. "/large.mp4"
    local head = rig.video:sub(1, 232)
    process.write_file(large, head .. "\0\0\0\0mdat")
    shell(("truncate -s %d "):format(size) .. QUOTE(large))
    rig.serve { file = large }
    local output = shell(QUOTE(LUA) .. " -e " .. QUOTE(CHILD:format(server.url,
      target, "false") .. [[
      for line in io.lines "/proc/self/status" do
        if line:find "^VmHWM" then print(line) end
      end]]))
    local _, status = shell("cmp " .. QUOTE(large) .. " " .. QUOTE(target))
    os.remove(large)
    os.remove(target)
    assert.truthy(output:find("^made 209715200\n"), output)
    assert.equal(0, status)
    local peak = tonumber(output:match "VmHWM:%s+(%d+) kB")
    if SLOW == 1 then -- checkers have memory of their own
      assert.is_true(peak < 24 * 1024, peak .. " kB")
    end
  end)
end)
