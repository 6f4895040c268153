-- SPDX-License-Identifier: MIT
--
-- Scripts: what is said in the video of a product, and the calls that ask for
-- it. Every style says the same of a product in its own way; nothing is
-- translated.

local breaking = require "breaking"
local host = require "host"
local json = require "json"
local jobs = require "v2.jobs"
local kinds = require "v2.kinds"
local prices = require "v2.prices"
local products = require "v2.products"
local quirks = require "quirks"

local scripts = {}

-- style -> how it begins and ends; $ is the product's name
local STYLES = {
  ["Don't Worry"] = { "Don't worry, $ has you covered.",
    "Take it easy, and let $ do the rest." },
  ["Storytime"] = { "Let me tell you a story. It begins with $.",
    "And that is how $ came to stay." },
  ["Discovery"] = { "Have you discovered $ yet?",
    "Discover $ for yourself." },
  ["Data"] = { "Here are the facts about $.",
    "The numbers speak for $." },
  ["Top 3 reasons"] = { "Three reasons to choose $.",
    "That is why $ comes first." },
  ["Light marketing"] = { "Meet $.", "$. Have a look." },
}
local ANY = { "This is $.", "Try $ today." }

local SENTENCES = { ["15"] = 2, ["30"] = 4, ["60"] = 8 }

--- Writes a script.
-- @tparam table product name, description
-- @tparam string style
-- @tparam string length "15", "30" or "60"
-- @treturn {string,...} paragraphs
function scripts.write(product, style, length)
  local frame = STYLES[style] or ANY
  local name = breaking.shorten(product.name ~= "" and product.name
    or "this product", 60)
  local function fill(text)
    return (text:gsub("%$", (name:gsub("%%", "%%%%"))))
  end
  local paragraphs = json.array { fill(frame[1]) }
  local most = SENTENCES[length] or 4
  for i, sentence in ipairs(breaking.sentences(product.description)) do
    if i > most then break end
    paragraphs[#paragraphs + 1] = breaking.shorten(sentence, 160)
  end
  paragraphs[#paragraphs + 1] = fill(frame[2])
  return paragraphs
end

--- Makes a script job: kinds.lua's script.
function scripts.make(_, job)
  job.scripts = json.array {
    { script_style = job.body.script_style,
      script_paragraphs = scripts.write(job.product, job.body.script_style,
        job.body.video_length_seconds) },
  }
  return not host.stopping()
end

kinds.ALL.script.make = scripts.make

--- The scripts of a finished job.
function scripts.results(job)
  local list = json.array()
  for i, script in ipairs(job.scripts or {}) do
    local paragraphs = script.script_paragraphs
    list[i] = {
      script_style = script.script_style,
      script_paragraphs = quirks.is_on "text_scripts"
        and table.concat(paragraphs, "\n") or paragraphs,
    }
  end
  return list
end

local calls = {}
scripts.calls = calls

--- POST /v2/ai_scripts
function calls.create_ai_script(account, body)
  local info = body.product_info
  local product = info.data
  if info.source_type == "id" then
    product = products.find(account, info.data.id)
  end
  if not product then
    return false, 10104, "record not found: product_info.data.id"
  end
  local job, code, message = jobs.create(account, "script", {
    title = product.name, credits = prices.SCRIPT, body = body,
    product = { name = product.name, description = product.description },
  })
  if not job then return false, code, message end
  return { task_id = job.id }, "created " .. job.id
end

--- GET /v2/ai_scripts/results/{task_id}
function calls.ai_script(account, _, id)
  local job = jobs.find(account, id, "script")
  if not job then return false, 10104, "record not found: task_id" end
  local done = job.status == "completed"
  return {
    task_id = job.id, status = jobs.word(job),
    data = done and { generated_scripts = scripts.results(job) } or nil,
    err_msg = job.error,
  }, "none"
end

return scripts
