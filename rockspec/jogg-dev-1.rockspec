rockspec_format = "3.0"
package = "jogg"
version = "dev-1"
source = {
  -- For `luarocks make` in a checkout; a release names its own archive.
  url = "git+file://.",
}
description = {
  summary = "From a product page's URL to a finished video file, from Lua",
  detailed = [[
jogg drives the JoggAI service: it creates a product from a page's URL, has
the video rendered, waits, and fetches the file. Nothing blocks the host, no
render is ever paid twice, and a job can always be resumed.]],
  license = "MIT",
  labels = { "video", "http", "client", "async" },
}
supported_platforms = { "unix" }
dependencies = {
  "lua >= 5.1, < 5.6",
  "lua-cjson >= 2.1.0",
}
-- libcurl is no external_dependencies entry on purpose: LuaRocks would look
-- for its header in /usr/include alone, where Debian does not keep it. The
-- Makefile asks pkg-config and curl-config, and takes CURL_INCDIR and
-- CURL_LIBDIR from the environment where neither knows.
build = {
  type = "make",
  build_target = "core",
  install_target = "install-files",
  variables = {
    OUT = "build/rock",
    LUA = "$(LUA)",
    LUA_INCDIR = "$(LUA_INCDIR)",
    CFLAGS = "$(CFLAGS)",
    LIBFLAG = "$(LIBFLAG)",
  },
  install_variables = {
    LUADIR = "$(LUADIR)",
    LIBDIR = "$(LIBDIR)",
  },
}
test_dependencies = {
  "busted >= 2.0",
}
test = {
  type = "command",
  command = "make test SETUP=:",
}
