-- SPDX-License-Identifier: MIT

-- A job: from what the caller asked for to the finished files.
--
-- This is what all kinds of jobs have in common: the token, the job file,
-- progress, the deadline, polling, downloads. What differs between kinds is in
-- `jogg.jobs.*`; a kind has
--
-- * `name`: the method that makes it; `video`: the fields that say how the
--   result is to be; `options`: further options; `check(options)`, which returns
--   the name of what is missing in a job that begins, and perhaps a hint;
-- * `operation`, `fields(token)`: the call that asks for the state; `read(data)`:
--   what it says, with `status`; `FINAL`: the states that last;
-- * `start(job)`: does all that comes before the wait; `note_sent(token, name)`:
--   writes down the call that costs, before it goes out, or nil after it was
--   refused;
-- * `outputs`: the options of paths that it has; `whole`: what makes the main file
--   whole; `several`: there may be more than one of it, as many as the field
--   `several` says if it is there, and `output` has %d for their numbers;
--   `has_sample`: the main file is but a sample of what is made.
--
-- A job runs inside a task.

local budget = require "jogg.budget"
local call = require "jogg.call"
local check = require "jogg.check"
local core = require "jogg.core"
local downloads = require "jogg.download"
local errors = require "jogg.error"
local job_file = require "jogg.job_file"
local poller = require "jogg.poller"
local tasks = require "jogg.tasks"
local tokens = require "jogg.token"
local webhook = require "jogg.webhook"

local TIMEOUT = 1800 -- s, for the whole job
local RAW_MAXIMUM = 64 * 1024 -- bytes of the service's answer in a job file

local job = {}

local Job = {}
Job.__index = Job

-- The jobs that run now, in this process: service and project → job.
local active = setmetatable({}, { __mode = "v" })

-- {=== options

local known = setmetatable({}, { __mode = "k" }) -- kind → fields

local COMMON = {
  project_id = { kind = "segment", aliases = { "prj_id" } },
  extra = { kind = "object" },
  job_file = { kind = "string", filled = true },
  timeout = { kind = "seconds", minimum = 0.001 },
  download_timeout = { kind = "seconds", minimum = 0.001 },
  poll = poller.FIELD,
  on_progress = { kind = "callback" },
  resume = { kind = "table" },
}
local PATH = { kind = "string", filled = true }
local OVERWRITE = { kind = "boolean" }

local function optional(field)
  local copy = {}
  for key, value in pairs(field) do
    copy[key] = value
  end
  copy.required = nil
  return copy
end

-- The options of a kind. What a job that begins requires is asked for later.
local function fields_of(kind)
  if not known[kind] then
    local fields = {}
    for _, set in ipairs { COMMON, kind.options or {}, kind.video } do
      for name, field in pairs(set) do
        fields[name] = field.required and optional(field) or field
      end
    end
    for option in pairs(kind.outputs) do
      fields[option], fields.overwrite = PATH, OVERWRITE
    end
    known[kind] = fields
  end
  return known[kind]
end

job.fields_of = fields_of

-- ===}

-- {=== progress

-- Seconds to the end, at the pace since the work began to show: not since the
-- job began, which may have waited in a queue or have been resumed.
local function eta_of(self, now, percent)
  if not percent then
    return nil
  end
  if not self.pace_percent or percent <= self.pace_percent then
    self.pace_percent, self.pace_began = percent, now
    return percent >= 100 and 0 or nil
  end
  return (now - self.pace_began) * (100 - percent) /
    (percent - self.pace_percent)
end

local function tell(self, facts)
  if not self.on_progress then
    return
  end
  local token, now = self.token, core.now()
  local percent = facts.progress
  tasks.tell(self.on_progress, {
    phase = token.phase, status = self.status, percent = percent,
    bytes = facts.bytes, elapsed = now - self.began,
    eta = eta_of(self, now, percent),
    waiting_for = facts.waiting_for, err = facts.err, attempt = facts.attempt,
    product_id = token.product_id, project_id = token.project_id,
    resume = tokens.copy(token),
  })
end

-- Tells that the job waits for something: "rate limit", "slot", "poll" or
-- "retry"; then `err` is what failed and `attempt` how often.
function Job:tell_wait(waiting_for, err, attempt)
  tell(self, { waiting_for = waiting_for, err = err, attempt = attempt })
end

-- Tells how far a transfer is.
function Job:tell_bytes(bytes, whole)
  tell(self, {
    bytes = bytes,
    progress = whole and whole > 0 and math.floor(100 * bytes / whole) or nil,
  })
end

-- Writes the token to the job file, if there is one. Returns true; or nil and an
-- error.
function Job:save()
  if not self.file then
    return true
  end
  local ok, err = self.file:write(self.token)
  return ok, err
end

-- Begins a phase: saves the token, then tells. Returns true; or nil and an error.
function Job:enter(phase, facts)
  self.token.phase = phase
  self.pace_percent = nil
  local ok, err = self:save()
  if not ok then
    return nil, err
  end
  tell(self, facts or {})
  return true
end

-- A call that costs goes out now: tells and saves that before it does. Returns
-- true; or nil and an error, and it must not go out.
function Job:note_sent(name)
  local token = self.token
  token.attempt, token.resolved = (token.attempt or 0) + 1, nil
  token.phase = name
  self.kind.note_sent(token, name)
  self.is_told = false -- what on_progress raises keeps it from going out
  tell(self, {})
  self.is_told = true
  local ok, err = self:save()
  if not ok then
    self:note_refused()
    err.outcome = "not_sent"
  end
  return ok, err
end

-- It certainly had no effect. Where that cannot be saved, the next run has to
-- find it out.
function Job:note_refused()
  self.kind.note_sent(self.token, nil)
  self:save()
end

-- Sets credits aside for a call; nil: they are spent.
function Job:set_aside(credits)
  self.reserved = credits
end

-- The call had no effect: they may be spent otherwise.
function Job:give_back()
  budget.give_back(self.client, self.reserved or 0)
  self.reserved = nil
end

-- ===}

