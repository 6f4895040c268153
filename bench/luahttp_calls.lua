-- SPDX-License-Identifier: MIT
-- The same with lua-http, cqueues and lua-cjson; each coroutine keeps its
-- connection:
--   luahttp_calls.lua flight BASE CA|- COUNT WIDTH

local cjson = require "cjson"
local cqueues = require "cqueues"
local http_client = require "http.client"
local http_headers = require "http.headers"
local meter = require "bench_meter"

local _, base, _, count, width = ...
count, width = tonumber(count), tonumber(width)

local host, port = base:match "//([^:/]+):(%d+)"

local function poll(connection, i)
  local headers = http_headers.new()
  headers:append(":method", "GET")
  headers:append(":authority", host .. ":" .. port)
  headers:append(":path", ("/open/prj_info?project_id=%032d"):format(i % 64))
  headers:append(":scheme", "http")
  headers:append("user-agent", "lua-http")
  headers:append("x-api-key", "bench")
  local stream = assert(connection:new_stream())
  assert(stream:write_headers(headers, true, 60))
  local answer = assert(stream:get_headers(60))
  assert(answer:get ":status" == "200")
  local body = cjson.decode(assert(stream:get_body_as_string(60)))
  assert(body.data.status == 3)
  stream:shutdown()
end

local connections = {}

local function run(total)
  local left = total
  local queue = cqueues.new()
  for n = 1, width do
    queue:wrap(function()
      connections[n] = connections[n] or assert(http_client.connect {
        host = host, port = tonumber(port), tls = false,
      })
      while left > 0 do
        left = left - 1
        poll(connections[n], left)
      end
    end)
  end
  assert(queue:loop())
end

run(4 * width)
local wall, cpu = meter.wall(), meter.cpu()
run(count)
print("cpu", meter.cpu() - cpu)
print("wall", meter.wall() - wall)
