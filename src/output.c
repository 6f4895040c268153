/* SPDX-License-Identifier: MIT
 *
 * output: see output.h.
 */

/*** @module jogg.core */
#include "output.h"

#include "error.h"
#include "file.h"
#include "jogg.h"

#include <errno.h>
#include <string.h>

struct output {
  struct file *file; /* NULL: closed */
};

static struct output *output_check(lua_State *L, int index)
{
  return luaL_checkudata(L, index, OUTPUT_TYPE);
}

struct file *output_file(lua_State *L, int index)
{
  struct output *o = output_check(L, index);

  if (!o->file)
    luaL_error(L, "attempt to use a closed output");
  return o->file;
}

struct file *output_take(lua_State *L, int index)
{
  struct output *o = output_check(L, index);
  struct file *file = o->file;

  o->file = NULL;
  return file;
}

/***
Says where a video is to go.  Nothing is touched: the temporary file beside the
target is made by @{client:create}, or when a download begins, and the target
itself when a download has stored the whole video.
@function output
@tparam string path the target
@tparam boolean overwrite may the target exist already?
@tparam number maximum bytes; a larger file is refused
@treturn[1] output
@treturn[2] nil
@treturn[2] table error of kind `io`: there is no memory
*/
static int output(lua_State *L)
{
  size_t n;
  const char *path = luaL_checklstring(L, 1, &n);
  bool overwrite = lua_toboolean(L, 2);
  lua_Number maximum = luaL_checknumber(L, 3);
  struct output *o;

  luaL_argcheck(L, strlen(path) == n, 1, "contains a NUL");
  luaL_argcheck(L, maximum >= 1 && maximum <= 9e15, 3, "out of range");
  o = lua_newuserdatauv(L, sizeof *o, 0);
  o->file = NULL;
  luaL_setmetatable(L, OUTPUT_TYPE);
  o->file = file_new(path, overwrite, (int64_t)maximum);
  return o->file ? 1 : error_push_file(L, ENOMEM, path);
}

/***
Lets go of the file, here and now.  Without a finished download the temporary
file is removed, at the latest when the transfer that writes to it has ended.
That may have to wait for the disk: @{client:discard} does not.
@function output:close
*/
static int output_close(lua_State *L)
{
  file_release(output_take(L, 1));
  return 0;
}

static int output_tostring(lua_State *L)
{
  struct output *o = output_check(L, 1);

  lua_pushfstring(L, "%s (%s)", OUTPUT_TYPE, o->file ? "open" : "closed");
  return 1;
}

void output_register(lua_State *L)
{
  static const luaL_Reg METHODS[] = {
    { "close", output_close },
    { NULL, NULL }
  };
  static const luaL_Reg FUNCTIONS[] = {
    { "output", output },
    { NULL, NULL }
  };

  jogg_type(L, OUTPUT_TYPE, METHODS, output_close, output_tostring);
  jogg_functions(L, FUNCTIONS);
}
