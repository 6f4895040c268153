/* SPDX-License-Identifier: MIT
 *
 * source_object: see source_object.h.
 */

/*** @module jogg.core */
#include "source_object.h"

#include "client.h"
#include "disk_work.h"
#include "request.h"

#define SOURCE_TYPE "jogg.core.source"

struct source_object {
  struct source *source; /* NULL: closed */
};

static struct source_object *source_check_object(lua_State *L, int index)
{
  return luaL_checkudata(L, index, SOURCE_TYPE);
}

struct source *source_object_source(lua_State *L, int index)
{
  struct source_object *o = source_check_object(L, index);

  if (!o->source)
    luaL_error(L, "attempt to use a closed source");
  return o->source;
}

/***
Describes a local file that is to be uploaded.  The disk is not touched.  A
relative path is relative to the current folder, even if the host changes it
later.
@function client:source
@tparam table fields `path`
@treturn source
*/
static int client_source(lua_State *L)
{
  const char *path;
  struct source_object *o;

  (void)client_live(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  path = lua_util_field(L, 2, "path", NULL);
  if (!path)
    luaL_error(L, "path is missing");
  o = lua_newuserdatauv(L, sizeof *o, 1);
  o->source = NULL;
  luaL_setmetatable(L, SOURCE_TYPE);
  client_own(L);
  o->source = source_new(path);
  if (!o->source)
    luaL_error(L, "not enough memory");
  return 1;
}

/***
Opens the file, which has to be a regular file.  The request's value is its
size. An exchange that sends the source fails if the file has changed since.  A
second call does nothing.
@function source:open
@treturn request
*/
static int source_object_open(lua_State *L)
{
  struct request *r;

  (void)source_object_source(L, 1);
  client_push(L);
  r = request_new(L, -1);
  r->transfer->disk = disk_work_source;
  r->transfer->source = source_retain(source_object_source(L, 1)); /* it may
                                   have been closed by a finalizer */
  client_submit(L, -2, r);
  return 1;
}

/***
Releases the file.  The I/O thread closes it when the transfers that send it
have ended.  May be called any number of times.
@function source:close
*/
static int source_object_close(lua_State *L)
{
  struct source_object *o = source_check_object(L, 1);
  struct source *source = o->source;

  o->source = NULL;
  if (!source)
    return 0;
  client_discard(L, NULL, NULL, source);
  return 0;
}

static int source_object_tostring(lua_State *L)
{
  lua_pushfstring(L, "%s (%s)", SOURCE_TYPE,
                  source_check_object(L, 1)->source ? "open" : "closed");
  return 1;
}

void source_object_register(lua_State *L)
{
  static const luaL_Reg METHODS[] = {
    { "close", source_object_close },
    { "open", source_object_open },
    { NULL, NULL }
  };
  static const luaL_Reg CLIENT_METHODS[] = {
    { "source", client_source },
    { NULL, NULL }
  };

  lua_util_type(L, SOURCE_TYPE, METHODS, source_object_close,
                source_object_tostring);
  lua_util_methods(L, CLIENT_TYPE, CLIENT_METHODS);
}
