/* SPDX-License-Identifier: MIT
 *
 * start: how requests begin, the methods `start`, `look`, `download`,
 * `create` and `discard` of a client.
 *
 * A request is filled in while it is the client's own; what may raise comes
 * before it is handed to the engine.
 */

/*** @module jogg.core */
#include "client.h"

#include "clock.h"
#include "jogg.h"
#include "output.h"

#include <string.h>

#define ADDRESS_MAXIMUM (64 * 1024) /* of a video */

/* Bytes of the argument at `index` into a buffer.  [-0, +0, v] */
static void add_argument(lua_State *L, int index, struct buf *b,
                         const char *bytes, size_t n)
{
  switch (buf_add(b, bytes, n)) {
  case BUF_OK:
    return;
  case BUF_FULL:
    luaL_argerror(L, index, "too long");
    return;
  case BUF_NO_MEMORY:
    break;
  }
  luaL_error(L, "not enough memory");
}

/* The string at `index` with its NUL into a buffer.  [-0, +0, v] */
static void text_argument(lua_State *L, int index, struct buf *b)
{
  size_t n;
  const char *text = luaL_checklstring(L, index, &n);

  luaL_argcheck(L, strlen(text) == n, index, "contains a NUL");
  add_argument(L, index, b, text, n + 1);
}

/* Timeouts at three indices from `index`: connect, stall, total. */
static void timeout_arguments(lua_State *L, int index, struct transfer *t)
{
  t->connect_timeout_ms = jogg_milliseconds(L, index);
  t->stall_timeout_ms = jogg_milliseconds(L, index + 1);
  t->total_timeout_ms = jogg_milliseconds(L, index + 2);
}

/* Pairs of name and value from `index` into the query.  [-0, +0, v] */
static void query_arguments(lua_State *L, int index, int top,
                            struct transfer *t)
{
  for (; index + 1 <= top && !lua_isnil(L, index); index += 2) {
    lua_pushvalue(L, index);
    lua_pushliteral(L, "=");
    lua_pushvalue(L, index + 1);
    lua_concat(L, 3);
    text_argument(L, -1, &t->query);
    lua_pop(L, 1);
  }
}

/* [-0, +2, v] hands the request on the top over, pushes its id after it.  The
   client may have been closed meanwhile, by a finalizer that memory for the
   request was got from. */
static int submit(lua_State *L, struct transfer *t)
{
  struct client *c = client_live(L);

  jogg_push_count(L, (int64_t)t->id);
  t->submitted = true;
  engine_submit(c->engine, t);
  return 2;
}

/***
Starts an exchange with the API.
@function client:start
@tparam string method `GET`, `POST` or `PUT`
@tparam string path begins with a slash
@tparam ?string body JSON text
@tparam ?number connect_timeout seconds
@tparam ?number stall_timeout seconds
@tparam ?number timeout seconds, for the whole exchange
@tparam boolean patient may the server be silent before it answers?
@tparam boolean beside needs it no place among the transfers in flight?
@tparam string ... query: name, value, name, value
@treturn request
@treturn integer its id, which @{client:next} returns
*/
int client_start(lua_State *L)
{
  static const char *const METHODS[] = { "GET", "POST", "PUT", NULL };
  int method, top = lua_gettop(L);
  struct request *r;
  struct transfer *t;

  (void)client_live(L);
  method = luaL_checkoption(L, 2, NULL, METHODS);
  if (top < 9)
    lua_settop(L, 9); /* what is absent is nil, and not the request */
  r = request_new(L);
  t = r->transfer;
  t->method = (enum transfer_method)method;
  text_argument(L, 3, &t->path);
  if (!lua_isnoneornil(L, 4)) {
    size_t n;
    const char *body = luaL_checklstring(L, 4, &n);
    add_argument(L, 4, &t->body, body, n);
  }
  timeout_arguments(L, 5, t);
  t->patient = lua_toboolean(L, 8);
  t->beside = lua_toboolean(L, 9);
  query_arguments(L, 10, top, t);
  return submit(L, t);
}

