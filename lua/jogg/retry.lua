-- SPDX-License-Identifier: MIT

-- When to try again. Pure policy: time and chance are arguments.

local retry = {}

local FIRST = 0.5 -- seconds; doubles with each attempt
local LONGEST = 30
local LONGEST_ASKED = 120 -- what a server may ask for

-- How long to wait before the next attempt. What the server asked for comes
-- first; `rate_pause`, if there is one, after a 429 that names no time;
-- otherwise full jitter under an exponential cap.
function retry.delay(attempt, err, random, rate_pause)
  local asked = err and (tonumber(err.retry_after) or
    err.kind == "rate_limit" and rate_pause)
  if asked and asked >= 0 then
    return math.min(asked, LONGEST_ASKED) + random() * 0.25
  end
  return random() * math.min(LONGEST, FIRST * 2 ^ math.min(attempt, 16))
end

-- May this call be repeated after this failure without doing anything twice?
-- A POST only when it certainly had no effect: it was never sent, or it was
-- refused with 429. A POST that costs nothing may be repeated like a GET.
function retry.is_safe(operation, err)
  if not err.retryable then
    return false
  end
  if operation.method ~= "POST" or operation.repeatable then
    return true
  end
  return err.outcome == "not_sent" or
    (err.outcome == "rejected" and err.kind == "rate_limit")
end

return retry
