-- SPDX-License-Identifier: MIT

--- A client of the service: its methods.
--
-- Each operation of the service is a method as well. Those of generation `open`
-- are in @{jogg.api.open}, those of `v2` in @{jogg.api.v2}. A method of the
-- other generation raises an error that names that generation.
--
-- A method blocks until it is done. In a task (see @{Client:spawn}) it suspends
-- the task instead. In a coroutine of a loop that an adapter attached (see
-- `jogg.loop.*`) it suspends that coroutine.
--
-- Misuse raises an error at the caller's line. After `close`, and in a forked
-- child, every method but `close` raises.
-- @module jogg.client

local call = require "jogg.call"
local check = require "jogg.check"
local config = require "jogg.config"
local core = require "jogg.core"
local downloads = require "jogg.download"
local errors = require "jogg.error"
local job = require "jogg.job"
local limiter = require "jogg.limiter"
local pager = require "jogg.pager"
local poller = require "jogg.poller"
local tasks = require "jogg.tasks"
local tokens = require "jogg.token"
local upload = require "jogg.upload"
local version = require "jogg.version"

-- The generations of the service, and the kinds of jobs in each.
local APIS = { open = require "jogg.api.open", v2 = require "jogg.api.v2" }
local KINDS = {
  open = { make_video = require "jogg.jobs.open_video" },
  v2 = require "jogg.jobs.v2",
}

local WATCH_TIMEOUT = 1800 -- s
local DOWNLOAD_TIMEOUT = 1800 -- s

local USER_AGENT = ("jogg/%s libcurl/%s %s"):format(version, core.curl_version,
  (_VERSION:gsub(" ", "/")))

-- What all clients offer; each generation adds its own to it.
local Client = {}

-- Metatables of clients → true.
local METATABLES = {}

-- Raises where the client cannot be used.
local function check_usable(self, name, level)
  if not METATABLES[getmetatable(self)] then
    error(("%s is a method: call it as client:%s(...)"):format(name, name),
      level)
  end
  local fault = self.core:fault()
  if fault then
    error(fault, level) -- closed, or made before a fork
  end
end

-- Every method does its checks first, where the caller's line is near. No
-- method calls another function at its very end: a tail call would take away
-- the frame that levels count on.

-- {=== the service's operations

local EXTRA = { kind = "object" }

-- Fields that jogg does not know are sent as they are.
local function take_extra(operation, given, level)
  if type(given) ~= "table" or given.extra == nil then
    return given
  end
  local extra, err = check.value(EXTRA, given.extra, operation.name .. ".extra",
    level + 1)
  if not extra then
    return nil, err
  end
  local rest = {}
  for name, value in pairs(given) do
    rest[name] = name ~= "extra" and value or nil
  end
  return rest, extra
end

local function operation_method(name)
  return function(self, given)
    check_usable(self, name, 3)
    local operation = self.api.operations[name]
    if operation.argument and type(given) ~= "table" then
      given = { [operation.argument] = given }
    elseif given == nil and not operation.has_required then
      given = {}
    end
    local known, extra = take_extra(operation, given, 3)
    local fields, err = nil, extra
    if known or given == nil then
      fields, err = check.fields(operation.fields, known, name, 3)
    end
    if not fields then
      err.phase = name
      return operation.list and pager.failed(self, err) or nil, err
    end
    tokens.merge(fields, extra)
    if operation.list then
      local items = pager.new(self, operation, fields)
      return items
    end
    local data
    data, err = self.scheduler:call(operation.has_files and upload.call or
      call.run, self, operation, fields)
    return data, err
  end
end

-- ===}

