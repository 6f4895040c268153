-- SPDX-License-Identifier: MIT
-- Builds and loads spec/c/native.c, which has what specs need of the system
-- and Lua does not give: see there. Builds spec/c/preload.c as well.

local process = require "spec.support.process"

local NAME = rawget(_G, "jit") and "luajit" or _VERSION:gsub("^Lua ", "lua")
local FOLDER = "build/spec/" .. NAME
local FLAGS = "-std=c11 -O1 -g -Wall -Wextra -fPIC -shared -pthread"

local function words_of(text)
  local words = {}
  for word in text:gmatch "%S+" do
    words[#words + 1] = word
  end
  return words
end

-- Compiles spec/c/<name>.c and says where the result is, an absolute path.
-- Several specs may do so at once: the last step is a rename.
local function build(name, flags)
  local target = FOLDER .. "/" .. name .. ".so"
  local draft = os.tmpname()
  local command = words_of((os.getenv "CC" or "cc") .. " " .. FLAGS .. " " ..
    flags)
  for _, word in ipairs { "-o", draft, "spec/c/" .. name .. ".c", "-ldl" } do
    command[#command + 1] = word
  end
  local output, status = process.run(command, { stderr = "merge" })
  assert(status == 0, output)
  process.run { "mkdir", "-p", FOLDER }
  output, status = process.run({ "mv", "-f", draft, target },
    { stderr = "merge" })
  assert(status == 0, output)
  return (process.run { "realpath", target }:gsub("\n+$", ""))
end

local cflags, found = process.run { "tools/find-lua", "cflags", NAME }
assert(found == 0, "no headers of " .. NAME)
local path = build("native", cflags)
local native = assert(package.loadlib(path, "luaopen_spec_native"))()

--- Where this module is, for a child: `package.loadlib(path,
-- "luaopen_spec_native")()`.
native.path = path

local preload -- where it is, once it was built

-- The environment of a child that has spec/c/preload.c between itself and the
-- system; a checker's wrapper reads JOGG_PRELOAD.
local function preloaded(variables)
  preload = preload or build("preload", "")
  local env = { JOGG_PRELOAD = preload }
  if not os.getenv "JOGG_UNDER" or os.getenv "JOGG_UNDER" == "" then
    env.LD_PRELOAD = env.JOGG_PRELOAD
  end
  for name, value in pairs(variables) do
    env[name] = value
  end
  return env
end

--- Runs a piece of Lua in a child under the interpreter under test, with
-- `native`, `arg` and the path of the project. What it prints comes back.
-- @tparam string code
-- @tparam ?table options `env`, as for process.start; `arguments`; `preload`:
-- how the system is to misbehave, see spec/c/preload.c
-- @treturn table the child
function native.child(code, options)
  if options and options.preload then
    options.env = preloaded(options.preload)
  end
  local file = os.tmpname()
  process.write_file(file, ("local native = assert(package.loadlib(%q, " ..
    "'luaopen_spec_native'))()\nio.stdout:setvbuf 'line'\n%s")
    :format(path, code))
  local words = { os.getenv "JOGG_LUA" or NAME, file }
  for _, word in ipairs(options and options.arguments or {}) do
    words[#words + 1] = word
  end
  local child = process.start(words, options)
  child.file = file
  return child
end

--- Runs such a child to its end.
-- @treturn string what it printed, standard error as well
-- @treturn boolean whether it ended within 30 s
function native.run(code, options)
  options = options or {}
  options.stderr = os.tmpname()
  local child = native.child(code, options)
  local output = child:read_all()
  local ended = child:wait(30)
  output = output .. (process.read_file(options.stderr) or "")
  os.remove(options.stderr)
  os.remove(child.file)
  return output, ended
end

--- Has the collector take all that nobody refers to any more. LuaJIT's compiled
-- code refers to the values that it was compiled for: it goes as well.
function native.collect()
  local jit = rawget(_G, "jit")
  if jit then jit.flush() end
  collectgarbage()
  collectgarbage()
end

--- Is this run under a checker, which has an allocator of its own?
native.checked = tonumber(os.getenv "JOGG_SLOW" or 1) > 1

return native
