-- SPDX-License-Identifier: MIT
-- Connections cost: they are kept, shared and bounded, TLS resumes the session
-- of the last connection, and a task that waits holds none.

local socket = require "socket"
local core = require "jogg.core"
local jogg = require "jogg"
local faults = require "spec.support.faults"
local process = require "spec.support.process"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)
local SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
local NGINX = "/usr/sbin/nginx"

local ANSWER = '{"code":0,"data":{"status":3,"progress":7}}'

describe("connections", function()
  local server, tls, client, folder

  setup(function()
    server = faults.start()
    tls = faults.start { tls = true }
    folder = process.temporary_folder()
  end)
  teardown(function()
    server:stop()
    tls:stop()
    process.remove_folder(folder)
  end)
  before_each(function()
    for _, each in ipairs { server, tls } do
      each:clear():on_connect {}
      each:on("GET", "/open/prj_info", { body = ANSWER })
    end
    client = nil
  end)
  after_each(function()
    if client then client:close() end
    assert.is_true(server:wait { open = 0 })
    assert.is_true(tls:wait { open = 0 })
  end)

  local function connect(to, options)
    options = options or {}
    options.api_key = "key"
    options.base_url = options.base_url or to.url
    options.ca_file = options.ca_file or to.ca_file
    client = jogg.client(options)
    return client
  end

  local function free_port()
    local holder = assert(socket.bind("127.0.0.1", 0))
    local _, port = holder:getsockname()
    holder:close()
    return tonumber(port)
  end

  local function wait_for_port(port)
    local deadline = core.now() + 10 * SLOW
    repeat
      local probe = socket.connect("127.0.0.1", port)
      if probe then return probe:close() end
      socket.sleep(0.01)
    until core.now() > deadline
    error "the server does not start"
  end

  for _, how in ipairs { "blocking", "in a task, threaded" } do
    it("is one for one poll after another, " .. how, function()
      for _, to in ipairs { server, tls } do
        local before = to:connections()
        connect(to)
        local function polls()
          for _ = 1, 10 do assert(client:project_info "p") end
          return true
        end
        if how == "blocking" then
          polls()
        else
          client:step()
          assert(client:spawn(polls):wait())
        end
        assert.equal(before + 1, (to:connections()))
        client:close()
      end
    end)
  end

  it("are at most max_transfers", function()
    server:on("GET", "/open/prj_info", { body = ANSWER, delay = 0.02 })
    local before = server:connections()
    connect(server, { max_transfers = 4 })
    for _ = 1, 40 do
      client:spawn(function() assert(client:project_info "p") end)
    end
    client:run()
    assert.equal(40, #server:requests())
    assert.equal(before + 4, (server:connections()))
  end)

  it("do not wait for each other's first answer", function()
    server:on("GET", "/open/prj_info", { { stall = "after_request" },
      { body = ANSWER } })
    connect(server)
    local list = {}
    for i = 1, 5 do
      list[i] = client:spawn(function() return client:project_info "p" end)
    end
    local deadline, done = core.now() + 5, 0
    while done < 4 and core.now() < deadline do
      client:step(0.05)
      done = 0
      for _, task in ipairs(list) do
        done = done + (task.value and 1 or 0)
      end
    end
    assert.equal(4, done)
  end)

  it("are not held by those who wait", function()
    connect(server, { max_transfers = 8 })
    local before = process.settled_descriptor_count()
    local waiting = 0
    for _ = 1, 1000 do
      client:spawn(function()
        assert(client:project_info "p")
        waiting = waiting + 1
        client:sleep(1000)
      end)
    end
    while waiting < 1000 do client:step(0.1) end
    local held = process.descriptor_count() - before
    assert.is_true(held <= 8, held)
    local _, open = server:connections()
    assert.is_true(open <= 8, open)
  end)

  it("are replaced when the server closed them meanwhile", function()
    connect(server, { retries = 0 })
    local before = server:connections()
    assert(client:project_info "p")
    server:close_idle()
    assert(client:project_info "p")
    assert.equal(before + 2, (server:connections()))
  end)

  it("resume the TLS session", function()
    local port = free_port()
    local good = tls.ca_file:match "^(.*)/" .. "/good"
    local child = process.start({ "openssl", "s_server", "-accept",
      "127.0.0.1:" .. port, "-cert", good .. ".crt", "-key", good .. ".key",
      "-www", "-quiet" }, { stderr = "/dev/null",
      env = { LD_PRELOAD = false } })
    wait_for_port(port)
    local bare = core.client { api_key = "key", user_agent = "spec",
      base_url = "https://localhost:" .. port, ca_file = tls.ca_file }
    local words = {}
    for i = 1, 3 do -- it closes after each answer
      local page = bare:download { path = folder .. "/page", maximum = 1e6,
        whole = "length", overwrite = true }
      local request = bare:start { url = "https://localhost:" .. port .. "/",
        download = page }
      while not request:done() do bare:wait(0.1) end
      local stored = page:commit()
      while not stored:done() do bare:wait(0.1) end
      words[i] = process.read_file(folder .. "/page")
        :match "(%a+), TLSv1.%d, Cipher"
    end
    bare:close()
    child:stop()
    assert.same({ "New", "Reused", "Reused" }, words)
  end)

  it("share the parsed certificates", function()
    local system = process.read_file(SYSTEM_BUNDLE)
    if not system then
      return pending("there is no " .. SYSTEM_BUNDLE)
    end
    local bundle = process.write_file(folder .. "/bundle.pem", system ..
      process.read_file(tls.ca_file))
    tls:on("POST", "/open/project/render", { body = '{"code":0}' })
    connect(tls, { ca_file = bundle, posts_per_minute = 1000 })
    local times = {}
    for i = 1, 6 do -- a POST always has a new connection
      local begun = os.clock()
      assert(client:render_project { project_id = "p" })
      times[i] = os.clock() - begun
    end
    local later = math.min(times[2], times[3], times[4], times[5], times[6])
    assert.is_true(later < times[1] / 2, later / times[1])
  end)

  it("carry many polls at once where the server speaks HTTP/2", function()
    if not process.read_file(NGINX) then
      return pending "nginx is not installed"
    end
    local port = free_port()
    local good = tls.ca_file:match "^(.*)/" .. "/good"
    process.write_file(folder .. "/prj_info", ANSWER)
    process.write_file(folder .. "/nginx.conf", ([[
      daemon off; master_process off; worker_processes 1;
      pid FOLDER/pid; error_log FOLDER/errors;
      events { worker_connections 200; }
      http {
        log_format connections "$connection $server_protocol";
        access_log FOLDER/access connections;
        client_body_temp_path FOLDER/a; proxy_temp_path FOLDER/b;
        fastcgi_temp_path FOLDER/c; uwsgi_temp_path FOLDER/d;
        scgi_temp_path FOLDER/e;
        server {
          listen 127.0.0.1:PORT ssl http2;
          ssl_certificate GOOD.crt; ssl_certificate_key GOOD.key;
          location = /open/prj_info { alias FOLDER/prj_info; }
        }
      }
    ]]):gsub("%u%u%u%u+", { FOLDER = folder, PORT = ("%d"):format(port),
      GOOD = good }))
    local child = process.start({ NGINX, "-p", folder, "-c",
      folder .. "/nginx.conf" }, { stderr = "/dev/null",
      env = { LD_PRELOAD = false } })
    wait_for_port(port)
    connect(tls, { base_url = "https://localhost:" .. port })
    local good_answers = 0
    for _ = 1, 32 do
      client:spawn(function()
        local project = assert(client:project_info "p")
        good_answers = good_answers + project.status
      end)
    end
    client:run()
    client:close()
    child:stop()
    local connections, lines = {}, 0
    for number, protocol in process.read_file(folder .. "/access")
      :gmatch "(%d+) (%S+)" do
      assert.equal("HTTP/2.0", protocol)
      connections[number] = true
      lines = lines + 1
    end
    assert.equal(32 * 3, good_answers)
    assert.equal(32, lines)
    connections[next(connections)] = nil
    assert.is_nil(next(connections)) -- one carried them all
  end)
end)
