-- SPDX-License-Identifier: MIT

--- A client: what it offers, and who may call it from where.
--
-- How a call goes out and comes back is in @{jogg.pipeline}, the workflow in
-- @{jogg.job}, waiting in @{jogg.scheduler}.
-- @module jogg.client

require "jogg.interpreted" ()

local core = require "jogg.core"
local errors = require "jogg.error"
local job = require "jogg.job"
local operations = require "jogg.operations"
local options = require "jogg.options"
local pipeline = require "jogg.pipeline"
local schedulers = require "jogg.scheduler"
local version = require "jogg.version"
local watch = require "jogg.watch"

-- What a frame pays for is found at once.
local check, give_way = options.check, core.tasks.give_way
local encode, send = pipeline.encode, pipeline.send

local Client = {}
local MT = { __name = "jogg.client", __index = Client }

local enter = core.tasks.entrance(MT)

local FIELDS = {
  api_key = { kind = "text", secret = true },
  generation = { kind = "text", values = { open = "open" } },
  base_url = { kind = "url" },
  ca_file = { kind = "text", filled = true },
  connect_timeout = { kind = "seconds", minimum = 0.001 },
  stall_timeout = { kind = "seconds", minimum = 0.001 },
  timeout = { kind = "seconds", minimum = 0.001 },
  product_timeout = { kind = "seconds", minimum = 0.001 },
  retries = { kind = "integer", minimum = 0, maximum = 100 },
  posts_per_minute = { kind = "integer", minimum = 1, maximum = 100000 },
  max_transfers = { kind = "integer", minimum = 1, maximum = 1000 },
  max_bytes = { kind = "integer", minimum = 1, maximum = 9e15 },
}

local HOST = {
  can_wait = { kind = "callback", required = true },
  wait = { kind = "callback", required = true },
  start = { kind = "callback", required = true },
  stop = { kind = "callback", required = true },
}

local DEFAULTS = {
  generation = "open",
  connect_timeout = 10,
  stall_timeout = 30,
  timeout = 60,
  product_timeout = 180,
  retries = 4,
  posts_per_minute = 20,
  max_transfers = 64,
  max_bytes = 4 * 1024 ^ 3,
}

local USER_AGENT = ("jogg/%s libcurl/%s %s"):format(version, core.curl_version,
  (_VERSION:gsub(" ", "/")))

-- Runs one of the client's functions wherever it was called: in a task and in
-- a script as it is, inside a host's coroutine as a task that it waits for.
local function within(self, f, ...)
  local host = self.scheduler.host
  if not host or self.scheduler:inside() or not host.can_wait() then
    return f(self.pipeline, ...)
  end
  local n, arguments = select("#", ...), { ... }
  return self.scheduler:spawn(function()
    return f(self.pipeline,
      (unpack or table.unpack)(arguments, 1, n)) -- luacheck: ignore
  end):wait()
end

-- Raises where the caller cannot do that, or cannot wait.
local function live(self, name, waits, level)
  if waits and enter(self) ~= nil then
    return
  end
  level = level or 3
  if getmetatable(self) ~= MT then
    error(("%s is a method: call it as client:%s(...)"):format(name, name),
      level)
  end
  if not self.core then
    error("attempt to use a closed client", level)
  end
  local usable, why = self.core:is_usable()
  if not usable then
    error(why, level) -- after a fork
  end
  if waits then
    self.scheduler:current(level)
  end
end

-- {=== the service's calls

local function operation_method(name)
  return function(self, fields)
    live(self, name, true)
    local operation = self.operations[name]
    local checked = check(operation.fields, fields, name, 3)
    give_way(self.books)
    local body = encode(operation, checked, name, 3)
    if not self.scheduler.host then
      return send(self.pipeline, operation, body)
    end
    return within(self, send, operation, body)
  end
end

--- Has the service read a product page: `POST /open/product`. The page is read
-- while the call waits, up to `product_timeout`.
-- @function Client:create_product
-- @tparam table fields `url`: the product page's address
-- @treturn[1] table `id` (integer, the product's) and `prj_id` (string, the
-- project's)
-- @treturn[2] nil
-- @treturn[2] table error
-- @raise on misuse, at the caller's line
-- @usage local product = assert(client:create_product { url = "https://..." })
Client.create_product = operation_method "create_product"

--- Changes what the service read: `PUT /open/product`. `intro_medias` replaces
-- the whole list; only what is given is sent.
-- @function Client:update_product
-- @tparam table fields `product_id` (the `id` of create_product), `title`,
-- `intro_text`, `target_audience` (strings), `intro_medias` (list of
-- `{type=1|2|"image"|"video", name=, url=, description=, ...}`)
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] table error
-- @raise on misuse, at the caller's line
Client.update_product = operation_method "update_product"

--- Starts the video: `POST /open/project/render`. This is the call that costs;
-- it is repeated only when it certainly had no effect. See `err.outcome`.
-- @function Client:render_project
-- @tparam table fields `project_id` (the `prj_id` of create_product), and the
-- options of make_video that say how the video is to be
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] table error
-- @raise on misuse, at the caller's line
Client.render_project = operation_method "render_project"

