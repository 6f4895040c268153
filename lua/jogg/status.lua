-- SPDX-License-Identifier: MIT

--- One status vocabulary for all generations of the service.
-- @module jogg.status

local status = {}

local OPEN = {
  [1] = "pending",
  [2] = "queued",
  [3] = "processing",
  [4] = "completed",
  [5] = "failed",
  [99] = "deleted",
}

--- The numbers of those in which the work goes on, for the core: 2^number each.
status.GOING = 2 ^ 1 + 2 ^ 2 + 2 ^ 3

--- The states after which nothing changes any more.
status.FINAL = { completed = true, failed = true, deleted = true }

local function text(value)
  if type(value) == "string" and value ~= "" then
    return value
  end
end

local function number(value)
  value = tonumber(value)
  if value and value == value and value >= 0 and value < math.huge then
    return value
  end
end

--- What a `prj_info` answer says, in our words. A status nobody knows counts
-- as still running, and a video without an address is not finished.
-- @tparam table data `data` of the answer
-- @treturn table `status`, `progress` (percent), `video_url`, `cover_url`, `duration`
-- (seconds), `message`, `project_id` (each nil when the service did not say),
-- and the answer itself as `raw`
function status.read(data)
  local word = OPEN[tonumber(data.status)] or "processing"
  local video_url = text(data.video_url)
  if word == "completed" and not video_url then
    word = "processing"
  end
  local progress = number(data.progress)
  return {
    status = word,
    progress = progress and math.min(progress, 100),
    video_url = video_url,
    cover_url = text(data.cover_url),
    duration = number(data.video_duration),
    message = text(data.err_msg),
    description = text(data.progress_desc),
    project_id = text(data.id),
    raw = data,
  }
end

return status
