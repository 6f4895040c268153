-- SPDX-License-Identifier: MIT

-- The settings of a client: what its caller gave, the environment, defaults.

local check = require "jogg.check"

local config = {}

local FIELDS = {
  api_key = { kind = "string", secret = true },
  generation = { kind = "string", values = { open = "open", v2 = "v2" } },
  base_url = { kind = "url" },
  ca_file = { kind = "string", filled = true },
  ca_path = { kind = "string", filled = true },
  connect_timeout = { kind = "seconds", minimum = 0.001 },
  stall_timeout = { kind = "seconds", minimum = 0.001 },
  timeout = { kind = "seconds", minimum = 0.001 },
  product_timeout = { kind = "seconds", minimum = 0.001 },
  retries = { kind = "integer", minimum = 0, maximum = 100 },
  posts_per_minute = { kind = "integer", minimum = 0, maximum = 100000 },
  max_transfers = { kind = "integer", minimum = 1, maximum = 1000 },
  max_bytes = { kind = "integer", minimum = 1, maximum = 9e15 },
  max_credits = { kind = "credits" },
  log = { kind = "callback" },
}

local DEFAULTS = {
  generation = "open",
  connect_timeout = 10,
  stall_timeout = 30,
  timeout = 60,
  product_timeout = 180,
  retries = 4,
  posts_per_minute = 20,
  max_transfers = 64,
  max_bytes = 4 * 1024 ^ 3,
}

-- The environment's names for options; the first that is set counts.
local ENVIRONMENT = {
  api_key = { "JOGG_API_KEY" },
  base_url = { "JOGG_BASE_URL" },
  generation = { "JOGG_GENERATION" },
  ca_file = { "JOGG_CA_FILE", "CURL_CA_BUNDLE", "SSL_CERT_FILE" },
  ca_path = { "SSL_CERT_DIR" },
}

local function from_environment(settings)
  local sources = {}
  for option, names in pairs(ENVIRONMENT) do
    for i = 1, settings[option] == nil and #names or 0 do
      local value = os.getenv(names[i])
      if value and value ~= "" then
        settings[option], sources[option] = value, names[i]
        break
      end
    end
  end
  return sources
end

-- A key read from a file often ends in a newline.
local function check_key(key, source, level)
  if not key then
    error("client: api_key is missing; pass it, or set JOGG_API_KEY", level)
  elseif key:find "[\r\n]$" then
    error(("client: %s ends in a newline; remove it"):format(source or
      "api_key"), level)
  end
end

local function check_readable(path, name, level)
  local file, why = io.open(path, "rb")
  if not file then
    error(("client: %s: %s"):format(name, why), level)
  end
  file:close()
end

-- Completes what a client's caller gave.
function config.settings(given, level)
  local settings, err = check.fields(FIELDS, given or {}, "client", level + 1)
  if not settings then
    error(err.message, level)
  end
  local sources = from_environment(settings)
  if sources.generation and not FIELDS.generation.values[settings.generation]
  then
    error("client: JOGG_GENERATION must be open or v2", level)
  end
  for name, value in pairs(DEFAULTS) do
    if settings[name] == nil then
      settings[name] = value
    end
  end
  if settings.max_credits and settings.generation ~= "v2" then
    error("client: max_credits needs generation v2, which has a price list",
      level)
  end
  check_key(settings.api_key, sources.api_key, level + 1)
  if settings.ca_file then
    check_readable(settings.ca_file, sources.ca_file or "ca_file", level + 1)
  end
  -- as for the curl program; a folder beside a file makes connections slow
  if sources.ca_path and settings.ca_file and sources.ca_file ~= "SSL_CERT_FILE"
  then
    settings.ca_path = nil
  end
  local folders = not sources.ca_path and settings.ca_path or ""
  for folder in folders:gmatch "[^:]+" do
    check_readable(folder, "ca_path", level + 1)
  end
  return settings
end

return config