local PROJECT_ID = operations.PROJECT_ID

--- Asks for a project's state: `GET /open/prj_info`.
-- @tparam string project_id the `prj_id` of create_product
-- @treturn[1] table the service's own fields: `status` (1 not started, 2 in
-- queue, 3 in progress, 4 success, 5 failure, 99 deleted), `progress`,
-- `video_url`, `video_duration`, `cover_url`, `err_msg`, ...
-- @treturn[2] nil
-- @treturn[2] table error
-- @raise on misuse, at the caller's line
function Client:project_info(project_id)
  live(self, "project_info", true)
  if type(project_id) ~= "string" or project_id == "" or
    #project_id > PROJECT_ID.maximum or core.text_fault(project_id) then
    options.value(PROJECT_ID, project_id, "project_info: project_id", 3)
  end
  return within(self, self.pipeline.project_info, project_id)
end

-- ===}

-- {=== the workflow

--- Makes a video of a product page, from the URL to the file. See the README
-- for all options.
-- @tparam table given `url` or `resume`; how the video is to be; `product`;
-- `output`, `overwrite`; `timeout`, `poll`; `on_progress`
-- @treturn[1] table `url`, `cover_url`, `duration` (seconds), `status`
-- (`completed`), `product_id`, `project_id`, `path`, `bytes`, `raw`
-- @treturn[2] nil
-- @treturn[2] table error; `err.resume` carries on without paying again
-- @raise on misuse, at the caller's line
-- @usage local video = assert(client:make_video {
--   url = "https://shop.example/lamp", output = "lamp.mp4" })
function Client:make_video(given)
  live(self, "make_video", true)
  return within(self, job.run_in, job.new(self.pipeline, given, 3))
end

--- The polling coroutine: looks at a project until it is completed, failed or
-- deleted. Inside a task it suspends the task between looks.
-- @tparam string project_id
-- @tparam ?table given `poll`, `timeout` as for make_video
-- @treturn function an iterator for `for`: each time `info` (`status`,
-- `progress` in percent, `video_url`, `cover_url`, `duration`, `message`,
-- `project_id`, `raw`). When it gives up, the last `info` has `err`.
-- @raise on misuse, at the caller's line
-- @usage for info in client:watch(project_id) do
--   print(info.status, info.progress, info.err)
-- end
function Client:watch(project_id, given)
  live(self, "watch", true)
  options.value(PROJECT_ID, project_id, "watch: project_id", 3)
  local look = watch.new(self.pipeline, project_id, given, 3)
  return function()
    live(self, "watch", true)
    return within(self, look)
  end
end

-- ===}

