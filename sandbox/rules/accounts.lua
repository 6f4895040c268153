-- SPDX-License-Identifier: MIT
--
-- Keys, their credits, and the limit of POSTs in a minute. The key itself
-- never leaves this file: elsewhere an account is known by its id, which is
-- a fingerprint. Credits are counted in thousandths, so that sums of 0.2 and
-- 0.05 are exact.

local host = require "host"
local config = require "config"
local json = require "json"
local store = require "store"

local accounts = {}

local by_key, list
local kept                   -- id -> what is written down; of all keys ever

local function fingerprint(key)
  local hash = -3750763034362895579        -- FNV-1a, 64 bits
  for i = 1, #key do
    hash = (hash ~ key:byte(i)) * 1099511628211
  end
  return ("%016x"):format(hash)
end

local function to_thousandths(credits)
  return math.floor(credits * 1000 + 0.5)
end

-- A whole number of credits is an integer in JSON.
local function to_credits(thousandths)
  return thousandths % 1000 == 0 and thousandths // 1000 or thousandths / 1000
end

local function open()
  if list then return end
  kept = store.read "accounts" or {}
  by_key, list = {}, {}
  for _, given in ipairs(config.keys) do
    local id = fingerprint(given.key)
    if not by_key[given.key] then
      local old = json.is_object(kept[id]) and kept[id] or {}
      local function integer(name)
        return math.type(old[name]) == "integer" and old[name] or 0
      end
      local function credits(name, default)
        return to_thousandths(type(old[name]) == "number" and old[name]
          or default)
      end
      local number = #list + 1
      local account = {
        id = id, name = ("key %d"):format(number),
        username = ("sandbox%d"):format(number),
        email = ("sandbox%d@example.com"):format(number),
        left = credits("credits", given.credits or config.credits),
        charged = credits("charged", 0), posts = integer "posts",
        products = integer "products", recent = {},
      }
      by_key[given.key] = account
      list[#list + 1] = account
    end
  end
end

--- Writes all accounts down, those of keys that are not named now as well.
-- @treturn[1] boolean
-- @treturn[2] nil
-- @treturn[2] string why not
function accounts.save()
  for _, account in ipairs(list) do
    kept[account.id] = {
      credits = accounts.credits(account), charged = accounts.charged(account),
      posts = account.posts, products = account.products,
    }
  end
  return store.write("accounts", kept)
end

--- The credits that are left.
function accounts.credits(account)
  return to_credits(account.left)
end

--- The credits that were taken.
function accounts.charged(account)
  return to_credits(account.charged)
end

--- Sets the credits that are left.
function accounts.set_credits(account, credits)
  account.left = to_thousandths(credits)
end

--- The account with an id, or nil.
function accounts.of(id)
  open()
  for _, account in ipairs(list) do
    if account.id == id then return account end
  end
end

--- The account of a key, or nil.
function accounts.find(key)
  open()
  return key and by_key[key]
end

--- All accounts.
function accounts.all()
  open()
  return list
end

--- Counts a POST against the limit.
-- @treturn ?number how many more are allowed now; nil: no limit
-- @treturn ?integer seconds to wait, when this one is one too many
function accounts.admit(account)
  if config.posts == 0 then
    account.posts = account.posts + 1
    return nil
  end
  local now, recent = host.monotonic(), account.recent
  while recent[1] and recent[1] <= now - config.minute do
    table.remove(recent, 1)
  end
  if #recent >= config.posts then
    return 0, math.max(1, math.ceil(recent[1] + config.minute - now))
  end
  recent[#recent + 1] = now
  account.posts = account.posts + 1
  return config.posts - #recent
end

--- Takes credits, or gives them back when there are less than none.
-- @treturn[1] boolean false when there are not enough
-- @treturn[2] nil
-- @treturn[2] string why it could not be written down
function accounts.charge(account, credits)
  local price = to_thousandths(credits)
  if account.left < price then return false end
  local function take(number)
    account.left = account.left - number
    account.charged = account.charged + number
  end
  take(price)
  local ok, why = accounts.save()
  if ok then return true end
  take(-price)
  return nil, why
end

return accounts
