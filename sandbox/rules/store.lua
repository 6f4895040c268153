-- SPDX-License-Identifier: MIT
--
-- The data folder: records in JSON files that are replaced at once, and the
-- folders of the renders. Without --data nothing but files is kept, in a
-- temporary folder.

local host = require "host"
local config = require "config"
local json = require "json"

local store = {}

local lock                 -- on the data folder, for as long as we live

local WORK_BYTES = 8       -- of a work folder's name, which is hexadecimal
local WORK_NAME = "^" .. ("%x"):rep(2 * WORK_BYTES) .. "$"

local FOLDERS = {
  "projects", "files", "samples", "work", "catalog", "v2", "v2/products",
  "v2/jobs", "v2/assets", "v2/endpoints", "v2/deliveries",
}

local function record_path(name)
  return ("%s/%s.json"):format(config.data, name)
end

-- What a run that was killed left: only folders with names of our making,
-- for the folder we were given may hold anything else.
local function clear_work()
  local work = config.data .. "/work"
  for _, name in ipairs(host.list(work) or {}) do
    if name:find(WORK_NAME) then
      host.remove_folder(work .. "/" .. name)
    end
  end
end

--- Makes or finds the data folder, which no other sandbox may use.
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
  local ok
  ok, why = host.make_folder(config.data)
  if not ok then return nil, why end
  lock, why = host.lock(config.data .. "/lock")
  if not lock then
    return nil, why or config.data .. ": another sandbox uses this folder"
  end
  for _, name in ipairs(FOLDERS) do
    ok, why = host.make_folder(config.data .. "/" .. name)
    if not ok then return nil, why end
  end
  clear_work()
  return true
end

--- Reads a record, an object; nil when there is none.
function store.read(name)
  if config.temporary then return nil end
  local file = io.open(record_path(name), "rb")
  if not file then return nil end
  local text = file:read "a"
  file:close()
  local value, why = json.decode(text)
  if json.is_object(value) then return value end
  store.complain(name, why or "it is no object")
end

--- Says on stderr what is wrong with a record.
function store.complain(name, why)
  io.stderr:write("jogg-sandbox: ", record_path(name), ": ", why, "\n")
end

--- Writes a record.
-- @treturn[1] boolean
-- @treturn[2] nil
-- @treturn[2] string why not, which stderr knows as well
function store.write(name, value)
  if config.temporary then return true end
  local ok, why = host.write(record_path(name), json.encode(value))
  if not ok then io.stderr:write("jogg-sandbox: ", why, "\n") end
  return ok, why
end

--- Removes a record.
function store.remove(name)
  if not config.temporary then os.remove(record_path(name)) end
end

--- The names of the records in a folder.
function store.names(folder)
  local names = {}
  if config.temporary then return names end
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
  local path = ("%s/work/%s"):format(config.data, host.random(WORK_BYTES))
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
