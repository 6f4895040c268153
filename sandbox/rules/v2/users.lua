-- SPDX-License-Identifier: MIT
--
-- The calls about the account itself.

local accounts = require "accounts"
local quirks = require "quirks"

local users = {}

local calls = {}
users.calls = calls

--- GET /v2/user/whoami
function calls.whoami(account)
  return { email = account.email, username = account.username }, "none"
end

--- GET /v2/user/remaining_quota
function calls.remaining_quota(account)
  return {
    remaining_quota = quirks.is_on "zero_quota" and 0
      or accounts.credits(account),
  }, "none"
end

return users
