/* SPDX-License-Identifier: MIT
 *
 * record_object: see record_object.h.
 */

/*** @module jogg.core */
#include "record_object.h"

#include "client.h"
#include "disk_work.h"
#include "record.h"
#include "request.h"

#include <string.h>

#define RECORD_TYPE "jogg.core.record"

struct record_object {
  struct record *record; /* NULL: closed */
};

static struct record_object *record_check(lua_State *L)
{
  return luaL_checkudata(L, 1, RECORD_TYPE);
}

/* [-0, +0, v] */
static struct record *record_live(lua_State *L)
{
  struct record_object *o = record_check(L);

  if (!o->record)
    luaL_error(L, "attempt to use a closed record");
  return o->record;
}

/***
Describes a small file that is locked while it is open, and replaced whole by
each write.  The disk is not touched.  A relative path is relative to the
current folder, even if the host changes it later.
@function client:record
@tparam string path
@treturn record
*/
static int client_record(lua_State *L)
{
  size_t n;
  const char *path;
  struct record_object *o;

  (void)client_live(L, 1);
  path = luaL_checklstring(L, 2, &n);
  luaL_argcheck(L, strlen(path) == n, 2, "contains a NUL");
  o = lua_newuserdatauv(L, sizeof *o, 1);
  o->record = NULL;
  luaL_setmetatable(L, RECORD_TYPE);
  client_own(L);
  o->record = record_new(path);
  if (!o->record)
    luaL_error(L, "not enough memory");
  return 1;
}

/* A request that is not submitted yet.  [-0, +2, v] pushes client, request */
static struct request *work_new(lua_State *L, int (*disk)(struct transfer *t))
{
  struct request *r;

  (void)record_live(L);
  client_push(L);
  r = request_new(L, -1);
  r->transfer->disk = disk;
  r->transfer->record = record_retain(record_live(L)); /* it may have been
                                   closed by a finalizer */
  return r;
}

/***
Locks the file and reads it.  The request's value is the text, or nil if the
file does not exist; then the first write makes it.  The failure's class is
`busy` if another holder has locked the file.
@function record:open
@treturn request
*/
static int record_object_open(lua_State *L)
{
  client_submit(L, -2, work_new(L, disk_work_open));
  return 1;
}

/***
Replaces the file's content durably: after a crash the file has the old text or
the new text.  The text is written even if the request is cancelled or the
client is closed.
@function record:write
@tparam string text
@treturn request
*/
static int record_object_write(lua_State *L)
{
  size_t n;
  const char *text = luaL_checklstring(L, 2, &n);
  struct request *r = work_new(L, disk_work_write);

  switch (buf_add(&r->transfer->body, text, n)) {
  case BUF_OK:
    break;
  case BUF_FULL:
    return luaL_argerror(L, 2, "too long");
  case BUF_NO_MEMORY:
    return luaL_error(L, "not enough memory");
  }
  r->transfer->certain = true;
  client_submit(L, -2, r);
  return 1;
}

/***
Unlocks the file when the work that was submitted before is done.  May be called
any number of times.
@function record:close
*/
static int record_object_close(lua_State *L)
{
  struct record_object *o = record_check(L);
  struct record *record = o->record;

  o->record = NULL;
  if (!record)
    return 0;
  client_discard(L, NULL, record, NULL);
  return 0;
}

static int record_object_tostring(lua_State *L)
{
  lua_pushfstring(L, "%s (%s)", RECORD_TYPE,
                  record_check(L)->record ? "open" : "closed");
  return 1;
}

void record_object_register(lua_State *L)
{
  static const luaL_Reg METHODS[] = {
    { "close", record_object_close },
    { "open", record_object_open },
    { "write", record_object_write },
    { NULL, NULL }
  };
  static const luaL_Reg CLIENT_METHODS[] = {
    { "record", client_record },
    { NULL, NULL }
  };

  lua_util_type(L, RECORD_TYPE, METHODS, record_object_close,
                record_object_tostring);
  lua_util_methods(L, CLIENT_TYPE, CLIENT_METHODS);
}
