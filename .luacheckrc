-- The library runs on every Lua; the sandbox and the tools on 5.4 alone.
std = "min"
cache = false
max_line_length = 100
include_files = {
  "**/*.lua", "rockspec/*.rockspec", ".busted", ".luacheckrc", "config.ld", "tools/core.ld",
}
exclude_files = { "build" }

files["spec"] = { std = "min+busted" }
files["sandbox"] = { std = "lua54" }
files["tools"] = { std = "lua54" }
files["bench"] = { std = "lua54" }
files["rockspec"] = { std = "rockspec" }
files[".luacheckrc"] = { std = "luacheckrc" }
files["config.ld"] = { std = "ldoc" }
files["tools/core.ld"] = { std = "ldoc" }