-- {=== the workflow

-- A method that makes something, for a caller that is `level` frames away.
local function make(self, name, given, level)
  check_usable(self, name, level + 1)
  local made, err = job.new(self, KINDS[self.api.generation][name], given,
    level + 1)
  if not made then
    return nil, err
  end
  local result
  result, err = self.scheduler:call(job.run, made)
  return result, err
end

--- Makes a video of a product page, from the URL to the file. See the README
-- for all options.
-- @tparam table given `url`, `project_id` or `resume`; the options of the
-- video; `product`; `output`, `cover_output`, `overwrite`; `job_file`;
-- `timeout`, `download_timeout`, `poll`; `on_progress`; `extra`; on v2
-- `visual_styles` and `preview`, `webhook`
-- @treturn[1] table `url`, `cover_url`, `duration` (seconds), `status`
-- (`completed`), `product_id`, `project_id` (on v2 the `video_id`), `credit`
-- (v2), `path` and `bytes` of `output`, and `raw`, the service's own answer.
-- A field that the service does not send is nil
-- @treturn[2] nil
-- @treturn[2] table error; a job that can go on has `err.resume`: calling the
-- same method with `resume = err.resume` goes on without paying again
-- @raise on misuse, at the caller's line
-- @usage local video = assert(client:make_video {
--   url = "https://shop.example/lamp", output = "lamp.mp4" })
function Client:make_video(given)
  local video, err = make(self, "make_video", given, 3)
  return video, err
end

local BATCH = {
  concurrency = { kind = "integer", minimum = 1, maximum = 100000 },
  on_progress = { kind = "callback" },
}
local CONCURRENCY = 4

-- Yields the options of one job after the other: from a list or an iterator.
local function each(list)
  if type(list) == "function" then
    return list
  end
  local i = 0
  return function()
    i = i + 1
    return list[i]
  end
end

-- Many jobs, some at a time. Each job is a task; the task that called
-- make_videos begins them.
local Batch = {}
Batch.__index = Batch

-- Called when the task that began the jobs ends: see tasks.guard.
function Batch:abandon()
  for task in pairs(self.running) do
    tasks.stop(task)
  end
end

function Batch:explain() -- luacheck: ignore 212
end

-- Makes one video. Returns it; or nil and an error.
local function make_row(self, batch, row, index)
  if type(row) == "table" and row.on_progress == nil and batch.on_progress then
    local copy = {}
    for name, value in pairs(row) do
      copy[name] = value
    end
    function copy.on_progress(p)
      p.index = index
      batch.on_progress(p)
    end
    row = copy
  end
  local made, err = check.as_data(job.new, self,
    KINDS[self.api.generation].make_video, row, 1)
  if not made then
    return nil, err
  end
  local video
  video, err = job.run(made)
  return video, err
end

local function begin_row(self, batch, row)
  batch.taken, batch.count = batch.taken + 1, batch.count + 1
  local index, owner = batch.taken, tasks.current()
  local task = self.scheduler:spawn(function()
    local video, err = make_row(self, batch, row, index)
    batch.results[index] = { video = video, err = err, index = index }
    return true
  end)
  batch.running[task] = true
  tasks.on_end(task, function()
    if not batch.results[index] then -- it was cancelled, or raised an error
      batch.results[index] = { err = task.err, index = index }
    end
    batch.running[task], batch.count = nil, batch.count - 1
    tasks.wake(owner)
  end)
end

-- Begins the rows, as many at a time as is wanted, and waits for the last one.
-- Returns true; or nil and an error.
local function run_batch(self, batch)
  local more, fault = true, nil
  while more or batch.count > 0 do
    if more and batch.count < batch.concurrency then
      local ok, row = tasks.try(batch.next_row)
      if not ok then -- what runs is not given up for it
        fault = errors.new { kind = "task", cause = row, retryable = false,
          message = errors.is(row) and row.message or tostring(row) }
      end
      more = ok and row ~= nil
      if more then
        begin_row(self, batch, row)
      end
    else
      local ok, err = self.scheduler:park()
      if not ok then
        return nil, err
      end
    end
  end
  return not fault or nil, fault
end

--- Makes many videos, some at a time. If a row fails, the others go on.
-- @tparam table|function list a list of tables of make_video's options; or a
-- function that returns the next table at each call and nil at the end
-- @tparam ?table given `concurrency` (4: how many jobs at a time),
-- `on_progress(p)` as for make_video, with `p.index`
-- @treturn[1] table for each row, in order: `{video=..., index=...}` or
-- `{err=..., index=...}`
-- @treturn[2] nil
-- @treturn[2] table error: `list` is a function and raised an error, or the
-- call was cancelled; `err.results` has the rows that have ended
-- @raise on misuse, at the caller's line
-- @usage for _, row in ipairs(assert(client:make_videos(list))) do
--   print(row.index, row.video and row.video.path or row.err)
-- end
function Client:make_videos(list, given)
  check_usable(self, "make_videos", 3)
  if type(list) ~= "table" and type(list) ~= "function" then
    error("make_videos: a list or a function is expected, not a " ..
      type(list), 2)
  end
  local options, err = check.fields(BATCH, given or {}, "make_videos", 3)
  if not options then
    return nil, err
  end
  local batch = setmetatable({
    next_row = each(list), concurrency = options.concurrency or CONCURRENCY,
    taken = 0, count = 0, running = {}, results = {},
    on_progress = options.on_progress,
  }, Batch)
  local ok
  ok, err = self.scheduler:call(function()
    tasks.guard(batch)
    local done, fault = run_batch(self, batch)
    tasks.release(batch)
    batch:abandon() -- nothing runs, unless it was cancelled
    return done, fault
  end)
  if not ok then
    err.results = batch.results
    err.advice = "err.results has what was begun: resume each row's err.resume"
    return nil, err
  end
  return batch.results
end

local PROJECT_ID = {
  kind = "string", required = true, filled = true, maximum = 4096,
}
local WATCH = {
  poll = poller.FIELD,
  timeout = { kind = "seconds", minimum = 0.001 },
}

--- Polls a video of a product until it is completed, failed or deleted. Inside
-- a task it suspends the task between polls.
--
-- The iterator returns a table `info` for each poll. A field that the service
-- did not send is nil.
--
-- * `status`: `pending queued processing completed failed deleted`
-- * `video_url`, `cover_url`: the addresses of the finished files
-- * `duration`: seconds
-- * `message`: why the video failed
-- * `project_id`: on v2 the `video_id`
-- * `progress` (`open` only): percent
-- * `description` (`open` only): the service's sentence about the progress
-- * `id`, `title`, `created_at` (`v2` only); `url` (`v2` only): the same as
--   `video_url`; `credit` (`v2` only): what was charged; `code` (`v2` only): of
--   a failure
-- * `raw`: the service's own answer. While a client waits for several videos on
--   v2, it is the video's item in the list `product_videos`
-- * `err`: why jogg stopped polling. Then this `info` is the last one, and it
--   has only `status` (of the last poll that was answered), `project_id` and
--   `err`
-- @tparam string project_id the `project_id` of create_product; on v2 the
-- `video_id` of create_product_video or render_preview
-- @tparam ?table given `poll` as for make_video; `timeout` (seconds, 1800)
-- @treturn[1] function an iterator for `for`, which returns `info`
-- @treturn[2] nil
-- @treturn[2] table error of kind `parameter`: an id that cannot be one
-- @raise on misuse, at the caller's line
-- @usage for info in client:watch(project_id) do
--   print(info.status, info.progress, info.err)
-- end
function Client:watch(project_id, given)
  check_usable(self, "watch", 3)
  local kind = KINDS[self.api.generation].make_video
  local id, err = check.value(PROJECT_ID, project_id, "watch: project_id", 3)
  if not id then
    return nil, err
  end
  local options = check.fields(WATCH, given or {}, "watch", 3)
  local polls, ended, status
  return function()
    check_usable(self, "watch", 3)
    if ended then
      return nil
    end
    polls = polls or poller.new {
      client = self, kind = kind, id = id,
      fields = kind.fields { project_id = id },
      plan = poller.plan(options.poll, self.is_local),
      deadline = core.now() + (options.timeout or WATCH_TIMEOUT),
      first = 0, -- the project's age is not known
    }
    local info, failure = self.scheduler:call(polls.next, polls)
    ended = not info or kind.FINAL[info.status]
    status = info and info.status or status
    if info then
      info.project_id = info.project_id or id
    end
    return info or { status = status, project_id = id, err = failure }
  end
end

local DOWNLOAD = {
  url = { kind = "url", required = true },
  output = { kind = "string", filled = true, required = true },
  overwrite = { kind = "boolean" },
  timeout = { kind = "seconds", minimum = 0.001 },
  on_progress = { kind = "callback" },
}

--- Fetches a file from an address, such as a cover, subtitles or a video. The
-- file reaches the disk whole or not at all. The API key is not sent.
-- @tparam table given `url`; `output`, the path; `overwrite`; `timeout`
-- (seconds, 1800); `on_progress(p)` with `p.bytes` and `p.percent`
-- @treturn[1] table `path`, `bytes`
-- @treturn[2] nil
-- @treturn[2] table error
-- @raise on misuse, at the caller's line
-- @usage assert(client:download { url = video.cover_url, output = "lamp.jpg" })
function Client:download(given)
  check_usable(self, "download", 3)
  local options, err = check.fields(DOWNLOAD, given, "download", 3)
  if not options then
    return nil, err
  end
  local result
  result, err = self.scheduler:call(function()
    local fetched, failure = downloads.run(self, options, DOWNLOAD_TIMEOUT)
    return fetched, failure
  end)
  return result, err
end

local UPLOAD = {
  file = { kind = "string", required = true, uploads = true },
  on_progress = { kind = "callback" },
}

-- client:upload, of a generation that has it: see jogg.upload.
local function upload_method(self, given)
  check_usable(self, "upload", 3)
  local options, err = check.fields(UPLOAD, given, "upload", 3)
  if not options then
    return nil, err
  end
  if type(options.file) == "string" then
    options.file = { file = options.file }
  end
  local result
  result, err = self.scheduler:call(upload.run, self, options)
  return result, err
end

-- ===}

