/* SPDX-License-Identifier: MIT
 *
 * download: see download.h.
 */

/*** @module jogg.core */
#include "download.h"

#include "client.h"
#include "disk_work.h"
#include "request.h"

#include <string.h>

#define DOWNLOAD_TYPE "jogg.core.download"
#define SIZE_LIMIT 9e15 /* bytes; Lua's numbers are exact to here */

struct download {
  struct file *file; /* NULL: closed */
};

static struct download *download_check(lua_State *L, int index)
{
  return luaL_checkudata(L, index, DOWNLOAD_TYPE);
}

struct file *download_file(lua_State *L, int index)
{
  struct download *d = download_check(L, index);

  if (!d->file)
    luaL_error(L, "attempt to use a closed download");
  return d->file;
}

/* [-0, +0, v] */
static enum file_content content_field(lua_State *L)
{
  const char *whole = lua_util_field(L, 2, "whole", NULL);

  if (whole && strcmp(whole, "mp4") == 0)
    return FILE_MP4;
  if (!whole || strcmp(whole, "length") != 0)
    luaL_error(L, "whole: mp4 or length expected");
  return FILE_ANY;
}

/* The key of a temporary name, or NULL.  [-0, +1, v] pushes the value */
static const char *key_field(lua_State *L)
{
  const char *key = lua_util_field(L, 2, "key", NULL);

  if (key && (strlen(key) != FILE_KEY_LENGTH ||
              strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789") !=
                FILE_KEY_LENGTH))
    luaL_error(L, "key: six letters or digits expected");
  return key;
}

/***
Describes a file that is to be downloaded.  The disk is not touched.  A relative
path is relative to the current folder, even if the host changes it later.

The fields of the table: `path`; `overwrite`: the target may exist already;
`maximum`: bytes, a larger file is refused; `whole`: the check of the content,
`"mp4"` or `"length"` (no check but the length); `key`: what @{download:key}
returned in a process that may have been killed: the temporary file of that
process is used again, from its beginning.
@function client:download
@tparam table fields
@treturn download
*/
static int client_download(lua_State *L)
{
  const char *path, *key;
  bool overwrite;
  lua_Number maximum;
  enum file_content content;
  struct download *d;

  (void)client_live(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  path = lua_util_field(L, 2, "path", NULL);
  if (!path)
    luaL_error(L, "path is missing");
  overwrite = lua_util_flag(L, 2, "overwrite");
  lua_getfield(L, 2, "maximum");
  maximum = lua_tonumber(L, -1); /* 0 for what is no number */
  if (!(maximum >= 1 && maximum <= SIZE_LIMIT))
    luaL_error(L, "maximum: out of range");
  content = content_field(L);
  key = key_field(L);
  d = lua_newuserdatauv(L, sizeof *d, 1);
  d->file = NULL;
  luaL_setmetatable(L, DOWNLOAD_TYPE);
  client_own(L);
  d->file = file_new(path, overwrite, (int64_t)maximum, content, key);
  if (!d->file)
    luaL_error(L, "not enough memory");
  return 1;
}

/* [-0, +1, v] pushes a request */
static int work(lua_State *L, int (*disk)(struct transfer *t))
{
  struct request *r;

  (void)download_file(L, 1);
  client_push(L);
  r = request_new(L, -1);
  r->transfer->disk = disk;
  r->transfer->file = file_retain(download_file(L, 1)); /* it may have been
                                   closed by a finalizer */
  client_submit(L, -2, r);
  return 1;
}

/***
Checks that the file can be stored later.  Does everything that
@{download:commit} will do, in the same folder, with a file of one byte, and
removes that file.
@function download:check
@treturn request
*/
static int download_check_target(lua_State *L)
{
  return work(L, disk_work_check);
}

/***
Gives the file its name, after a request reported that it is whole.  If that
fails, the temporary file stays, and the failure's `path` says where.
@function download:commit
@treturn request
*/
static int download_commit(lua_State *L)
{
  return work(L, disk_work_commit);
}

/***
Keeps the temporary file beside the target, if it is whole.  Its name may
change: see @{download:temporary}.
@function download:keep
@treturn request
*/
static int download_keep(lua_State *L)
{
  return work(L, disk_work_keep);
}

/***
Six letters and digits that end the name of the temporary file.
@function download:key
@treturn string
*/
static int download_key(lua_State *L)
{
  lua_pushstring(L, file_key(download_file(L, 1)));
  return 1;
}

/***
The path of the temporary file.
@function download:temporary
@treturn ?string nil: no temporary file exists
*/
static int download_temporary(lua_State *L)
{
  lua_pushstring(L, file_temporary(download_file(L, 1)));
  return 1;
}

/***
Releases the file.  The I/O thread removes the temporary file, at the latest
when the transfer that fills it has ended.  A whole file stays if a commit
failed or
@{download:keep} was called.  May be called any number of times.
@function download:discard
*/
static int download_discard(lua_State *L)
{
  struct download *d = download_check(L, 1);
  struct file *file = d->file;

  d->file = NULL;
  if (!file)
    return 0;
  client_discard(L, file, NULL, NULL);
  return 0;
}

static int download_tostring(lua_State *L)
{
  lua_pushfstring(L, "%s (%s)", DOWNLOAD_TYPE,
                  download_check(L, 1)->file ? "open" : "closed");
  return 1;
}

void download_register(lua_State *L)
{
  static const luaL_Reg METHODS[] = {
    { "check", download_check_target },
    { "commit", download_commit },
    { "discard", download_discard },
    { "keep", download_keep },
    { "key", download_key },
    { "temporary", download_temporary },
    { NULL, NULL }
  };
  static const luaL_Reg CLIENT_METHODS[] = {
    { "download", client_download },
    { NULL, NULL }
  };

  lua_util_type(L, DOWNLOAD_TYPE, METHODS, download_discard,
                download_tostring);
  lua_util_methods(L, CLIENT_TYPE, CLIENT_METHODS);
}
