-- SPDX-License-Identifier: MIT
--
-- The data folder: records in JSON files that are replaced at once, and the
-- folders of the renders. Without --data nothing but files is kept, in a
-- temporary folder.

local host = require "host"
local config = require "config"
local json = require "json"

local store = {}

local function record_path(name)
  return ("%s/%s.json"):format(config.data, name)
end

--- Makes or finds the data folder.
-- @treturn[1] boolean
-- @treturn[2] nil
-- @treturn[2] string why not
function store.open()
  local why
  if not config.data then
    config.data, why = host.temporary_folder()
    if not config.data then return nil, why end
    config.temporary = true
  end
  host.remove_folder(config.data .. "/work")     -- of a run that was killed
  for _, name in ipairs { "", "/projects", "/files", "/samples", "/work" } do
    local ok
    ok, why = host.make_folder(config.data .. name)
    if not ok then return nil, why end
  end
  return true
end

--- Reads a record; nil when there is none.
function store.read(name)
  if config.temporary then return nil end
  local file = io.open(record_path(name), "rb")
  if not file then return nil end
  local text = file:read "a"
  file:close()
  local value, why = json.decode(text)
  if not value then
    io.stderr:write("jogg-sandbox: ", record_path(name), ": ", why, "\n")
  end
  return value
end

--- Writes a record.
function store.write(name, value)
  if config.temporary then return end
  local ok, why = host.write(record_path(name), json.encode(value))
  if not ok then io.stderr:write("jogg-sandbox: ", why, "\n") end
end

--- The names of the records in a folder.
function store.names(folder)
  local names = {}
  for _, name in ipairs(host.list(config.data .. "/" .. folder) or {}) do
    local stem = name:match "^(.*)%.json$"
    if stem then names[#names + 1] = stem end
  end
  table.sort(names)
  return names
end

--- A new empty folder for work in progress.
-- @treturn[1] string its path
-- @treturn[2] nil
-- @treturn[2] string why not
function store.work_folder()
  local path = ("%s/work/%s"):format(config.data, host.random(8))
  local ok, why = host.make_folder(path)
  if not ok then return nil, why end
  return path
end

--- Whether there is such a file.
function store.exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

return store
