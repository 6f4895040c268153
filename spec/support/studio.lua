-- SPDX-License-Identifier: MIT
-- Scripts a fault server so that whole videos can be made with it, in some
-- tenths of a second each. For the specs of hosts' loops.

local studio = {}

local function box(name, content)
  local length = #content + 8
  return string.char(0, 0, math.floor(length / 256), length % 256) .. name ..
    content
end

--- The bytes of a file that passes for a whole video.
studio.VIDEO = box("ftyp", "isom\0\0\2\0isom") .. box("moov", ("m"):rep(100)) ..
  box("mdat", ("x"):rep(20000))

--- Has a server make videos: with a little delay everywhere.
-- @tparam table server from faults.start
function studio.open(server)
  local function data(fields)
    return { delay = 0.02, json = { code = 0, data = fields } }
  end
  server:clear():on_connect {}
  server:on("POST", "/open/product", data { id = 1, prj_id = "p" })
  server:on("POST", "/open/project/render", data {})
  server:on("GET", "/open/prj_info", data { status = 4, progress = 100,
    video_url = server.url .. "/v.mp4" })
  server:on("GET", "/v.mp4", { body = studio.VIDEO, slow = 100000 })
end

--- What client:make_video needs.
-- @tparam string path where the video goes
-- @treturn table
function studio.job(path)
  return {
    url = "https://shop.example/lamp", output = path,
    poll = { first = 0.02, interval = 0.02 },
  }
end

return studio