-- {=== tasks

local CALLBACK = { kind = "callback" }
local SECONDS = { kind = "seconds" }

--- Starts a task. Inside `f`, this client's methods suspend the task instead of
-- blocking. `f` begins in the next `step`, `run`, `wait` or blocking call.
-- @tparam function f gets no arguments
-- @treturn Task `task.done`; once that is true, `task.value` and `task.err`,
-- the first two values that `f` returned; `task:wait()` and `task:cancel()`,
-- see
-- @{jogg.tasks}
-- @raise on misuse, at the caller's line
function Client:spawn(f)
  check_usable(self, "spawn", 3)
  check.value(CALLBACK, f, "spawn: f", 3)
  local task = self.scheduler:spawn(f)
  return task
end

--- Waits for some time. It suspends a task, and blocks elsewhere.
-- @tparam number seconds
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] table error of kind `cancelled`
-- @raise on misuse, at the caller's line
function Client:sleep(seconds)
  check_usable(self, "sleep", 3)
  check.value(SECONDS, seconds, "sleep: seconds", 3)
  local ok, err = self.scheduler:call(self.scheduler.sleep, self.scheduler,
    seconds)
  return ok, err
end

--- Takes what the network has completed and the timers that are due, then
-- resumes the tasks that are ready. After half a millisecond it resumes no
-- further task.
-- @tparam ?number seconds how long it may wait for work. Without it the step
-- never waits
-- @treturn[1] integer how many spawned tasks are alive
-- @treturn[2] nil
-- @treturn[2] table error: the I/O thread cannot be started
-- @raise on misuse, at the caller's line
function Client:step(seconds)
  check_usable(self, "step", 3)
  if seconds ~= nil then
    check.value(SECONDS, seconds, "step: seconds", 3)
  end
  local alive, err = self.scheduler:step(seconds, 3)
  return alive, err
