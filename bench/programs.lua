-- SPDX-License-Identifier: MIT
-- Starts the benchmarks' programs and reads what they say.

local programs = {}

local OUT = os.getenv "BENCH_OUT" or "build/bench"
local LUA = os.getenv "LUA" or "lua5.4"
local LUA54 = os.getenv "LUA54" or "lua5.4"
local MEMORY_ROOM = 4 * 1024 * 1024 -- KiB, for twice what is downloaded
local SYSTEM_CA = "/etc/ssl/certs/ca-certificates.crt"

-- Debian keeps lua-http for 5.1 to 5.3 only; it is plain Lua.
local HTTP_PATH = "/usr/share/lua/5.1/?.lua;/usr/share/lua/5.1/?/init.lua;" ..
  "/usr/share/lua/5.3/?.lua;/usr/share/lua/5.3/?/init.lua"

local function quoted(word)
  return "'" .. tostring(word):gsub("'", "'\\''") .. "'"
end

local function command_of(words)
  local list = {}
  for i, word in ipairs(words) do
    list[i] = quoted(word)
  end
  return table.concat(list, " ")
end

local function output(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local text = pipe:read "a"
  return pipe:close(), text
end

local function last_line(text)
  local last
  for line in text:gmatch "[^\n]+" do
    last = line
  end
  return last or "no output"
end

-- {=== contenders: each returns words to run

--- A script under the Lua that is measured.
function programs.lua(...)
  return { LUA, ... }
end

--- A program of the bench's own.
function programs.own(name, ...)
  return { OUT .. "/" .. name, ... }
end

--- Any program, measured from outside: cpu, wall, memory.
function programs.measured(words)
  return { OUT .. "/measure", table.unpack(words) }
end

--- The script of lua-http, wherever the library is found.
function programs.lua_http(...)
  return { "env", "LUA_PATH=" .. package.path .. ";" .. HTTP_PATH, LUA, ... }
end

--- The same work under callgrind; see the contenders' `instructions`.
local function instructions_of(words, count)
  local list = {
    "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
  }
  for _, word in ipairs(words) do
    list[#list + 1] = word == "COUNT" and count or word
  end
  local ok, text = output(command_of(list))
  local collected = ok and text:match "Collected : (%d+)"
  return collected and tonumber(collected), last_line(text)
end

-- ===}

--- Is a command there?
local function present(command)
  return (output("command -v " .. quoted(command)))
end

--- Runs a contender once.
-- @return name → number, or nil and why not
function programs.run(contender)
  if contender.needs then
    local ok = contender.needs:find "^lua:" and
      output(command_of(programs.lua_http("-e",
        "require '" .. contender.needs:sub(5) .. "'"))) or
      present(contender.needs)
    if not ok then
      return nil, contender.needs:gsub("^lua:", "") .. " is not installed"
    end
  end
  if contender.instructions then -- of one poll: a difference of two runs
    local few, many = table.unpack(contender.instructions)
    local a, why = instructions_of(contender.words, few)
    local b = a and instructions_of(contender.words, many)
    if not b then
      return nil, why
    end
    return { instructions = (b - a) / (many - few) }
  end
  local ok, text = output(command_of(contender.words))
  if contender.clean then
    os.remove(contender.clean)
  end
  if not ok then
    return nil, last_line(text)
  end
  local result = {}
  for name, value in text:gmatch "([%w_]+)%s+([-%d.e+]+)\n" do
    result[name] = tonumber(value)
  end
  return result
end

-- {=== the server

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
end

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read "a"
  if file then
    file:close()
  end
  return text
end

-- A folder of this run's own, so that two runs do not meet.
local function make_folder(top)
  local ok, text = output("mktemp -d " .. quoted(top .. "/jogg_bench.XXXXXX"))
  assert(ok, text)
  return text:match "[^\n]+"
end

-- A CA file as large as the system's, with the bench's own authority in it.
local function make_certificates(folder)
  local ok, text = output(command_of {
    LUA54, "spec/support/certificates.lua", folder,
  })
  assert(ok, text)
  write(folder .. "/bundle.pem",
    (read(SYSTEM_CA) or "") .. read(folder .. "/ca.pem"))
end

--- Starts the server; it ends with the pipe to it.
-- @treturn table `http`, `https` (base URLs), `ca`, `folder`, and `memory`, a
-- folder that is no disk's, where there is such a thing
function programs.start_server()
  local folder = make_folder(OUT)
  make_certificates(folder)
  local _, room = output "df --output=avail /dev/shm"
  room = tonumber(room:match "(%d+)%s*$") or 0 -- KiB
  local memory = room > MEMORY_ROOM and make_folder "/dev/shm" or folder
  local ports = folder .. "/ports"
  local pipe = assert(io.popen(("exec %s %s %s >%s"):format(
    quoted(OUT .. "/server"), quoted(folder .. "/good.crt"),
    quoted(folder .. "/good.key"), quoted(ports)), "w"))
  local plain, secure
  for _ = 1, 200 do
    plain, secure = (read(ports) or ""):match "^(%d+) (%d+)\n"
    if plain then
      break
    end
    os.execute "sleep 0.05"
  end
  assert(plain, "the server does not start")
  return setmetatable({
    http = "http://127.0.0.1:" .. plain,
    https = "https://127.0.0.1:" .. secure,
    ca = folder .. "/bundle.pem", folder = folder, memory = memory,
  }, { __close = function()
    pipe:close()
    os.execute(("rm -rf %s %s"):format(quoted(folder), quoted(memory)))
  end })
end

-- ===}

--- The machine and the versions, in a few lines.
function programs.versions()
  local list = {}
  local function add(name, command, pattern)
    local ok, text = output(command)
    list[#list + 1] = ok and name .. " " .. (text:match(pattern) or "?") or nil
  end
  add("machine:", "grep -m1 'model name' /proc/cpuinfo", ":%s*([^\n]+)")
  add("cores:", "nproc", "%d+")
  add("kernel:", "uname -sr", "[^\n]+")
  add("date:", "date -u +%Y-%m-%d", "[^\n]+")
  add("Lua:", command_of { LUA, "-v" }, "[^\n]-%d[%w.-]+")
  add("libcurl:", "curl --version", "libcurl/([%d.]+)")
  add("OpenSSL:", "openssl version", "%d[%w.]+")
  add("load:", "cat /proc/loadavg", "[%d.]+")
  return table.concat(list, "; ")
end

return programs
