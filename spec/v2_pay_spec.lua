-- SPDX-License-Identifier: MIT
-- Pay once on v2: each operation that costs, with each fault, with and without
-- a kill. Where the service lists such jobs, jogg finds out by itself; elsewhere
-- the job ends as unknown, and only the caller says how it goes on.

local cjson = require "cjson".new()
local core = require "jogg.core"
local faults = require "spec.support.faults"
local jogg = require "jogg"
local native = require "spec.support.native"
local process = require "spec.support.process"
local sandbox = require "spec.support.sandbox"
local v2 = require "spec.support.v2"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)

local LISTED = { make_video = true, make_template_video = true }

-- Faults of the paid call, and whether it has had its effect: yes, no.
local FAULTS = {
  { what = "reset_before" }, { what = "reset_after", effect = true },
  { what = "status", value = 500 },
  { what = "status_after", value = 500, effect = true },
  { what = "code", value = 50000 },
  { what = "code_after", value = 50000, effect = true },
  { what = "code", value = 18001 },
  { what = "html" }, { what = "truncate", effect = true },
  { what = "bad_json", effect = true }, { what = "stall", effect = true },
}

-- A checker makes everything slow: it has some of the faults, and fewer kills.
local ROUNDS = SLOW > 1 and 1 or 3
if SLOW > 1 then
  FAULTS = { FAULTS[1], FAULTS[2], FAULTS[10] }
end

