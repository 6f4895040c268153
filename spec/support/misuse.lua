-- SPDX-License-Identifier: MIT
-- Misuse raises at the caller's line: one assertion for all specs. It checks
-- the text of what is raised, and that the line it names lies inside the
-- function that did it, on every Lua.

local misuse = {}

--- Calls f, which must raise a text about a line of its own.
-- @tparam function f without a tail call, which would have no line
-- @tparam string expected what the text must contain, no pattern
-- @treturn string the text, without the position
function misuse.check(f, expected)
  local ok, raised = pcall(f)
  assert(not ok, "nothing was raised")
  assert(type(raised) == "string", "a text was expected, not a "
    .. type(raised) .. ": " .. tostring(raised))
  assert(raised:find(expected, 1, true),
    ("%q was expected in: %s"):format(expected, raised))
  local info = debug.getinfo(f, "S")
  local file, line, text = raised:match "^(.-):(%d+): (.*)$"
  line = tonumber(line)
  assert(line and info.short_src == file and line >= info.linedefined
    and line <= info.lastlinedefined,
    ("the position is not %s:%d-%d: %s"):format(info.short_src,
      info.linedefined, info.lastlinedefined, raised))
  return text
end

--- Calls f, which must return nil and an error of kind `parameter`.
-- @tparam function f
-- @tparam string expected what the message must contain, no pattern
-- @treturn table the error
function misuse.unusable(f, expected)
  local value, err = f()
  assert(value == nil, "it was accepted")
  assert(type(err) == "table" and err.kind == "parameter",
    "not an error of kind parameter: " .. tostring(err))
  assert(err.outcome == "not_sent" and err.retryable == false)
  assert(err.message:find(expected, 1, true),
    ("%q was expected in: %s"):format(expected, err.message))
  return err
end

--- The one or the other, for tables of cases: a wrong type is misuse, a wrong
-- value is not.
-- @treturn string what was said
function misuse.refused(f, expected)
  local ok, value, err = pcall(f)
  if ok then
    return misuse.unusable(function() return value, err end, expected).message
  end
  return misuse.check(f, expected)
end

return misuse
