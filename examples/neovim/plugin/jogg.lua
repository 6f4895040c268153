-- SPDX-License-Identifier: MIT
-- :JoggVideo URL [FILE]  makes a video of a product page while you go on
-- editing; the message line shows its progress and its path.
-- :JoggCancel            ends all videos that are not done.
-- The autocommand `User JoggVideo` runs when a video has ended.
--
--   nvim --cmd 'set runtimepath+=examples/neovim'
--
-- Needs Neovim 0.7, jogg built for LuaJIT (`make LUA=luajit`), JOGG_API_KEY.
-- luacheck: globals vim

if vim.g.loaded_jogg then
  return
end
vim.g.loaded_jogg = 1

local client                   -- made by the first :JoggVideo

-- This code runs inside Neovim's loop, which forbids most of its API: messages
-- wait for vim.schedule. Of several progress messages only the latest is shown.
local shown, waiting
local function show(text)
  shown = text
  if not waiting then
    waiting = true
    vim.schedule(function()
      waiting = false
      vim.api.nvim_echo({ { "jogg: ", "Title" }, { shown } }, false, {})
    end)
  end
end

local function tell(text, highlight)
  vim.schedule(function()
    vim.api.nvim_echo({ { "jogg: ", "Title" }, { text, highlight } }, true, {})
    vim.api.nvim_exec_autocmds("User", { pattern = "JoggVideo" })
  end)
end

local function open()
  if client then
    return
  end
  local jogg = require "jogg"
  client = jogg.client { ca_file = os.getenv "JOGG_CA_FILE" }
  require "jogg.loop.luv".attach(client, vim.loop)
end

local function make(url, file)
  local task = client:spawn(function()
    local video, err = client:make_video {
      url = url, output = file,
      poll = { first = 1, interval = 1 }, -- 5 s at the service
      on_progress = function(progress)
        local word = progress.phase == "download" and "downloading" or
          progress.status or progress.phase
        show(("%s: %s %s"):format(file, word,
          progress.percent and ("%d %%"):format(progress.percent) or ""))
      end,
    }
    if video then
      tell(("%s, %d KB"):format(video.path, video.bytes / 1024))
    else
      tell(tostring(err), "ErrorMsg")
    end
  end)
  client:spawn(function()
    task:wait()
    if task.err then -- an error was raised, or the task was cancelled
      tell(task.err.message, "ErrorMsg")
    end
  end)
end

vim.api.nvim_create_user_command("JoggVideo", function(command)
  local url, file = command.fargs[1], command.fargs[2]
  if not file then
    file = (url:match "([^/?#]+)[?#]?[^/]*$" or "video"):gsub("%.%w+$", "")
      .. ".mp4"
  end
  file = vim.fn.fnamemodify(file, ":p")
  local ok, err = pcall(function()
    open()
    make(url, file)
  end)
  if not ok then
    vim.api.nvim_err_writeln(tostring(err))
  end
end, { nargs = "+", complete = "file", desc = "Make a product video" })

local function close()
  if client then
    client:close()
    client = nil
  end
end

vim.api.nvim_create_user_command("JoggCancel", close,
  { desc = "End all product videos that are not done" })
vim.api.nvim_create_autocmd("VimLeavePre", { callback = close })
