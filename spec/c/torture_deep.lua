-- SPDX-License-Identifier: MIT
-- A scenario of torture.c: requests, downloads and clients are collected at
-- every depth of C calls, up to the limit, where Lua cannot call their
-- finalizers. What Lua forgets is lost; nothing may point to it.

local folder, url = ...

local core = require "jogg.core"

local function deep(n)
  if n == 0 then
    collectgarbage()
    collectgarbage()
  else
    string.gsub("x", "x", function() deep(n - 1) end)
  end
end

local function make()
  return core.client { base_url = url, api_key = "KEY-FOR-TORTURE",
    user_agent = "torture" }
end

local client = make()
for n = 1, 205 do
  for _ = 1, 3 do
    client:start { path = "/get", timeout = 1 }
    client:download { path = folder .. "/x", maximum = 1, whole = "length" }
      :check()
    client:record(folder .. "/y"):open()
  end
  local other = make()
  local request = other:start { path = "/get", timeout = 1 }
  other = nil -- luacheck: ignore
  pcall(deep, n)
  request:cancel()
  request:close()
end
client:wait(0)
while client:completed() do end
collectgarbage()
client:close()
return "done"
