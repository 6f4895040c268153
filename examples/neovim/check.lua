-- SPDX-License-Identifier: MIT
-- Makes a video with :JoggVideo in a Neovim without a screen, while a timer
-- ticks, and shows what a user would have seen. Fails when there is no video,
-- no progress, or when the editor stood still.
--
--   nvim --headless --cmd 'set runtimepath+=examples/neovim' \
--     -c 'luafile examples/neovim/check.lua' URL... (JOGG_URL, JOGG_FILE)
--
-- luacheck: globals vim

local TICK = 10        -- ms
local STILL = 1000     -- ms without a tick, on a busy machine

local url, file = os.getenv "JOGG_URL", os.getenv "JOGG_FILE"
local ticks, longest, last = 0, 0, vim.loop.hrtime()
local timer = vim.loop.new_timer()
timer:start(TICK, TICK, function()
  local now = vim.loop.hrtime()
  ticks, longest, last = ticks + 1, math.max(longest, (now - last) / 1e6), now
end)

-- Every message passes here on its way to the screen.
local seen, echo = {}, vim.api.nvim_echo
vim.api.nvim_echo = function(chunks, history, options)
  table.insert(seen, chunks[1][1] .. chunks[2][1])
  return echo(chunks, history, options)
end

local done = false
vim.api.nvim_create_autocmd("User", {
  pattern = "JoggVideo", callback = function() done = true end,
})
local before = vim.loop.hrtime()
vim.cmd(("JoggVideo %s %s"):format(url, file))
local took = (vim.loop.hrtime() - before) / 1e6

-- The editor meanwhile edits.
local edits = 0
local in_time = vim.wait(120000, function()
  edits = edits + 1
  vim.api.nvim_buf_set_lines(0, 0, -1, false, { "edit " .. edits })
  return done
end, 20)
timer:close()

local function say(text)
  io.stdout:write(text, "\n")
end
say(table.concat(seen, "\n"))
say((":JoggVideo returned after %.1f ms; %d ticks of %d ms, the longest " ..
  "pause %.1f ms; %d edits"):format(took, ticks, TICK, longest, edits))
local stat = vim.loop.fs_stat(file)
if in_time and stat and #seen > 2 and ticks > 10 and longest < STILL then
  vim.cmd "qall!"
end
vim.cmd "cquit!"
