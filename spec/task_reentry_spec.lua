-- SPDX-License-Identifier: MIT
-- Calls from where one might not expect them: inside a task, a callback, a task
-- of another client.

local jogg = require "jogg"
local faults = require "spec.support.faults"
local process = require "spec.support.process"

local function info(status, fields)
  fields = fields or {}
  fields.status = status
  return { json = { code = 0, data = fields } }
end

describe("tasks", function()
  local server, client, folder

  setup(function()
    server = faults.start()
    folder = process.temporary_folder()
  end)
  teardown(function()
    server:stop()
    process.remove_folder(folder)
  end)
  before_each(function()
    server:clear():on_connect {}
    server:on("GET", "/open/prj_info", info(3, { progress = 7 }))
    client = nil
  end)
  after_each(function()
    if client then client:close() end
    assert.is_true(server:wait { open = 0 })
    assert.same({}, process.files(folder))
  end)

  local function connect(options)
    options = options or {}
    options.api_key, options.base_url = "key", options.base_url or server.url
    client = jogg.client(options)
    return client
  end

  it("of another client are refused with a sentence", function()
    connect()
    local other = jogg.client { api_key = "key", base_url = server.url }
    local task = client:spawn(function()
      local project = other:project_info "p"
      return project
    end)
    local mine = client:spawn(function()
      return client:project_info "p"
    end)
    client:run()
    other:close()
    assert.matches("task_reentry_spec.lua:%d+: this is a task of another client",
      task.err.message)
    assert.equal(7, mine.value.progress)
  end)

  -- What a finalizer does, at the worst moment.
  describe("in the middle of a step", function()
    it("are cancelled before they begin, and never begin", function()
      connect()
      local create, ran = coroutine.create, 0
      local task
      task = client:spawn(function() ran = ran + 1 end)
      coroutine.create = function(f) -- luacheck: ignore
        coroutine.create = create -- luacheck: ignore
        task:cancel()
        return create(f)
      end
      client:step(0)
      coroutine.create = create -- luacheck: ignore
      assert.equal(0, ran)
      assert.equal("cancelled", task.err.kind)
      client:run()
    end)

    it("come to their end once, whoever asks meanwhile", function()
      connect()
      local other = client:spawn(function() client:sleep(1000) end)
      local ends = 0
      local task = client:spawn(function()
        error(setmetatable({}, { __tostring = function()
          ends = ends + 1
          other:cancel()
          client:step(0)
          return "with a text"
        end }))
      end)
      while not task.done do client:step(0) end
      assert.equal("with a text", task.err.message)
      assert.is_true(ends > 0)
      assert.is_true(other.done)
      client:run()
    end)
  end)

  describe("re-entry", function()
    it("of step, run and close inside a task is refused", function()
      connect()
      for _, name in ipairs { "step", "run", "close" } do
        local task = client:spawn(function() client[name](client) end)
        local _, err = task:wait()
        assert.matches("task_reentry_spec.lua:%d+: client:" .. name ..
          " must not be called inside a task", err.message)
      end
      assert.equal(7, client:project_info("p").progress)
    end)

    it("of step, run and close in a callback of a task's job is refused",
      function()
        server:on("GET", "/open/prj_info", info(4,
          { video_url = server.url .. "/v.mp4" }))
        connect()
        for _, name in ipairs { "step", "run", "close" } do
          local raised
          local task = client:spawn(function()
            return client:make_video {
              resume = { version = 1, generation = "open", project_id = "p" },
              on_progress = function()
                local _, why = pcall(function() client[name](client) end)
                raised = why
              end,
            }
          end)
          client:run()
          assert.equal("completed", task.value.status)
          assert.matches("client:" .. name ..
            " must not be called inside a task", raised)
        end
      end)

    it("of step inside a callback of a blocking call works", function()
      server:on("GET", "/open/prj_info", { info(3), info(3), info(4,
        { video_url = server.url .. "/v.mp4" }) })
      connect()
      local task = client:spawn(function()
        client:sleep(0.001)
        return "went on"
      end)
      local resume = { version = 1, generation = "open", project_id = "p" }
      local video = assert(client:make_video {
        resume = resume, poll = { interval = 0.01 },
        on_progress = function() client:step(0.01) end,
      })
      assert.equal("completed", video.status)
      assert.equal("went on", task.value)
    end)

    for _, phase in ipairs { "create_product", "wait", "download" } do
      it("of close inside a callback works: " .. phase, function()
        server:on("POST", "/open/product",
          { json = { code = 0, data = { id = 1, prj_id = "p" } } })
        server:on("POST", "/open/project/render", { json = { code = 0 } })
        server:on("GET", "/v.mp4", { body = ("x"):rep(1000), slow = 500 })
        server:on("GET", "/open/prj_info", { info(3), info(4,
          { video_url = server.url .. "/v.mp4" }) })
        connect()
        local task = client:spawn(function()
          return client:sleep(100)
        end)
        local video, err = client:make_video {
          url = "http://127.0.0.1/", output = folder .. "/v.mp4",
          poll = { first = 0.01, interval = 0.01 },
          on_progress = function(p)
            if p.phase == phase and (phase ~= "download" or p.bytes) then
              client:close()
            end
          end,
        }
        assert.is_nil(video)
        assert.equal("cancelled", err.kind)
        assert.equal("closed", err.reason)
        assert.equal("cancelled", task.err.kind)
        assert.has_error(function() client:step() end)
      end)
    end
  end)
end)
