-- SPDX-License-Identifier: MIT
-- nginx with TLS and HTTP/2, for what the fault server does not speak. It
-- serves the files of its folder, and what the spec's `server` lines add.

local socket = require "socket"
local process = require "spec.support.process"

local nginx = {}
local methods = {}
local meta = { __index = methods, __name = "nginx" }

local TRIES = 3                  -- ports: another program may take one first
local here = debug.getinfo(1, "S").source:match "^@(.*)/[^/]*$" or "."

local CONFIGURATION = [[
daemon off; worker_processes 1; pid @folder@/pid; error_log @folder@/log; @user@
events { worker_connections 256; }
http {
  access_log off; default_type application/json;
  types { video/mp4 mp4; }
  client_body_temp_path @folder@/body; proxy_temp_path @folder@/proxy;
  fastcgi_temp_path @folder@/fastcgi; uwsgi_temp_path @folder@/uwsgi;
  scgi_temp_path @folder@/scgi;
  server {
    listen 127.0.0.1:@port@ ssl http2;
    ssl_certificate @folder@/good.crt; ssl_certificate_key @folder@/good.key;
    root @folder@/files;
    @lines@
  }
}
]]

local function free_port()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  listener:close()
  return tonumber(port)
end

local function listens(port)
  local probe = assert(socket.tcp())
  probe:settimeout(1)
  local ok = probe:connect("127.0.0.1", port)
  probe:close()
  return ok
end

local function try(folder, lines)
  local port = free_port()
  local values = {
    folder = folder, port = ("%d"):format(port),
    lines = lines:gsub("@port@", ("%d"):format(port)),
    user = process.run { "id", "-u" }:match "^0%s*$" and "user root;" or "",
  }
  process.write_file(folder .. "/conf",
    (CONFIGURATION:gsub("@(%l+)@", values)))
  local path = os.getenv "PATH" .. ":/usr/sbin:/usr/local/sbin"
  local child = process.start({ "nginx", "-p", folder, "-c",
    folder .. "/conf" }, { env = { PATH = path, LD_PRELOAD = false },
    stderr = folder .. "/log" })
  local deadline = socket.gettime() + 10
  while child:alive() and socket.gettime() < deadline do
    if process.read_file(folder .. "/pid") and listens(port) then
      return child, port
    end
    socket.sleep(0.01)
  end
  child:stop()
end

--- Starts it.
-- @tparam table files name to bytes
-- @tparam string lines for the `server` block; @port@ is its port
-- @treturn table url, ca_file, :stop()
function nginx.start(files, lines)
  local folder = process.temporary_folder()
  local complaint, status = process.run({ os.getenv "LUA54" or "lua5.4",
    here .. "/certificates.lua", folder }, { stderr = "merge" })
  assert(status == 0, complaint)
  process.run { "mkdir", folder .. "/files" }
  process.run { "chmod", "-R", "a+rX", folder }
  for name, bytes in pairs(files) do
    process.write_file(folder .. "/files/" .. name, bytes)
  end
  for _ = 1, TRIES do
    local child, port = try(folder, lines)
    if child then
      return setmetatable({
        child = child, folder = folder, ca_file = folder .. "/ca.pem",
        url = "https://localhost:" .. port,
      }, meta)
    end
  end
  local log = process.read_file(folder .. "/log")
  process.remove_folder(folder)
  error("nginx did not start: " .. tostring(log), 2)
end

--- Stops it. May be repeated.
function methods:stop()
  self.child:stop()
  process.remove_folder(self.folder)
end

return nginx