end

--- Runs until every task is done.
-- @treturn integer how many tasks have failed since the last run
-- @treturn ?table the first error of those
-- @raise on misuse, at the caller's line
function Client:run()
  check_usable(self, "run", 3)
  local failed, first = self.scheduler:run(3)
  return failed, first
end

--- A descriptor that is readable when `step()` has work, for timers as well as
-- for the network.
-- @treturn[1] integer
-- @treturn[2] nil
-- @treturn[2] table error
function Client:fd()
  check_usable(self, "fd", 3)
  if not self.descriptor then
    local descriptor, failure = self.core:descriptor()
    if not descriptor then
      return nil, errors.from_failure(failure)
    end
    self.descriptor = descriptor
    self.scheduler:watch()
  end
  return self.descriptor
end

local HOST = {
  can_wait = { kind = "callback", required = true },
  wait = { kind = "callback", required = true },
  start = { kind = "callback", required = true },
  stop = { kind = "callback", required = true },
}

--- Connects the client to a loop of the host: in the loop's coroutines this
-- client's methods suspend the coroutine. For adapters such as `jogg.loop.*`.
-- @tparam table host four functions. `can_wait()` says whether the caller is in
-- a coroutine that can be suspended. `wait(task, at_end)` suspends that
-- coroutine until `task.done`; `at_end(f)` has `f` called then. `start()` is
-- called when there are tasks: from then on the loop must call `step()` when
-- the descriptor is readable. `stop()` is called before the descriptor closes
-- @raise on misuse, and when the I/O thread cannot be started
function Client:attach(host)
  check_usable(self, "attach", 3)
  check.fields(HOST, host, "attach", 3)
  local descriptor, err = self:fd()
  if not descriptor then
    error(tostring(err), 2)
  end
  self.scheduler:attach(host)