-- {=== one job runs once

-- What only one job of the process may work at: its project; before there is
-- one, what the token has in common with its copies.
local function name_of(self)
  local token = self.token
  return ("%s %s %s"):format(self.client.service, token.project_id and "project"
    or "job", token.project_id or token.id)
end

local function claim(self, name, message)
  local other = active[name]
  if other and other ~= self and message then
    return nil, errors.new {
      kind = "busy", outcome = "not_sent", message = message,
    }
  end
  active[name] = self
  table.insert(self.claimed, name)
  return true
end

-- From now on no other job of this process may work at the same. A project that
-- was created just now is this job's, whatever its id.
function Job:claim(is_new)
  local id = self.token.project_id
  local ok, err = claim(self, name_of(self), not is_new and
    "this job is running already" .. (id and (" (project %s)"):format(id) or ""))
  return ok, err
end

-- Releases what the job holds. Temporary files are removed.
function Job:abandon()
  for _, name in ipairs(self.claimed) do
    if active[name] == self then
      active[name] = nil
    end
  end
  if self.reserved and not (self.token.sent and self.is_told) then
    self:give_back()
  end
  if self.stop_listening then
    self.stop_listening()
  end
  for _, fetching in pairs(self.downloads) do
    fetching:discard()
  end
  if self.file then
    self.file:close()
  end
  self.file, self.downloads, self.stop_listening = nil, {}, nil
end

-- ===}

-- {=== polling

-- Asks once where things stand, not more often than the service allows. Returns
-- an info; or nil and an error.
function Job:poll()
  local client, kind = self.client, self.kind
  if self.polled_at and not client.is_local then
    local ok, err = client.scheduler:sleep(math.max(0,
      self.polled_at + call.POLL_LEAST - core.now()))
    if not ok then
      return nil, err
    end
  end
  local data, err = call.run(client, client.api.operations[kind.operation],
    kind.fields(self.token), self)
  self.polled_at = core.now()
  if not data then
    return nil, err
  end
  local info = kind.read(data)
  self.status = info.status
  return info
end

local function new_poller(self, first)
  return poller.new {
    client = self.client, kind = self.kind,
    fields = self.kind.fields(self.token), id = self.token.project_id,
    plan = self.plan, deadline = self.deadline, first = first,
    visible = self.sent_at and self.sent_at + self.plan.settle,
    can_be_poked = self.given.webhook ~= nil, on_wait = function(...)
      self:tell_wait(...)
    end,
  }
end

-- Polls until the state is final. An event of the webhook's inbox has the poller
-- ask at once: the service's own answer is what counts.
local function wait(self)
  local info, plan, FINAL = self.info, self.plan, self.kind.FINAL
  local ok, err = self:enter("wait", {
    progress = info and info.progress,
    waiting_for = not (info and FINAL[info.status]) and "poll" or nil,
  })
  if not ok then
    return nil, err
  end
  local polls, inbox = nil, self.given.webhook
  local function poke()
    polls:poke()
  end
  while not (info and FINAL[info.status]) do
    if not polls then
      polls = new_poller(self, info and plan.interval or plan.first)
      if inbox then
        inbox:on(self.token.project_id, poke)
        self.stop_listening = function()
          inbox:off(self.token.project_id, poke)
        end
      end
    end
    info, err = polls:next()
    if not info then
      break
    end
    self.status, self.polled_at = info.status, core.now()
    tell(self, { progress = info.progress,
      waiting_for = not FINAL[info.status] and "poll" or nil })
  end
  return info, err
end

-- ===}

