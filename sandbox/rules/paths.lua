-- SPDX-License-Identifier: MIT
--
-- Shapes in the drawing language of Advanced SubStation scripts. Pure.

local paths = {}

-- Numbers joined for a path.
local function points(...)
  local list = { ... }
  for i, x in ipairs(list) do list[i] = ("%.0f"):format(x) end
  return table.concat(list, " ")
end

--- An ellipse around a point.
function paths.ellipse(x, y, rx, ry)
  local kx, ky = rx * 0.5523, ry * 0.5523
  return "m " .. points(x - rx, y)
    .. " b " .. points(x - rx, y - ky, x - kx, y - ry, x, y - ry)
    .. " b " .. points(x + kx, y - ry, x + rx, y - ky, x + rx, y)
    .. " b " .. points(x + rx, y + ky, x + kx, y + ry, x, y + ry)
    .. " b " .. points(x - kx, y + ry, x - rx, y + ky, x - rx, y)
end

--- A box with round corners.
function paths.box(x1, y1, x2, y2, r)
  return "m " .. points(x1 + r, y1) .. " l " .. points(x2 - r, y1)
    .. " b " .. points(x2, y1, x2, y1, x2, y1 + r)
    .. " l " .. points(x2, y2 - r)
    .. " b " .. points(x2, y2, x2, y2, x2 - r, y2)
    .. " l " .. points(x1 + r, y2)
    .. " b " .. points(x1, y2, x1, y2, x1, y2 - r)
    .. " l " .. points(x1, y1 + r)
    .. " b " .. points(x1, y1, x1, y1, x1 + r, y1)
end

--- A bar from one point to another.
function paths.bar(x1, y1, x2, y2, width)
  local length = math.sqrt((x2 - x1) ^ 2 + (y2 - y1) ^ 2)
  local dx = (y2 - y1) / length * width / 2
  local dy = (x1 - x2) / length * width / 2
  return "m " .. points(x1 + dx, y1 + dy)
    .. " l " .. points(x2 + dx, y2 + dy, x2 - dx, y2 - dy, x1 - dx, y1 - dy)
end

return paths
