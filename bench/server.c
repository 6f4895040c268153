/* SPDX-License-Identifier: MIT
 *
 * server: what the benchmarks talk to: the service's answers, as fast as one
 * thread a connection can give them, over http and https, on loopback.
 *
 * usage: server CERTIFICATE KEY
 * Prints the two ports and ends when its standard input does.  It decides
 * nothing: a project called "done-BYTES" is finished and its video is that
 * long, every other one is in progress for ever.  "done-BYTESxRATE": the video
 * comes at no more than so many bytes a second, as from a network.  Of v2: the
 * LISTED newest videos are in progress for ever, an upload is read and
 * forgotten, and /requests says how many requests came.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAXIMUM 16384
#define STACK_SIZE (128 * 1024)
#define BLOCK_SIZE (256 * 1024) /* of a video's bytes, at a time */
#define BACKLOG 1024
#define LISTED 300 /* videos of v2 */
#define PAGE_MAXIMUM 100 /* of them in an answer */
#define ITEM_MAXIMUM 256 /* bytes of one */

struct listener {
  int fd;
  int port;
  SSL_CTX *tls; /* NULL: plain */
};

struct connection {
  int fd;
  SSL *tls;
  const struct listener *listener;
  size_t length; /* bytes of the request that are here */
  char request[REQUEST_MAXIMUM + 1];
};

static char block[BLOCK_SIZE]; /* never written to: a video's zeros */
static atomic_ulong requests;

/* {=== bytes */

static ssize_t connection_read(struct connection *c, char *to, size_t n)
{
  return c->tls ? SSL_read(c->tls, to, (int)n) : read(c->fd, to, n);
}

static bool connection_pace(struct connection *c, unsigned long rate)
{
  return setsockopt(c->fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate,
                    sizeof rate) == 0;
}

static bool connection_write(struct connection *c, const char *bytes, size_t n)
{
  while (n > 0) {
    ssize_t put = c->tls ? SSL_write(c->tls, bytes, (int)n)
                         : send(c->fd, bytes, n, MSG_NOSIGNAL);
    if (put <= 0)
      return false;
    bytes += put;
    n -= (size_t)put;
  }
  return true;
}

/* Reads and forgets what is left of a large request of `whole` bytes.  As many
   of them as are kept, or 0: the other side is gone. */
static size_t connection_drain(struct connection *c, size_t whole)
{
  static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
  size_t left = whole - c->length;
  char *part = malloc(BLOCK_SIZE);

  if (strcasestr(c->request, "\r\nexpect: 100-continue") &&
      !connection_write(c, go_on, sizeof go_on - 1))
    left = SIZE_MAX;
  while (part && left > 0 && left < SIZE_MAX) {
    ssize_t got =
      connection_read(c, part, left < BLOCK_SIZE ? left : BLOCK_SIZE);
    left = got > 0 ? left - (size_t)got : SIZE_MAX;
  }
  left = part && left == 0 ? c->length : 0;
  free(part);
  return left;
}

/* Reads until a whole request is here.  The length of its head and body, or
   0: the other side is gone. */
static size_t connection_request(struct connection *c)
{
  for (;;) {
    char *end;
    ssize_t got;

    c->request[c->length] = '\0';
    end = strstr(c->request, "\r\n\r\n");
    if (end) {
      size_t head = (size_t)(end - c->request) + 4, body = 0;
      const char *length = strcasestr(c->request, "\r\ncontent-length:");
      if (length && length < end)
        body = strtoul(length + 17, NULL, 10);
      if (c->length >= head + body)
        return head + body;
      if (head + body > REQUEST_MAXIMUM)
        return connection_drain(c, head + body);
    }
    if (c->length == REQUEST_MAXIMUM)
      return 0;
    got =
      connection_read(c, c->request + c->length, REQUEST_MAXIMUM - c->length);
    if (got <= 0)
      return 0;
    c->length += (size_t)got;
  }
}

/* ===} */

/* {=== answers */

static bool answer_json(struct connection *c, const char *body, int length)
{
  char answer[2048];
  int n = snprintf(answer, sizeof answer,
                   "HTTP/1.1 200 OK\r\n"
                   "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
                   "Content-Type: application/json; charset=utf-8\r\n"
                   "Content-Length: %d\r\n"
                   "X-Request-Id: 5f3f3a2c-0f8e-4f6d-9a51-2f8f6f2a7d10\r\n"
                   "Connection: keep-alive\r\n\r\n",
                   length);

  if ((size_t)n + (size_t)length > sizeof answer)
    return connection_write(c, answer, (size_t)n) &&
           connection_write(c, body, (size_t)length);
  memcpy(answer + n, body, (size_t)length);
  return connection_write(c, answer, (size_t)n + (size_t)length);
}

