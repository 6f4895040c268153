-- SPDX-License-Identifier: MIT
--
-- Writes a C file that holds other files, for embedded.h.
--
--   lua embed.lua FOLDER FILE... >OUTPUT

local folder = arg[1]
local names = table.move(arg, 2, #arg, 1, {})
table.sort(names)

local function bytes_of(text)
  local rows = {}
  for from = 1, #text, 20 do
    rows[#rows + 1] = table.concat({ text:byte(from, from + 19) }, ",")
  end
  return table.concat(rows, ",\n")
end

io.write("/* Written by embed.lua. */\n#include \"embedded.h\"\n",
  "#include <string.h>\n")
for i, name in ipairs(names) do
  local file = assert(io.open(folder .. "/" .. name, "rb"))
  local text = file:read "a"
  file:close()
  io.write(("static const unsigned char file_%d[] = {\n%s,0};\n"):format(
    i, bytes_of(text)))
end
io.write "const struct embedded embedded_files[] = {\n"
for i, name in ipairs(names) do
  io.write(('{ "%s", (const char *)file_%d, sizeof file_%d - 1 },\n')
    :format(name, i, i))
end
io.write [[
{ NULL, NULL, 0 } };
const struct embedded *embedded_find(const char *name)
{
  const struct embedded *e;

  for (e = embedded_files; e->name; e++)
    if (strcmp(e->name, name) == 0) return e;
  return NULL;
}
]]
