/* SPDX-License-Identifier: MIT
 *
 * request: see request.h.
 *
 * Progress may be read at any time, everything else once the transfer is
 * finished.  A request whose client is gone, too, ends, as do both with the
 * Lua state, in whatever order.
 */

/*** @module jogg.core */
#include "request.h"

#include "disk_work.h"
#include "error.h"
#include "json.h"

#include <stdlib.h>

static struct request **request_check(lua_State *L)
{
  return luaL_checkudata(L, 1, REQUEST_TYPE);
}

/* [-0, +0, v] */
static struct request *request_live(lua_State *L)
{
  struct request *r = *request_check(L);

  if (!r)
    luaL_error(L, "attempt to use a closed request");
  return r;
}

/* The transfer of a request that can be asked for its result.  [-0, +0, v] */
static const struct transfer *request_finished(lua_State *L)
{
  const struct transfer *t = request_live(L)->transfer;

  if (!t->finished)
    luaL_error(L, "the request is still in flight");
  return t;
}

struct request *request_new(lua_State *L, int index)
{
  struct request **request, *r;
  struct client *c;

  index = lua_absindex(L, index);
  request = lua_newuserdatauv(L, sizeof(struct request *), 0);
  *request = NULL;
  luaL_setmetatable(L, REQUEST_TYPE);
  c = client_live(L, index); /* now: a finalizer may just have closed it */
  r = calloc(1, sizeof *r);
  if (!r)
    luaL_error(L, "not enough memory");
  client_add(c, r);
  *request = r;
  r->transfer = transfer_new();
  if (!r->transfer)
    luaL_error(L, "not enough memory");
  return r;
}

/***
Is the request finished?
@function request:done
@treturn boolean
*/
static int request_done(lua_State *L)
{
  const struct request *r = *request_check(L);

  lua_pushboolean(L, !r || r->transfer->finished);
  return 1;
}

/***
The progress of a download or an upload.
@function request:progress
@treturn integer bytes of the file that were received, or sent
@treturn ?integer bytes of the whole file, if known
*/
static int request_progress(lua_State *L)
{
  struct transfer *t = request_live(L)->transfer;
  int64_t expected = atomic_load(&t->expected);

  lua_util_push_count(L, atomic_load(&t->moved));
  if (expected < 0)
    return 1;
  lua_util_push_count(L, expected);
  return 2;
}

/* The value of a finished work on the disk.  [-0, +1, m] */
static void push_value(lua_State *L, const struct transfer *t)
{
  if (t->disk == disk_work_source)
    lua_util_push_count(L, atomic_load(&t->expected));
  else if (t->disk != disk_work_open)
    lua_pushboolean(L, 1);
  else if (t->exists)
    lua_pushlstring(L, t->answer.data ? t->answer.data : "", t->answer.length);
  else
    lua_pushnil(L);
}

/***
The result of a finished request: an answer, or a failure.

A failure is a table: `class` (a word), `sent` (true: the server may have
received the request); and where they are known `status` (HTTP status; for the
class `proxy` that of the proxy), `detail` (libcurl's words, or a
Content-Encoding), `system` and `errno` (the system's sentence and name, such as
`"ENOSPC"`), `path` (of a whole file that was kept, or of a source that has
changed) and `verdict` (of an address: see @{url_fault}, and `"insecure"`,
`"private"`; of a file: `"empty"`, `"foreign"`, `"cut"`).

The classes are `cancelled closed connect_timeout stall_timeout timeout name
connect broken proxy handshake certificate reply encoding too_large range url
not_whole file changed busy descriptors memory`.
@function request:result
@treturn[1] integer HTTP status
@treturn[1] any the decoded body
@treturn[2] integer HTTP status
@treturn[2] nil the body is not JSON
@treturn[2] string what is wrong with it
@treturn[3] integer HTTP status
@treturn[3] boolean true: a download's body arrived whole
@treturn[4] integer 0: work on the disk is done
@treturn[4] any true, or what @{record:open} read, or the size that
@{source:open} found
@treturn[5] nil
@treturn[5] table failure
*/
static int request_result(lua_State *L)
{
  const struct transfer *t = request_finished(L);

  if (t->failure != FAILURE_NONE)
    return error_push(L, t);
  lua_pushinteger(L, (lua_Integer)t->status);
  if (t->disk) {
    push_value(L, t);
    return 2;
  }
  if (t->stored) {
    lua_pushboolean(L, 1);
    return 2;
  }
  return 1 + json_decode(L, t->answer.data ? t->answer.data : "",
                         t->answer.length);
}

static void set_text(lua_State *L, const char *name, const char *text)
{
  if (text[0]) {
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
  }
}

/***
The headers of a finished request's answer that jogg uses.
@function request:headers
@treturn table `content_type`, `content_encoding`, `location`, `request_id`,
`rate_remaining`, `rate_reset` (strings) and `retry_after` (seconds), each
only if the server sent it
*/
static int request_headers(lua_State *L)
{
  const struct transfer *t = request_finished(L);
  const struct headers *h = &t->headers;

  lua_createtable(L, 0, 8);
  set_text(L, "content_type", h->content_type);
  set_text(L, "content_encoding", h->content_encoding);
  set_text(L, "location", h->location);
  set_text(L, "request_id", h->request_id);
  set_text(L, "rate_remaining", h->rate_remaining);
  set_text(L, "rate_reset", h->rate_reset);
  if (t->retry_after > 0) {
    lua_util_push_count(L, t->retry_after);
    lua_setfield(L, -2, "retry_after");
  }
  return 1;
}

/***
The validator with which the rest of a finished download's file can be asked
for: a strong ETag, or else the time of the last change.  A weak ETag is not
used.
@function request:validator
@treturn ?string nil: this request did not begin the file; empty: the answer had
no validator
*/
static int request_validator(lua_State *L)
{
  const struct transfer *t = request_finished(L);
  const struct headers *h = &t->headers;

  if (!t->download || t->status != 200 || !t->body_begun)
    return 0;
  lua_pushstring(L, h->etag[0] == '"' ? h->etag : h->modified);
  return 1;
}

/***
Cancels the request.  It finishes soon, with a failure of the class `cancelled`
unless it was finished already.
@function request:cancel
@treturn boolean true: it may have been sent; false: it certainly was not
*/
static int request_cancel(lua_State *L)
{
  struct request *r = *request_check(L);

  if (r)
    client_cancel(r);
  lua_pushboolean(L, r && atomic_load(&r->transfer->begun));
  return 1;
}

/***
Releases the request.  A request in flight is cancelled.  May be called any
number of times.
@function request:close
*/
static int request_close(lua_State *L)
{
  struct request **request = request_check(L), *r = *request;

  *request = NULL;
  if (r)
    client_remove(r);
  return 0;
}

static int request_tostring(lua_State *L)
{
  const struct request *r = *request_check(L);
  const char *state = "in flight";

  if (!r)
    state = "closed";
  else if (r->transfer->finished)
    state = "finished";
  lua_pushfstring(L, "%s (%s)", REQUEST_TYPE, state);
  return 1;
}

void request_register(lua_State *L)
{
  static const luaL_Reg METHODS[] = {
    { "cancel", request_cancel },
    { "close", request_close },
    { "done", request_done },
    { "headers", request_headers },
    { "progress", request_progress },
    { "result", request_result },
    { "validator", request_validator },
    { NULL, NULL }
  };

  lua_util_type(L, REQUEST_TYPE, METHODS, request_close, request_tostring);
}