/* A prj_info answer of some 700 bytes. */
static bool answer_project(struct connection *c, const char *id)
{
  char body[1024], video[128] = "", name[64];
  bool done;
  int n;

  (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(id, " &"), id);
  done = strncmp(name, "done-", 5) == 0;
  if (done) {
    (void)snprintf(video, sizeof video, "%s://127.0.0.1:%d/video/%.*s.mp4",
                   c->tls ? "https" : "http", c->listener->port,
                   (int)strspn(name + 5, "0123456789x"), name + 5);
  }
  n = snprintf(
    body, sizeof body,
    "{\"code\":0,\"msg\":\"success\",\"data\":{\"id\":\"%s\","
    "\"title\":\"A lamp that follows the sun\",\"status\":%d,\"progress\":%d,"
    "\"progress_desc\":\"Composing the scenes of the video\",\"step\":3,"
    "\"err_msg\":\"\",\"video_url\":\"%s\",\"video_path\":"
    "\"project/2024/06/17/render/output/final.mp4\",\"video_duration\":31,"
    "\"cover_url\":\"https://res.example.com/cover/2024/06/17/"
    "8c1f6e0b9b7d4a6f.jpg\",\"cover_path\":"
    "\"project/2024/06/17/cover/8c1f6e0b9b7d4a6f.jpg\","
    "\"placeholder_cover_url\":\"https://res.example.com/placeholder.jpg\","
    "\"aspect_ratio\":0,\"template_id\":1024,\"template_type\":\"common\","
    "\"index_template_id\":17,\"person_id\":37,\"workspace_index\":2,"
    "\"created_at\":1718600000,\"updated_at\":1718600042}}",
    name, done ? 4 : 3, done ? 100 : 40, video);
  return answer_json(c, body, n);
}

static bool answer_call(struct connection *c)
{
  static const char body[] =
    "{\"code\":0,\"msg\":\"success\",\"data\":{\"id\":3924,"
    "\"prj_id\":\"2508f1c3a7e94b0c8d6e5f4a3b2c1d0e\"}}";

  return answer_json(c, body, (int)sizeof body - 1);
}

static void big_endian(char *to, uint64_t value, int n)
{
  while (n-- > 0) {
    to[n] = (char)(value & 0xFF);
    value >>= 8;
  }
}

/* An MP4 of exactly so many bytes, BYTES or BYTESxRATE: ftyp, an empty moov,
   and one mdat, whose 64-bit length stands in its last 8 bytes here. */
static bool answer_video(struct connection *c, const char *video)
{
  char head[512];
  char boxes[56] = "\0\0\0\030ftypisom\0\0\2\0isomiso2"
                   "\0\0\0\020moov\0\0\0\0\0\0\0\0\0\0\0\1mdat";
  char *end;
  int64_t bytes = strtoll(video, &end, 10);
  int n;

  if (bytes < (int64_t)sizeof boxes ||
      (*end == 'x' && !connection_pace(c, strtoul(end + 1, NULL, 10))))
    return false;
  big_endian(boxes + 48, (uint64_t)bytes - 40, 8);
  n = snprintf(head, sizeof head,
               "HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n"
               "Content-Length: %lld\r\nAccept-Ranges: bytes\r\n\r\n",
               (long long)bytes);
  if (!connection_write(c, head, (size_t)n) ||
      !connection_write(c, boxes, sizeof boxes))
    return false;
  for (bytes -= (int64_t)sizeof boxes; bytes > 0;) {
    size_t part = bytes < BLOCK_SIZE ? (size_t)bytes : BLOCK_SIZE;
    if (!connection_write(c, block, part))
      return false;
    bytes -= (int64_t)part;
  }
  return true;
}

/* The value of a number in the query, or another. */
static int query_number(const char *request, const char *name, int otherwise)
{
  const char *found = strstr(request, name);
  const char *end = strchr(request, '\r');

  return found && found < end ? atoi(found + strlen(name)) : otherwise;
}

/* A page of the list of videos. */
static bool answer_list(struct connection *c)
{
  char body[PAGE_MAXIMUM * ITEM_MAXIMUM + 256];
  int size = query_number(c->request, "page_size=", 10);
  int first = (query_number(c->request, "?page=", 1) - 1) * size + 1;
  int i, n = snprintf(body, sizeof body,
                      "{\"rid\":\"5f3f3a2c\",\"code\":0,\"msg\":\"success\","
                      "\"data\":{\"total\":%d,\"videos\":[",
                      LISTED);

  if (size < 1 || size > PAGE_MAXIMUM || first < 1)
    return false;
  for (i = first; i < first + size && i <= LISTED; i++)
    n += snprintf(body + n, ITEM_MAXIMUM,
                  "%s{\"id\":\"%032d\",\"title\":\"A lamp that follows the "
                  "sun\",\"status\":\"processing\",\"video_url\":\"\","
                  "\"cover_url\":\"\",\"video_duration\":0,"
                  "\"created_at\":%d}",
                  i > first ? "," : "", i, 1718600000 - i);
  n += snprintf(body + n, 64, "]}}");
  return answer_json(c, body, n);
}

/* The state of one of them. */
static bool answer_listed(struct connection *c, const char *id)
{
  char body[512];
  int n = snprintf(body, sizeof body,
                   "{\"rid\":\"5f3f3a2c\",\"code\":0,\"msg\":\"success\","
                   "\"data\":{\"video_id\":\"%.32s\",\"status\":"
                   "\"processing\",\"video_url\":\"\",\"cover_url\":\"\"}}",
                   id);

  return answer_json(c, body, n);
}

