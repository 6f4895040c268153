-- SPDX-License-Identifier: MIT
--
-- What a product page says about its product: JSON-LD before Open Graph
-- before what any page has.

local host = require "host"
local config = require "config"
local json = require "json"

local page_reader = {}

local PAGE_BYTES = 4 * 1024 * 1024
local PAGE_SECONDS = 30
local LIFE_SECONDS = 10              -- the service takes that long for a page
local MOST_PICTURES = 12
local MOST_DEPTH = 12
local JSONLD_BYTES = 512 * 1024      -- in all: it is read under the lock

local function clean(text)
  if type(text) ~= "string" then return nil end
  text = text:gsub("<[^<>]*>", " "):gsub("%s+", " ")
  text = text:match "^ ?(.-) ?$"
  return text ~= "" and text or nil
end

-- {======================================================================
-- JSON-LD
-- =======================================================================

local function is_product(node)
  local kinds = node["@type"]
  for _, kind in ipairs(type(kinds) == "table" and kinds or { kinds }) do
    kind = tostring(kind):gsub("^https?://schema%.org/", "")
    if kind == "Product" or kind == "ProductGroup" then return true end
  end
  return false
end

-- The first Product anywhere in it: a list, a @graph, a page's mainEntity.
local function find_product(node, depth)
  if type(node) ~= "table" or depth > MOST_DEPTH then return nil end
  if json.is_array(node) then
    for _, item in ipairs(node) do
      local product = find_product(item, depth + 1)
      if product then return product end
    end
    return nil
  end
  if is_product(node) then return node end
  for _, name in ipairs { "@graph", "mainEntity", "hasVariant", "item" } do
    local product = find_product(node[name], depth + 1)
    if product then return product end
  end
end

local function each_picture(value, visit, depth)
  if type(value) == "string" then
    visit(value)
  elseif json.is_array(value) and depth < MOST_DEPTH then
    for _, item in ipairs(value) do each_picture(item, visit, depth + 1) end
  elseif type(value) == "table" and value ~= json.null then
    each_picture(value.contentUrl or value.url, visit, depth + 1)
  end
end

local SIGNS = { USD = "$", EUR = "€", GBP = "£", JPY = "¥" }

local function price_of(offer)
  if json.is_array(offer) then offer = offer[1] end
  if type(offer) ~= "table" then return nil end
  local price = offer.price or offer.lowPrice
  if type(price) ~= "string" and type(price) ~= "number" then return nil end
  local currency = type(offer.priceCurrency) == "string"
    and offer.priceCurrency or ""
  local sign = SIGNS[currency]
  return clean(sign and sign .. price or price .. " " .. currency)
end

-- }======================================================================

local function sort_findings(findings)
  local found = { meta = {}, images = {}, open_graph = {} }
  local left = JSONLD_BYTES
  for _, finding in ipairs(findings) do
    -- libxml2 passes on what is not of the charset that a page claims
    local kind, value = finding.kind, json.text(finding.value)
    if kind == "meta" then
      local name = finding.key
      found.meta[name] = found.meta[name] or value
      if name == "og:image" or name == "og:image:url"
        or name == "og:image:secure_url" or name == "twitter:image" then
        table.insert(found.open_graph, value)
      end
    elseif kind == "jsonld" then
      left = left - #value
      if not found.product and left >= 0 then
        -- many shops break lines within strings
        found.product = find_product(json.decode((value:gsub("%c", " "))), 0)
      end
    elseif kind == "image" then
      table.insert(found.images, value)
    else
      found[kind] = value                     -- title, base
    end
  end
  return found
end

local function collect_pictures(found, product, base)
  local pictures, seen = json.array(), {}
  local function add(address)
    local url = address ~= "" and not address:find "^data:"
      and host.join(base, address)
    if url and not seen[url] and #pictures < MOST_PICTURES
      and not url:lower():find "%.svg$" and not url:lower():find "%.svg%?" then
      seen[url] = true
      pictures[#pictures + 1] = url
    end
  end
  each_picture(product.image, add, 0)
  for _, address in ipairs(found.open_graph) do add(address) end
  for _, address in ipairs(found.images) do add(address) end
  return pictures
end

--- Makes a product of a page's bytes.
-- @tparam string html
-- @tparam string url where it came from
-- @tparam ?string content_type
-- @treturn[1] table title, intro_text, price, pictures
-- @treturn[2] nil
-- @treturn[2] string why not
function page_reader.parse(html, url, content_type)
  local charset = content_type
    and content_type:lower():match "charset%s*=%s*[\"']?([%w_:.+-]+)"
  if html:sub(1, 3) == "\xEF\xBB\xBF" then charset = "utf-8" end
  local findings, why = host.page(html, charset)
  if not findings then return nil, why end
  local found = sort_findings(findings)
  local meta, product = found.meta, found.product or {}
  local base = found.base and host.join(url, found.base) or url
  return {
    title = clean(product.name) or clean(meta["og:title"])
      or clean(found.title) or "",
    intro_text = clean(product.description) or clean(meta["og:description"])
      or clean(meta.description) or "",
    price = price_of(product.offers) or clean(meta["product:price:amount"]),
    pictures = collect_pictures(found, product, base),
  }
end

--- Fetches and reads a page.
-- @treturn[1] table as page_reader.parse
-- @treturn[2] nil
-- @treturn[2] string why not
function page_reader.read(url)
  local page, why = host.fetch(url, PAGE_BYTES, PAGE_SECONDS)
  if not page then return nil, why end
  if page.status ~= 200 then
    return nil, ("the page answers with HTTP %d"):format(page.status)
  end
  local kind = (page.content_type or "text/html"):lower()
  if not kind:find "html" then
    return nil, "it is not HTML but " .. kind
  end
  return page_reader.parse(page.body, page.url or url, page.content_type)
end

--- Fetches and reads a page, and takes as long for it as the service does.
function page_reader.study(url)
  local began = host.monotonic()
  local page, why = page_reader.read(host.join(nil, url))
  host.sleep(config.lasting(LIFE_SECONDS) - (host.monotonic() - began))
  return page, why
end

return page_reader
