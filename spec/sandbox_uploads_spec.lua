-- SPDX-License-Identifier: MIT
-- jogg-sandbox by itself: signed uploads to its storage, which is another
-- origin: no key, the Content-Type that was signed, a limit, an end.

local socket = require "socket"
local process = require "spec.support.process"
local sandbox = require "spec.support.sandbox"

local PNG = "\137PNG\r\n\26\n" .. ("x"):rep(5000)
local MB = 1024 * 1024

describe("sandbox uploads", function()
  local server

  setup(function()
    server = sandbox.start { "--key", "k=100", "--speed", "100000" }
  end)
  teardown(function() server:stop() end)
  after_each(function() server:clear_faults() end)

  local function put(url, bytes, options)
    options = options or {}
    return server:request("PUT", url, {
      body = bytes or PNG, type = options.type or "image/png",
      key = options.key or false, headers = options.headers,
    })
  end

  local function get(url)
    return server:request("GET", url, { key = false })
  end

  -- Sends a PUT byte by byte as told, on a connection of its own.
  local function connect(signed, headers)
    local host, port, path = signed.sign_url:match "^http://([^:]+):(%d+)(.*)"
    local client = assert(socket.connect(host, tonumber(port)))
    client:settimeout(10)
    assert(client:send(("PUT %s HTTP/1.1\r\nHost: %s:%s\r\n"
      .. "Content-Type: image/png\r\n%s\r\n"):format(path, host, port,
      headers)))
    return client
  end

  it("go to an address that is not the service's own", function()
    local signed = server:sign("../some where/ä b.png", "image/png")
    assert.are_not.equal(server.url, server.storage)
    for _, name in ipairs { "sign_url", "asset_url" } do
      assert.equal(server.storage, signed[name]:sub(1, #server.storage))
    end
    assert.is_nil(signed.asset_url:find "[^%w:/._-]")
  end)

  it("are there afterwards, with their type", function()
    local signed = server:sign("a.png", "image/png", #PNG)
    assert.equal(404, (get(signed.asset_url)))
    local status, body = put(signed.sign_url)
    assert.equal(200, status)
    assert.equal("", body)
    local bytes, headers
    status, bytes, headers = get(signed.asset_url)
    assert.equal(200, status)
    assert.equal(PNG, bytes)
    assert.equal("image/png", headers["content-type"])
    assert.equal(200, (put(signed.sign_url, PNG .. "more")))   -- again
    assert.equal(PNG .. "more", select(2, get(signed.asset_url)))
  end)

  it("are refused with a key, by the log as well", function()
    local signed = server:sign("a.png", "image/png")
    local _, before = server:log()
    local status, body, headers = put(signed.sign_url, PNG,
      { key = server.key })
    assert.equal(400, status)
    assert.equal("application/xml", headers["content-type"])
    assert.truthy(body:find "<Code>InvalidRequest</Code>")
    assert.equal(404, (get(signed.asset_url)))
    local entry = server:log(before)[1]
    assert.equal("storage", entry.origin)
    assert.equal("storage", entry.endpoint)
    assert.is_true(entry.has_key)
    assert.equal(400, (server:request("GET",
      server.storage .. "/catalog/avatars/81.jpg")))
  end)

  it("want the very Content-Type that was signed", function()
    local signed = server:sign("a.png", "image/png")
    for _, kind in ipairs { "image/jpeg", "application/octet-stream",
      "image/png; x=y", "Image/PNG" } do
      local status, body = put(signed.sign_url, PNG, { type = kind })
      assert.equal(403, status, kind)
      assert.truthy(body:find "SignatureDoesNotMatch")
    end
  end)

  it("want the signature as it was given", function()
    local signed = server:sign("a.png", "image/png")
    local other = server:sign("b.png", "image/png")
    for _, url in ipairs { signed.asset_url,
      signed.sign_url:gsub("signature=%x%x", "signature=00"),
      signed.sign_url:gsub("expires=", "expires=1"),
      signed.asset_url .. other.sign_url:match "%?.*" } do
      assert.equal(403, (put(url)), url)
    end
    assert.equal(404, (put(server.storage .. "/assets/00ff/a.png")))
    assert.equal(404, (put(server.storage .. "/nothing")))
    assert.equal(405, (server:request("POST", signed.sign_url,
      { body = "x", key = false })))
  end)

  it("are limited by their type, before they are sent and after", function()
    for kind, limit in pairs { ["image/webp"] = 10, ["video/mp4"] = 100,
      ["audio/mpeg"] = 20 } do
      local answer = server:v2("POST", "/v2/upload/asset", { filename = "a",
        content_type = kind, file_size = limit * MB + 1 })
      assert.equal(40000, answer.code)
      assert.truthy(answer.msg:find(limit .. " MB", 1, true), answer.msg)
      server:sign("a", kind, limit * MB)
    end
    local signed = server:sign("a.png", "image/png")
    local client = connect(signed, ("Content-Length: %d\r\n"):format(
      10 * MB + 1))
    assert.matches("^HTTP/1.1 413", (client:receive "*l"))
    client:close()
    client = connect(signed, "Transfer-Encoding: chunked\r\n")
    local chunk = ("%x\r\n%s\r\n"):format(MB, ("x"):rep(MB))
    for _ = 1, 11 do assert(client:send(chunk)) end
    assert(client:send "0\r\n\r\n")
    assert.matches("^HTTP/1.1 413", (client:receive "*l"))
    client:close()
    assert.equal(404, (get(signed.asset_url)))
  end)

  it("come in pieces of any size", function()
    local signed = server:sign("a.png", "image/png")
    local client = connect(signed, "Transfer-Encoding: chunked\r\n")
    for i = 1, 20 do
      assert(client:send(("1\r\n%s\r\n"):format(string.char(64 + i))))
    end
    assert(client:send "0\r\n\r\n")
    assert.matches("^HTTP/1.1 200", (client:receive "*l"))
    client:close()
    assert.equal("ABCDEFGHIJKLMNOPQRST", select(2, get(signed.asset_url)))
  end)

  it("that break off leave nothing behind", function()
    local folder = process.temporary_folder()
    local other = sandbox.start { "--data", folder }
    local signed = other:sign("a.png", "image/png")
    local client = connect(signed, "Content-Length: 1000\r\n")
    assert(client:send "half")
    local deadline = socket.gettime() + 10
    while process.file_count(folder .. "/work") == 0 do
      assert.is_true(socket.gettime() < deadline)
      socket.sleep(0.005)
    end
    client:close()
    while process.file_count(folder .. "/work") > 0 do
      assert.is_true(socket.gettime() < deadline, "the folder remains")
      socket.sleep(0.005)
    end
    local last = other:log()
    assert.equal(0, last[#last].status)
    assert.equal(404, (other:request("GET", signed.asset_url,
      { key = false })))
    other:stop()
    process.remove_folder(folder)
  end)

  it("end after a time", function()
    local other = sandbox.start { "--upload-seconds", "0.05" }
    local signed = other:sign("a.png", "image/png")
    socket.sleep(0.06)
    local status, body = other:request("PUT", signed.sign_url,
      { body = PNG, type = "image/png", key = false })
    assert.equal(403, status)
    assert.truthy(body:find "expired")
    other:stop()
  end)

  it("keep their address over a restart on the same port", function()
    local folder = process.temporary_folder()
    local other = sandbox.start { "--data", folder }
    local url = other:upload("a.png", "image/png", PNG)
    local port = other.storage:match "%d+$"
    other:stop()
    other = sandbox.start { "--data", folder, "--storage-port", port }
    assert.equal(PNG, select(2, other:request("GET", url, { key = false })))
    local text, code = process.run({
      os.getenv "JOGG_SANDBOX" or "build/jogg-sandbox", "--storage-port", port,
    }, { stderr = "merge" })
    assert.equal(1, code)
    assert.truthy(text:find("port " .. port, 1, true), text)
    other:stop()
    process.remove_folder(folder)
  end)

  it("break, fail and wait as they are told to", function()
    local signed = server:sign("a.png", "image/png")
    server:fault { endpoint = "storage", what = "reset_during", value = 2000 }
    assert.is_nil((put(signed.sign_url)))
    assert.equal(404, (get(signed.asset_url)))
    server:fault { endpoint = "storage", what = "status", value = 503,
      retry_after = 1 }
    local status, _, headers = put(signed.sign_url)
    assert.equal(503, status)
    assert.equal("1", headers["retry-after"])
    assert.equal(404, (get(signed.asset_url)))
    server:fault { endpoint = "storage", what = "reset_after" }
    assert.is_nil((put(signed.sign_url)))
    assert.equal(200, (get(signed.asset_url)))
    server:fault { endpoint = "asset", what = "gone" }
    assert.equal(404, (get(signed.asset_url)))
    server:fault { endpoint = "upload_asset", what = "status_after",
      value = 500 }
    assert.equal(500, (server:request("POST", "/v2/upload/asset",
      { json = { filename = "a", content_type = "image/png" } })))
  end)

  it("serve as pictures, films and sounds", function()
    local function upload(url, name, kind)
      return server:upload(name, kind, select(2, get(url)))
    end
    local picture = upload(server.url .. "/samples/lamp-1.jpg", "l.jpg",
      "image/jpeg")
    local film = upload(server.storage .. "/catalog/avatars/1.mp4", "f.mp4",
      "video/mp4")
    local sound = upload(server.storage .. "/catalog/musics/1.mp3", "s.mp3",
      "audio/mpeg")
    local ids = {
      server:new_job("lip_sync", { video_url = film, audio_url = sound }),
      server:new_job("photo_motion", { image_url = picture }),
      server:new_job("translation", { video_url = film }),
    }
    local product = server:new_product { name = "Lamp",
      media = { { type = 1, url = picture } } }
    local _, before = server:log()
    ids[4] = server:new_job("product_video", { product_id = product })
    for _, id in ipairs(ids) do
      local job = server:await_job(id)
      assert.equal("completed", job.status, job.error)
    end
    local fetched = false
    for _, entry in ipairs(server:log(before)) do
      fetched = fetched or picture:find(entry.path, 1, true) ~= nil
    end
    assert.is_true(fetched)
  end)

  it("are served in parts", function()
    local url = server:upload("a.png", "image/png", PNG)
    local status, bytes = server:request("GET", url,
      { key = false, headers = { range = "bytes=1-3" } })
    assert.equal(206, status)
    assert.equal("PNG", bytes)
  end)
end)
