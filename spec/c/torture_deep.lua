-- SPDX-License-Identifier: MIT
-- A scenario of torture.c: requests are collected at every depth of C calls,
-- up to the limit, where Lua cannot call their finalizers. What Lua forgets is
-- lost; nothing may point to it.

local _, url = ...

local core = require "jogg.core"

local function deep(n)
  if n == 0 then
    collectgarbage()
    collectgarbage()
  else
    string.gsub("x", "x", function() deep(n - 1) end)
  end
end

local client = core.client {
  base_url = url, api_key = "KEY-FOR-TORTURE", user_agent = "torture",
}
for n = 1, 205 do
  for _ = 1, 3 do
    client:start("GET", "/get", nil, 1, 1, 1, false)
  end
  local other = core.client {
    base_url = url, api_key = "KEY-FOR-TORTURE", user_agent = "torture",
  }
  local request = other:start("GET", "/get", nil, 1, 1, 1, false)
  other = nil -- luacheck: ignore
  pcall(deep, n)
  request:cancel()
  request:close()
end
collectgarbage()
client:close()
return "done"