describe("v2 pays once", function()
  local server, client, folder
  local counts = { faults = 0, kills = 0, jobs = 0 }

  setup(function()
    server = sandbox.start { "--key", "spec-key=100000" }
    folder = process.temporary_folder()
  end)
  teardown(function()
    server:stop()
    process.remove_folder(folder)
    print(("%d faults, %d kills, %d jobs: renders for each 0 or 1"):format(
      counts.faults, counts.kills, counts.jobs))
  end)
  before_each(function()
    server:clear_faults()
    client = jogg.client { api_key = server.key, base_url = server.url,
      generation = "v2", posts_per_minute = 0, retries = 1,
      product_timeout = 0.4 * SLOW, stall_timeout = 0.4 * SLOW }
  end)
  after_each(function() client:close() end)

  local function fault(method, given)
    local copy = { endpoint = v2.PAID[method][1], call = 1 }
    for name, value in pairs(given) do
      if name ~= "effect" then copy[name] = value end
    end
    server:fault(copy)
    counts.faults = counts.faults + 1
  end

  -- What one job of this kind adds to the sandbox's count.
  local function share(method)
    return method == "make_product_pictures" and 2 or 1
  end

  for method in pairs(v2.PAID) do
    it(method .. ", whatever becomes of its request", function()
      for i, given in ipairs(FAULTS) do
        local options = v2.OPTIONS[method](client, server)
        options.poll = v2.POLL
        options.job_file = ("%s/%s.%d"):format(folder, method, i)
        local before = v2.count(server, method)
        fault(method, given)
        counts.jobs = counts.jobs + 1
        local result, err = client[method](client, options)
        local added = (v2.count(server, method) - before) / share(method)
        if LISTED[method] then
          assert.truthy(result, given.what .. ": " .. tostring(err))
          assert.equal(1, added, given.what)
        else
          assert.is_nil(result, given.what)
          assert.equal("unknown", err.outcome, tostring(err))
          assert.equal(given.effect and 1 or 0, added, given.what)
          assert.matches("err.resume.resolved =", tostring(err), 1, true)
          -- the same line again pays nothing, and says the same
          local again, same = client[method](client, options)
          assert.is_nil(again)
          assert.equal("unknown", same.outcome)
          added = (v2.count(server, method) - before) / share(method)
          assert.equal(given.effect and 1 or 0, added, given.what)
        end
      end
    end)
  end

  it("goes on when the caller says what had become of it", function()
    local options = v2.OPTIONS.make_script()
    options.poll = v2.POLL
    fault("make_script", { what = "reset_before" })
    local before = v2.count(server, "make_script")
    local result, err = client:make_script(options)
    assert.is_nil(result)
    local token = cjson.decode(cjson.encode(err.resume))
    token.resolved = "not_created"
    result = assert(client:make_script { resume = token, poll = v2.POLL })
    assert.equal(before + 1, v2.count(server, "make_script"))
    -- it was created: its id is known from elsewhere
    token = cjson.decode(cjson.encode(err.resume))
    token.resolved = result.project_id
    local again = assert(client:make_script { resume = token, poll = v2.POLL })
    assert.equal(result.project_id, again.project_id)
    assert.equal(before + 1, v2.count(server, "make_script"))
  end)

  it("refuses a 2xx answer without an id", function()
    local other = faults.start()
    other:on("POST", "/v2/ai_scripts", { json = { code = 0, data = {} } })
    local own = jogg.client { api_key = "k", base_url = other.url,
      generation = "v2", posts_per_minute = 0 }
    local result, err = own:make_script(v2.OPTIONS.make_script())
    assert.is_nil(result)
    assert.same({ "protocol", "unknown" }, { err.kind, err.outcome })
    assert.equal(1, #other:requests())
    own:close()
    other:stop()
  end)

  it("keeps the time of the job while it looks for a lost answer", function()
    local other = faults.start()
    local own = jogg.client { api_key = "k", base_url = other.url,
      generation = "v2", posts_per_minute = 0 }
    finally(function()
      own:close()
      other:stop()
    end)
    other:on("POST", "/v2/product", { json = { code = 0,
      data = { product_id = "P" } } })
    other:on("POST", "/v2/create_video_from_product",
      { reset = "after_request" })
    for _, step in ipairs { { stall = "after_request" },
      { json = { code = 0, data = { videos = {} } } } } do
      other:on("GET", "/v2/product_videos", step)
      local begun = core.now()
      local video, err = own:make_video { url = "https://a.example/",
        avatar_id = 81, timeout = 0.5,
        poll = { first = 0.01, interval = 100, settle = 100 } }
      assert.is_nil(video)
      assert.same({ "timeout", "unknown" }, { err.kind, err.outcome })
      assert.is_string(err.resume.sent)
      assert.is_true(core.now() - begun < 8 * SLOW)
    end
  end)

  -- A script in a process of its own, which is killed at a random moment.
  local function run(method, file, options, seconds)
    local child = native.child([[
      local jogg = require "jogg"
      local cjson = require "cjson"
      local client = jogg.client { api_key = arg[1], base_url = arg[2],
        generation = "v2", posts_per_minute = 0 }
      local options = cjson.decode(arg[5])
      options.job_file = arg[4]
      options.poll = { first = 0.02, interval = 0.02, max = 0.05, settle = 0.2 }
      local result, err = client[arg[3] ](client, options)
      print(result and "done" or err.outcome)
    ]], { arguments = { server.key, server.url, method, file,
      cjson.encode(options) }, stderr = "/dev/null" })
    if not seconds then
      return child:read_all():match "%S+", child:wait(30 * SLOW)
    elseif not child:wait(seconds) then
      child:kill "KILL"
      child:wait(5)
      counts.kills = counts.kills + 1
    end
  end

  it("whatever is killed at any moment", function()
    local seed = os.time()
    math.randomseed(seed)
    for method in pairs(v2.PAID) do
      for i = 1, ROUNDS do
        local options = v2.OPTIONS[method](client, server)
        local file = ("%s/kill-%s.%d"):format(folder, method, i)
        local before = v2.count(server, method)
        local given = i > 1 and FAULTS[math.random(#FAULTS)] or nil
        if given then fault(method, given) end
        counts.jobs = counts.jobs + 1
        for _ = 1, 3 do
          run(method, file, options, 0.02 + math.random() * 0.25 * SLOW)
        end
        local outcome = run(method, file, options)
        local added = (v2.count(server, method) - before) / share(method)
        local why = ("%s, seed %d: %s"):format(method, seed, tostring(outcome))
        assert.is_true(added <= 1, why)
        if LISTED[method] or outcome == "done" then
          assert.equal("done", outcome, why)
          assert.equal(1, added, why)
        else
          assert.equal("unknown", outcome, why)
        end
        server:clear_faults()
      end
    end
  end)
end)
