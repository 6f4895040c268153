-- SPDX-License-Identifier: MIT
-- The bodies that the fault server sends: each is a table with `next`, which
-- gives the next block of bytes or nil at the end, and `length` when it is
-- known. No body is ever whole in memory unless the script itself holds it.
-- Also decides what a Range request gets. Sends nothing.

local body = {}

local BLOCK = 65536
local ENDLESS_LINE = "no end to this "
local BOMB_WIRE_BYTES = 10 * 2 ^ 20     -- unpacks to a little over 10 GiB

--- Bytes that the script gave.
function body.of_text(text)
  local from = 1
  return {
    length = #text,
    next = function()
      if from > #text then return nil end
      local block = text:sub(from, from + BLOCK - 1)
      from = from + BLOCK
      return block
    end,
  }
end

--- A list of blocks, one chunk each.
function body.of_list(blocks)
  local i = 0
  return {
    length = #table.concat(blocks),
    count = #blocks,
    next = function()
      i = i + 1
      return blocks[i]
    end,
  }
end

--- The same block for ever.
function body.endless()
  local block = ENDLESS_LINE:rep(math.floor(BLOCK / #ENDLESS_LINE))
  return { next = function() return block end }
end

--- So many NUL bytes.
function body.of_zeros(length)
  local left, block = length, ("\0"):rep(BLOCK)
  return {
    length = length,
    next = function()
      if left <= 0 then return nil end
      local n = math.min(left, BLOCK)
      left = left - n
      return n == BLOCK and block or block:sub(1, n)
    end,
  }
end

--- A part of a file.
-- @treturn ?table nil when there is no such file
function body.of_file(path, from, length)
  local file = io.open(path, "rb")
  if not file then return nil end
  file:seek("set", from)
  local left = length
  return {
    length = length,
    close = function() file:close() end,
    next = function()
      local block = left > 0 and file:read(math.min(left, BLOCK)) or nil
      if block then left = left - #block end
      return block
    end,
  }
end

--- A gzip stream of NUL bytes, 1032 for each byte sent.
--
-- One deflate block with a code of its own: "repeat 258 bytes" is one bit, its
-- distance of 1 another, both zero. After the block's header and one literal
-- NUL, each zero byte on the wire is four such repeats. The stream is cut at
-- the end, without a checksum: a client that unpacks that far fails anyway.
-- @tparam ?number wire_bytes how many bytes to send
function body.gzip_bomb(wire_bytes)
  local bits, bytes = {}, {}
  local function put(value, count)      -- least significant bit first
    for _ = 1, count do
      bits[#bits + 1] = value % 2
      value = math.floor(value / 2)
    end
  end
  local function code(text)             -- Huffman codes: first bit first
    for bit in text:gmatch "." do bits[#bits + 1] = tonumber(bit) end
  end
  put(1, 1) put(2, 2)                   -- the last block, a code of its own
  put(286 - 257, 5) put(0, 5) put(18 - 4, 4)
  -- lengths of the codes for code lengths, in the format's odd order; in use
  -- are 18 (a run of zeros: "0"), 1 ("10") and 2 ("11")
  local in_use = { [18] = 1, [1] = 2, [2] = 2 }
  for _, symbol in ipairs { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3,
    13, 2, 14, 1 } do
    put(in_use[symbol] or 0, 3)
  end
  code "11"                             -- literal 0: two bits, "10"
  code "0" put(138 - 11, 7)             -- 255 literals unused
  code "0" put(117 - 11, 7)
  code "11"                             -- end of block: two bits, "11"
  code "0" put(28 - 11, 7)              -- 28 lengths unused
  code "10"                             -- length 258: one bit, "0"
  code "10"                             -- distance 1: one bit, "0"
  code "10"                             -- the first NUL
  while #bits % 8 ~= 0 do bits[#bits + 1] = 0 end
  for i = 1, #bits, 8 do
    local value = 0
    for j = 7, 0, -1 do value = value * 2 + bits[i + j] end
    bytes[#bytes + 1] = string.char(value)
  end
  local head = "\31\139\8\0\0\0\0\0\0\255" .. table.concat(bytes)
  local zeros = body.of_zeros((wire_bytes or BOMB_WIRE_BYTES) - #head)
  return {
    length = #head + zeros.length,
    next = function()
      if head then
        local first = head
        head = nil
        return first
      end
      return zeros.next()
    end,
  }
end

--- What a Range header asks of a file.
-- @tparam ?string header
-- @tparam number size of the file
-- @treturn ?number first byte's offset; nil: send the whole file
-- @treturn ?number last byte's offset; with nil first: cannot be satisfied
function body.range(header, size)
  local first, last = (header or ""):match "^bytes=(%d*)%-(%d*)$"
  if not first or (first == "" and last == "") then return nil end
  first, last = tonumber(first), tonumber(last)
  if not first then
    first, last = math.max(0, size - last), size - 1
  end
  last = math.min(last or size - 1, size - 1)
  if first > last then return nil, size end
  return first, last
end

return body
