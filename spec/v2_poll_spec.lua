-- SPDX-License-Identifier: MIT
-- Waiting on v2: one page of a list answers for many jobs, and a webhook's event
-- has a job ask at once.

local clock = require "spec.support.clock"
local core = require "jogg.core"
local jogg = require "jogg"
local sandbox = require "spec.support.sandbox"
local v2 = require "spec.support.v2"

local SLOW = tonumber(os.getenv "JOGG_SLOW" or 1)
local SECRET = "whsec_abc123xyz"

describe("waiting on v2", function()
  local server, client

  local function start(...)
    server = sandbox.start { "--key", "spec-key=100000", ... }
    client = jogg.client { api_key = server.key, base_url = server.url,
      generation = "v2", posts_per_minute = 0 }
  end

  after_each(function()
    client:close()
    server:stop()
  end)

  -- How often each endpoint was asked since then.
  local function asked(since)
    local counts = { product_video = 0, product_videos = 0 }
    for _, entry in ipairs((server:log(since))) do
      if counts[entry.endpoint] then
        counts[entry.endpoint] = counts[entry.endpoint] + 1
      end
    end
    return counts
  end

  it("asks the list, not each of many", function()
    local N = SLOW > 3 and 30 or 300
    start("--speed", "1")
    local time = clock.install()
    finally(time.remove)
    local waiting = 0
    for _ = 1, N do
      client:spawn(function()
        return client:make_video { product = { name = "Mug",
          description = "d" }, avatar_id = 81, timeout = 36000,
          poll = { first = 10, interval = 10, max = 10 },
          on_progress = function(p)
            if p.phase == "wait" and not p.status then waiting = waiting + 1 end
          end }
      end)
    end
    local deadline = time.real() + 60 * SLOW
    while waiting < N do
      client:step(0.05)
      assert(time.real() < deadline)
    end
    for _ = 1, 3 do
      clock.settle(client)
      local _, since = server:log()
      time.pass(10.1)
      clock.settle(client)
      local counts = asked(since)
      assert.equal(0, counts.product_video)
      assert.is_true(counts.product_videos >= 1)
      assert.is_true(counts.product_videos <= 6, counts.product_videos)
    end
  end)

  it("asks for one that the list does not show by itself", function()
    start()
    server:fault { endpoint = "product_videos", call = 1, times = 1000,
      what = "code", value = 40000 }
    for _ = 1, 3 do
      local options = v2.OPTIONS.make_video(client, server)
      options.poll = v2.POLL
      client:spawn(function() return client:make_video(options) end)
    end
    assert.equal(0, (client:run()))
  end)

  it("each of many gets its own answer", function()
    start()
    local tasks = {}
    for i = 1, 12 do
      local options = v2.OPTIONS.make_video(client, server)
      options.poll, options.video_name = v2.POLL, "video " .. i
      tasks[i] = client:spawn(function() return client:make_video(options) end)
    end
    local failed, err = client:run()
    assert.equal(0, failed, tostring(err))
    local ids = {}
    for _, task in ipairs(tasks) do
      assert.is_nil(ids[task.value.project_id])
      ids[task.value.project_id] = true
      assert.truthy(task.value.url:find(task.value.project_id, 1, true) or
        task.value.url)
    end
  end)

  describe("with a webhook", function()
    local webhook = jogg.webhook

    local function body_of(id, status)
      return ('{"event_id":"e%s%s","event":"generated_product_video_%s",' ..
        '"timestamp":%d,"data":{"project_id":"%s","video_url":"https://x"}}')
        :format(id, status, status, os.time(), id)
    end

    it("a job is woken by its event, and believes the service alone", function()
      start()
      local inbox = webhook.inbox { secret = SECRET }
      local id
      local options = v2.OPTIONS.make_video(client, server)
      options.webhook = inbox
      options.on_progress = function(p) id = id or p.project_id end
      local begun = core.now()
      local task = client:spawn(function() return client:make_video(options) end)
      while not id do client:step(0.01) end
      for _ = 1, 10 do client:step(0.02) end
      -- a forged event and one of another job change nothing
      local forged = body_of(id, "success")
      assert.equal(401, (inbox:receive(forged,
        { ["X-Webhook-Signature"] = ("0"):rep(64) })))
      local other = body_of("another", "success")
      assert.equal(200, (inbox:receive(other,
        { ["x-webhook-signature"] = webhook.sign(other, SECRET) })))
      for _ = 1, 10 do client:step(0.02) end
      assert.is_nil(task.done)
      repeat -- the sandbox has it ready by now, or soon
        local body = body_of(id, "success"):gsub("e" .. id,
          "e" .. math.random(1e9))
        assert.equal(200, (inbox:receive(body,
          { ["x-webhook-signature"] = webhook.sign(body, SECRET) })))
        for _ = 1, 10 do client:step(0.02) end
      until task.done or core.now() - begun > 9 * SLOW
      assert.truthy(task.value, tostring(task.err))
      assert.is_true(core.now() - begun < 9 * SLOW) -- not by its poll at 10 s
    end)
  end)
end)
