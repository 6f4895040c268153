-- SPDX-License-Identifier: MIT

-- A binary heap: items ordered by a number, the smallest first.
--
-- An item is a table and stands in one heap at a time; the heap keeps the
-- item's position in its field `heap_index`, so that any item can be removed.

local heap = {}

local Heap = {}
Heap.__index = Heap

local function put(self, index, item, key)
  self.items[index], self.keys[index] = item, key
  item.heap_index = index
end

local function move_up(self, index, item, key)
  local items, keys = self.items, self.keys
  while index > 1 do
    local parent = math.floor(index / 2)
    if keys[parent] <= key then
      break
    end
    put(self, index, items[parent], keys[parent])
    index = parent
  end
  put(self, index, item, key)
end

local function move_down(self, index, item, key)
  local items, keys, size = self.items, self.keys, self.size
  while 2 * index <= size do
    local child = 2 * index
    if child < size and keys[child + 1] < keys[child] then
      child = child + 1
    end
    if key <= keys[child] then
      break
    end
    put(self, index, items[child], keys[child])
    index = child
  end
  put(self, index, item, key)
end

-- Adds an item.
function Heap:add(item, key)
  self.size = self.size + 1
  move_up(self, self.size, item, key)
end

-- Removes an item; does nothing when it is not in the heap.
function Heap:remove(item)
  local index = item.heap_index
  if not index then
    return
  end
  local items, keys, size = self.items, self.keys, self.size
  local last, key = items[size], keys[size]
  items[size], keys[size] = nil, nil
  self.size = size - 1
  item.heap_index = nil
  if index == size then
    return
  end
  if index > 1 and key < keys[math.floor(index / 2)] then
    move_up(self, index, last, key)
  else
    move_down(self, index, last, key)
  end
end

-- The item with the smallest key.
function Heap:first()
  return self.items[1], self.keys[1]
end

-- Makes an empty heap.
function heap.new()
  return setmetatable({ items = {}, keys = {}, size = 0 }, Heap)
end

return heap
