-- SPDX-License-Identifier: MIT
-- The scenario of torture.c: everything the core does, once. Raises when a
-- result is wrong; returns how it ended otherwise. Memory may run out at any
-- point of it, in Lua, in libcurl and in the core itself.

local folder, url, video_path, manner = ...

local core = require "jogg.core"

local PATIENCE = 5 -- s; each exchange takes milliseconds

local function check(claim, what)
  if not claim then
    error("wrong: " .. what, 0)
  end
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key, value in pairs(a) do
    if not same(value, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

-- An error, if that is what it is; it has a kind and a text.
local function failure(err)
  check(type(err) == "table" and type(err.kind) == "string" and
    type(err.message) == "string" and err.message ~= "", "an error is none")
  return ("%s %s"):format(err.kind, err.reason)
end

local fields = {
  project_id = "p-1", aspect_ratio = 0, rate = 0.5, intro_medias = {},
  nested = { list = { 1, 2, "three" }, yes = true }, text = "\195\164\"\\\n",
}
local text = core.encode(fields, { intro_medias = true })
local twin, why = core.decode(text)
check(same(fields, twin) or why == "not enough memory", "encode and decode")
twin, why = core.decode '{"id":12345678901234567,"none":null,"list":[1,2.5]}'
check(why == "not enough memory" or tostring(twin.id) == "12345678901234567" and
  twin.none == nil and twin.list[2] == 2.5, "decode")
check(core.text_fault "caf\195" == 4, "text_fault")
local resolved = core.resolve("https://a.example/b/c", "../d?e=f")
check(resolved == nil or resolved == "https://a.example/d?e=f", "resolve")
core.url_fault "https://a.example/"

local client = core.client {
  base_url = url, api_key = "KEY-FOR-TORTURE", user_agent = "torture",
  connections = 4,
}
check(client:is_local(), "is_local")
if manner == "thread" then
  local ok, err = client:run_thread()
  if not ok then
    return failure(err)
  end
end

local function finish(request)
  local deadline = core.now() + 2 * PATIENCE
  while not request:done() do
    client:wait(1)
    check(core.now() < deadline, "a request has no end")
  end
  return request
end

local ends = {}
local function note(what, err)
  ends[#ends + 1] = what .. ": " .. failure(err)
end

local function exchange(what, method, path, body, ...)
  local request = finish(client:start(method, path, body, PATIENCE, PATIENCE,
    PATIENCE, false, false, ...))
  local status, answer, reason = request:result()
  request:headers()
  check(request:text(10), "text")
  if not status then
    note(what, answer)
  else
    check(status == 200, what .. " status " .. tostring(status))
    check(reason == "not enough memory" or type(answer) == "table" and
      answer.code == 0 and answer.data.echo == what, what .. " answer")
  end
  request:close()
end

exchange("get", "GET", "/get", nil, "project_id", "p 1")
exchange("post", "POST", "/post", text)
exchange("put", "PUT", "/put", text)
do -- one that waits for its time, and is told apart from what goes on
  local request = finish(client:look("/get", PATIENCE, PATIENCE, PATIENCE,
    false, 0.001, 0.001, 1e9, 1e9, 14, "project_id", "p 1"))
  local status, answer = request:result()
  if not status then
    note("look", answer)
  else
    check(status == 200, "look status " .. tostring(status))
  end
  request:close()
end
local forgotten = client:start("GET", "/get", nil, PATIENCE, PATIENCE, PATIENCE,
  false)
forgotten:cancel()
forgotten = nil -- luacheck: ignore

local target = folder .. "/video.mp4"
local output, err = core.output(target, true, 1e9)
if not output then
  return "output: " .. failure(err)
end
for _, path in ipairs { "/cut.mp4", "/video.mp4" } do
  local request = client:download(output, url .. path, PATIENCE, PATIENCE,
    PATIENCE, '"1"')
  local status, stored = finish(request):result()
  if status then
    check(status == 200 or status == 206, "download status")
    check(stored == true, "not stored")
  elseif stored.reason ~= "broken" or path == "/video.mp4" then
    note("download", stored)
  end
end
output:close()

local function content(path)
  local file = io.open(path, "rb")
  local bytes = file and file:read "*a"
  if file then
    file:close()
  end
  return bytes
end

local stored = content(target)
check(stored == nil or stored == content(video_path), "the video")
if #ends == 0 and not stored then
  ends[1] = "no video"
end
os.remove(target)
client:close()
return #ends == 0 and "done" or table.concat(ends, ", ")