end

--- Seconds until `step()` has work without news from the network.
-- @treturn ?number nil: no timer is set
function Client:timeout()
  check_usable(self, "timeout", 3)
  local seconds = self.scheduler:timeout()
  return seconds
end

--- The descriptor by the name that cqueues uses.
-- @treturn integer
-- @raise when the I/O thread cannot be started
function Client:pollfd()
  check_usable(self, "pollfd", 3)
  local descriptor, err = self:fd()
  if not descriptor then
    error(tostring(err), 2)
  end
  return descriptor
end

--- Always `"r"`: see @{Client:pollfd}.
-- @treturn string
function Client:events()
  check_usable(self, "events", 3)
  return "r"
end

--- Ends everything that is in flight and releases all that the client holds.
-- Tasks see their waits end with an error of kind `cancelled`. Temporary files
-- are removed. May be called any number of times.
--
-- In a forked child it raises nothing: it releases the child's copy, and the
-- parent's client goes on.
-- @raise inside a task
function Client:close()
  if not METATABLES[getmetatable(self)] then
    error("close is a method: call it as client:close()", 2)
  end
  self.scheduler:close(3)
end

-- ===}

-- {=== one class for each generation

local function tostring_client(self)
  return ("jogg.client (%s)"):format(self.scheduler.closed and "closed" or
    "open")
end

-- Raises for a method that this generation lacks, and names the other one.
local function missing_method(generation)
  return function(_, name)
    for other, api in pairs(APIS) do
      if other ~= generation and (api.operations[name] or
        KINDS[other][name] or name == "upload" and api.uploads) then
        error(("%s is a method of generation %s; this client speaks %s"):format(
          name, other, generation), 2)
      end
    end
  end
end

local function new_class(generation, api)
  local methods = {}
  for name, operation in pairs(api.operations) do
    operation.name, operation.has_files = name,
      upload.is_possible(operation.fields)
    for _, field in pairs(operation.fields) do
      operation.has_required = operation.has_required or field.required or
        field.required_without
    end
    methods[name] = operation_method(name)
  end
  for name in pairs(KINDS[generation]) do
    methods[name] = function(self, given)
      local result, err = make(self, name, given, 3)
      return result, err
    end
  end
  if api.uploads then
    methods.upload = upload_method
  end
  for name, method in pairs(Client) do
    methods[name] = methods[name] or method
  end
  local metatable = {
    __name = "jogg.client", __close = Client.close,
    __tostring = tostring_client,
    __index = setmetatable(methods, { __index = missing_method(generation) }),
  }
  METATABLES[metatable] = true
  return metatable
end

local CLASSES = {}
for generation, api in pairs(APIS) do
  CLASSES[generation] = new_class(generation, api)
end

-- Has messages about unknown options name the generation that has them.
local function compare(open, v2)
  check.has_elsewhere(open, v2, "v2")
  check.has_elsewhere(v2, open, "open")
end

compare(job.fields_of(KINDS.open.make_video), job.fields_of(KINDS.v2.make_video))
compare(APIS.open.product, APIS.v2.product)
for name, operation in pairs(APIS.open.operations) do
  local other = APIS.v2.operations[name]
  if other then
    compare(operation.fields, other.fields)
  end
end

-- ===}

