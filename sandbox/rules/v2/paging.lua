-- SPDX-License-Identifier: MIT
--
-- One page of a list, and the quirks of paging.

local json = require "json"
local quirks = require "quirks"

local paging = {}

local SIZE = 10              -- of a page that names none

local function copy(list, from, to)
  local part = json.array()
  for i = from, math.min(to, #list) do part[#part + 1] = list[i] end
  return part
end

--- Cuts a page out of a list.
-- @tparam table list
-- @tparam table query `page`, `page_size`
-- @treturn {any,...} the page
-- @treturn table page, page_size, total, and has_more
function paging.cut(list, query)
  local page, size = query.page or 1, query.page_size or SIZE
  local first = (page - 1) * size + 1
  local about = {
    page = page, page_size = size, total = #list,
    has_more = first + size <= #list,
  }
  if quirks.is_on "whole_lists" then return copy(list, 1, #list), about end
  local part = copy(list, first, first + size - 1)
  if quirks.is_on "repeated_items" and page > 1 and #list > 0 then
    table.insert(part, 1, list[math.min(first - 1, #list)])
  end
  return part, about
end

--- The object that tells of pages in most lists.
function paging.describe(about)
  return {
    page = about.page, page_size = about.page_size,
    total_items = about.total,
    total_pages = math.ceil(about.total / about.page_size),
  }
end

return paging
