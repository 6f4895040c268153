/* SPDX-License-Identifier: MIT
 *
 * error: see error.h.
 */
#include "error.h"

#include "failure.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* The names of the errnos that the Lua layer may use. */
static const char *errno_name(int number)
{
  static const struct {
    int number;
    const char *name;
  } names[] = {
    { EACCES, "EACCES" },             { EBADF, "EBADF" },
    { EBUSY, "EBUSY" },               { ECONNREFUSED, "ECONNREFUSED" },
    { EDQUOT, "EDQUOT" },             { EEXIST, "EEXIST" },
    { EFBIG, "EFBIG" },               { EINVAL, "EINVAL" },
    { EIO, "EIO" },                   { EISDIR, "EISDIR" },
    { ELOOP, "ELOOP" },               { EMFILE, "EMFILE" },
    { ENAMETOOLONG, "ENAMETOOLONG" }, { ENFILE, "ENFILE" },
    { ENODEV, "ENODEV" },             { ENOENT, "ENOENT" },
    { ENOMEM, "ENOMEM" },             { ENOSPC, "ENOSPC" },
    { ENOSYS, "ENOSYS" },             { ENOTDIR, "ENOTDIR" },
    { ENOTSUP, "ENOTSUP" },           { EPERM, "EPERM" },
    { EROFS, "EROFS" },               { ETXTBSY, "ETXTBSY" },
    { EWOULDBLOCK, "EWOULDBLOCK" },   { EXDEV, "EXDEV" },
  };
  size_t i;

  for (i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (names[i].number == number)
      return names[i].name;
  }
  return NULL;
}

static const char *verdict_word(enum mp4_verdict verdict)
{
  switch (verdict) {
  case MP4_EMPTY:
    return "empty";
  case MP4_CUT:
    return "cut";
  default:
    return "foreign";
  }
}

/* Sets a field of the table on the top, unless the value is NULL or "".
   [-0, +0, e] */
static void set_string(lua_State *L, const char *name, const char *value)
{
  if (!value || !value[0])
    return;
  lua_pushstring(L, value);
  lua_setfield(L, -2, name);
}

/* [-0, +2, e] pushes nil and a table */
static void push_table(lua_State *L, enum failure failure, bool sent,
                       int system_error)
{
  lua_pushnil(L);
  lua_createtable(L, 0, 8);
  set_string(L, "class", failure_name(failure));
  lua_pushboolean(L, sent);
  lua_setfield(L, -2, "sent");
  if (system_error) {
    set_string(L, "system", strerror(system_error));
    set_string(L, "errno", errno_name(system_error));
  }
}

int error_push(lua_State *L, const struct transfer *t)
{
  push_table(L, t->failure, t->sent, t->system_error);
  if (t->status > 0) {
    lua_pushinteger(L, (lua_Integer)t->status);
    lua_setfield(L, -2, "status");
  }
  set_string(L, "detail", t->detail);
  set_string(L, "path", t->failed_path);
  if (t->failure == FAILURE_URL)
    set_string(L, "verdict", url_verdict_word(t->refused));
  else if (t->failure == FAILURE_NOT_WHOLE)
    set_string(L, "verdict", verdict_word(t->verdict));
  return 2;
}

int error_push_system(lua_State *L, int system_error)
{
  push_table(L, failure_of_disk(system_error), false, system_error);
  return 2;
}
