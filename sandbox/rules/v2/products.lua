-- SPDX-License-Identifier: MIT
--
-- The products of the v2 generation: read off a page, or given as data.

local accounts = require "accounts"
local fields = require "fields"
local json = require "json"
local page_reader = require "page_reader"
local store = require "store"

local products = {}

local FOLDER = "v2/products/"
local FIRST = 54419368

local by_id, next_number = {}, FIRST

local text = { type = "string", required = true }

local RECORD = {
  id = text, owner = text, url = text, name = text, description = text,
  target_audience = text, price = { type = "string" },
  number = { type = "integer", required = true },
  media = { type = "array", required = true, items = {} },
}

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

-- Ids look like the service's: Base64 of a number, without padding.
local function id_of(number)
  local bits = tostring(number):gsub(".", function(digit)
    local code, text_bits = digit:byte(), ""
    for i = 7, 0, -1 do text_bits = text_bits .. (code >> i & 1) end
    return text_bits
  end)
  return (bits .. ("0"):rep(-#bits % 6)):gsub("......", function(six)
    local at = tonumber(six, 2) + 1
    return DIGITS:sub(at, at)
  end)
end

local function adopt(product)
  by_id[product.id] = product
  next_number = math.max(next_number, product.number + 1)
end

--- Reads what an earlier run stored.
function products.resume()
  for _, name in ipairs(store.names(FOLDER)) do
    local product = store.read(FOLDER .. name)
    local wrong = product and fields.check(RECORD, product)
      or product and product.id ~= name and "id must be as the file's name"
    if wrong then
      store.complain(FOLDER .. name, wrong)
    elseif product then
      adopt(product)
    end
  end
end

--- An account's product, or nil.
function products.find(account, id)
  local product = by_id[id]
  return product and product.owner == account.id and product or nil
end

local function describe(product)
  return {
    product_id = product.id, url = product.url, name = product.name,
    description = product.description, media = product.media,
    target_audience = product.target_audience,
  }
end

local function media_of(picture)
  return {
    type = 1, url = picture, name = picture:match "^[^?#]*/([^/?#]*)" or "",
    description = "",
  }
end

-- What the page says wins over what was sent.
local function read_page(body, product)
  local page, why = page_reader.study(body.url)
  if not page then return nil, why end
  if page.title ~= "" then product.name = page.title end
  if page.intro_text ~= "" then product.description = page.intro_text end
  product.price = page.price
  if #page.pictures > 0 then
    product.media = json.array()
    for i, picture in ipairs(page.pictures) do
      product.media[i] = media_of(picture)
    end
  end
  return true
end

local function unsaved(why)
  return false, 50000, "system error: " .. why
end

local calls = {}
products.calls = calls

--- POST /v2/product
function calls.create_product(account, body)
  local product = {
    owner = account.id, url = body.url or "", name = body.name or "",
    description = body.description or "",
    target_audience = body.target_audience or "",
    media = body.media or json.array(),
  }
  if body.url and body.url ~= "" then
    local ok, why = read_page(body, product)
    if not ok then
      return false, 50000, "url: the page could not be read: " .. why
    end
  end
  product.number, next_number = next_number, next_number + 1
  product.id = id_of(product.number)
  local ok, why = store.write(FOLDER .. product.id, product)
  if not ok then return unsaved(why) end
  adopt(product)
  account.products = account.products + 1
  accounts.save()              -- a mere count: not worth a refusal
  return describe(product), ("product %s created"):format(product.id)
end

--- PUT /v2/product
function calls.update_product(account, body)
  local product = products.find(account, body.product_id)
  if not product then return false, 10104, "record not found: product_id" end
  local changed = {}
  for name, value in pairs(product) do changed[name] = value end
  for _, name in ipairs { "name", "description", "target_audience", "media" } do
    if body[name] ~= nil then changed[name] = body[name] end
  end
  local ok, why = store.write(FOLDER .. product.id, changed)
  if not ok then return unsaved(why) end
  adopt(changed)
  return nil, ("product %s changed"):format(product.id)
end

return products
