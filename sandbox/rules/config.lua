-- SPDX-License-Identifier: MIT
--
-- The settings of this run: those of the command line, and the addresses it
-- is reached at: `base` and `storage`.

local config = {
  VERSION = "0.1.0",
}

--- Takes over the parsed command line.
function config.take(settings)
  for name, value in pairs(settings) do config[name] = value end
end

--- A duration of real life, as long as it lasts here.
function config.lasting(seconds)
  return seconds / config.speed
end

return config
