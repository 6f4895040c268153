/* SPDX-License-Identifier: MIT
 *
 * http: see http.h.  A request's state is born at its first callback and
 * dies in on_completed(), however the connection ends.
 */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lauxlib.h>

#include "answer.h"
#include "buf.h"
#include "receiver.h"

#define MAX_BODY      (1024 * 1024)
#define MAX_PAIRS     100
#define IDLE_SECONDS  120
#define MAX_CONNECTED 400
#define MAX_DROPPED   (1024 * 1024)

struct pair {
  const char *name;
  const char *value;
  size_t length;
};

struct request {
  const char *method, *path;
  struct http *http;
  struct MHD_Connection *connection;
  struct buf body;
  struct receiver receiver;
  long long ticket; /* of `admit`, until the rules had the request; else 0 */
  bool refused;     /* by `admit`: the answer is there, the body is dropped */
  bool too_long;
  struct pair pairs[MAX_PAIRS];
  int pair_count;
  struct answer answer;
  unsigned int sent; /* its status, which need not be the one asked for */
};

/* {======================================================================
 * Into Lua and back
 * ======================================================================= */

static enum MHD_Result on_pair(void *ud, enum MHD_ValueKind kind,
                               const char *name, size_t name_length,
                               const char *value, size_t length)
{
  struct request *q = ud;

  (void)kind;
  (void)name_length;
  if (q->pair_count == MAX_PAIRS) return MHD_NO;
  q->pairs[q->pair_count++] =
    (struct pair){ .name = name, .value = value ? value : "",
                   .length = value ? length : 0 };
  return MHD_YES;
}

/* [-0, +1, m] pushes name -> value; header names in lower case */
static void push_pairs(lua_State *L, struct request *q,
                       enum MHD_ValueKind kind)
{
  q->pair_count = 0;
  (void)MHD_get_connection_values_n(q->connection, kind, on_pair, q);
  lua_createtable(L, 0, q->pair_count);
  for (int i = 0; i < q->pair_count; i++) {
    lua_pushstring(L, q->pairs[i].name);
    if (kind == MHD_HEADER_KIND) {
      luaL_Buffer b;
      size_t n;
      const char *name = lua_tolstring(L, -1, &n);
      char *to = luaL_buffinitsize(L, &b, n);

      for (size_t j = 0; j < n; j++)
        to[j] = (char)(name[j] >= 'A' && name[j] <= 'Z' ? name[j] + 32
                                                        : name[j]);
      luaL_pushresultsize(&b, n);
      lua_remove(L, -2);
    }
    lua_pushlstring(L, q->pairs[i].value, q->pairs[i].length);
    lua_rawset(L, -3);
  }
}

/* [-0, +1, m] pushes {path, length, broken} */
static void push_upload(lua_State *L, const struct receiver *r)
{
  lua_createtable(L, 0, 3);
  lua_pushstring(L, r->path);
  lua_setfield(L, -2, "path");
  lua_pushinteger(L, r->length);
  lua_setfield(L, -2, "length");
  lua_pushboolean(L, r->broken);
  lua_setfield(L, -2, "broken");
}

/* [-0, +1, m] pushes {origin, method, path, query, headers, body, too_long,
 * ticket, upload} */
static int push_request(lua_State *L)
{
  struct request *q = lua_touserdata(L, 1);

  lua_createtable(L, 0, 9);
  lua_pushstring(L, q->http->origin);
  lua_setfield(L, -2, "origin");
  if (q->ticket != 0) {
    lua_pushinteger(L, q->ticket);
    lua_setfield(L, -2, "ticket");
  }
  if (receiver_is_open(&q->receiver)) {
    push_upload(L, &q->receiver);
    lua_setfield(L, -2, "upload");
  }
  lua_pushstring(L, q->method);
  lua_setfield(L, -2, "method");
  lua_pushstring(L, q->path);
  lua_setfield(L, -2, "path");
  lua_pushlstring(L, q->body.data ? q->body.data : "", q->body.length);
  lua_setfield(L, -2, "body");
  lua_pushboolean(L, q->too_long);
  lua_setfield(L, -2, "too_long");
  push_pairs(L, q, MHD_GET_ARGUMENT_KIND);
  lua_setfield(L, -2, "query");
  push_pairs(L, q, MHD_HEADER_KIND);
  lua_setfield(L, -2, "headers");
  return 1;
}

