-- SPDX-License-Identifier: MIT
-- The same with LuaSocket, LuaSec and lua-cjson:
--   luasocket_calls.lua polls|download BASE CA|- COUNT [FILE]

local cjson = require "cjson"
local http = require "socket.http"
local ltn12 = require "ltn12"
local meter = require "bench_meter"
local socket = require "socket"

local mode, base, ca, count, file = ...
count = tonumber(count)

local host, port = base:match "//([^:/]+):(%d+)"
local secure = base:match "^https"

-- LuaSocket closes the connection after each request; this keeps it, as the
-- best that a script can do with it by hand.
local function connect()
  local connection = assert(socket.tcp())
  assert(connection:connect(host, tonumber(port)))
  connection:setoption("tcp-nodelay", true)
  if secure then
    connection = assert(require "ssl".wrap(connection, {
      mode = "client", protocol = "any", cafile = ca, verify = "peer",
    }))
    assert(connection:dohandshake())
  end
  return connection
end

local function receive_headers(connection)
  local status = assert(connection:receive "*l")
  assert(status:find " 200 ", status)
  local length
  while true do
    local line = assert(connection:receive "*l")
    if line == "" then
      return length
    end
    local name, value = line:match "^([^:]+):%s*(.*)$"
    if name:lower() == "content-length" then
      length = tonumber(value)
    end
  end
end

local function measured(f)
  local wall, cpu = meter.wall(), meter.cpu()
  f()
  print("cpu", meter.cpu() - cpu)
  print("wall", meter.wall() - wall)
end

local connection
local function poll(i)
  connection:send(("GET /open/prj_info?project_id=%032d HTTP/1.1\r\n" ..
    "Host: %s:%s\r\nUser-Agent: LuaSocket\r\nAccept: */*\r\n" ..
    "x-api-key: bench\r\n\r\n"):format(i % 64, host, port))
  local body = assert(connection:receive(receive_headers(connection)))
  local answer = cjson.decode(body)
  assert(answer.code == 0 and answer.data.status == 3)
end

local function polls()
  connection = connect()
  for i = 1, 20 do
    poll(i)
  end
  measured(function()
    for i = 1, count do
      poll(i)
    end
  end)
end

-- One whole request each, as the library offers it.
local function requests()
  local request = secure and require "ssl.https".request or http.request
  local function once(i)
    local parts = {}
    local _, status = request {
      url = ("%s/open/prj_info?project_id=%032d"):format(base, i % 64),
      headers = { ["x-api-key"] = "bench" }, sink = ltn12.sink.table(parts),
      cafile = secure and ca or nil, verify = secure and "peer" or nil,
    }
    assert(status == 200)
    assert(cjson.decode(table.concat(parts)).data.status == 3)
  end
  once(0)
  measured(function()
    for i = 1, count do
      once(i)
    end
  end)
end

local function download()
  local request = secure and require "ssl.https".request or http.request
  measured(function()
    local _, status = request {
      url = ("%s/video/%d.mp4"):format(base, count),
      sink = ltn12.sink.file(assert(io.open(file, "wb"))),
      cafile = secure and ca or nil, verify = secure and "peer" or nil,
      protocol = secure and "any" or nil,
    }
    assert(status == 200)
  end)
  print("memory", meter.memory "VmHWM:")
end

local MODES = { polls = polls, requests = requests, download = download }
MODES[mode]()
