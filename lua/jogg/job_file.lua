-- SPDX-License-Identifier: MIT

-- The state of a job on the disk: the option `job_file`.
--
-- The file holds the job's token as JSON. It is locked while the job runs, and
-- replaced whole at each step. A file that cannot be read is not replaced.
-- Everything here runs inside a task.

local core = require "jogg.core"
local errors = require "jogg.error"

local job_file = {}

local File = {}
File.__index = File

local function failed(self, failure)
  if failure.class == "busy" then
    return nil, errors.new {
      kind = "busy", outcome = "not_sent",
      message = ("%s is in use: this job is running already"):format(self.path),
    }
  end
  return nil, errors.from_failure(failure, self.path)
end

local function await(self, request)
  local ok, err = self.scheduler:await(request)
  if not ok then
    return nil, err
  end
  local done, value = request:result()
  if not done then
    return failed(self, value)
  end
  return true, value
end

local function damaged(self, why)
  return nil, errors.new {
    kind = "io", reason = "damaged", outcome = "not_sent",
    message = ("%s is not a job file that can be read (%s): nothing was " ..
      "started. Restore it, or remove it to start anew and pay anew")
      :format(self.path, why),
  }
end

-- Writes the token; the old one stays when that fails.
function File:write(token)
  local ok, err = await(self, self.record:write(
    core.encode(token, { intro_medias = true })))
  return ok, err
end

-- Unlocks the file.
function File:close()
  self.record:close()
end

-- Locks a job file and reads it.
function job_file.open(client, path)
  local self = setmetatable({
    path = path, scheduler = client.scheduler,
    record = client.core:record(path),
  }, File)
  local ok, text = await(self, self.record:open())
  if not ok then
    self:close()
    return nil, text
  elseif not text then
    return self
  end
  local stored, why = core.decode(text)
  if type(stored) ~= "table" then
    self:close()
    return damaged(self, text == "" and "it is empty" or why or "no object")
  end
  return self, stored
end

return job_file
