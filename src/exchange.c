/* SPDX-License-Identifier: MIT
 *
 * exchange: see exchange.h.
 */

/*** @module jogg.core */
#include "exchange.h"

#include "client.h"
#include "download.h"
#include "request.h"
#include "source_object.h"

#include <stdlib.h>
#include <string.h>

#define QUERY_NAMES 64

/* The stack indices of client_start. */
enum { CLIENT = 1, FIELDS, REQUEST };

/* Bytes into a buffer.  [-0, +0, v] */
static void add(lua_State *L, const char *what, struct buf *b,
                const char *bytes, size_t n)
{
  switch (buf_add(b, bytes, n)) {
  case BUF_OK:
    return;
  case BUF_FULL:
    luaL_error(L, "%s: too long", what);
    return;
  case BUF_NO_MEMORY:
    break;
  }
  luaL_error(L, "not enough memory");
}

/* [-0, +1, v] */
static void method_field(lua_State *L, struct transfer *t)
{
  static const char *const names[] = { [TRANSFER_GET] = "GET",
                                       [TRANSFER_POST] = "POST",
                                       [TRANSFER_PUT] = "PUT",
                                       [TRANSFER_DELETE] = "DELETE" };
  const char *name = lua_util_field(L, FIELDS, "method", NULL);
  int i;

  for (i = TRANSFER_GET; i <= TRANSFER_DELETE; i++) {
    if (strcmp(name ? name : "GET", names[i]) == 0) {
      t->method = (enum transfer_method)i;
      return;
    }
  }
  luaL_error(L, "method: cannot be %s", name);
}

/* An address comes from the network: if it is not a URL, that is not misuse,
   and the exchange fails.  Only an API on this machine may lead to this
   machine. */
static enum url_verdict address_parse(struct transfer *t, const char *text,
                                      size_t n, bool local)
{
  bool private = false;
  enum url_verdict verdict = URL_MALFORMED; /* what has a NUL is no URL */

  if (strlen(text) == n)
    verdict = url_parse(text, local, &t->url);
  if (verdict != URL_OK)
    return verdict;
  if (curl_url_get(t->url, CURLUPART_HOST, &t->host, 0) != CURLUE_OK ||
      (t->public && !url_is_private(t->url, &private)))
    return URL_NO_MEMORY;
  return private ? URL_PRIVATE : URL_OK;
}

/* One of the fields path and url, and public.  [-0, +2, v] */
static void address_fields(lua_State *L, struct transfer *t, bool local)
{
  size_t n;
  const char *path = lua_util_field(L, FIELDS, "path", NULL);
  const char *url = lua_util_field(L, FIELDS, "url", &n);

  if (!path == !url)
    luaL_error(L, "one of path and url is needed");
  t->public = lua_util_flag(L, FIELDS, "public");
  if (t->public && !url)
    luaL_error(L, "public: goes with url");
  t->public = t->public && !local; /* else the API is as private as can be */
  if (url)
    t->refused = address_parse(t, url, n, local);
  else if (path[0] != '/')
    luaL_error(L, "path: does not begin with a slash");
  else
    add(L, "path", &t->path, path, strlen(path) + 1);
}

/* [-0, +1, v] */
static void body_field(lua_State *L, struct transfer *t)
{
  size_t n;
  const char *body = lua_util_field(L, FIELDS, "body", &n);

  if (!body)
    return;
  if (t->method == TRANSFER_GET)
    luaL_error(L, "body: a GET has none");
  add(L, "body", &t->body, body, n);
}

static int names_compare(const void *a, const void *b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in the table on the top, sorted.  It keeps them alive.
   [-0, +0, v] */
static size_t query_names(lua_State *L, const char **names)
{
  size_t count = 0;

  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (lua_type(L, -2) != LUA_TSTRING || !lua_isstring(L, -1))
      luaL_error(L, "query: strings expected");
    if (count == QUERY_NAMES)
      luaL_error(L, "query: too long");
    names[count++] = lua_tostring(L, -2);
    lua_pop(L, 1);
  }
  qsort(names, count, sizeof *names, names_compare);
  return count;
}

/* [-0, +1, v] */
static void query_field(lua_State *L, struct transfer *t)
{
  const char *names[QUERY_NAMES];
  size_t count, i, n;

  lua_getfield(L, FIELDS, "query");
  if (lua_isnil(L, -1))
    return;
  if (!lua_istable(L, -1))
    luaL_error(L, "query: table expected, got %s", luaL_typename(L, -1));
  if (t->path.length == 0)
    luaL_error(L, "query: goes with path");
  count = query_names(L, names);
  for (i = 0; i < count; i++) {
    const char *value;
    lua_getfield(L, -1, names[i]);
    value = lua_tolstring(L, -1, &n);
    if (!value || strlen(value) != n)
      luaL_error(L, "query: strings without a NUL expected");
    add(L, "query", &t->query, names[i], strlen(names[i]));
    add(L, "query", &t->query, "=", 1);
    add(L, "query", &t->query, value, n + 1);
    lua_pop(L, 1);
  }
}

