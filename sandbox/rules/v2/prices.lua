-- SPDX-License-Identifier: MIT
--
-- What jobs of the v2 generation cost, in credits: the vendor's table. Pure.
-- Where the length is not known when a job is accepted, one unit is taken then
-- and the rest once it is known.

local prices = {}

local WORDS_A_SECOND = 2.5

local function units(seconds, unit)
  return math.max(1, math.ceil(seconds / unit))
end

--- How long it takes to speak a text, in seconds.
function prices.speech(text)
  local _, words = text:gsub("%S+", "")
  return words / WORDS_A_SECOND
end

--- A video: 1 for every two minutes begun.
function prices.video(seconds) return units(seconds or 0, 120) end

--- A preview: half of that.
function prices.preview(seconds) return units(seconds or 0, 120) * 0.5 end

--- Lip sync: 1 for every 125 seconds begun.
function prices.lip_sync(seconds) return units(seconds or 0, 125) end

--- Translation: 0.5 for every 20 seconds begun.
function prices.translation(seconds) return units(seconds or 0, 20) * 0.5 end

prices.SCRIPT = 0.2
prices.IMAGE = 0.05

--- The motion of an avatar, by its model.
-- @tparam ?string|integer model
function prices.motion(model)
  return model == "2.0-Pro" and 3 or 2
end

return prices
