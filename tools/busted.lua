-- SPDX-License-Identifier: MIT
--
-- Runs busted in whichever interpreter runs this file, the way the command
-- of that name does, which is tied to one. JOGG_GC=aggressive makes the
-- collector run all the time, so that what is not held is gone at once.

if os.getenv "JOGG_GC" == "aggressive" then
  if _VERSION >= "Lua 5.5" then
    collectgarbage("param", "pause", 0)
    collectgarbage("param", "stepmul", 1000000)
  else
    collectgarbage("setpause", 0)
    collectgarbage("setstepmul", 1000000)
  end
end

require "busted.runner" { standalone = false }