/* [-0, +2, m] pushes the number of the log's entry, and a status */
static int push_sent(lua_State *L)
{
  const struct request *q = lua_touserdata(L, 1);

  lua_pushinteger(L, q->answer.entry);
  lua_pushinteger(L, (lua_Integer)q->sent);
  return 2;
}

/* [-0, +0, e] ud, answer */
static int take_answer(lua_State *L)
{
  struct request *q = lua_touserdata(L, 1);

  answer_take(&q->answer, L, 2);
  return 0;
}

/* [-0, +0, e] ud; an answer, or {ticket, path, limit, reset_at} */
static int take_admission(lua_State *L)
{
  struct request *q = lua_touserdata(L, 1);
  long long limit, reset_at;

  luaL_checktype(L, 2, LUA_TTABLE);
  if (lua_getfield(L, 2, "ticket") == LUA_TNIL) {
    answer_take(&q->answer, L, 2);
    return 0;
  }
  q->ticket = luaL_checkinteger(L, -1);
  (void)lua_getfield(L, 2, "path");
  (void)lua_getfield(L, 2, "limit");
  (void)lua_getfield(L, 2, "reset_at");
  limit = luaL_checkinteger(L, -2);
  reset_at = luaL_optinteger(L, -1, -1);
  (void)receiver_open(&q->receiver, luaL_checkstring(L, -3), limit, reset_at);
  return 0;
}

/* [-0, +1, m] pushes the ticket */
static int push_ticket(lua_State *L)
{
  const struct request *q = lua_touserdata(L, 1);

  lua_pushinteger(L, q->ticket);
  return 1;
}

/* }====================================================================== */

/* {======================================================================
 * Callbacks of libmicrohttpd
 * ======================================================================= */

static struct request *request_new(struct http *h,
                                   struct MHD_Connection *connection,
                                   const char *path, const char *method)
{
  struct request *q = malloc(sizeof *q);

  if (!q) return NULL;
  *q = (struct request){ .http = h, .connection = connection,
                         .method = method, .path = path };
  buf_init(&q->body, MAX_BODY);
  receiver_init(&q->receiver);
  answer_init(&q->answer);
  return q;
}

static enum MHD_Result request_answer(struct request *q)
{
  struct rules *rules = q->http->rules;
  const struct rules_call sent = { .name = "sent", .push = push_sent,
                                   .ud = q };
  enum MHD_Result result;

  if (stop_requested(rules->stop)) return MHD_NO;
  q->sent = q->answer.status;
  result = answer_send(&q->answer, q->connection, rules->stop, &q->sent);
  if (q->sent != q->answer.status && q->answer.entry != 0)
    (void)rules_run(rules, &sent);
  return result;
}

/* Whether a refusal can wait for the end of the body: a client that is still
 * sending when the connection is closed may never see the answer. */
static bool body_can_be_dropped(struct request *q)
{
  const char *length = MHD_lookup_connection_value(
    q->connection, MHD_HEADER_KIND, "Content-Length");

  if (MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, "Expect"))
    return false;
  return !length || strtoull(length, NULL, 10) <= MAX_DROPPED;
}

/* The head is there: a body that goes to a file is admitted or refused. */
static enum MHD_Result request_begin(struct request *q)
{
  const struct rules_call admit = { .name = "admit", .push = push_request,
                                    .take = take_admission, .ud = q };

  if (!q->http->receives) return MHD_YES;
  if (!rules_run(q->http->rules, &admit)) answer_free(&q->answer);
  q->refused = q->ticket == 0;
  return q->refused && !body_can_be_dropped(q) ? request_answer(q) : MHD_YES;
}

