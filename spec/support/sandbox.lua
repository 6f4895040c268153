-- SPDX-License-Identifier: MIT
-- Starts jogg-sandbox for specs, and speaks to it without jogg: through
-- LuaSocket and lua-cjson, so that what is tested is not the judge as well.
-- The program is $JOGG_SANDBOX or build/jogg-sandbox.

local cjson = require "cjson"
local http = require "socket.http"
local ltn12 = require "ltn12"
local socket = require "socket"
local process = require "spec.support.process"

local sandbox = {}
local server_methods = {}
local server_meta = { __index = server_methods, __name = "sandbox" }

--- The API key that start() gives the sandbox unless options name another.
sandbox.KEY = "spec-key"

local PATIENCE = 30          -- seconds for a render, on a busy machine

--- Starts a sandbox on a free port. Made for specs: quick videos, no waits
-- of real life, no limit on POSTs; arguments that come later win.
-- @tparam ?{string,...} arguments further options of the command line
-- @tparam ?table options for process.start: env, stderr
-- @treturn table the server: url, storage (where files of /v2 are), key, child,
-- and the methods below and those of spec/support/sandbox_v2.lua
function sandbox.start(arguments, options)
  arguments = arguments or {}
  local words = {
    os.getenv "JOGG_SANDBOX" or "build/jogg-sandbox",
    "--speed", "100000", "--video", "quick", "--posts-per-minute", "0",
  }
  local key
  for i, argument in ipairs(arguments) do
    if argument == "--key" and not key then
      key = tostring(arguments[i + 1]):gsub("=%d+$", "")
    end
    words[#words + 1] = tostring(argument)
  end
  if not key then
    key = sandbox.KEY
    words[#words + 1] = "--key=" .. key
  end
  local child = process.start(words, options)
  local line = child:line()
  local url = line and line:match "^listening on (http://127%.0%.0%.1:%d+)$"
  if not url then
    child:stop()
    error("jogg-sandbox does not start: " .. tostring(line))
  end
  local storage = child:line():match "^storage on (http://[%d.:]+)$"
  return setmetatable({
    child = child, url = url, storage = storage, key = key,
  }, server_meta)
end

--- Stops it, at once. May be called again.
function server_methods:stop()
  self.child:stop()
end

--- Sends a request.
-- @tparam string method
-- @tparam string path or a whole URL
-- @tparam ?table options `headers`, `body` (text), `json` (a table), `type`
-- (the Content-Type, JSON's by default), `key` (false: none)
-- @treturn[1] number the HTTP status
-- @treturn[1] string the body
-- @treturn[1] table the headers, names in lower case
-- @treturn[2] nil
-- @treturn[2] string why there was no answer
function server_methods:request(method, path, options)
  options = options or {}
  local headers, parts = {}, {}
  local body = options.json and cjson.encode(options.json) or options.body
  if options.key ~= false then headers["x-api-key"] = options.key or self.key end
  if body then
    headers["content-type"] = options.type or "application/json"
    headers["content-length"] = tostring(#body)
  end
  for name, value in pairs(options.headers or {}) do
    headers[name] = value or nil
  end
  local ok, status, answer = http.request {
    method = method, headers = headers, redirect = false,
    url = path:find "^http:" and path or self.url .. path,
    source = body and ltn12.source.string(body), sink = ltn12.sink.table(parts),
  }
  if not ok then return nil, status end
  return status, table.concat(parts), answer
end

--- Sends a request and decodes the answer.
-- @treturn table the JSON; raises when there is none
-- @treturn number the HTTP status
-- @treturn table the headers
function server_methods:call(method, path, options)
  local status, body, headers = self:request(method, path, options)
  assert(status, body)
  return cjson.decode(body), status, headers
end

--- The address of a sample page: "lamp", "mug" or "backpack".
function server_methods:sample(name)
  return ("%s/samples/%s.html"):format(self.url, name)
end

--- Adds a fault (see sandbox/README.md).
function server_methods:fault(fault)
  local answer, status = self:call("POST", "/sandbox/faults", { json = fault })
  assert(status == 200, answer.message)
  return answer.faults
end

--- Takes all faults back.
function server_methods:clear_faults()
  return self:call("DELETE", "/sandbox/faults").faults
end

--- What arrived since an entry's number (0 by default).
-- @treturn table the entries
-- @treturn number the last number
function server_methods:log(since)
  local answer = self:call("GET", "/sandbox/log?since=" .. (since or 0))
  return answer.entries, answer.last
end

--- The account of a key: credits, charged, posts, renders, renders_total.
function server_methods:account(key)
  return (self:call("GET", "/sandbox/account", { key = key }))
end

--- Creates a product of a page without jogg.
-- @treturn table data: id, prj_id
function server_methods:product(url)
  local answer = self:call("POST", "/open/product",
    { json = { url = url or self:sample "lamp" } })
  return assert(answer.data, answer.msg)
end

--- What prj_info says.
function server_methods:info(project_id)
  return self:call("GET", "/open/prj_info?project_id=" .. project_id).data
end

--- Renders a project to its end without jogg.
-- @tparam string project_id
-- @tparam ?table options further fields of the render call
-- @treturn table prj_info's data, with status 4 or 5
function server_methods:render(project_id, options)
  local body = { project_id = project_id }
  for name, value in pairs(options or {}) do body[name] = value end
  local answer = self:call("POST", "/open/project/render", { json = body })
  assert(answer.code == 0, answer.msg)
  return self:await(project_id)
end

--- Looks until a project is done or has failed.
function server_methods:await(project_id)
  local deadline = socket.gettime()
    + PATIENCE * (tonumber(os.getenv "JOGG_SLOW") or 1)
  while true do
    local info = self:info(project_id)
    if info.status >= 4 then return info end
    assert(socket.gettime() < deadline, "the render takes too long")
    socket.sleep(0.02)
  end
end

for name, method in pairs(require "spec.support.sandbox_v2") do
  server_methods[name] = method
end

return sandbox
