-- SPDX-License-Identifier: MIT

--- The items of a list of the service, page after page.
--
-- A list is an iterator for `for`. When the loop ends, `list.err` is the error
-- that cut the list short, or nil. A list that wrong data asks for is empty.
-- `list.total` is the number of items on all pages, if the service says it. If
-- the caller gives `page`, the list has that page only.
--
-- The service has returned whole lists whatever the size of a page, and pages
-- that repeat items: an item that came before is skipped, and a page without a
-- new item is the last one.
-- @module jogg.pager
-- @usage local avatars = client:avatars { gender = "female" }
-- for avatar in avatars do
--   print(avatar.id, avatar.name)
-- end
-- if avatars.err then error(tostring(avatars.err)) end

local answer = require "jogg.answer"
local call = require "jogg.call"
local core = require "jogg.core"
local errors = require "jogg.error"

local PAGES = 1000 -- at most; a list without an end is an error of the service

local pager = {}

local Pager = { __name = "jogg.pager" }

local function refuse_index()
  error("a list of the service is an iterator: write `for item in list do`, " ..
    "or use list:all()", 3)
end

function Pager.__index(_, name)
  if type(name) == "number" then
    refuse_index()
  end
  return Pager[name]
end

function Pager.__len()
  refuse_index()
end

-- What tells an item from others: its id, or all of it.
local function key_of(item, shape)
  if type(item) ~= "table" then
    return item
  end
  local id = answer.find(item, "id", shape and shape.id)
  local can, text = pcall(core.encode, item, {}) -- `null` may leave gaps
  return id or can and text or item
end

-- Fetches a page. Returns true; or nil, also at the end of the list.
local function fetch(self)
  local list = self.operation.list
  local data, err = call.run(self.client, self.operation, self.fields, self.job)
  if not data then
    return nil, err
  end
  self.items, self.next_item = {}, 1
  self.total = answer.find(data, "total", list.total) or self.total
  local items, unreadable = answer.find(data, "items", list.items)
  self.unreadable = self.unreadable + (unreadable or 0)
  self.is_missing = not items and self.pages == 0
  if self.is_missing and self.total and self.total > 0 then
    return nil, errors.new {
      kind = "protocol", reason = "list", retryable = false,
      message = ("the answer has no list of %s"):format(list.items[1]),
    }
  end
  for _, item in ipairs(items or {}) do
    local id = key_of(item, list.item)
    if list.item and type(item) ~= "table" then
      self.unreadable = self.unreadable + 1
    elseif not self.known[id] then
      self.known[id] = true
      table.insert(self.items, item)
    end
  end
  self.pages = self.pages + 1
  self.is_last = #self.items == 0 or not self.has_pages
  if self.has_pages then
    self.fields.page = self.fields.page + 1
  end
  if self.pages >= PAGES and not self.is_last then
    return nil, errors.new {
      kind = "protocol", reason = "endless", retryable = false,
      message = ("the list has no end: %d pages"):format(self.pages),
    }
  end
  return true
end

local function next_item(self)
  if self.err then
    return nil, self.err
  end
  while self.next_item > #self.items and not self.is_last do
    local ok, err = fetch(self)
    if not ok then
      self.err = err
      return nil, err
    end
  end
  local item = self.items[self.next_item]
  self.next_item = self.next_item + 1
  return item
end

-- What `for` calls: the next item; nil at the end, and when `self.err` is set.
function Pager:__call()
  local item, err = self.client.scheduler:call(next_item, self)
  return item, err
end

--- Fetches all items that the iterator has not returned yet.
-- @treturn[1] table a list
-- @treturn[2] nil
-- @treturn[2] table error
function Pager:all()
  local all, err = self.client.scheduler:call(function()
    local items = {}
    local item, fault = next_item(self)
    while item do
      items[#items + 1] = item
      item, fault = next_item(self)
    end
    if fault then
      return nil, fault
    end
    return items
  end)
  return all, err
end

-- A list that cannot be asked for: it is empty, and has the error.
function pager.failed(client, err)
  return setmetatable({
    client = client, items = {}, next_item = 1, err = err,
  }, Pager)
end

-- A list of an operation. A page that the caller names is the only one. The time
-- of a `job`, if there is one, bounds the calls.
function pager.new(client, operation, fields, job)
  local has_pages = operation.fields.page ~= nil and fields.page == nil
  if has_pages then
    fields.page = 1
  end
  return setmetatable({
    client = client, operation = operation, fields = fields, job = job,
    has_pages = has_pages, pages = 0, known = {}, items = {}, next_item = 1,
    is_last = false, unreadable = 0,
  }, Pager)
end

return pager