/* [-0, +0, v] */
static int64_t seconds_field(lua_State *L, const char *name)
{
  int64_t milliseconds;

  lua_getfield(L, FIELDS, name);
  milliseconds = lua_util_milliseconds(L, -1, name);
  lua_pop(L, 1);
  return milliseconds;
}

/* [-0, +2, v] */
static void download_fields(lua_State *L, struct transfer *t)
{
  size_t n;
  const char *validator = lua_util_field(L, FIELDS, "validator", &n);

  if (validator && n < sizeof t->validator && strlen(validator) == n)
    memcpy(t->validator, validator, n + 1);
  lua_getfield(L, FIELDS, "download");
  if (lua_isnil(L, -1))
    return;
  t->file = file_retain(download_file(L, -1));
  t->download = true;
}

/* The header line for the type of a source.  [-0, +1, v] */
static void type_field(lua_State *L, struct transfer *t)
{
  size_t n, i;
  const char *type = lua_util_field(L, FIELDS, "content_type", &n);

  if (!type)
    return;
  if (!t->source)
    luaL_error(L, "content_type: goes with source");
  if (n == 0)
    luaL_error(L, "content_type: empty");
  for (i = 0; i < n; i++) { /* a blank at either end is no part of a value */
    if (type[i] < ' ' || type[i] > '~' ||
        (type[i] == ' ' && (i == 0 || i == n - 1)))
      luaL_error(L, "content_type: the character at position %d cannot be "
                 "sent", (int)i + 1);
  }
  add(L, "content_type", &t->type, "Content-Type: ", 14);
  add(L, "content_type", &t->type, type, n + 1);
}

/* The fields source and content_type, after all that they do not go with.
   [-0, +2, v] */
static void source_fields(lua_State *L, struct transfer *t)
{
  lua_getfield(L, FIELDS, "source");
  if (!lua_isnil(L, -1)) {
    struct source *source = source_object_source(L, -1);
    if (t->method != TRANSFER_PUT && t->method != TRANSFER_POST)
      luaL_error(L, "source: goes with PUT and POST");
    if (t->path.length > 0)
      luaL_error(L, "source: goes with url"); /* never with the key */
    if (t->body.data || t->download)
      luaL_error(L, "source: goes with neither body nor download");
    t->source = source_retain(source);
  }
  type_field(L, t);
}

/***
Starts an exchange with a server.

The fields of the table: `method` (`GET`, `POST`, `PUT` or `DELETE`; `GET`);
`path` of the API, which begins with a slash and is already escaped, or `url`,
an address elsewhere, to which the key is not sent; `query`, a table of strings,
with `path`; `body`, a string; `connect_timeout`, `stall_timeout` and `timeout`
in seconds, none by default; `slow_answer`: the server may be silent before its
answer for all of `timeout`; `fresh`: use a new connection; `beside`: take no
slot; `download`, a download that the body of a 200 or 206 answer goes to, and
`validator`, see @{request:validator}: only with it the bytes that are there are
continued; `source`, with `PUT` or `POST` and `url`: a source that was opened is
sent in place of `body`, and `content_type`, a string, as its type; `public`,
with `url`: unless the API is on this machine, connect to no loopback,
link-local or private address, whatever the name resolves to, always on a new
connection. Through a proxy, only an address that is a number is checked.
@function client:start
@tparam table fields
@treturn request
@raise for what is no such table. An address that is no URL makes the request
fail instead.
*/
static int client_start(lua_State *L)
{
  bool local = client_live(L, CLIENT)->local;
  struct request *r;
  struct transfer *t;

  luaL_checktype(L, FIELDS, LUA_TTABLE);
  lua_settop(L, FIELDS);
  r = request_new(L, CLIENT);
  t = r->transfer;
  method_field(L, t);
  address_fields(L, t, local);
  body_field(L, t);
  query_field(L, t);
  t->connect_timeout_ms = seconds_field(L, "connect_timeout");
  t->stall_timeout_ms = seconds_field(L, "stall_timeout");
  t->total_timeout_ms = seconds_field(L, "timeout");
  t->slow_answer = lua_util_flag(L, FIELDS, "slow_answer");
  t->fresh = lua_util_flag(L, FIELDS, "fresh");
  t->beside = lua_util_flag(L, FIELDS, "beside");
  download_fields(L, t);
  source_fields(L, t);
  lua_settop(L, REQUEST);
  client_submit(L, CLIENT, r);
  return 1;
}

void exchange_register(lua_State *L)
{
  static const luaL_Reg METHODS[] = {
    { "start", client_start },
    { NULL, NULL }
  };

  lua_util_methods(L, CLIENT_TYPE, METHODS);
}
