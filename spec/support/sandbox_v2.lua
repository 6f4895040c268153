-- SPDX-License-Identifier: MIT
-- The methods of a sandbox (sandbox.lua) that speak the v2 generation without
-- jogg: jobs of every kind, uploads, webhooks, quirks. An id is all that is
-- needed to follow a job of any kind.

local cjson = require "cjson"
local socket = require "socket"

local methods = {}

local PATIENCE = 30          -- seconds for a job, on a busy machine

-- {======================================================================
-- Calls
-- =======================================================================

--- Calls an operation.
-- @tparam string method
-- @tparam string path beginning with /v2
-- @tparam ?table body sent as JSON; a string is sent as it is
-- @tparam ?table options see request()
-- @treturn table the answer, whatever its code
-- @treturn number the HTTP status
-- @treturn table the headers
function methods:v2(method, path, body, options)
  local all = {}
  for name, value in pairs(options or {}) do all[name] = value end
  if type(body) == "string" then all.body = body else all.json = body end
  return self:call(method, path, all)
end

--- Calls an operation that must succeed.
-- @treturn table the answer's data; nil when there is none
function methods:data(method, path, body, options)
  local answer = self:v2(method, path, body, options)
  assert(answer.code == 0, ("%s %s: %s %s"):format(method, path,
    tostring(answer.code), tostring(answer.msg)))
  return answer.data
end

--- Switches on these quirks and no others; none by default.
-- @tparam string ... names
function methods:quirks(...)
  local names = { ... }
  local text = "[]"
  if #names > 0 then text = cjson.encode(names) end
  local answer, status = self:call("PUT", "/sandbox/quirks",
    { body = '{"quirks":' .. text .. "}" })
  assert(status == 200, answer.message)
end

--- Changes the account: `credits`, `barred` (calls are refused with 18025).
function methods:set_account(changes, key)
  local answer, status = self:call("PUT", "/sandbox/account",
    { json = changes, key = key })
  assert(status == 200, answer.message)
  return answer
end

-- }======================================================================