/***
Starts a look at something of the API, later, and again and again while the
answer says that the work goes on: `code` is 0, and `data.status` one of those
given.  Any other answer finishes the request, as does a failure.  Who waits
for its time holds no connection and no place.
@function client:look
@tparam string path begins with a slash
@tparam ?number connect_timeout seconds
@tparam ?number stall_timeout seconds
@tparam ?number timeout seconds, for each look
@tparam boolean beside needs it no place among the transfers in flight?
@tparam number pause seconds to the first look
@tparam number every seconds from an answer to the next look; 0: one look
@tparam number last moment of @{now} after which no look begins
@tparam number deadline moment of @{now} when a look that goes on is given up
@tparam integer going the values of `data.status`, each 2^value, added up
@tparam string name of a parameter of the query
@tparam string value
@treturn request
@treturn integer its id, which @{client:next} returns
*/
int client_look(lua_State *L)
{
  lua_Integer going = luaL_checkinteger(L, 11);
  int64_t pause;
  struct request *r;
  struct transfer *t;

  (void)client_live(L);
  lua_settop(L, 13);
  luaL_argcheck(L, going >= 0, 11, "negative");
  r = request_new(L);
  t = r->transfer;
  text_argument(L, 2, &t->path);
  timeout_arguments(L, 3, t);
  transfer_slim(t); /* it may be one of very many */
  t->beside = lua_toboolean(L, 6);
  pause = jogg_milliseconds(L, 7);
  t->schedule.due_ms = pause > 0 ? clock_ms() + pause + 1 : 0; /* not earlier */
  t->schedule.every_ms = jogg_milliseconds(L, 8);
  t->schedule.last_ms = jogg_moment(L, 9);
  t->schedule.deadline_ms = jogg_moment(L, 10);
  t->schedule.going = (uint64_t)going;
  query_arguments(L, 12, 13, t);
  return submit(L, t);
}

/***
Starts the download of a video.  The key is not sent.
@function client:download
@tparam output output where it goes
@tparam string url
@tparam ?number connect_timeout seconds
@tparam ?number stall_timeout seconds
@tparam ?number timeout seconds, for the whole download
@tparam ?string validator of the bytes that are there, see
@{request:validator}; without one they are asked for again
@tparam boolean beside needs it no place among the transfers in flight?
@treturn request
@treturn integer its id
*/
int client_download(lua_State *L)
{
  size_t n, length;
  const char *url, *validator;
  struct request *r;
  struct transfer *t;

  (void)client_live(L);
  (void)output_file(L, 2);
  url = luaL_checklstring(L, 3, &length);
  validator = luaL_optlstring(L, 7, "", &n);
  lua_settop(L, 8); /* what is absent is nil, and not the request */
  r = request_new(L);
  t = r->transfer;
  t->beside = lua_toboolean(L, 8);
  timeout_arguments(L, 4, t);
  if (length > ADDRESS_MAXIMUM || strlen(url) != length)
    url = ""; /* it comes from the network, and what is no URL is no misuse */
  add_argument(L, 3, &t->body, url, strlen(url) + 1);
  t->local = client_live(L)->local; /* only a service on this machine may send
                                       us to this machine */
  if (n < sizeof t->validator)
    memcpy(t->validator, validator, n + 1);
  t->file = file_retain(output_file(L, 2)); /* not earlier: see submit */
  return submit(L, t);
}

/***
Makes the temporary file of an output, where the transfers run: the disk may
take its time.  The result of the request is 0 and true, or nil and an error of
kind `io`; then nothing was made, and it may be tried again.
@function client:create
@tparam output output
@treturn request
@treturn integer its id
*/
int client_create(lua_State *L)
{
  const char *name;
  struct request *r;
  struct transfer *t;

  (void)client_live(L);
  (void)output_file(L, 2);
  lua_settop(L, 2);
  r = request_new(L);
  t = r->transfer;
  t->work = TRANSFER_CREATE;
  name = file_name(output_file(L, 2));
  add_argument(L, 2, &t->body, name, strlen(name) + 1);
  t->file = file_retain(output_file(L, 2));
  return submit(L, t);
}

/***
Closes an output as @{output:close} does, but where the transfers run, after
all that was begun before; here only if the client has no thread, and in a
client that is closed.  Nothing happens to an output that is closed already.
@function client:discard
@tparam output output
*/
int client_discard(lua_State *L)
{
  struct client **client = luaL_checkudata(L, 1, CLIENT_TYPE), *c = *client;
  struct file *file = output_take(L, 2);
  struct transfer *t = NULL;

  if (file && c && c->engine && engine_is_threaded(c->engine) &&
      !engine_is_forked(c->engine))
    t = client_transfer(c);
  if (!t) {
    file_release(file); /* if there is no memory, here as well */
    return 0;
  }
  t->work = TRANSFER_RELEASE;
  t->file = file;
  t->submitted = t->abandoned = true; /* nobody waits for it */
  engine_submit(c->engine, t);
  return 0;
}
