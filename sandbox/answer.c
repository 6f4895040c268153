/* SPDX-License-Identifier: MIT
 *
 * answer: see answer.h.  A reader callback sends what is cut or stalls;
 * whole files go the short way, by sendfile.
 */
#include "answer.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lauxlib.h>

#include "range.h"

#define BLOCK 65536
#define STEP  0.2 /* seconds between two looks at a client that waits */

static char TROUBLE[] = "{\"code\":50000,\"msg\":\"the sandbox has a fault;"
                        " see its standard error\"}";

void answer_init(struct answer *a)
{
  *a = (struct answer){ .status = MHD_HTTP_INTERNAL_SERVER_ERROR, .cut = -1 };
}

void answer_free(struct answer *a)
{
  for (int i = 0; i < a->header_count; i++) {
    free(a->headers[i].name);
    free(a->headers[i].value);
  }
  free(a->body);
  free(a->file);
  answer_init(a);
}

/* {======================================================================
 * Out of Lua
 * ======================================================================= */

/* [-1, +0, e] a copy of the string on the top, which is popped */
static char *take_text(lua_State *L, size_t *length)
{
  const char *text = luaL_checklstring(L, -1, length);
  char *copy = malloc(*length + 1);

  if (!copy) {
    (void)luaL_error(L, "no memory");
    return NULL;
  }
  memcpy(copy, text, *length + 1);
  lua_pop(L, 1);
  return copy;
}

static void take_headers(struct answer *a, lua_State *L, int index)
{
  size_t length;

  if (lua_getfield(L, index, "headers") == LUA_TTABLE) {
    lua_pushnil(L);
    while (lua_next(L, -2)) {
      int i = a->header_count;

      if (i == ANSWER_HEADERS) (void)luaL_error(L, "too many headers");
      lua_pushvalue(L, -2);
      a->headers[i].name = take_text(L, &length);
      a->header_count++;
      a->headers[i].value = take_text(L, &length);
    }
  }
  lua_settop(L, index);
}

void answer_take(struct answer *a, lua_State *L, int index)
{
  size_t length;

  luaL_checktype(L, index, LUA_TTABLE);
  lua_settop(L, index);
  (void)lua_getfield(L, index, "status");
  a->status = (unsigned int)luaL_checkinteger(L, -1);
  (void)lua_getfield(L, index, "cut");
  a->cut = luaL_optinteger(L, -1, -1);
  (void)lua_getfield(L, index, "stall");
  a->stall = luaL_optnumber(L, -1, 0);
  (void)lua_getfield(L, index, "reset");
  a->reset = lua_toboolean(L, -1);
  (void)lua_getfield(L, index, "entry");
  a->entry = luaL_optinteger(L, -1, 0);
  lua_settop(L, index);
  take_headers(a, L, index);
  if (lua_getfield(L, index, "file") != LUA_TNIL)
    a->file = take_text(L, &length);
  lua_settop(L, index);
  if (lua_getfield(L, index, "body") != LUA_TNIL)
    a->body = take_text(L, &a->length);
  lua_settop(L, index);
}

/* }====================================================================== */

/* {======================================================================
 * Sending what ends early
 * ======================================================================= */

struct reader {
  int fd;              /* -1: from bytes */
  char *bytes;         /* NULL: from fd */
  uint64_t offset;     /* of the range within the file */
  uint64_t cut;        /* bytes to send */
  double stall;
  int client; /* the connection's descriptor */
  struct stop *stop;
};

/* Silence, until it is over, the sandbox stops, or the client has gone. */
static void reader_stall(const struct reader *r)
{
  struct pollfd client = { .fd = r->client, .events = POLLRDHUP };

  double left = r->stall;

  while (left > 0 && !stop_sleep(r->stop, left < STEP ? left : STEP)
         && poll(&client, 1, 0) <= 0)
    left -= STEP;
}

