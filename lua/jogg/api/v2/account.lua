-- SPDX-License-Identifier: MIT

--- Generation v2: the account, and endpoints for webhooks.
-- @submodule jogg.api.v2

local common = require "jogg.api.v2.common"

local with = common.with

local ENDPOINT_ID = with(common.SEGMENT, { aliases = { "id" } })

-- The service requires all three, in a change as well.
local ENDPOINT = {
  url = { kind = "url", required = true },
  status = {
    kind = "string", required = true,
    values = common.words("enabled", "disabled"),
  },
  events = {
    kind = "list", required = true, item = { kind = "string", filled = true },
  },
}

local RESULT = { id = { "endpoint_id" } }

return {
  operations = {
    --- Returns the account that the key belongs to: `GET /v2/user/whoami`. Use
    -- it to test a key. (User)
    -- @function Client:whoami
    -- @treturn[1] table `email`, `username`
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    whoami = {
      topic = "User", method = "GET", path = "/v2/user/whoami", fields = {},
      data = true,
    },
    --- Returns the credits that are left: `GET /v2/user/remaining_quota`. Do
    -- not rely on it: it stayed 0 on an account that kept making videos. (User)
    -- @function Client:remaining_quota
    -- @treturn[1] table `remaining_quota` (a number, perhaps with a fraction)
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    remaining_quota = {
      topic = "User", method = "GET", path = "/v2/user/remaining_quota",
      fields = {}, data = true, result = { credit = { "remaining_quota" } },
    },
    --- Lists your webhook endpoints: `GET /v2/endpoints`. (Webhook)
    -- @function Client:endpoints
    -- @treturn jogg.pager tables with `endpoint_id`, `url`, `secret`,
    -- `status`, `events`, `username`, `created_at`
    -- @raise on misuse, at the caller's line
    endpoints = {
      topic = "Webhook", method = "GET", path = "/v2/endpoints", fields = {},
      data = true,
      list = {
        items = { "endpoints" },
        item = { id = { "endpoint_id" }, status = { "status" } },
      },
    },
    --- Adds a webhook endpoint: `POST /v2/endpoint`. An account may have 20.
    -- (Webhook)
    -- @function Client:create_endpoint
    -- @tparam table fields `url` (https), `status` (`"enabled"`,
    -- `"disabled"`), `events` (a list of names, see events)
    -- @treturn[1] table `endpoint_id`, `url`, `secret` (which signs the
    -- events), `status`, `events`, `username`, `created_at`
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    create_endpoint = {
      topic = "Webhook", method = "POST", path = "/v2/endpoint",
      fields = ENDPOINT, data = true, result = RESULT,
    },
    --- Changes a webhook endpoint: `PUT /v2/endpoint/{endpoint_id}`. The secret
    -- stays the same. (Webhook)
    -- @function Client:update_endpoint
    -- @tparam table fields `endpoint_id`; `url`, `status` and `events` as for
    -- create_endpoint, all required
    -- @treturn[1] table as that of create_endpoint
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    update_endpoint = {
      topic = "Webhook", method = "PUT", path = "/v2/endpoint/{endpoint_id}",
      fields = with(ENDPOINT, { endpoint_id = ENDPOINT_ID }),
      data = true, result = RESULT,
    },
    --- Removes a webhook endpoint: `DELETE /v2/endpoint/{endpoint_id}`.
    -- (Webhook)
    -- @function Client:delete_endpoint
    -- @tparam string endpoint_id
    -- @treturn[1] boolean true
    -- @treturn[2] nil
    -- @treturn[2] table error
    -- @raise on misuse, at the caller's line
    delete_endpoint = {
      topic = "Webhook", method = "DELETE",
      path = "/v2/endpoint/{endpoint_id}",
      fields = { endpoint_id = ENDPOINT_ID }, argument = "endpoint_id",
    },
    --- Lists the events that exist: `GET /v2/events`. (Webhook)
    -- @function Client:webhook_events
    -- @treturn jogg.pager strings
    -- @raise on misuse, at the caller's line
    webhook_events = {
      topic = "Webhook", method = "GET", path = "/v2/events", fields = {},
      data = true, list = { items = { "events" } },
    },
  },
}