-- {=== tasks

--- Starts a task: inside `f`, this client's methods suspend instead of block.
-- @tparam function f gets no arguments
-- @treturn Task `done`, `value`, `err`, `task:wait()`, `task:cancel()`
function Client:spawn(f)
  live(self, "spawn")
  options.value({ kind = "callback" }, f, "spawn: f", 3)
  return self.scheduler:spawn(f)
end

--- Goes on with all tasks that can.
-- @function Client:step
-- @tparam ?number seconds how long it may wait for something to do; without
-- it, the step never waits: that is for hosts with a loop of their own
-- @treturn[1] integer how many tasks are alive
-- @treturn[2] nil the I/O thread cannot be started
-- @treturn[2] table error
-- @raise on misuse, at the caller's line

-- What the core's own step cannot do, which calls this: one more frame.
local function step(self, seconds)
  live(self, "step", false, 4)
  if seconds ~= nil then
    options.value({ kind = "seconds" }, seconds, "step: seconds", 4)
  end
  local alive, err
  if seconds and seconds > 0 then
    alive = self.scheduler:step(seconds)
  else
    alive, err = self.scheduler:step_first()
  end
  return alive, err -- no tail call: levels count frames
end

--- Runs until every task is done.
function Client:run()
  live(self, "run")
  self.scheduler:run(3)
end

--- One descriptor that is readable when `step()` has work: I/O and timers.
-- @treturn[1] integer
-- @treturn[2] nil
-- @treturn[2] table error
function Client:fd()
  live(self, "fd")
  if not self.descriptor then
    local descriptor, err = self.core:descriptor()
    if not descriptor then
      return nil, errors.new(err)
    end
    self.descriptor = descriptor
    self.scheduler:watch()
  end
  return self.descriptor
end

--- Lets the coroutines of a host's own loop wait: in them this client's
-- methods suspend the host's coroutine. For adapters, see `jogg.loop`.
-- @tparam table host `can_wait()`: is the caller in a coroutine that can be
-- suspended? `wait(task, at_end)`: suspends it until `task.done`; `at_end(f)`
-- has `f` called then; `start()`: there are tasks, have the loop step when the
-- descriptor is readable; `stop()`: no more, the descriptor is being closed
-- @raise when the I/O thread cannot be started
function Client:attach(host)
  live(self, "attach")
  options.check(HOST, host, "attach", 3)
  local descriptor, err = self:fd()
  if not descriptor then
    error(tostring(err), 2)
  end
  self.scheduler:attach(host)
end

--- Seconds until `step()` has work by itself.
-- @treturn ?number nil: not before the network has something
function Client:timeout()
  live(self, "timeout")
  return self.scheduler:timeout()
end

--- The same three things by the names that cqueues uses.
-- @treturn integer
-- @raise when the I/O thread cannot be started
function Client:pollfd()
  live(self, "pollfd")
  local descriptor, err = self:fd()
  if not descriptor then
    error(tostring(err), 2)
  end
  return descriptor
end

--- Always `"r"`: see @{Client:pollfd}.
-- @treturn string
function Client:events()
  live(self, "events")
  return "r"
end

--- Ends everything that is in flight and releases all that the client holds.
-- Tasks see their waits end with an error of kind `cancelled`. May be called
-- any number of times.
function Client:close()
  if getmetatable(self) ~= MT then
    error("close is a method: call it as client:close()", 2)
  end
  if not self.core or self.scheduler.closed then
    return
  end
  if self.scheduler:inside() then
    error("client:close must not be called inside a task", 2)
  end
  self.scheduler:close()
  local closing = self.core
  self.core = nil
  closing:close()
end

-- ===}

MT.__close = Client.close

function MT.__tostring(self)
  return ("jogg.client (%s)"):format(self.core and "open" or "closed")
end

local function environment(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

local client = {}

--- Makes a client.
-- @tparam ?table given `api_key` (default: the environment's JOGG_API_KEY),
-- `base_url` (JOGG_BASE_URL, or the service's), `generation` (`"open"`),
-- `ca_file`; in seconds `timeout` (60, one exchange), `product_timeout` (180,
-- create_product), `connect_timeout` (10), `stall_timeout` (30); `retries` (4),
-- `posts_per_minute` (20), `max_transfers` (64), `max_bytes` (4 GiB, of a
-- video)
-- @tparam integer level as for `error`: where the caller is
-- @treturn table client
-- @raise when an option is not usable, at the caller's line
function client.new(given, level)
  local settings = options.check(FIELDS, given or {}, "client", level + 1)
  for name, value in pairs(DEFAULTS) do
    if settings[name] == nil then
      settings[name] = value
    end
  end
  local list = operations[settings.generation]
  local api_key = settings.api_key or environment "JOGG_API_KEY"
  settings.api_key = nil -- the core keeps it; nobody else needs it
  if not api_key then
    error("client: api_key is missing; pass it, or set JOGG_API_KEY", level)
  end
  if settings.ca_file then
    local file, why = io.open(settings.ca_file, "rb")
    if not file then
      error("client: ca_file: " .. why, level)
    end
    file:close()
  end
  local ok, made = pcall(core.client, {
    api_key = api_key,
    base_url = settings.base_url or environment "JOGG_BASE_URL" or
      list.base_url,
    ca_file = settings.ca_file, user_agent = USER_AGENT,
    transfers = settings.max_transfers,
    -- room for the calls that are made while a task's own is in flight
    connections = 2 * settings.max_transfers + 1,
  })
  if not ok then
    error("client: " .. tostring(made), level)
  end
  local scheduler = schedulers.new(made)
  local self = setmetatable({
    core = made, operations = list, scheduler = scheduler,
    books = scheduler.books,
    pipeline = pipeline.new(made, settings, list, scheduler),
  }, MT)
  self.step = scheduler.books:stepper(self, step)
  return self
end

--- Can it be used: is it open, and of this process?
-- @tparam table self a client
-- @treturn boolean
function client.is_usable(self)
  return self.core ~= nil and (self.core:is_usable())
end

--- client:make_video for a caller that is one level further away.
-- @tparam table self a client
-- @tparam table given
-- @tparam integer level as for `error`
-- @treturn ?table video
-- @treturn ?table error
function client.make_video(self, given, level)
  live(self, "make_video", true, level + 1)
  return within(self, job.run_in,
    job.new(self.pipeline, given, level + 1))
end

return client
