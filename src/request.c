/* SPDX-License-Identifier: MIT
 *
 * request: userdata jogg.core.request, a hold on one transfer.
 *
 * Progress may be read at any time, everything else once the transfer is
 * finished.  Collecting a request cancels it.
 *
 * Lua's collector walks at a stretch over all that has a finalizer, what is
 * closed included.  So those that are retired serve again: they stand in their
 * metatable, at 1 and on.
 */

/*** @module jogg.core */
#include "client.h"
#include "error.h"
#include "jogg.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

#define SPARE_REQUESTS 64

static struct request **request_check(lua_State *L)
{
  return jogg_self(L, REQUEST_TYPE);
}

/* [-0, +0, v] */
static struct request *request_live(lua_State *L)
{
  struct request *r = *request_check(L);

  if (!r)
    luaL_error(L, "attempt to use a closed request");
  return r;
}

struct transfer *request_transfer(lua_State *L, int index)
{
  struct request **r = luaL_checkudata(L, index, REQUEST_TYPE);

  luaL_argcheck(L, *r, index, "a closed request");
  return (*r)->transfer;
}

/* A request that can be asked for its result.  [-0, +0, v] */
static struct request *request_finished(lua_State *L)
{
  struct request *r = request_live(L);

  if (!r->transfer->finished)
    luaL_error(L, "the request is still in flight");
  return r;
}

/* A closed one.  [-0, +1, e] */
static struct request **request_userdata(lua_State *L)
{
  struct request **request;
  int spare;

  luaL_getmetatable(L, REQUEST_TYPE);
  spare = (int)lua_rawlen(L, -1);
  if (spare > 0) {
    lua_rawgeti(L, -1, spare);
    lua_pushnil(L);
    lua_rawseti(L, -3, spare);
    lua_remove(L, -2);
    return lua_touserdata(L, -1);
  }
  request = lua_newuserdatauv(L, sizeof(struct request *), 0);
  *request = NULL;
  lua_insert(L, -2);
  lua_setmetatable(L, -2);
  return request;
}

struct request *request_new(lua_State *L)
{
  struct request **request = request_userdata(L);
  struct request *r;
  struct client *c;

