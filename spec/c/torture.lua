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

-- The class of a failure, if that is what it is.
local function class(failure)
  check(type(failure) == "table" and type(failure.class) == "string" and
    type(failure.sent) == "boolean", "a failure is none")
  return failure.class
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
}
check(client:is_local(), "is_local")
if manner == "thread" then
  local ok, failure = client:start_thread()
  if not ok then
    return class(failure)
  end
end

local function finish(request)
  local deadline = core.now() + 2 * PATIENCE
  while not request:done() do
    client:wait(1)
    while client:completed() do end
    check(core.now() < deadline, "a request has no end")
  end
  return request
end

local ends = {}
local function note(what, failure)
  ends[#ends + 1] = what .. ": " .. class(failure)
end

local function exchange(what, fields_of_it)
  fields_of_it.connect_timeout = PATIENCE
  fields_of_it.stall_timeout = PATIENCE
  fields_of_it.timeout = PATIENCE
  local request = finish(client:start(fields_of_it))
  local status, answer, reason = request:result()
  request:headers()
  if not status then
    note(what, answer)
  else
    check(status == 200, what .. " status " .. tostring(status))
    check(reason == "not enough memory" or type(answer) == "table" and
      answer.code == 0 and answer.data.echo == what, what .. " answer")
  end
  request:close()
end

exchange("get", { path = "/get", query = { project_id = "p 1", a = "b" } })
exchange("post", { method = "POST", path = "/post", body = text })
exchange("put", { method = "PUT", path = "/put", body = text, fresh = true })
exchange("get", { url = url .. "/get", beside = true })
local forgotten = client:start { path = "/get", timeout = PATIENCE }
forgotten:cancel()
forgotten = nil -- luacheck: ignore

-- Work on the disk: true and its value, unless it failed.
local function work(what, request)
  local status, value = finish(request):result()
  request:close()
  if status ~= 0 then
    note(what, value)
    return nil, value
  end
  return true, value
end

local source = client:source { path = video_path }
local opened_source, size = work("source", source:open())
if opened_source then
  check(size == 400132, "a source's size")
  for _, method in ipairs { "PUT", "POST" } do
    local request = finish(client:start { method = method, source = source,
      url = url .. "/asset", content_type = "video/mp4", public = true,
      timeout = PATIENCE })
    local status, answer = request:result()
    if status then
      check(status == 204 and request:progress() == size, "upload status")
    else
      note("upload", answer)
    end
    request:close()
  end
end
source:close()

local target = folder .. "/video.mp4"
local download = client:download { path = target, overwrite = true,
  maximum = 1e9, whole = "mp4" }
work("check", download:check())
local whole
for _, path in ipairs { "/cut.mp4", "/video.mp4" } do
  local request = finish(client:start { url = url .. path, download = download,
    validator = '"1"', timeout = PATIENCE })
  local status, stored = request:result()
  if status then
    check(status == 200 or status == 206, "download status")
    check(stored == true, "not stored")
    whole = true
  elseif stored.class ~= "broken" or path == "/video.mp4" then
    note("download", stored)
  end
end
local committed, failure
if whole then
  committed, failure = work("commit", download:commit())
end
local kept = not committed and failure and failure.path
download:discard()

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
check(not committed or stored, "a commit without a video")
check(not kept or content(kept) == content(video_path), "the kept video")
os.remove(target)

local job = folder .. "/video.job"
os.remove(job) -- of a run that was broken off
local record = client:record(job)
local opened, old = work("open", record:open())
if opened then
  check(old == nil, "a record from nothing")
  local written
  for _, words in ipairs { "one", "two" } do
    if work("write", record:write(words)) then
      written = words
    end
    check(content(job) == written, "the record")
  end
end
record:close()
os.remove(job)
client:close()
return #ends == 0 and "done" or table.concat(ends, ", ")