static ssize_t reader_read(void *ud, uint64_t position, char *to, size_t max)
{
  struct reader *r = ud;
  ssize_t n;

  if (position >= r->cut) {
    reader_stall(r);
    return MHD_CONTENT_READER_END_WITH_ERROR;
  }
  if (max > r->cut - position) max = (size_t)(r->cut - position);
  if (r->bytes) {
    memcpy(to, r->bytes + position, max);
    return (ssize_t)max;
  }
  n = pread(r->fd, to, max, (off_t)(r->offset + position));
  return n > 0 ? n : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void reader_free(void *ud)
{
  struct reader *r = ud;

  if (r->fd >= 0) (void)close(r->fd);
  free(r->bytes);
  free(r);
}

/* -1 if it has none */
static int descriptor_of(struct MHD_Connection *connection)
{
  const union MHD_ConnectionInfo *info =
    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

  return info ? info->connect_fd : -1;
}

/* Takes the descriptor; copies the bytes. */
static struct MHD_Response *cut_response(const struct answer *a, int fd,
                                         uint64_t offset, uint64_t length,
                                         struct MHD_Connection *connection,
                                         struct stop *stop)
{
  struct reader *r = malloc(sizeof *r);
  struct MHD_Response *response;

  if (!r) {
    if (fd >= 0) (void)close(fd);
    return NULL;
  }
  *r = (struct reader){ .fd = fd, .offset = offset, .stall = a->stall,
                        .client = descriptor_of(connection), .stop = stop,
                        .cut = (uint64_t)a->cut };
  if (r->cut > length) r->cut = length;
  if (fd < 0) {
    r->bytes = malloc(length + 1);
    if (r->bytes && a->body) memcpy(r->bytes, a->body, length);
  }
  response = r->fd < 0 && !r->bytes
               ? NULL
               : MHD_create_response_from_callback(length, BLOCK, reader_read,
                                                   r, reader_free);
  if (!response) reader_free(r);
  return response;
}

/* Another descriptor is put in the place of the connection's, which is
 * thereby closed with a reset. */
void answer_reset(struct MHD_Connection *connection)
{
  struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
  int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int fd = descriptor_of(connection);

  if (fd >= 0 && other >= 0
      && setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0)
    (void)dup3(other, fd, O_CLOEXEC);
  if (other >= 0) (void)close(other);
}

/* }====================================================================== */

/* {======================================================================
 * Files and ranges
 * ======================================================================= */

static const char *header_of(struct MHD_Connection *connection,
                             const char *name)
{
  return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static void add_header(struct MHD_Response *response, const char *name,
                       const char *value)
{
  (void)MHD_add_response_header(response, name, value);
}

static struct MHD_Response *unsatisfiable(unsigned long long size)
{
  struct MHD_Response *response =
    MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
  char text[64];

  if (response) {
    (void)snprintf(text, sizeof text, "bytes */%llu", size);
    add_header(response, "Content-Range", text);
  }
  return response;
}

/* The answer's file, or the part of it that is asked for. */
static struct MHD_Response *file_response(const struct answer *a,
                                          struct MHD_Connection *connection,
                                          struct stop *stop,
                                          unsigned int *status)
{
  unsigned long long first = 0, last, size;
  const char *range = header_of(connection, "Range");
  const char *condition = header_of(connection, "If-Range");
  struct MHD_Response *response;
  enum range_result part;
  struct stat info;
  char etag[80], text[96];
  int fd = open(a->file, O_RDONLY | O_CLOEXEC);

  if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    if (fd >= 0) (void)close(fd);
    return NULL;
  }
  size = (unsigned long long)info.st_size;
  last = size ? size - 1 : 0;
  (void)snprintf(etag, sizeof etag, "\"%llx-%llx-%llx\"", size,
                 (unsigned long long)info.st_mtim.tv_sec,
                 (unsigned long long)info.st_mtim.tv_nsec);
  if (condition && strcmp(condition, etag) != 0) range = NULL;
  part = range_parse(range, size, &first, &last);
  if (part == RANGE_UNSATISFIABLE) {
    (void)close(fd);
    *status = MHD_HTTP_RANGE_NOT_SATISFIABLE;
    response = unsatisfiable(size);
  } else {
    const uint64_t length = size ? last - first + 1 : 0;

    if (part == RANGE_PART) *status = MHD_HTTP_PARTIAL_CONTENT;
    if (a->cut >= 0) {
      response = cut_response(a, fd, first, length, connection, stop);
    } else {
      response = MHD_create_response_from_fd_at_offset64(length, fd, first);
      if (!response) (void)close(fd);
    }
    if (response && part == RANGE_PART) {
      (void)snprintf(text, sizeof text, "bytes %llu-%llu/%llu", first, last,
                     size);
      add_header(response, "Content-Range", text);
    }
  }
  if (response) {
    add_header(response, "Accept-Ranges", "bytes");
    add_header(response, "ETag", etag);
  }
  return response;
}

/* }====================================================================== */

static struct MHD_Response *trouble(unsigned int *status)
{
  struct MHD_Response *response = MHD_create_response_from_buffer(
    strlen(TROUBLE), TROUBLE, MHD_RESPMEM_PERSISTENT);

  *status = MHD_HTTP_INTERNAL_SERVER_ERROR;
  if (response) add_header(response, "Content-Type", "application/json");
  return response;
}

enum MHD_Result answer_send(const struct answer *a,
                            struct MHD_Connection *connection,
                            struct stop *stop, unsigned int *status)
{
  struct MHD_Response *response = NULL;
  enum MHD_Result result;

  if (a->reset) {
    answer_reset(connection);
    return MHD_NO;
  }
  *status = a->status;
  if (a->file)
    response = file_response(a, connection, stop, status);
  else if (a->cut >= 0)
    response = cut_response(a, -1, 0, a->length, connection, stop);
  else if (a->body)
    response = MHD_create_response_from_buffer(a->length, a->body,
                                               MHD_RESPMEM_MUST_COPY);
  if (response) {
    for (int i = 0; i < a->header_count; i++)
      add_header(response, a->headers[i].name, a->headers[i].value);
  } else {
    response = trouble(status);
  }
  if (!response) return MHD_NO;
  result = MHD_queue_response(connection, *status, response);
  MHD_destroy_response(response);
  return result;
}
