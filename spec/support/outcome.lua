-- SPDX-License-Identifier: MIT
-- Output handler for busted: each file's failures with message and trace, one
-- line for each file, and as the very last line of the run
--
--     N passed, N failed[, N skipped]
--
-- Whatever goes wrong outside a test (a file that does not load, a setup)
-- counts as failed, and so does a run in which no test was executed. Decides
-- the exit status too, since busted calls an empty run a success.
-- Use: busted -o spec.support.outcome

return function(options)
  local busted = require "busted"
  local handler = require "busted.outputHandlers.base" ()

  local passed, failed, skipped = 0, 0, 0
  local file = nil             -- the spec file that runs: its own counts

  local function text_of(message)
    if message == nil then return "no message" end
    if type(message) == "string" then return message end
    local meta = getmetatable(message)
    if type(message) ~= "table" or meta and meta.__tostring then
      return tostring(message)
    end
    return (require "pl.pretty".write(message))
  end

  local function indented(text)
    return "    " .. text:gsub("\n+$", ""):gsub("\n", "\n    ")
  end

  -- base's getFullName wants an element that busted knows
  local function name_of(element)
    local ok, name = pcall(handler.getFullName, element)
    return ok and name or element.name or element.descriptor or "the run"
  end

  local function report(kind, element, message, trace)
    local out = { "\n", kind, ": ", tostring(name_of(element)) }
    if element.descriptor and element.descriptor ~= "it" then
      out[#out + 1] = " (" .. element.descriptor .. ")"
    end
    out[#out + 1] = "\n" .. indented(text_of(message)) .. "\n"
    trace = trace and trace.traceback or element.trace
      and element.trace.traceback
    if trace then
      out[#out + 1] = indented(trace:gsub("^\n+", "")) .. "\n"
    end
    io.write(table.concat(out))
    io.flush()
  end

  -- Every failure and error passes here. Tests are counted at their end, and
  -- a test's `finally` belongs to it.
  local function problem(kind)
    return function(element, _, message, trace)
      local descriptor = element.descriptor
      report(kind, element, message, trace)
      if descriptor ~= "it" and descriptor ~= "finally" then
        failed = failed + 1
        if file then file.failed = file.failed + 1 end
      end
      return nil, true
    end
  end

  -- A test that ends itself by pending() says why; one that is written as
  -- pending "name" has its name alone.
  local function test_pending(element, _, message)
    io.write("\nSKIPPED: ", tostring(name_of(element)), "\n",
      indented(text_of(message)), "\n")
    return nil, true
  end

  local function test_end(element, _, status)
    local counts = file or {}
    if element.descriptor == "pending" then
      test_pending(element, nil, "not written yet")
    end
    if status == "success" then
      passed = passed + 1
    elseif status == "pending" then
      skipped = skipped + 1
    else
      failed = failed + 1
      counts.failed = (counts.failed or 0) + 1
    end
    counts.tests = (counts.tests or 0) + 1
    return nil, true
  end

  local function file_start(element)
    file = { name = element.name, tests = 0, failed = 0,
      start = busted.monotime() }
    return nil, true
  end

  local function file_end()
    if file then
      io.write(string.format("%-44s %4d tests%s %7.2f s\n", file.name,
        file.tests, file.failed > 0
          and string.format(", %d failed", file.failed) or "",
        busted.monotime() - file.start))
      io.flush()
    end
    file = nil
    return nil, true
  end

  local function finish()
    if passed + failed == 0 then
      failed = 1
      io.write "\nno test was executed\n"
    end
    io.write(string.format("%d passed, %d failed%s\n", passed, failed,
      skipped > 0 and string.format(", %d skipped", skipped) or ""))
    io.flush()
    -- busted's own exit prints an error object after the last line on 5.1
    if failed > 0 then os.exit(1, true) end
    return nil, true
  end

  function handler.subscribe(_, given)
    require "busted.languages.en"        -- busted's own messages need it
    handler.options = given or options
    busted.subscribe({ "failure" }, problem "FAILED")
    busted.subscribe({ "error" }, problem "ERROR")
    busted.subscribe({ "pending" }, test_pending)
    busted.subscribe({ "test", "end" }, test_end)
    busted.subscribe({ "file", "start" }, file_start)
    busted.subscribe({ "file", "end" }, file_end)
    busted.subscribe({ "exit" }, finish)
  end

  return handler
end
