-- SPDX-License-Identifier: MIT
-- Local files in the place of URLs, at the sandbox and at a server that fails.

local cjson = require "cjson".new()
local core = require "jogg.core"
local faults = require "spec.support.faults"
local jogg = require "jogg"
local native = require "spec.support.native"
local process = require "spec.support.process"
local sandbox = require "spec.support.sandbox"
local v2 = require "spec.support.v2"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

describe("uploads", function()
  local server, client, folder, picture

  setup(function()
    server = sandbox.start { "--key", "spec-key=100000" }
    folder = process.temporary_folder()
  end)
  teardown(function()
    server:stop()
    process.remove_folder(folder)
  end)
  before_each(function()
    server:clear_faults()
    client = jogg.client { api_key = server.key, base_url = server.url,
      generation = "v2", posts_per_minute = 0 }
    if not picture then
      picture = folder .. "/picture.jpg"
      assert(client:download { output = picture,
        url = v2.image_url(client, server) })
    end
  end)
  after_each(function() client:close() end)

  local function uploads(since)
    local n = 0
    for _, entry in ipairs((server:log(since))) do
      n = n + (entry.endpoint == "upload_asset" and 1 or 0)
    end
    return n
  end

  -- What is at an address, fetched without a key.
  local function content(url)
    local path = folder .. "/content"
    assert(client:download { url = url, output = path, overwrite = true })
    return process.read_file(path)
  end

  it("give a file a URL at the service, with its bytes", function()
    local told
    local asset = assert(client:upload { file = picture,
      on_progress = function(p) told = p end })
    assert.is_true(process.read_file(picture) == content(asset.asset_url))
    assert.equal(asset.asset_url, asset.url)
    assert.is_true(told == nil or told.phase == "upload")
  end)

  it("happen wherever the service takes a URL, once for each file", function()
    local _, since = server:log()
    local options = v2.OPTIONS.make_photo_avatar(client, server)
    options.image_url, options.poll = picture, v2.POLL
    assert(client:make_photo_avatar(options))
    assert.equal(1, uploads(since))
    _, since = server:log()
    local product = assert(client:create_product { name = "Mug",
      description = "d", media = {
        { type = "image", url = { file = picture } },
        { type = "image", url = picture },
        { type = "image", url = "https://shop.example/x.jpg" } } })
    assert.equal(1, uploads(since))
    assert.equal(product.media[1].url, product.media[2].url)
    assert.equal("https://shop.example/x.jpg", product.media[3].url)
    _, since = server:log()
    local video = assert(client:make_video { avatar_id = 81, poll = v2.POLL,
      product = { name = "Mug", description = "d", media = {
        { type = "image", url = picture } } } })
    assert.equal(1, uploads(since))
    assert.equal("completed", video.status)
  end)

  it("never take for a file what is not called one", function()
    local _, since = server:log()
    for _, text in ipairs { "picture.jpg", "http://127.0.0.1/picture.jpg",
      "file:///etc/passwd", "C:\\x.jpg", "//cdn.example/x.jpg" } do
      pcall(client.create_product, client, { name = "Mug", description = "d",
        media = { { type = "image", url = text } } })
    end
    assert.equal(0, uploads(since))
  end)

  it("check type and size before anything is sent", function()
    local _, since = server:log()
    local function refused(path, expected)
      local asset, err = client:upload { file = path }
      assert.is_nil(asset)
      assert.equal("not_sent", err.outcome)
      assert.truthy(err.message:find(expected, 1, true), err.message)
    end
    refused("/etc/passwd", "the name must end in one of")
    refused(folder .. "/none.jpg", "No such file")
    refused(folder, "the name must end")
    process.write_file(folder .. "/large.jpg", "")
    process.run { "truncate", "-s", "10485761", folder .. "/large.jpg" }
    refused(folder .. "/large.jpg", "at most 10485760 of an image")
    process.run { "mkfifo", folder .. "/pipe.png" }
    refused(folder .. "/pipe.png", "is a device, a pipe")
    assert.same({}, (server:log(since)))
  end)

  for name, fault in pairs {
    ["an upload that breaks"] = { endpoint = "storage", what = "reset_during",
      value = 100 },
    ["a signature that has expired"] = { endpoint = "storage",
      what = "status", value = 403 },
    ["a storage in trouble"] = { endpoint = "storage", what = "status",
      value = 503 },
  } do
    it("are repeated on a fresh signature after " .. name, function()
      fault.call, fault.times = 1, 2
      server:fault(fault)
      local random = math.random
      math.random = function() return 0 end -- luacheck: ignore
      local _, since = server:log()
      local asset, err = client:upload { file = picture }
      math.random = random -- luacheck: ignore
      assert.truthy(asset, tostring(err))
      assert.equal(3, uploads(since))
      assert.is_true(process.read_file(picture) == content(asset.asset_url))
    end)
  end

  it("carry no key, and go to no address of the API or of a private network",
    function()
      local api, other = faults.start(), faults.start()
      finally(function()
        api:stop()
        other:stop()
      end)
      local own = jogg.client { api_key = "geheim", base_url = api.url,
        generation = "v2", posts_per_minute = 0 }
      local function sign(url)
        api:on("POST", "/v2/upload/asset", { json = { code = 0, data = {
          sign_url = url, asset_url = "https://assets.example/x.jpg" } } })
      end
      other:on("PUT", "/put", { status = 200, body = "" })
      sign(other.url .. "/put?signature=x")
      assert(own:upload { file = picture })
      local request = other:last_request()
      assert.is_nil(request.headers["x-api-key"])
      assert.equal("image/jpeg", request.headers["content-type"])
      assert.is_true(process.read_file(picture) == request.body)
      sign(api.url .. "/put")
      local _, err = own:upload { file = picture }
      assert.matches("leads to the API itself", err.message)
      for _, url in ipairs { "http://cdn.example/x", "file:///x", "no" } do
        sign(url)
        assert.equal("protocol", select(2, own:upload { file = picture }).kind)
      end
      for _, sent in ipairs(api:requests()) do
        assert.equal("/v2/upload/asset", sent.path)
        assert.equal("picture.jpg", cjson.decode(sent.body).filename)
      end
      own:close()
    end)

  describe("end with the time of their job", function()
    local api, storage, own

    before_each(function()
      api, storage = faults.start(), faults.start()
      own = jogg.client { api_key = "k", base_url = api.url,
        generation = "v2", posts_per_minute = 0 }
      api:on("POST", "/v2/upload/asset", { json = { code = 0, data = {
        sign_url = storage.url .. "/put",
        asset_url = storage.url .. "/x.jpg" } } })
    end)
    after_each(function()
      own:close()
      api:stop()
      storage:stop()
    end)

    local function make(step)
      storage:on("PUT", "/put", step)
      local begun = core.now()
      local result, err = own:make_photo_avatar { image_url = picture,
        name = "Ann", voice_id = "v", model = "2.0", timeout = 0.5 }
      assert.is_nil(result)
      assert.equal("upload", err.phase)
      assert.is_true(core.now() - begun < 8 * SLOW)
      for _, request in ipairs(api:requests()) do -- nothing was paid
        assert.equal("/v2/upload/asset", request.path)
      end
      return err
    end

    it("when they are slow; the job can be resumed", function()
      local err = make { status = 200, body = "", slow_request = 100 }
      assert.equal("timeout", err.kind, tostring(err))
      storage:on("PUT", "/put", { status = 200, body = "" })
      api:on("POST", "/v2/photo_avatar/add_motion", { json = { code = 0,
        data = { motion_id = "M", avatar_id = 7 } } })
      api:on("GET", "/v2/photo_avatar", { json = { code = 0, data = {
        motion_id = "M", avatar_id = 7, status = "completed" } } })
      local result = assert(own:make_photo_avatar { resume = err.resume,
        poll = v2.POLL })
      assert.equal("completed", result.status)
    end)

    it("when the storage asks for a longer pause", function()
      local err = make { status = 503, body = "",
        headers = { ["Retry-After"] = "100" } }
      assert.same({ "server", 503 }, { err.kind, err.http_status })
    end)
  end)

  it("find a file in the home folder", function()
    process.write_file(folder .. "/home.jpg", process.read_file(picture))
    local output = native.run([[
      local jogg = require "jogg"
      local client = jogg.client { api_key = arg[1], base_url = arg[2],
        generation = "v2", posts_per_minute = 0 }
      print(assert(client:upload { file = "~/home.jpg" }).url)
      print(assert(client:create_product { name = "Mug", description = "d",
        media = { { type = "image", url = "~/home.jpg" } } }).media[1].url)
    ]], { arguments = { server.key, server.url }, env = { HOME = folder } })
    for url in output:gmatch "[^\n]+" do
      assert.is_true(process.read_file(picture) == content(url), output)
    end
    assert.equal(2, select(2, output:gsub("\n", "")), output)
  end)
end)
