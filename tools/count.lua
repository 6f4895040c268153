-- SPDX-License-Identifier: MIT
--
-- Counts what reading and running the library costs: lines of C and of Lua, and
-- of one `project_info` in a task the calls into the core and the suspensions.
--
--   tools/with-sandbox lua5.4 tools/count.lua      (make count)

local jogg = require "jogg"

local function lines_of(pattern)
  local pipe = assert(io.popen("cat " .. pattern .. " | wc -l"))
  local n = pipe:read "n"
  pipe:close()
  return n
end

print(("C: %d lines in src/"):format(lines_of "src/*.[ch]"))
print(("Lua: %d lines in lua/"):format(
  lines_of "$(find lua -name '*.lua' | sort)"))

-- The core's functions and methods by name.
local names = {}
local function note(prefix, functions)
  for name, f in pairs(functions) do
    if type(f) == "function" then
      names[f] = prefix .. name
    end
  end
end
note("core.", require "jogg.core")
for _, name in ipairs { "client", "request", "download", "record" } do
  local meta = debug.getregistry()["jogg.core." .. name]
  if meta then note(name .. ":", meta.__index) end
end

local client = jogg.client()
local product = assert(client:create_product {
  url = os.getenv "JOGG_BASE_URL" .. "/samples/lamp.html" })

local counting, calls, order, suspensions = false, {}, {}, 0
local function hook()
  local f = debug.getinfo(2, "f").func
  if f == coroutine.yield then
    suspensions = suspensions + 1
  elseif names[f] then
    if not calls[f] then order[#order + 1] = f end
    calls[f] = (calls[f] or 0) + 1
  end
end

local task = client:spawn(function()
  assert(client:project_info(product.project_id)) -- a connection is there
  debug.sethook(hook, "c")
  counting = true
  assert(client:project_info(product.project_id))
  debug.sethook()
  counting = false
end)
while not task.done do
  client:step()
  if counting and not debug.gethook() then debug.sethook(hook, "c") end
end
debug.sethook()
assert(not task.err, tostring(task.err))

-- The loop above steps until the answer is there: what a step calls each time,
-- whatever there is to do, is not this call's.
local EACH_STEP = {
  ["client:fault"] = true, ["client:start_thread"] = true,
}
local total = 0
print "one project_info in a task:"
for _, f in ipairs(order) do
  local name = names[f]
  if not EACH_STEP[name] then
    local n = name == "core.now" and "some" or name == "client:completed" and
      "1 (and one more a step, which finds nothing)" or calls[f]
    print(("  %-20s %s"):format(name, n))
    if name ~= "core.now" then
      total = total + (type(n) == "number" and n or 1)
    end
  end
end
print(("  %d calls into the core beside the clock, %d suspension%s"):format(
  total, suspensions, suspensions == 1 and "" or "s"))
client:close()