static bool answer_requests(struct connection *c)
{
  char body[64];
  int n = snprintf(body, sizeof body, "{\"code\":0,\"data\":{\"n\":%lu}}",
                   atomic_load(&requests));

  return answer_json(c, body, n);
}

/* Another origin than the API: jogg refuses an upload to that. */
static bool answer_sign(struct connection *c)
{
  char body[512];
  int n = snprintf(body, sizeof body,
                   "{\"code\":0,\"msg\":\"success\",\"data\":{\"sign_url\":"
                   "\"%s://localhost:%d/asset\",\"asset_url\":"
                   "\"https://res.example.com/asset.mp4\"}}",
                   c->tls ? "https" : "http", c->listener->port);

  return answer_json(c, body, n);
}

static bool answer(struct connection *c)
{
  static const struct {
    const char *start;
    bool (*one)(struct connection *c, const char *rest);
    bool (*any)(struct connection *c);
  } ANSWERS[] = {
    { "GET /open/prj_info?project_id=", answer_project, NULL },
    { "GET /video/", answer_video, NULL },
    { "GET /v2/product_videos?", NULL, answer_list },
    { "GET /v2/product_video/", answer_listed, NULL },
    { "GET /requests", NULL, answer_requests },
    { "POST /v2/upload/asset", NULL, answer_sign },
  };
  size_t i;

  (void)atomic_fetch_add(&requests, 1);
  for (i = 0; i < sizeof ANSWERS / sizeof ANSWERS[0]; i++) {
    size_t n = strlen(ANSWERS[i].start);
    if (strncmp(c->request, ANSWERS[i].start, n) == 0)
      return ANSWERS[i].one ? ANSWERS[i].one(c, c->request + n)
                            : ANSWERS[i].any(c);
  }
  return answer_call(c);
}

/* ===} */

/* {=== connections */

static void connection_free(struct connection *c)
{
  SSL_free(c->tls); /* NULL is allowed */
  (void)close(c->fd);
  free(c);
}

static void *connection_serve(void *user)
{
  struct connection *c = user;
  size_t n;

  if (c->listener->tls) {
    c->tls = SSL_new(c->listener->tls);
    if (!c->tls || SSL_set_fd(c->tls, c->fd) != 1 || SSL_accept(c->tls) != 1) {
      connection_free(c);
      return NULL;
    }
  }
  while ((n = connection_request(c)) > 0 && answer(c)) {
    c->length -= n;
    memmove(c->request, c->request + n, c->length);
  }
  connection_free(c);
  return NULL;
}

static void connection_begin(const struct listener *l, int fd)
{
  struct connection *c = calloc(1, sizeof *c);
  pthread_attr_t attributes;
  pthread_t thread;
  int one = 1;

  if (!c) {
    (void)close(fd);
    return;
  }
  c->fd = fd;
  c->listener = l;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  (void)pthread_attr_init(&attributes);
  (void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
  (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  if (pthread_create(&thread, &attributes, connection_serve, c) != 0)
    connection_free(c);
  (void)pthread_attr_destroy(&attributes);
}

static void *listener_serve(void *user)
{
  const struct listener *l = user;

  for (;;) {
    int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
      connection_begin(l, fd);
    else
      (void)usleep(1000); /* no descriptor was free */
  }
  return NULL;
}

static bool listener_open(struct listener *l)
{
  struct sockaddr_in address = { .sin_family = AF_INET };
  socklen_t length = sizeof address;
  pthread_t thread;

  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&address, length) != 0 ||
      listen(l->fd, BACKLOG) != 0 ||
      getsockname(l->fd, (struct sockaddr *)&address, &length) != 0)
    return false;
  l->port = ntohs(address.sin_port);
  return pthread_create(&thread, NULL, listener_serve, l) == 0;
}

/* In life it is another machine: it must not take the processor from what is
   being measured whenever it wakes.  The threads inherit this. */
static void give_way(void)
{
#ifdef SCHED_BATCH
  struct sched_param parameters = { .sched_priority = 0 };

  (void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &parameters);
#endif
}

/* ===} */

int main(int argc, char **argv)
{
  static struct listener plain, secure;
  char byte;

  if (argc != 3) {
    (void)fprintf(stderr, "usage: %s CERTIFICATE KEY\n", argv[0]);
    return 2;
  }
  (void)signal(SIGPIPE, SIG_IGN);
  give_way();
  secure.tls = SSL_CTX_new(TLS_server_method());
  if (!secure.tls ||
      SSL_CTX_use_certificate_chain_file(secure.tls, argv[1]) != 1 ||
      SSL_CTX_use_PrivateKey_file(secure.tls, argv[2], SSL_FILETYPE_PEM) != 1 ||
      !listener_open(&plain) || !listener_open(&secure)) {
    (void)fprintf(stderr, "%s: could not start\n", argv[0]);
    return 1;
  }
  (void)printf("%d %d\n", plain.port, secure.port);
  (void)fflush(stdout);
  while (read(STDIN_FILENO, &byte, 1) > 0)
    ;
  return 0;
}
