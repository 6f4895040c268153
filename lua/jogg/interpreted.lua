-- SPDX-License-Identifier: MIT

--- Keeps LuaJIT from compiling the functions of a file.
--
-- LuaJIT 2.1 compiles a call of a C function into a trace that goes on after it
-- ("stitching"). Where the C function suspended the coroutine, 2.1.0-beta3 went
-- on with tables that were empty. So a file whose functions call one begins
-- with `require "jogg.interpreted" ()`. Elsewhere it does nothing.
-- @module jogg.interpreted

local found, jit = pcall(require, "jit")
local off = found and type(jit) == "table" and jit.off

return function()
  if off then
    off(debug.getinfo(2, "f").func, false) -- those inside of the file's own
  end
end
