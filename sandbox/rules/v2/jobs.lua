-- SPDX-License-Identifier: MIT
--
-- The jobs of the v2 generation, of every kind: one record each, in one file.
-- They are paid when they are accepted, go through their states (render.lua),
-- and tell their events. What a record holds beside its state is its kind's
-- business (v2/making.lua).

local host = require "host"
local config = require "config"
local accounts = require "accounts"
local fields = require "fields"
local files = require "files"
local quirks = require "quirks"
local render = require "render"
local store = require "store"
local kinds = require "v2.kinds"

local jobs = {}

local FOLDER = "v2/jobs/"
local FIRST_AVATAR = 20001

local by_id, order = {}, {}
local next_number, next_avatar = 1, FIRST_AVATAR
local on_finished = function() end

local text = { type = "string", required = true }
local integer = { type = "integer", required = true }

-- What every record has.
local RECORD = {
  id = text, kind = text, owner = text, status = text, title = text,
  number = integer, created_at = integer, credits = {
    type = "number", required = true,
  },
  completed_at = { type = "integer" }, error = { type = "string" },
  duration = { type = "number" }, avatar_id = { type = "integer" },
  batch = { type = "string" }, body = { type = "object", required = true },
}

local function save(job)
  return store.write(FOLDER .. job.id, job)
end

local function adopt(job)
  by_id[job.id] = job
  order[#order + 1] = job
  next_number = math.max(next_number, job.number + 1)
  if job.avatar_id then
    next_avatar = math.max(next_avatar, job.avatar_id + 1)
  end
end

-- {======================================================================
-- Their states
-- =======================================================================

--- Sets the function that is called with each job that has ended.
function jobs.when_finished(listen)
  on_finished = listen
end

local function finish(job, ok, why)
  job.status = ok and "completed" or "failed"
  job.completed_at = os.time()
  job.error = not ok and (why or "unknown") or nil
  save(job)                  -- if not on the disk, then here: clients wait
  if ok and quirks.is_on "late_files" then
    for _, name in ipairs(job.files or {}) do files.hide(job.id, name, 2) end
  end
  on_finished(job)
end

local function enqueue(job)
  local kind = kinds.ALL[job.kind]
  render.enqueue {
    id = job.id, token = job.id .. ":1", kind = job.kind,
    lane = kind.lane or "render", queue = kind.queue, work = kind.work,
    current = function() return by_id[job.id] == job end,
    begin = function()
      job.status = "processing"
      save(job)
    end,
    produce = function(task) return kind.make(task, job) end,
    finish = function(ok, why) finish(job, ok, why) end,
  }
end

--- Percent and a description of the work on a job.
function jobs.progress(job)
  if job.status == "completed" then return 100, "completed" end
  local percent, doing = render.report(job.id)
  return percent or 0, doing or ""
end

--- The word for a job's state.
function jobs.word(job)
  return kinds.word(job.kind, job.status)
end

-- }======================================================================

-- {======================================================================
-- Making and finding them
-- =======================================================================

--- Accepts jobs of one kind, and takes their credits.
-- @tparam table account
-- @tparam string kind
-- @tparam {table,...} list what the records are to hold: title, credits, body
-- and more
-- @treturn[1] {table,...} their records
-- @treturn[2] boolean false
-- @treturn[2] integer code
-- @treturn[2] string message
function jobs.create_all(account, kind, list)
  local sum = 0
  for _, job in ipairs(list) do sum = sum + job.credits end
  local ok, why = accounts.charge(account, sum)
  if ok == false then return false, 18020, "insufficient credit" end
  for i = 1, ok and #list or 0 do
    local job = list[i]
    job.id, job.kind = kinds.id(kind, host.random(16)), kind
    job.owner, job.status = account.id, "pending"
    job.created_at, job.number = os.time(), next_number
    if job.gives_avatar then
      job.gives_avatar, job.avatar_id = nil, next_avatar
    end
    ok, why = save(job)
    if not ok then break end
    adopt(job)
  end
  if not ok then
    accounts.charge(account, -sum)
    for _, job in ipairs(list) do jobs.delete(job) end
    return false, 50000, "system error: " .. why
  end
  for _, job in ipairs(list) do enqueue(job) end
  return list
end

--- Accepts one job.
-- @treturn[1] table its record
-- @treturn[2] boolean false
-- @treturn[2] integer code
-- @treturn[2] string message
function jobs.create(account, kind, job)
  local list, code, message = jobs.create_all(account, kind, { job })
  if not list then return false, code, message end
  return list[1]
end

--- Takes what a job costs in all, when that turns out to be more than was
-- taken before.
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] string why not
function jobs.charge(job, credits)
  local more = credits - job.credits
  if more <= 0 then return true end
  local account, ok, why = accounts.of(job.owner), false, nil
  if account then ok, why = accounts.charge(account, more) end
  if not ok then return nil, why or "insufficient credit" end
  job.credits = credits
  return true
end

--- An account's job, if it is of one of these kinds.
-- @tparam table account
-- @tparam string id
-- @tparam string ... kinds
-- @treturn ?table
function jobs.find(account, id, ...)
  local job = by_id[id]
  if not job or job.owner ~= account.id then return nil end
  for _, kind in ipairs { ... } do
    if job.kind == kind then return job end
  end
end

--- Jobs, oldest first.
-- @tparam ?string kind
-- @tparam ?table account
function jobs.all(kind, account)
  local list = {}
  for _, job in ipairs(order) do
    if (not kind or job.kind == kind)
      and (not account or job.owner == account.id) then
      list[#list + 1] = job
    end
  end
  return list
end

--- A job by its id, of any account.
function jobs.get(id)
  return by_id[id]
end

--- Deletes a job, its record and its files.
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] string why not
function jobs.delete(job)
  if by_id[job.id] ~= job then return true end
  by_id[job.id] = nil
  for i, each in ipairs(order) do
    if each == job then table.remove(order, i) break end
  end
  store.remove(FOLDER .. job.id)
  return files.remove(job.id)
end

--- The address of a job's file; empty when the job is not done.
function jobs.address(job, name)
  if job.status ~= "completed" then return "" end
  return ("%s/files/%s/%s"):format(config.storage, job.id, name)
end

-- Continues a stored job, unless the record is not one.
local function resume(name)
  local job = store.read(FOLDER .. name)
  if not job then return end
  local wrong = fields.check(RECORD, job)
  if not wrong and (job.id ~= name or not kinds.ALL[job.kind]) then
    wrong = "id must be as the file's name, and kind a kind"
  end
  if wrong then return store.complain(FOLDER .. name, wrong) end
  if job.status == "processing" then job.status = "pending" end
  adopt(job)
end

--- Reads what an earlier run stored, and resumes its jobs.
function jobs.resume()
  for _, name in ipairs(store.names(FOLDER)) do resume(name) end
  table.sort(order, function(a, b) return a.number < b.number end)
  for _, job in ipairs(order) do
    if job.status == "pending" then enqueue(job) end
  end
end

-- }======================================================================

return jobs
