-- SPDX-License-Identifier: MIT

--- What a job tells about itself while it goes on: the `on_progress` callback.
-- @module jogg.progress

local core = require "jogg.core"
local tokens = require "jogg.token"

local progress = {}

-- Seconds to the end, at the pace since the work began to show: not since the
-- job began, which may have stood in a queue or have been resumed.
local function eta_of(self, now, percent)
  if not percent then
    return nil
  end
  if not self.pace_percent or percent <= self.pace_percent then
    self.pace_percent, self.pace_began = percent, now
    return percent >= 100 and 0 or nil
  end
  return (now - self.pace_began) * (100 - percent) /
    (percent - self.pace_percent)
end

--- Notes what comes next, and tells whoever wants to know.
-- @tparam Job self
-- @tparam string phase
-- @tparam ?table facts `progress` (percent), `bytes`
function progress.tell(self, phase, facts)
  self.token.phase = phase
  if not self.on_progress then
    return
  end
  local now = core.now()
  if phase ~= self.phase then
    self.phase, self.pace_percent = phase, nil
  end
  local percent = facts and facts.progress
  local ok, err = pcall(self.on_progress, {
    phase = phase, status = self.status, percent = percent,
    bytes = facts and facts.bytes, elapsed = now - self.began,
    eta = eta_of(self, now, percent),
    product_id = self.token.product_id, project_id = self.token.project_id,
    resume = tokens.copy(self.token),
  })
  if not ok then
    self:abandon()
    error(err, 0)
  end
end

return progress
