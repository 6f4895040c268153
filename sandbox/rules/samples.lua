-- SPDX-License-Identifier: MIT
--
-- Sample product pages at /samples/ and the user's own files at /site/.

local host = require "host"
local config = require "config"
local json = require "json"
local answers = require "answers"
local sample_art = require "sample_art"
local store = require "store"

local samples = {}

local PRODUCTS = {
  lamp = {
    title = "Solstice Desk Lamp", price = "89.00", currency = "EUR",
    text = "A desk lamp that follows the daylight. Warm in the evening, "
      .. "clear at noon. Two joints keep it exactly where you put it. "
      .. "Nine watts, dimmable, made of recycled aluminium.",
  },
  mug = {
    title = "Café Crème Enamel Mug", price = "18.50", currency = "GBP",
    text = "A mug for mornings that begin outdoors. Enamel on steel: it "
      .. "survives the campfire and the dishwasher. Holds 350 ml of café "
      .. "crème, or of anything else.",
    latin = true,           -- as old shops are: not UTF-8, said in the header
  },
  backpack = {
    title = "Cairn 24 Backpack", price = "129.00", currency = "USD",
    text = "Twenty-four litres for a day in the hills. Waxed cotton sheds "
      .. "the rain. One buckle, one zip, nothing that dangles. Repairs are "
      .. "free for life.",
  },
}

local PAGE = [[
<!doctype html>
<html lang="en">
<head>
<meta name="viewport" content="width=device-width">
<title>$title | Sample shop</title>
<meta name="description" content="$text">
<meta property="og:type" content="product">
<meta property="og:title" content="$title">
<meta property="og:description" content="$text">
<meta property="og:image" content="$name-1.jpg">
<script type="application/ld+json">$jsonld</script>
<style>
 body { margin: 0; font: 17px/1.6 system-ui, sans-serif; color: #222;
   background: #f7f5f2 }
 header { padding: 1em 6vw; background: #fff; border-bottom: 1px solid #e5e0da }
 header a { color: inherit; text-decoration: none; font-weight: 600 }
 main { display: grid; grid-template-columns: 3fr 2fr; gap: 3em;
   padding: 3em 6vw; max-width: 1100px }
 main > img { width: 100%; height: auto; border-radius: 12px }
 h1 { font-size: 2em; line-height: 1.2; margin: .2em 0 }
 .price { font-size: 1.5em; color: #b0472e; font-weight: 600 }
 .more img { width: 30%; border-radius: 8px; margin-right: .5em }
 button { font: inherit; padding: .7em 2em; border: 0; border-radius: 99px;
   background: #222; color: #fff; margin: 1em 0 }
</style>
</head>
<body>
<header><a href="./">Sample shop</a></header>
<main>
 <img src="$name-1.jpg" alt="$title" width="900" height="900">
 <div>
  <h1>$title</h1>
  <p class="price">$price $currency</p>
  <p>$text</p>
  <button disabled>Add to basket</button>
  <p class="more"><img src="$name-2.jpg" alt=""><img src="$name-3.jpg" alt=""></p>
 </div>
</main>
</body>
</html>
]]

local TYPES = {
  html = "text/html", htm = "text/html", jpg = "image/jpeg",
  jpeg = "image/jpeg", png = "image/png", gif = "image/gif",
  webp = "image/webp", mp4 = "video/mp4", txt = "text/plain",
}

local function escape(text)
  return (text:gsub('[&<>"]', {
    ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;",
  }))
end

-- Every character of our texts is in Latin-1.
local function to_latin(text)
  local bytes = {}
  for _, point in utf8.codes(text) do
    bytes[#bytes + 1] = string.char(point)
  end
  return table.concat(bytes)
end

local function json_ld(name, product)
  local images = json.array()
  for i = 1, sample_art.COUNT do images[i] = ("%s-%d.jpg"):format(name, i) end
  return json.encode {
    ["@context"] = "https://schema.org", ["@type"] = "Product",
    name = product.title, description = product.text, image = images,
    offers = {
      ["@type"] = "Offer", price = product.price,
      priceCurrency = product.currency,
    },
  }
end

local function page(name, product)
  local values = {
    name = name, title = escape(product.title), text = escape(product.text),
    price = product.price, currency = product.currency,
    jsonld = json_ld(name, product),
  }
  local html = PAGE:gsub("%$(%l+)", values)
  if product.latin then
    return answers.text(to_latin(html), "text/html; charset=ISO-8859-1")
  end
  return answers.text(html, "text/html; charset=utf-8")
end

local function index()
  local names, parts = {}, {}
  for name in pairs(PRODUCTS) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do
    parts[i] = ('<li><a href="%s.html">%s</a></li>'):format(name,
      escape(PRODUCTS[name].title))
  end
  return answers.text("<!doctype html><meta charset=utf-8>"
    .. "<title>Sample shop</title><h1>Sample shop</h1><ul>"
    .. table.concat(parts) .. "</ul>", "text/html; charset=utf-8")
end

-- Draws a picture when it is first asked for; two at once do no harm.
local function draw(name, number, path)
  local folder, why = store.work_folder()
  if not folder then return nil, why end
  local ok
  ok, why = host.write(folder .. "/art.ass", sample_art.script(name, number))
  if ok then
    ok, why = host.run(sample_art.arguments(number, "art.ass", "art.jpg"),
      folder, 30)
  end
  if ok then ok, why = os.rename(folder .. "/art.jpg", path) end
  host.remove_folder(folder)
  return ok, why
end

local function picture(name, number)
  local path = ("%s/samples/%s-%d.jpg"):format(config.data, name, number)
  if not store.exists(path) then
    local ok, why = draw(name, number, path)
    if not ok then
      return answers.bad_request("ffmpeg: " .. tostring(why), 500)
    end
  end
  return answers.file(path, "image/jpeg")
end

local function sample(file)
  if file == "" then return index() end
  local name = file:match "^(%l+)%.html$"
  if name and PRODUCTS[name] then return page(name, PRODUCTS[name]) end
  local number
  name, number = file:match "^(%l+)%-(%d)%.jpg$"
  number = tonumber(number)
  if PRODUCTS[name] and number >= 1 and number <= sample_art.COUNT then
    return picture(name, number)
  end
  return answers.not_found()
end

local function own_file(file)
  local path = config.site and file:find "^[%w_-][%w._-]*$"
    and config.site .. "/" .. file
  local kind = TYPES[file:match "%.(%w+)$"]
  if not path or not kind or not store.exists(path) then
    return answers.not_found()
  end
  return answers.file(path, kind)
end

--- Answers a request below /samples/ or /site/.
function samples.answer(request)
  local place, file = request.path:match "^/(%l+)/(.*)$"
  if place == "samples" then return sample(file) end
  return own_file(file)
end

return samples
