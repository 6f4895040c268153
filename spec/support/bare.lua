-- SPDX-License-Identifier: MIT
-- What the specs of jogg.core share: a client without the Lua layer, and the
-- wait for its requests.

local core = require "jogg.core"

local bare = { KEY = "s3cr3t-0f-c0r3" }

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

--- Makes a client.
-- @tparam string url its base_url
-- @tparam ?table options further ones
function bare.client(url, options)
  local all = { base_url = url, api_key = bare.KEY, user_agent = "spec" }
  for name, value in pairs(options or {}) do all[name] = value end
  return core.client(all)
end

--- Waits until this holds; raises when that takes too long.
-- @tparam client client
-- @tparam function holds
-- @tparam ?number seconds
function bare.wait(client, holds, seconds)
  local deadline = core.now() + (seconds or 10) * SLOW
  while not holds() do
    assert(core.now() < deadline, "it does not come to that")
    client:wait(0.25)
    while client:completed() do end
  end
end

--- Waits for a request.
-- @treturn request the same
function bare.finish(client, request)
  bare.wait(client, function() return request:done() end)
  return request
end

--- Starts an exchange and waits for it.
-- @tparam client client
-- @tparam ?table fields of client:start; path is /x by default
-- @treturn request
function bare.exchange(client, fields)
  fields = fields or {}
  if not fields.url then fields.path = fields.path or "/x" end
  fields.timeout = fields.timeout or 9 * SLOW
  return bare.finish(client, client:start(fields))
end

--- The failure of an exchange; raises unless it fails.
function bare.failure(client, fields)
  local status, failure = bare.exchange(client, fields):result()
  assert(status == nil, "it did not fail: " .. tostring(status))
  return failure
end

return bare
