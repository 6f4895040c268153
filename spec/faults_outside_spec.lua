-- SPDX-License-Identifier: MIT
-- Faults that were found from outside, each by what a user saw.

local core = require "jogg.core"
local faults = require "spec.support.faults"
local flow = require "spec.support.flow"
local jogg = require "jogg"
local native = require "spec.support.native"
local process = require "spec.support.process"

local LUA = os.getenv "JOGG_LUA" or "lua5.4"

describe("found from outside", function()
  local server, client, folder

  setup(function() server = faults.start() end)
  teardown(function() server:stop() end)
  before_each(function()
    folder = process.temporary_folder()
    server:clear():on_connect {}
    flow.script(server)
    client = jogg.client { api_key = "k", base_url = server.url, retries = 1,
      posts_per_minute = 0 }
  end)
  after_each(function()
    client:close()
    process.remove_folder(folder)
  end)

  local TOKEN = { version = 1, generation = "open", rendered = true,
    render_sent = true, project_id = flow.PROJECT }

  describe("a finished video is reached", function()
    local function answer(data, before)
      return { body = (before or "") .. '{"code":0,"data":{"id":"' ..
        flow.PROJECT .. '","status":4,"video_url":"' .. server.url ..
        '/v.mp4",' .. data .. "}}" }
    end

    for name, text in pairs {
      ["a lone surrogate in a title"] = '"title":"Summer sale \\ud83d"',
      ["a lone low surrogate"] = '"title":"\\udc00 sale"',
      ["a text that is not UTF-8"] = '"title":"Gr\246\223e"',
      ["a number that is none"] = '"progress":NaN,"step":-Infinity',
      ["a long integer beside U+0001 and digits"] =
        '"created_at":12345678901234567,"title":"\\u000112345678901234567"',
    } do
      it("with " .. name, function()
        server:on("GET", "/open/prj_info", answer(text))
        local video = assert(client:make_video { resume = TOKEN,
          output = folder .. "/v.mp4", poll = flow.POLL })
        assert.equal(#flow.VIDEO, video.bytes)
        local title = video.raw.title
        if title then
          assert.is_nil((core.text_fault((title:gsub("\1", "")))))
          if text:find "Summer" then
            assert.equal("Summer sale \239\191\189", title)
          elseif text:find "u0001" then
            assert.equal("\00112345678901234567", title)
          end
        end
      end)
    end

    it("behind a byte order mark", function()
      server:on("GET", "/open/prj_info", answer('"title":"t"', "\239\187\191"))
      assert(client:make_video { resume = TOKEN, poll = flow.POLL })
    end)
  end)

  it("an answer that can never be read ends the job, which is resumable",
    function()
      server:on("GET", "/open/prj_info", { body = "{ no JSON" })
      local begun = core.now()
      local video, err = client:make_video { poll = flow.POLL, url = flow.PAGE }
      assert.is_nil(video)
      assert.is_true(core.now() - begun < 30)
      assert.equal("protocol", err.kind)
      assert.equal(flow.PROJECT, err.resume.project_id)
    end)

  it("an answer that is gzip though nobody asked is named", function()
    server:on("GET", "/open/prj_info", { body = "\31\139\8\0",
      headers = { ["Content-Encoding"] = "gzip" } })
    local _, err = client:project_info "p"
    assert.same({ "protocol", "encoding", false },
      { err.kind, err.reason, err.retryable })
    assert.matches("gzip", err.message)
  end)

  it("a relative output does not follow a chdir", function()
    local text, ended = native.run([[
      local jogg = require "jogg"
      native.chdir(arg[2])
      local client = jogg.client { api_key = "k", base_url = arg[1],
        posts_per_minute = 0 }
      local video, err = client:make_video { url = arg[3], output = "v.mp4",
        poll = { first = 0.01, interval = 0.01 },
        on_progress = function(p)
          if p.phase == "wait" then native.chdir "/" end
        end }
      print(video and video.path or err)
    ]], { arguments = { server.url, folder, flow.PAGE } })
    assert.is_true(ended)
    assert.equal("v.mp4\n", text)
    assert.same({ "v.mp4" }, process.files(folder))
  end)

  it("a file system that moves no open file has the video", function()
    local text, ended = native.run([[
      local jogg = require "jogg"
      local client = jogg.client { api_key = "k", base_url = arg[1] }
      local video, err = client:make_video { resume = { version = 1,
        generation = "open", rendered = true, render_sent = true,
        project_id = "p" }, output = arg[2] .. "/v.mp4" }
      print(video and video.bytes or err)
      client:close()
    ]], { arguments = { server.url, folder }, preload = {
      PRELOAD_OPEN_BUSY = "1", PRELOAD_FSYNC_ERROR = "22" } })
    assert.is_true(ended)
    assert.equal(#flow.VIDEO .. "\n", text)
    assert.same({ "v.mp4" }, process.files(folder))
  end)

  describe("certificates come from", function()
    local tls

    setup(function()
      tls = faults.start { tls = true }
      tls:on("GET", "/open/prj_info", { json = { code = 0,
        data = { status = 3 } } })
    end)
    teardown(function() tls:stop() end)

    local function try(environment)
      local words = { "env", "JOGG_API_KEY=k", "JOGG_BASE_URL=" .. tls.url }
      for _, pair in ipairs(environment) do words[#words + 1] = pair end
      for _, word in ipairs { LUA, "-e", [[
        local info, err = require "jogg".client { retries = 0 }
          :project_info "p"
        print(info and info.status or err)]] } do
        words[#words + 1] = word
      end
      return (process.run(words, { stderr = "merge" }))
    end

    it("the variables that curl's users know", function()
      for _, name in ipairs { "JOGG_CA_FILE", "CURL_CA_BUNDLE",
        "SSL_CERT_FILE" } do
        assert.equal("3\n", try { name .. "=" .. tls.ca_file })
      end
      assert.matches("not trusted", try {})
      assert.matches("ca_file, ca_path or JOGG_CA_FILE", try {})
      assert.matches("JOGG_CA_FILE: /nowhere", try { "JOGG_CA_FILE=/nowhere" })
    end)

    it("a hashed folder", function()
      process.run { "cp", tls.ca_file, folder .. "/ca.pem" }
      local _, status = process.run({ "openssl", "rehash", folder },
        { stderr = "merge" })
      assert.equal(0, status)
      assert.equal("3\n", try { "SSL_CERT_DIR=" .. folder })
      -- beside a file as for the curl program
      assert.equal("3\n", try { "SSL_CERT_DIR=" .. folder,
        "SSL_CERT_FILE=" .. tls.other_ca_file })
      assert.matches("not trusted", try { "SSL_CERT_DIR=" .. folder,
        "CURL_CA_BUNDLE=" .. tls.other_ca_file })
      local other = jogg.client { api_key = "k", base_url = tls.url,
        ca_path = folder }
      assert.equal(3, assert(other:project_info "p").status)
      other:close()
    end)
  end)
end)
