-- SPDX-License-Identifier: MIT
--
-- The files that jobs make and that users upload: one folder for each id.
-- Jobs work in a folder of their own and publish what is finished.

local host = require "host"
local config = require "config"
local answers = require "answers"
local store = require "store"

local files = {}

local TYPES = {
  mp4 = "video/mp4", jpg = "image/jpeg", srt = "application/x-subrip",
}

local hidden = {}            -- path -> how often it is not found yet

--- The path of a file.
function files.path(id, name)
  return ("%s/files/%s/%s"):format(config.data, id, name)
end

--- Takes a file from anywhere within the data folder.
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] string why not
function files.take(id, name, from)
  local ok, why = host.make_folder(("%s/files/%s"):format(config.data, id))
  if not ok then return nil, why end
  return os.rename(from, files.path(id, name))
end

--- Moves a finished file of a job to where it is served.
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] string why not
function files.publish(job, name)
  return files.take(job.id, name, job.folder .. "/" .. name)
end

--- Removes all files of an id.
function files.remove(id)
  return host.remove_folder(("%s/files/%s"):format(config.data, id))
end

--- Answers 404 for a file the first few times, as a service does that copies
-- files from one place to another.
function files.hide(id, name, times)
  hidden[files.path(id, name)] = times
end

--- Whether the file of a request is not to be found yet; counts this time.
function files.is_hidden(request)
  local id, name = request.path:match "^/files/([^/]+)/([^/]+)$"
  local path = id and files.path(id, name)
  local times = hidden[path]
  if not times then return false end
  hidden[path] = times > 1 and times - 1 or nil
  return true
end

--- Answers a request for a file that jobs made: /files/ID/NAME.
-- @tparam table request
-- @tparam function is_served whether an id has files
function files.answer(request, is_served)
  local id, name = request.path:match "^/files/([%w_-]+)/([%w_-]+%.%w+)$"
  local kind = name and TYPES[name:match "%.(%w+)$"]
  if not kind or not is_served(id) then return answers.not_found() end
  local path = files.path(id, name)
  if not store.exists(path) then return answers.not_found() end
  return answers.file(path, kind)
end

return files
