-- SPDX-License-Identifier: MIT
-- The whole flow on the fault server: a service at which all goes well, which
-- a spec then spoils in one place, and what arrived there.

local cjson = require "cjson".new()

local flow = {}

local function box(name, content)
  local size = 8 + #content
  return string.char(0, 0, math.floor(size / 256), size % 256) .. name .. content
end

--- The smallest file that counts as a whole MP4.
flow.VIDEO = box("ftyp", "isom\0\0\2\0isomiso2") .. box("moov", ("m"):rep(200))
  .. box("mdat", ("d"):rep(3000))

flow.PAGE = "https://shop.example/desk-lamp?colour=green&size=2"
flow.PROJECT = "57140704864852206058aa7d363bcc74"

--- Polls without pauses, for servers on this machine.
flow.POLL = { first = 0.01, interval = 0.01, max = 0.02, settle = 0 }

--- An answer of prj_info.
-- @tparam integer status
-- @tparam ?table fields further ones
function flow.info(status, fields)
  local data = { id = flow.PROJECT, status = status, progress = 0,
    video_url = "", video_duration = 0, err_msg = "" }
  for name, value in pairs(fields or {}) do data[name] = value end
  return { json = { code = 0, msg = "success", data = data } }
end

--- The answer for a finished video, which this server has.
function flow.finished(server)
  return flow.info(4, { progress = 100, video_url = server.url .. "/v.mp4",
    cover_url = server.url .. "/c.jpg", video_duration = 31,
    video_path = "res/v.mp4" })
end

flow.OK = { json = { code = 0, msg = "success" } }

--- Scripts the flow: product, update, render, prj_info, the video.
-- @tparam table server of spec.support.faults
-- @tparam ?table steps instead of the good ones: `product`, `update`,
-- `render`, `info`, `video`
function flow.script(server, steps)
  steps = steps or {}
  server:on("POST", "/open/product", steps.product or { json = { code = 0,
    msg = "success", data = { id = 3924, prj_id = flow.PROJECT } } })
  server:on("PUT", "/open/product", steps.update or flow.OK)
  server:on("POST", "/open/project/render", steps.render or flow.OK)
  server:on("GET", "/open/prj_info", steps.info or { flow.info(2),
    flow.info(3, { progress = 40 }), flow.finished(server) })
  server:on("GET", "/v.mp4", steps.video or { body = flow.VIDEO,
    headers = { ["Content-Type"] = "video/mp4" } })
end

local SHORT = {
  ["POST /open/product"] = "product", ["PUT /open/product"] = "update",
  ["POST /open/project/render"] = "render", ["GET /open/prj_info"] = "info",
  ["GET /v.mp4"] = "video",
}

--- What arrived, one word each, repeats of a word left out.
function flow.story(server)
  local words = {}
  for _, request in ipairs(server:requests()) do
    local name = request.method .. " " .. request.path
    local word = SHORT[name] or name
    if words[#words] ~= word then words[#words + 1] = word end
  end
  return table.concat(words, " ")
end

--- The requests of one of these words.
function flow.requests(server, word)
  local list = {}
  for _, request in ipairs(server:requests()) do
    if SHORT[request.method .. " " .. request.path] == word then
      list[#list + 1] = request
    end
  end
  return list
end

--- How many there were.
function flow.count(server, word)
  return #flow.requests(server, word)
end

--- The JSON of the only request of a word.
function flow.sent(server, word)
  local list = flow.requests(server, word)
  assert(#list == 1, ("%d requests %s, not one"):format(#list, word))
  return cjson.decode(list[1].body), list[1].body
end

--- What a token is after it was stored as JSON and read again.
function flow.stored(token)
  return cjson.decode(cjson.encode(token))
end

return flow
