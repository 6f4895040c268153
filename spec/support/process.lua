-- SPDX-License-Identifier: MIT
-- Programs, signals, files and folders for specs, the same on every Lua from
-- 5.1 to 5.5. A child is started with an argument list: each argument passes
-- through quote(), the only place where text meets a shell. A child that was
-- forgotten is killed when its handle is collected, so that no run hangs on
-- it. Leans on /proc for the state of children and descriptors (Linux).

local socket = require "socket"

local process = {}
local child_methods = {}
local child_meta = { __index = child_methods, __name = "child" }

local GRACE = 3          -- seconds between SIGTERM and SIGKILL

-- {======================================================================
-- Small things that differ between the Luas
-- =======================================================================

-- os.execute returns a status on 5.1, and true-or-nil, "exit", code later.
local function succeeded(status)
  return status == true or status == 0
end

-- Calls finish() when the returned value is collected; keep it alive.
local function guard(finish)
  local proxy = rawget(_G, "newproxy")
  if proxy then                     -- 5.1, LuaJIT: tables have no __gc
    local anchor = proxy(true)
    getmetatable(anchor).__gc = finish
    return anchor
  end
  return setmetatable({}, { __gc = finish })
end

local function check_pid(pid)
  assert(type(pid) == "number" and pid > 1 and pid % 1 == 0,
    "a process id above 1 was expected")
  return string.format("%d", pid)
end

--- Quotes one argument for the shell.
-- @tparam string text anything but NUL
-- @treturn string one shell word that stands for exactly this text
function process.quote(text)
  text = tostring(text)
  assert(not text:find("\0", 1, true), "an argument cannot hold NUL")
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function command_line(arguments)
  local words = {}
  for i, word in ipairs(arguments) do
    words[i] = process.quote(word)
  end
  assert(#words > 0, "a program was expected")
  return table.concat(words, " ")
end

-- }======================================================================

-- {======================================================================
-- Children
-- =======================================================================

--- Sends a signal.
-- @tparam number pid
-- @tparam ?string signal its name without SIG; TERM by default
-- @treturn boolean whether there was such a process
function process.kill(pid, signal)
  signal = signal or "TERM"
  assert(signal:match "^%w+$", "a signal's name was expected")
  return succeeded(os.execute(
    "kill -" .. signal .. " " .. check_pid(pid) .. " 2>/dev/null"))
end

--- Whether a process runs (a zombie does not).
-- @tparam number pid
-- @treturn boolean
function process.alive(pid)
  local file = io.open("/proc/" .. check_pid(pid) .. "/stat")
  if not file then return false end
  local line = file:read "*a" or ""
  file:close()
  -- the name stands in brackets and may hold anything, brackets too
  local state = line:match "^.*%)%s+(%a)"
  return state ~= nil and state ~= "Z" and state ~= "X"
end

--- Waits until a process has ended.
-- @tparam number pid
-- @tparam ?number seconds how long at most; 5 by default
-- @treturn boolean whether it is gone
function process.wait_gone(pid, seconds)
  local deadline = socket.gettime() + (seconds or 5)
  while process.alive(pid) do
    if socket.gettime() > deadline then return false end
    socket.sleep(0.005)
  end
  return true
end

--- Starts a program; its standard output is the child's `stdout`.
-- Options: `stderr` (a file's path; inherited by default), `env` (a map of
-- variables to set, or false to unset), `folder` (working directory).
-- @tparam table arguments the program and its arguments
-- @tparam ?table options
-- @treturn table the child: pid, stdout, :line(), :read_all(), :kill(),
-- :alive(), :wait(seconds), :stop()
function process.start(arguments, options)
  options = options or {}
  local words = { "exec" }
  if options.env then
    words[#words + 1] = "env"
    local names = {}
    for name in pairs(options.env) do names[#names + 1] = name end
    table.sort(names)
    -- every -u must stand before the first assignment
    for _, name in ipairs(names) do
      if options.env[name] == false then
        words[#words + 1] = "-u " .. process.quote(name)
      end
    end
    for _, name in ipairs(names) do
      local value = options.env[name]
      if value then
        words[#words + 1] = process.quote(name .. "=" .. tostring(value))
      end
    end
  end
  words[#words + 1] = command_line(arguments)
  if options.stderr then
    words[#words + 1] = "2>" .. process.quote(options.stderr)
  end
  local enter = options.folder
    and "cd -- " .. process.quote(options.folder) .. " && " or ""
  -- the shell prints its own pid and then becomes the program
  local stdout = assert(io.popen("echo $$; " .. enter
    .. table.concat(words, " ")))
  local pid = assert(tonumber(stdout:read "*l"), "the shell did not start")
  local child = setmetatable({ pid = pid, stdout = stdout }, child_meta)
  -- born after stdout, hence finalised before it: closing the pipe waits for
  -- the child, which must be dead by then
  child.guard = guard(function()
    if not child.closed and process.alive(pid) then
      process.kill(pid, "KILL")
    end
  end)
  return child
end

--- Reads one line of the child's output; nil at its end.
function child_methods:line()
  return self.stdout:read "*l"
end

--- Reads the rest of the child's output (until it closes it).
function child_methods:read_all()
  return self.stdout:read "*a"
end

--- Sends the child a signal (TERM by default) unless it was reaped.
function child_methods:kill(signal)
  return not self.closed and process.kill(self.pid, signal)
end

--- Whether the child runs.
function child_methods:alive()
  return not self.closed and process.alive(self.pid)
end

--- Waits for the child's end and reaps it.
-- @tparam ?number seconds how long at most; 5 by default
-- @treturn boolean whether it has ended
function child_methods:wait(seconds)
  if self.closed then return true end
  if not process.wait_gone(self.pid, seconds) then return false end
  self.closed = true
  self.stdout:close()
  return true
end

--- Ends the child: SIGTERM, after some seconds SIGKILL. May be repeated.
function child_methods:stop()
  if self.closed then return end
  self:kill "TERM"
  if not self:wait(GRACE) then
    self:kill "KILL"
    assert(self:wait(GRACE), "the child outlives SIGKILL")
  end
end

--- Runs a program to its end.
-- @tparam table arguments the program and its arguments
-- @tparam ?table options `stderr` = "merge" puts it into the output
-- @treturn string what it printed
-- @treturn number its exit status
function process.run(arguments, options)
  local merge = options and options.stderr == "merge" and " 2>&1" or ""
  local pipe = assert(io.popen(
    command_line(arguments) .. merge .. "; printf '\\n%d' $?"))
  local output = pipe:read "*a"
  pipe:close()
  local text, code = output:match "^(.*)\n(%d+)$"
  assert(code, "the shell died")
  return text, tonumber(code)
end

-- }======================================================================

-- {======================================================================
-- Files, folders, descriptors
-- =======================================================================

local own_folders = {}       -- only these may be removed

--- Makes an empty temporary folder.
-- @treturn string its absolute path
function process.temporary_folder()
  local text, code = process.run { "mktemp", "-d" }
  assert(code == 0, "mktemp failed")
  local path = text:gsub("\n+$", "")
  assert(path:match "^/.+/.+", "mktemp printed no path")
  own_folders[path] = true
  return path
end

--- Removes a folder that temporary_folder made, and all it holds.
-- @tparam ?string path nothing happens without it or when it is gone
function process.remove_folder(path)
  if not path or own_folders[path] == nil then return end
  assert(own_folders[path], "not a folder of temporary_folder")
  own_folders[path] = nil
  assert(succeeded(os.execute("rm -rf -- " .. process.quote(path))))
end

--- Reads a whole file.
-- @treturn[1] string its bytes
-- @treturn[2] nil
-- @treturn[2] string why not
function process.read_file(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, why end
  local bytes = file:read "*a"
  file:close()
  return bytes
end

--- Writes a whole file; raises when it cannot.
-- @tparam string path
-- @tparam string bytes
-- @treturn string the path
function process.write_file(path, bytes)
  local file = assert(io.open(path, "wb"))
  assert(file:write(bytes))
  assert(file:close())
  return path
end

--- The names in a folder, hidden ones too, sorted.
-- @tparam string path
-- @treturn {string,...}
function process.files(path)
  local pipe = assert(io.popen("ls -A -- " .. process.quote(path)))
  local names = {}
  for name in pipe:lines() do names[#names + 1] = name end
  pipe:close()
  table.sort(names)
  return names
end

--- How many entries a folder holds, hidden ones too.
-- @tparam string path
-- @treturn number
function process.file_count(path)
  return #process.files(path)
end

--- The open descriptors of this process and what they are.
-- @treturn {[number]=string,...} descriptor to link target
function process.descriptors()
  -- popen's shell becomes `find`; its parent is this process. The first line
  -- is find's own output: the pipe whose other end we hold just for this.
  local pipe = assert(io.popen("exec find /proc/self/fd/1 /proc/$PPID/fd"
    .. " -type l -printf '%f %l\\n'"))
  local list, own = {}, nil
  for line in pipe:lines() do
    local number, target = line:match "^(%d+) (.*)$"
    if not own then
      own = assert(target, "find does not list descriptors")
    elseif target ~= own then
      list[tonumber(number)] = target
    end
  end
  pipe:close()
  return list
end

--- How many descriptors this process has open.
-- @treturn number
function process.descriptor_count()
  local n = 0
  for _ in pairs(process.descriptors()) do n = n + 1 end
  return n
end

--- The same, once the garbage of earlier tests is gone: to compare with.
function process.settled_descriptor_count()
  collectgarbage()
  collectgarbage() -- a second time for what finalizers let go
  return process.descriptor_count()
end

-- }======================================================================

return process
