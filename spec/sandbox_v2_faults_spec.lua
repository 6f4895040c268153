-- SPDX-License-Identifier: MIT
-- jogg-sandbox by itself: it misbehaves on every call of v2 as it is told to.

local sandbox = require "spec.support.sandbox"

describe("sandbox faults on v2", function()
  local server

  setup(function()
    server = sandbox.start { "--key", "k=1000", "--renders", "2",
      "--fault", "whoami:1:status=503,retry_after=7" }
  end)
  teardown(function() server:stop() end)
  after_each(function() server:clear_faults() end)

  -- kind -> the request that starts a job of it
  local function starts()
    local list = {}
    for _, kind in ipairs(server.KINDS) do
      local path, body = server:start_of(kind)
      list[kind] = { path = path, json = type(body) == "table" and body or nil,
        body = type(body) == "string" and body or nil }
    end
    return list
  end

  it("strike by the name of an operation", function()
    local status, _, headers = server:request("GET", "/v2/user/whoami")
    assert.equal(503, status)
    assert.equal("7", headers["retry-after"])
    assert.equal(200, (server:request("GET", "/v2/user/whoami")))
  end)

  it("strike by method and path as well, and any call", function()
    server:fault { endpoint = "GET /v2/user/whoami", what = "gone" }
    assert.equal("whoami",
      server:call("GET", "/sandbox/faults").faults[1].endpoint)
    assert.equal(404, (server:request("GET", "/v2/user/whoami")))
    server:fault { endpoint = "any", what = "html" }
    assert.equal(502, (server:request("GET", "/v2/events")))
  end)

  it("let each paid call happen, or not, and say nothing of it", function()
    for kind, start in pairs(starts()) do
      local name = "POST " .. start.path
      for what, more in pairs { reset_before = 0, reset_after = 1, status = 0,
        status_after = 1, code = 0, code_after = 1, bad_json = 1,
        truncate = 1 } do
        local before = #server:jobs(kind)
        server:fault { endpoint = name, what = what }
        local _, last = server:log()
        server:request("POST", start.path, start)
        assert.equal(before + more, #server:jobs(kind), kind .. " " .. what)
        local entry
        for _, each in ipairs(server:log(last)) do
          if each.path == start.path then entry = each end
        end
        assert.equal(what, entry.fault)
        assert.equal(more == 1, entry.effect:find "^created " ~= nil)
      end
    end
    server:delete_jobs()
    server:set_account { credits = 1000 }
  end)

  it("say of each state what is not so", function()
    local urls = { "video_url", "url", "result_url", "motion_preview_url" }
    for _, kind in ipairs(server.KINDS) do
      local id = server:new_job(kind)
      server:await_job(id)
      local path = server:state_path(kind, id)
      local name = ({ product_video = "product_video", script = "ai_script",
        lip_sync = "lip_sync_video", translation = "video_translate" })[kind]
        or kind
      server:fault { endpoint = name, what = "unknown_status" }
      assert.equal("rendering", server:data("GET", path).status)
      server:fault { endpoint = name, what = "unknown_status", value = 7 }
      assert.equal(7, server:data("GET", path).status)
      local honest = server:data("GET", path)
      server:fault { endpoint = name, what = "empty_url" }
      local state = server:data("GET", path)
      assert.equal(honest.status, state.status)
      for _, url in ipairs(urls) do
        local inside = type(state.data) == "table" and state.data or {}
        assert.truthy(({ [""] = true })[state[url] or inside[url] or ""])
      end
      if kind == "photo" then assert.same({}, state.image_url_list) end
    end
  end)

  it("are checked", function()
    for _, fault in ipairs { { endpoint = "whoami", what = "empty_url" },
      { endpoint = "whoami", what = "reset_during" },
      { endpoint = "delivery", what = "status" },
      { endpoint = "whoami", what = "drop" },
      { endpoint = "delivery", what = "repeat", value = -1 },
      { endpoint = "work", what = "fail", kind = "nothing" },
      { endpoint = "whoami", what = "gone", kind = "photo" },
      { endpoint = "PUT /v2/user/whoami", what = "gone" } } do
      local answer, status = server:call("POST", "/sandbox/faults",
        { json = fault })
      assert.equal(400, status, fault.endpoint .. " " .. fault.what)
      assert.equal("string", type(answer.message))
    end
  end)

  it("are all there: one operation, one name", function()
    local answer = server:call("POST", "/sandbox/faults",
      { json = { endpoint = "x", what = "gone" } })
    local count = 0
    for _ in answer.message:gmatch "[%w_]+," do count = count + 1 end
    assert.is_true(count >= 47 + 4)
  end)
end)