static enum MHD_Result request_add(struct request *q, const char *bytes,
                                   size_t length)
{
  if (q->refused) return MHD_YES;
  if (receiver_is_open(&q->receiver)) {
    if (receiver_add(&q->receiver, bytes, length)) return MHD_YES;
    answer_reset(q->connection);
    return MHD_NO;
  }
  if (!q->too_long && buf_add(&q->body, bytes, length) != BUF_OK) {
    q->too_long = true;
    buf_free(&q->body);
  }
  return MHD_YES;
}

static enum MHD_Result request_end(struct request *q)
{
  const struct rules_call call = { .name = "request", .push = push_request,
                                   .take = take_answer, .ud = q };

  if (q->refused) return request_answer(q);
  receiver_end(&q->receiver);
  if (!rules_run(q->http->rules, &call)) answer_free(&q->answer);
  q->ticket = 0;
  return request_answer(q);
}

static enum MHD_Result on_request(void *ud, struct MHD_Connection *connection,
                                  const char *path, const char *method,
                                  const char *version, const char *bytes,
                                  size_t *length, void **slot)
{
  struct request *q = *slot;
  const size_t n = *length;

  (void)version;
  if (!q) {
    *slot = q = request_new(ud, connection, path, method);
    return q ? request_begin(q) : MHD_NO;
  }
  *length = 0;
  return n > 0 ? request_add(q, bytes, n) : request_end(q);
}

static void on_completed(void *ud, struct MHD_Connection *connection,
                         void **slot, enum MHD_RequestTerminationCode why)
{
  struct request *q = *slot;
  struct http *h = ud;
  const struct rules_call abandon = { .name = "abandon", .push = push_ticket,
                                      .ud = q };

  (void)connection;
  (void)why;
  if (q) {
    if (q->ticket != 0) (void)rules_run(h->rules, &abandon);
    receiver_free(&q->receiver);
    buf_free(&q->body);
    answer_free(&q->answer);
    free(q);
  }
  *slot = NULL;
}

/* }====================================================================== */

static bool bind_loopback(struct http *h, int port)
{
  struct sockaddr_in address = { .sin_family = AF_INET };
  socklen_t size = sizeof address;
  const int yes = 1;

  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons((unsigned short)port);
  h->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (h->socket < 0
      || setsockopt(h->socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0
      || bind(h->socket, (struct sockaddr *)&address, sizeof address) != 0
      || listen(h->socket, 128) != 0
      || getsockname(h->socket, (struct sockaddr *)&address, &size) != 0)
    return false;
  h->port = ntohs(address.sin_port);
  return true;
}

bool http_listen(struct http *h, struct rules *rules, const char *origin,
                 bool receives, int port)
{
  *h = (struct http){ .rules = rules, .origin = origin, .receives = receives,
                      .socket = -1 };
  if (bind_loopback(h, port)) return true;
  (void)fprintf(stderr, "jogg-sandbox: port %d of 127.0.0.1: %s\n", port,
                strerror(errno));
  http_stop(h);
  return false;
}

bool http_start(struct http *h)
{
  h->daemon = MHD_start_daemon(
    MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD
      | MHD_USE_POLL,
    0, NULL, NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET, h->socket,
    MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_SECONDS,
    MHD_OPTION_CONNECTION_LIMIT, (unsigned int)MAX_CONNECTED,
    MHD_OPTION_END);
  if (!h->daemon) {
    (void)fputs("jogg-sandbox: libmicrohttpd does not start\n", stderr);
    return false;
  }
  h->socket = -1; /* the daemon's from here */
  return true;
}

void http_stop(struct http *h)
{
  if (h->daemon) MHD_stop_daemon(h->daemon);
  if (h->socket >= 0) (void)close(h->socket);
  h->daemon = NULL;
  h->socket = -1;
}