local client = {}

--- Makes a client. Users call `jogg.client`, which has no `level`.
-- @tparam ?table given `api_key` (default: the environment's JOGG_API_KEY),
-- `base_url` (JOGG_BASE_URL, or the service's), `generation` (`"open"` or
-- `"v2"`; JOGG_GENERATION);
-- `ca_file` (JOGG_CA_FILE, CURL_CA_BUNDLE, SSL_CERT_FILE), `ca_path`
-- (SSL_CERT_DIR, unless a file is given by another name than SSL_CERT_FILE); in
-- seconds `timeout` (60, one exchange), `product_timeout`
-- (180, create_product and paid calls), `connect_timeout` (10),
-- `stall_timeout` (30);
-- `retries` (4), `posts_per_minute` (20; 0: no limit), `max_transfers` (64),
-- `max_bytes` (4 GiB, of a file), `max_credits` (an estimate of what may be
-- spent, generation v2); `log(event)`: called for each request, answer, wait
-- and retry of the API, not for downloads and uploads. `event` has `event`
-- (`"request"`, `"answer"`, `"wait"`, `"retry"`), `operation`, and where they
-- apply `method`, `attempt`, `seconds`, `err`, `waiting_for`. The function must
-- not call the client
-- @tparam integer level as for `error`: where the caller is
-- @treturn table client
-- @raise when an option is not usable, at the caller's line
function client.new(given, level)
  local settings = config.settings(given, level + 1)
  local api = APIS[settings.generation]
  local api_key = settings.api_key
  settings.api_key = nil -- only the core keeps it
  settings.base_url = settings.base_url or api.base_url
  local ok, network = pcall(core.client, {
    api_key = api_key, base_url = settings.base_url,
    ca_file = settings.ca_file, ca_path = settings.ca_path,
    user_agent = USER_AGENT, transfers = settings.max_transfers,
  })
  if not ok then
    error("client: " .. tostring(network), level)
  end
  local service = settings.base_url:match "^%a+://[^/?#]*":lower()
  return setmetatable({
    core = network, settings = settings, api = api, service = service,
    is_local = network:is_local(),
    scheduler = tasks.scheduler(network, settings.max_transfers),
    limiter = limiter.new(settings.posts_per_minute, service, api_key),
    spent = 0,
  }, CLASSES[settings.generation])
end

--- Can it be used: is it open, and of this process?
-- @tparam table self a client
-- @treturn boolean
function client.is_usable(self)
  return self.core:fault() == nil
end

-- client:make_video for a caller that is `level` frames away.
function client.make_video(self, given, level)
  local video, err = make(self, "make_video", given, level + 1)
  return video, err
end

return client