  c = client_live(L); /* now: a finalizer may just have closed it */
  *request = r = malloc(sizeof *r); /* glibc's calloc knows no thread cache */
  if (r) {
    memset(r, 0, sizeof *r);
    r->transfer = client_transfer(c);
  }
  if (!r || !r->transfer)
    luaL_error(L, "not enough memory");
  client_link(c, r);
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
How far a download is.
@function request:progress
@treturn integer bytes of the file that are here
@treturn ?integer bytes of the whole file, when known
*/
static int request_progress(lua_State *L)
{
  struct request *r = request_live(L);
  int64_t expected;

  jogg_push_count(L, atomic_load(&r->transfer->received));
  expected = atomic_load(&r->transfer->expected);
  if (expected < 0)
    return 1;
  jogg_push_count(L, expected);
  return 2;
}

/***
The answer, or why there is none.
@function request:result
@treturn[1] integer HTTP status
@treturn[1] any the decoded body; true for a video that was stored, and, with
the status 0, for a file that @{client:create} has made
@treturn[2] integer HTTP status
@treturn[2] nil the body is not JSON
@treturn[2] string why not
@treturn[3] nil
@treturn[3] table error
*/
static int request_result(lua_State *L)
{
  struct request *r = request_finished(L);
  struct transfer *t = r->transfer;

  if (r->client)
    client_claim(r->client, t);
  if (t->end != END_ANSWERED && t->end != END_STORED && t->end != END_CREATED)
    return error_push_transfer(L, t);
  lua_pushinteger(L, (lua_Integer)t->status);
  if (t->end != END_ANSWERED) {
    lua_pushboolean(L, 1);
    return 2;
  }
  return 1 + json_decode(L, t->answer.data ? t->answer.data : "",
                         t->answer.length);
}

/***
Does the answer say that the service did as it was asked: HTTP status 2xx, and
`code` 0?  Does not decode it.  Where there is doubt, and of a GET, which is
asked for its data, @{request:result} knows.
@function request:is_accepted
@treturn boolean
*/
static int request_is_accepted(lua_State *L)
{
  lua_pushboolean(L, request_finished(L)->transfer->accepted);
  return 1;
}

static void set_text(lua_State *L, const char *name, const char *text)
{
  if (text[0]) {
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
  }
}

/***
The headers that matter, of a finished request.
@function request:headers
@treturn table `content_type`, `location`, `request_id`,
`rate_remaining`, `rate_reset` (strings) and `retry_after` (seconds), each
only if the server sent it
*/
static int request_headers(lua_State *L)
{
  const struct transfer *t = request_finished(L)->transfer;
  const struct headers *h = transfer_headers(t);

  lua_createtable(L, 0, 8);
  set_text(L, "content_type", h->content_type);
  set_text(L, "location", h->location);
  set_text(L, "request_id", h->request_id);
  set_text(L, "rate_remaining", h->rate_remaining);
  set_text(L, "rate_reset", h->rate_reset);
  if (t->retry_after > 0) {
    jogg_push_count(L, t->retry_after);
    lua_setfield(L, -2, "retry_after");
  }
  return 1;
}

/***
What the rest of a file can be asked for with, of a finished download: a strong
ETag, or else the time of the last change. A weak ETag proves nothing.
@function request:validator
@treturn ?string nil: this request did not begin the file; empty: nothing
proves that the rest belongs to it
*/
static int request_validator(lua_State *L)
{
  const struct transfer *t = request_finished(L)->transfer;
  const struct headers *h = transfer_headers(t);

  if (!t->url || t->status != 200 || !t->body_begun)
    return 0;
  lua_pushstring(L, h->etag[0] == '"' ? h->etag : h->modified);
  return 1;
}

/***
The first bytes of the body as they came, of a finished request.
@function request:text
@tparam integer maximum
@treturn string
*/
static int request_text(lua_State *L)
{
  const struct transfer *t = request_finished(L)->transfer;
  lua_Integer maximum = luaL_checkinteger(L, 2);
  size_t n = t->answer.length;

  luaL_argcheck(L, maximum >= 0, 2, "negative");
  if (n > (size_t)maximum)
    n = (size_t)maximum;
  lua_pushlstring(L, n ? t->answer.data : "", n);
  return 1;
}

/***
Asks for the end of the request.  It finishes soon, with an error of kind
`cancelled` unless it was finished already.
@function request:cancel
@treturn boolean may it have left already, this time?  False is certain
*/
static int request_cancel(lua_State *L)
{
  struct request *r = *request_check(L);

  if (r && r->client && !r->transfer->finished)
    client_cancel(r->client, r);
  lua_pushboolean(L, r && transfer_has_begun(r->transfer));
  return 1;
}

/* Is it this that closed it? */
static bool request_end(struct request **request)
{
  struct request *r = *request;

  *request = NULL;
  if (!r)
    return false;
  if (r->client)
    client_release(r->client, r);
  else
    transfer_free(r->transfer);
  free(r);
  return true;
}

static int request_close(lua_State *L)
{
  (void)request_end(request_check(L));
  return 0;
}

/***
Closes the request, for a caller who is the only one to have it: it will be
another one.
@function request:retire
*/
static int request_retire(lua_State *L)
{
  int spare;

  if (!request_end(request_check(L)))
    return 0; /* it may be among them already */
  lua_settop(L, 1);
  lua_getmetatable(L, 1);
  spare = (int)lua_rawlen(L, 2);
  if (spare < SPARE_REQUESTS) {
    lua_insert(L, 1);
    lua_rawseti(L, 1, spare + 1);
  }
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

/* For all spare ones, so that to retire one takes no memory.  [-0, +0, e] */
static void make_room(lua_State *L)
{
  int i;

  luaL_getmetatable(L, REQUEST_TYPE);
  if (lua_rawlen(L, -1) == 0) {
    for (i = 1; i <= SPARE_REQUESTS; i++) {
      lua_pushboolean(L, 1);
      lua_rawseti(L, -2, i);
    }
    for (i = 1; i <= SPARE_REQUESTS; i++) {
      lua_pushnil(L);
      lua_rawseti(L, -2, i);
    }
  }
  lua_pop(L, 1);
}

void request_register(lua_State *L)
{
  static const luaL_Reg METHODS[] = {
    { "cancel", request_cancel },
    { "close", request_close },
    { "done", request_done },
    { "headers", request_headers },
    { "is_accepted", request_is_accepted },
    { "progress", request_progress },
    { "result", request_result },
    { "retire", request_retire },
    { "text", request_text },
    { "validator", request_validator },
    { NULL, NULL }
  };

  jogg_type(L, REQUEST_TYPE, METHODS, request_close, request_tostring);
  make_room(L);
}