-- {======================================================================
-- Jobs
-- =======================================================================

--- Every job of a kind, or all, newest first: id, kind, title, status (pending,
-- processing, completed, failed), credits, error, files.
function methods:jobs(kind)
  return self:call("GET", "/sandbox/jobs" .. (kind and "?kind=" .. kind or ""))
    .jobs
end

--- The job with an id.
function methods:job(id)
  for _, job in ipairs(self:jobs()) do
    if job.id == id then return job end
  end
end

--- Waits until a job has ended, without asking the service for its state.
-- @treturn table the job
function methods:await_job(id)
  local deadline = socket.gettime()
    + PATIENCE * (tonumber(os.getenv "JOGG_SLOW") or 1)
  while true do
    local job = assert(self:job(id), "there is no job " .. id)
    if job.status == "completed" or job.status == "failed" then return job end
    assert(socket.gettime() < deadline, "the job takes too long")
    socket.sleep(0.02)
  end
end

--- Deletes all jobs, also those in progress.
function methods:delete_jobs()
  for _, job in ipairs(self:jobs()) do
    self:request("DELETE", "/sandbox/jobs/" .. job.id)
  end
end

--- Makes a product of data alone.
-- @treturn string product_id
function methods:new_product(fields)
  return self:data("POST", "/v2/product", fields or {
    name = "Lamp", description = "It shines. It stands. It lasts.",
  }).product_id
end

-- kind -> method, path, body, the id in the data; bodies are as short as can be
local STARTS = {
  product_video = function(server)
    return "/v2/create_video_from_product", [[{"product_id":"]]
      .. server:new_product() .. [[","video_spec":{"length":"15"},]]
      .. [["avatar":{"id":1},"voice":{},"audio":{},]]
      .. [["script":{"style":"Data","language":"english"}}]], "video_id"
  end,
  avatar_video = function()
    return "/v2/create_video_from_avatar", {
      avatar = { avatar_id = 81, avatar_type = 0 },
      voice = { type = "script", voice_id = "en-US-JennyNeural",
        script = "Hello there." },
      aspect_ratio = "portrait", screen_style = 1,
    }, "video_id"
  end,
  template_video = function()
    return "/v2/create_video_with_template", {
      template_id = 123, voice_language = "english",
      variables = { { type = "text", name = "title",
        properties = { content = "A title" } } },
    }, "video_id"
  end,
  lip_sync = function(server)
    return "/v2/create_lip_sync_video", {
      video_url = server.storage .. "/catalog/avatars/81.mp4",
      audio_url = server.storage .. "/catalog/voices/en-US-JennyNeural.mp3",
    }, "task_id"
  end,
  translation = function(server)
    return "/v2/video_translate/", {
      video_url = server.storage .. "/catalog/avatars/81.mp4",
      output_language = "spanish",
    }, "video_translate_id"
  end,
  script = function()
    return "/v2/ai_scripts", {
      language = "english", video_length_seconds = "15",
      script_style = "Storytime", product_info = {
        source_type = "details",
        data = { name = "Lamp", description = "It shines." },
      },
    }, "task_id"
  end,
  photo = function()
    return "/v2/photo_avatar/photo/generate", {
      age = "Adult", avatar_style = "Social", gender = "Female",
      model = "modern", aspect_ratio = "square",
    }, "photo_id"
  end,
  photo_motion = function(server)
    return "/v2/photo_avatar/add_motion", {
      image_url = server.storage .. "/catalog/avatars/81.jpg", name = "Ava",
      voice_id = "en-US-JennyNeural", model = "2.0",
    }, "motion_id"
  end,
}

--- The request that starts a job of a kind with as little as it takes.
-- @tparam string kind product_video, avatar_video, template_video, lip_sync,
-- translation, script, photo or photo_motion
-- @treturn string path of the POST
-- @treturn table|string body
-- @treturn string the id's name in the answer's data
function methods:start_of(kind)
  return STARTS[kind](self)
end

--- The kinds that start_of() knows.
methods.KINDS = {
  "product_video", "avatar_video", "template_video", "lip_sync",
  "translation", "script", "photo", "photo_motion",
}

--- Starts a job of a kind.
-- @tparam string kind
-- @tparam ?table more fields of the body
-- @treturn string its id
function methods:new_job(kind, more)
  local path, body, name = self:start_of(kind)
  if type(body) == "string" and more then body = cjson.decode(body) end
  for field, value in pairs(more or {}) do body[field] = value end
  return self:data("POST", path, body)[name]
end

local STATES = {
  product_video = "/v2/product_video/%s", avatar_video = "/v2/avatar_video/%s",
  template_video = "/v2/template_video/%s", lip_sync = "/v2/lip_sync_video/%s",
  translation = "/v2/video_translate/%s",
  script = "/v2/ai_scripts/results/%s",
  photo = "/v2/photo_avatar/photo?photo_id=%s",
  photo_motion = "/v2/photo_avatar?motion_id=%s",
  product_image = "/v2/product_avatar/generation/%s",
  product_motion = "/v2/product_avatar?motion_id=%s",
}

--- The path that tells the state of a job of a kind; of product_image the id is
-- that of the batch.
function methods.state_path(_, kind, id)
  return STATES[kind]:format(id)
end

--- What the service says of a job.
function methods:state(kind, id)
  return self:data("GET", self:state_path(kind, id))
end

-- }======================================================================

-- {======================================================================
-- Uploads and webhooks
-- =======================================================================

--- Signs an upload.
-- @treturn table sign_url, asset_url
function methods:sign(name, content_type, size)
  return self:data("POST", "/v2/upload/asset",
    { filename = name, content_type = content_type, file_size = size })
end

--- Uploads bytes.
-- @treturn string the asset's address
function methods:upload(name, content_type, bytes)
  local signed = self:sign(name, content_type)
  local status, body = self:request("PUT", signed.sign_url,
    { body = bytes, type = content_type, key = false })
  assert(status == 200, body)
  return signed.asset_url
end

--- Makes a webhook endpoint.
-- @tparam string url
-- @tparam {string,...} events
-- @treturn table endpoint_id, secret, ...
function methods:new_endpoint(url, events)
  return self:data("POST", "/v2/endpoint",
    { url = url, status = "enabled", events = events })
end

--- All deliveries, newest first: id, event, event_id, url, endpoint_id, state
-- (waiting, delivered, failed), attempts (time, status, error, fault), body.
function methods:deliveries()
  return self:call("GET", "/sandbox/deliveries").deliveries
end

--- The newest delivery, once it has ended: the sandbox reads an answer after
-- its receiver has sent it.
function methods:ended_delivery()
  local deadline = socket.gettime()
    + PATIENCE * (tonumber(os.getenv "JOGG_SLOW") or 1)
  while true do
    local delivery = self:deliveries()[1]
    if delivery.state ~= "waiting" then return delivery end
    assert(socket.gettime() < deadline, "the delivery takes too long")
    socket.sleep(0.02)
  end
end

--- Repeats a delivery with the same bytes.
function methods:deliver_again(id)
  local answer, status = self:call("POST", "/sandbox/deliveries/" .. id)
  assert(status == 200, answer.msg)
end

--- Sends a made-up event to the endpoints of the key that subscribed to it.
-- @tparam string name
-- @tparam ?table data
-- @treturn table event_id, receivers
function methods:send_event(name, data)
  local answer, status = self:call("POST", "/sandbox/events",
    { json = { event = name, data = data or { status = "completed" } } })
  assert(status == 200, answer.message)
  return answer
end

-- }======================================================================

return methods