-- {=== files

-- Is there a file, of so many bytes?
local function is_there(path, bytes)
  local file = io.open(path, "rb")
  if not file then
    return false
  end
  local size = file:seek "end"
  file:close()
  return not bytes or size == bytes
end

-- The files of a job, the main one first: the option of the path, and the name of
-- the URL in an info.
local FILES = {
  { option = "output", name = "video_url" },
  { option = "cover_output", name = "cover_url" },
  { option = "subtitle_output", name = "subtitle_url" },
}

-- The path of one of several files.
local function numbered(path, i)
  return (path:gsub("%%d", ("%d"):format(i)))
end

-- The URLs of several files: number → URL. A part that failed has none.
local function urls_of(info)
  local urls = {}
  for i, part in ipairs(info.parts or {}) do
    urls[i] = part.url
  end
  return info.urls or urls
end

-- What is to be fetched when the job is done: a list of path and URL.
local function wanted_files(self, info)
  local files, token = {}, self.token
  for _, file in ipairs(FILES) do
    local path = token[file.option]
    if path and file.option == "output" and self.kind.several then
      local numbers, urls = {}, urls_of(info)
      for i in pairs(urls) do
        numbers[#numbers + 1] = i
      end
      table.sort(numbers)
      for _, i in ipairs(numbers) do
        files[#files + 1] = { path = numbered(path, i), url = urls[i],
          number = i, option = "output" }
      end
    elseif path then
      files[#files + 1] = { path = path, url = info[file.name],
        name = file.name, option = file.option }
    end
  end
  return files
end

-- The download of a file, which is described before anything is paid for: so a
-- relative path means the folder in which the job began.
local function download_of(self, path, whole)
  local fetching = self.downloads[path]
  if not fetching then
    local token = self.token
    token.keys = token.keys or {}
    fetching = downloads.new(self.client, path, token.overwrite or false, whole,
      token.keys[path])
    self.downloads[path] = fetching
    if self.file then -- the key names what a kill leaves
      token.keys[path] = fetching.file:key()
    end
  end
  return fetching
end

local function whole_of(self, option)
  return option == "output" and self.kind.whole or "length"
end

-- Can a file be put there?
local function check_output(self, path, whole)
  local token = self.token
  local bytes = token.fetched and token.fetched[path]
  if bytes and is_there(path, bytes) then
    return true
  end
  token.phase = token.phase or "output"
  local fetching
  local ok, err = claim(self, "file " .. path, path ..
    " is the file of another job that is running")
  if ok then
    fetching = download_of(self, path, whole)
    ok, err = self:save()
  end
  if ok then
    ok, err = fetching:check()
  end
  if not ok then
    err.outcome = "not_sent"
  end
  return ok, err
end

-- Can the files be put where they are wanted?
local function check_outputs(self)
  local token, kind = self.token, self.kind
  for _, file in ipairs(FILES) do
    local path = token[file.option]
    local is_several = kind.several and file.option == "output"
    for i = 1, path and is_several and token.video[kind.several] or 1 do
      local ok, err = true, nil
      if path then
        ok, err = check_output(self, is_several and numbered(path, i) or path,
          whole_of(self, file.option))
      end
      if not ok then
        return nil, err
      end
    end
  end
  return true
end

-- Fetches one file. That it is whole is written down before it has its name: of
-- a kill in between it is known that the file is missing, but not whose file it
-- is that has the name.
local function fetch(self, file)
  local token = self.token
  local fetching = download_of(self, file.path, whole_of(self, file.option))
  local bytes, err = fetching:fetch {
    url = file.url, deadline = self.deadline,
    fresh_url = file.name and function()
      local fresh = self:poll()
      return fresh and fresh[file.name]
    end,
    on_bytes = self.on_progress and function(...)
      self:tell_bytes(...)
    end,
    on_wait = function(...)
      self:tell_wait(...)
    end,
    before_commit = function(size)
      token.fetched = token.fetched or {}
      token.fetched[file.path] = size
      local ok, fault = self:save()
      return ok, fault
    end,
  }
  if not bytes and token.fetched and token.fetched[file.path] then
    token.fetched[file.path] = nil -- it was written too early
    self:save() -- the error to tell is the first one
  end
  return bytes, err
end

-- The same for a file that may be there already, or may have no URL. Returns its
-- bytes; nil and an error.
local function obtain(self, file)
  local bytes = self.token.fetched and self.token.fetched[file.path]
  if bytes and is_there(file.path, bytes) then
    return bytes
  elseif not file.url then
    return nil, errors.new {
      kind = "not_found", reason = "no_file", outcome = "accepted",
      phase = "download", advice = "",
      message = ("the service made no file for %s"):format(file.option),
    }
  end
  local err
  bytes, err = fetch(self, file)
  if not bytes and file.name == "video_url" then
    err.video_url = file.url
  end
  return bytes, err
end

-- Fetches all files that are not there yet. Returns their facts for the result:
-- `path` and `bytes` of the main one, or `paths`, and `failed`; nil and an error.
-- A cover, subtitles or a sample that cannot be fetched do not take the result
-- away.
local function fetch_all(self, info)
  local fetched, files = {}, wanted_files(self, info)
  if #files == 0 then
    return fetched
  end
  local ok, err = self:enter("download", { progress = 0, bytes = 0 })
  if not ok then
    return nil, err
  end
  if self.download_timeout then
    self.deadline = core.now() + self.download_timeout
  end
  for _, file in ipairs(files) do
    local bytes
    bytes, err = obtain(self, file)
    if not bytes then
      if file.option == "output" and not self.kind.has_sample or
        err.kind == "cancelled" then
        return nil, err
      end
      fetched.failed = fetched.failed or {}
      fetched.failed[file.option] = err
    elseif file.number then
      fetched.paths = fetched.paths or {}
      fetched.paths[file.number] = file.path
    elseif file.option == "output" then
      fetched.path, fetched.bytes = file.path, bytes
    end
  end
  return fetched
end

-- ===}

-- {=== results

-- What the method returns.
local function result_of(self, info, fetched)
  local token = self.token
  local result = {
    status = info.status, url = info.video_url, cover_url = info.cover_url,
    subtitle_url = info.subtitle_url, duration = info.duration,
    credit = info.credit, urls = info.urls, parts = info.parts,
    avatar_id = info.avatar_id, product_id = token.product_id,
    project_id = token.project_id, raw = info.raw,
  }
  for name, value in pairs(fetched) do
    result[name] = value
  end
  return result
end

-- Writes the result to the job file, without errors, without paths (JSON has no
-- lists with gaps), and without an answer that is very long or has gaps.
local function save_result(self, result)
  local copy = {}
  for name, value in pairs(result) do
    copy[name] = name ~= "failed" and name ~= "paths" and tokens.copy(value) or
      nil
  end
  local can, text = pcall(core.encode, copy.raw, {}) -- `null` may leave gaps
  if not can or not text or #text > RAW_MAXIMUM then
    copy.raw = nil
  end
  self.token.result = copy
  local ok, err = self:save()
  return ok, err
end

-- Gives a stored result its paths. Returns whether all its files are there.
local function restore(self, result)
  local fetched = self.token.fetched or {}
  for _, file in ipairs(wanted_files(self, {
    video_url = result.url, cover_url = result.cover_url,
    subtitle_url = result.subtitle_url, urls = result.urls,
    parts = result.parts,
  })) do
    if not fetched[file.path] or not is_there(file.path) then
      return false
    elseif file.number then
      result.paths = result.paths or {}
      result.paths[file.number] = file.path
    end
  end
  return true
end

-- Locks the job file and takes the token from it, if there is one. The result
-- of a job that is done is returned as it was, unless its file is gone.
local function open_job_file(self)
  local file, stored = job_file.open(self.client, self.job_file)
  if not file then
    return nil, stored
  end
  self.file = file
  if stored then
    local token, err = tokens.read(self.client.api, self.kind, stored,
      self.given, self.job_file)
    if token and self.given.resume then
      token, err = tokens.combine(token, self.token, self.job_file)
    end
    if not token then
      return nil, err
    end
    self.token = token
  end
  self.is_open = true
  local result = self.token.result
  self.token.result = nil
  if result and restore(self, result) then
    return result
  end
  return true
end

-- The error of a job that ended without a result.
local function final_error(self, info)
  if info.status == "failed" then
    local what = "the service could not make " ..
      (self.kind.whole == "mp4" and "the video" or "it")
    return errors.new {
      kind = "render_failed", outcome = "accepted", retryable = false,
      code = info.code, message = what .. (info.message and
        ": " .. errors.quoted(info.message) or
        ", and does not say why"),
    }
  end
  return errors.new {
    kind = "deleted", message = "the project was deleted",
    outcome = "accepted", retryable = false,
  }
end

-- ===}

-- Completes an error with what the job knows. A job that would fail the same
-- way again, before anything was begun, has nothing to resume.
local function explain(self, err)
  local token = self.token
  local is_known = not self.job_file or self.is_open -- what the job file says
  local is_begun = token.project_id or token.sent or token.render_sent
  if is_known and is_begun and err.kind ~= "parameter" then
    err.outcome = token.rendered and "accepted" or
      (token.sent or token.render_sent) and "unknown" or err.outcome
  end
  err.phase = token.phase or err.phase
  err.product_id = err.product_id or token.product_id
  err.project_id = err.project_id or token.project_id
  if err.kind == "render_failed" or err.kind == "deleted" then
    if self.job_file then
      err.message = ("%s; remove %s to start anew"):format(err.message,
        self.job_file)
    end
  elseif is_known and (is_begun or token.product_id or err.transient) then
    err.resume = tokens.copy(token)
  end
  return err
end

-- Completes the error of a task that raised in the middle of the job.
function Job:explain(err)
  if self.is_told == false then
    self.kind.note_sent(self.token, nil)
  end
  err.outcome = "not_sent"
  explain(self, err)
end

-- All that comes before the download. Returns the info of what is finished; or
-- nil and an error.
local function reach_end(self)
  local ok, err = self:claim()
  if ok then
    ok, err = check_outputs(self)
  end
  if ok then
    ok, err = self.kind.start(self)
  end
  if not ok then
    return nil, err
  end
  self.token.render_sent, self.token.rendered = true, true
  local info
  info, err = wait(self)
  if not info then
    return nil, err
  elseif info.status ~= "completed" then
    return nil, final_error(self, info)
  end
  return info
end

local function run(self)
  if self.job_file then
    local found, fault = open_job_file(self)
    if found ~= true then
      return found, fault
    end
  end
  local info, err = reach_end(self)
  if not info then
    return nil, err
  end
  local fetched
  fetched, err = fetch_all(self, info)
  if not fetched then
    return nil, err
  end
  local result = result_of(self, info, fetched)
  if self.file then
    local ok
    ok, err = save_result(self, result)
    if not ok then
      return nil, err
    end
  end
  return result
end

-- Runs a job to its end. Returns the result; or nil and an error.
function job.run(self)
  tasks.guard(self)
  local result, err = run(self)
  tasks.release(self)
  self:abandon()
  if not result then
    return nil, explain(self, err)
  end
  return result
end

-- Each file of a job must have a path of its own. Returns the token; or nil and an
-- error.
local function check_paths(token, kind, path_of_job)
  local taken = {}
  taken[path_of_job or 0] = "job_file"
  for _, file in ipairs(FILES) do
    local path = token[file.option]
    if path and taken[path] then
      return nil, errors.parameter(("%s: %s and %s are the same file"):format(
        kind.name, taken[path], file.option))
    end
    taken[path or 0] = file.option
  end
  return token
end

-- Checks the options of a job. Returns the Job; or nil and an error of kind
-- `parameter`. Raises on misuse; `level` is as for `error`.
function job.new(client, kind, given, level)
  local checked, err = check.fields(fields_of(kind), given, kind.name,
    level + 1)
  if not checked then
    return nil, err
  end
  if checked.webhook and not webhook.is_inbox(checked.webhook) then
    check.raise(kind.name .. ".webhook must be an inbox of jogg.webhook", level)
  end
  if kind.several and checked.output and not checked.output:find("%d", 1, true)
  then
    check.raise(kind.name .. ".output must have %d in it, for the numbers of " ..
      "its files", level)
  end
  local token
  if checked.resume then
    token, err = tokens.read(client.api, kind, checked.resume, checked,
      kind.name .. ".resume")
  else
    local missing, hint
    if not checked.project_id then
      missing, hint = kind.check(checked)
    end
    if missing then
      check.raise(("%s: %s is missing%s"):format(kind.name, missing,
        hint and ": " .. hint .. " lists them" or ""), level)
    end
    token, err = tokens.new(client.api, kind, checked)
  end
  if token then
    token, err = check_paths(token, kind, checked.job_file)
  end
  if not token then
    return nil, err
  end
  local now = core.now()
  return setmetatable({
    client = client, kind = kind, given = checked, token = token,
    downloads = {}, claimed = {}, job_file = checked.job_file,
    plan = poller.plan(checked.poll, client.is_local,
      checked.webhook ~= nil),
    on_progress = checked.on_progress, began = now,
    deadline = now + (checked.timeout or TIMEOUT),
    download_timeout = checked.download_timeout,
  }, Job)
end

return job
