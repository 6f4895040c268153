/* SPDX-License-Identifier: MIT
 *
 * easy: see easy.h.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "easy.h"

#include "address.h"
#include "body.h"
#include "clock.h"
#include "failure.h"
#include "proxy.h"
#include "url.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_MAXIMUM 60L       /* s that a connection may be idle */
#define LIFETIME_MAXIMUM 1800L /* s; then DNS and load balancers get a say */
#define DOWNLOAD_BUFFER 262144L
#define REQUEST_BUFFER 16384L

/* Sets an option unless an earlier one failed; needs `c` and `code`. */
#define SET(option, value) \
  do { \
    if (code == CURLE_OK) \
      code = curl_easy_setopt(c, option, value); \
  } while (0)

/* {=== defaults */

/* What this libcurl was built with. */
static void version_read(struct easy_defaults *d)
{
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

  d->http_version = info->features & CURL_VERSION_HTTP2
                      ? CURL_HTTP_VERSION_2TLS
                      : CURL_HTTP_VERSION_NONE;
  d->has_ca_file = d->ca_file != NULL;
#if LIBCURL_VERSION_NUM >= 0x074600
  if (info->age >= CURLVERSION_SEVENTH && info->cainfo)
    d->has_ca_file = true; /* some systems have only a folder */
#endif
}

/* A copy of prefix and text; NULL text gives NULL.  False: no memory. */
static bool copied(char **copy, const char *prefix, const char *text)
{
  size_t size;

  *copy = NULL;
  if (!text)
    return true;
  size = strlen(prefix) + strlen(text) + 1;
  *copy = malloc(size);
  if (*copy)
    (void)snprintf(*copy, size, "%s%s", prefix, text);
  return *copy != NULL;
}

static bool is_secure(CURLU *url)
{
  char *scheme = NULL;
  bool secure;

  if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
    return false;
  secure = strcmp(scheme, "https") == 0;
  curl_free(scheme);
  return secure;
}

/* The base URL's own path, without the slash at its end. */
static char *path_prefix(CURLU *base)
{
  char *path = NULL, *copy = NULL;
  size_t n;

  if (curl_url_get(base, CURLUPART_PATH, &path, 0) != CURLUE_OK)
    return NULL;
  if (copied(&copy, "", path) && copy) {
    n = strlen(copy);
    while (n > 0 && copy[n - 1] == '/')
      copy[--n] = '\0';
  }
  curl_free(path);
  return copy;
}

static void headers_init(struct easy_defaults *d, char *key_header)
{
  static char identity[] = "Accept-Encoding: identity";
  static char no_expect[] = "Expect:"; /* it would cost a second */
  static char type[] = "Content-Type: application/json";

  d->identity = (struct curl_slist){ identity, NULL };
  d->read = (struct curl_slist){ d->agent_line, &d->identity };
  d->write = (struct curl_slist){ no_expect, &d->read };
  d->type = (struct curl_slist){ type, &d->write };
  d->api_read = (struct curl_slist){ key_header, &d->read };
  d->api_write = (struct curl_slist){ key_header, &d->type };
}

bool easy_defaults_init(struct easy_defaults *d, CURLU *base, char *key_header,
                        const char *user_agent, const char *ca_file,
                        const char *ca_path)
{
  bool local;

  *d = (struct easy_defaults){ .base = NULL };
  d->base = curl_url_dup(base);
  d->share = curl_share_init();
  if (!d->base || !d->share || !url_is_local(base, &local))
    return false;
  d->no_proxy = local || !proxy_exists(); /* then libcurl need not look for
                                             one at each request */
  d->secure = is_secure(base);
  d->base_path = path_prefix(base);
  if (!d->base_path || !copied(&d->ca_file, "", ca_file) ||
      !copied(&d->ca_path, "", ca_path) ||
      !copied(&d->agent_line, "User-Agent: ", user_agent))
    return false;
  version_read(d);
  headers_init(d, key_header);
  /* one thread at a time uses the share: it needs no locks */
  return curl_share_setopt(d->share, CURLSHOPT_SHARE,
                           CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK;
}

void easy_defaults_free(struct easy_defaults *d)
{
  curl_url_cleanup(d->base);
  if (d->share)
    (void)curl_share_cleanup(d->share);
  free(d->base_path);
  free(d->ca_file);
  free(d->ca_path);
  free(d->agent_line);
  free(d->sockets);
  *d = (struct easy_defaults){ .base = NULL };
}

/* ===} */

/* {=== sockets
   libcurl tells of a running exchange which local port it has, but not which
   socket.  So all sockets are noted. */

/* Where memory runs out one is not noted, and only cannot be found. */
static void socket_note(struct easy_defaults *d, curl_socket_t fd)
{
  if (d->socket_count == d->socket_room) {
    size_t room = d->socket_room ? 2 * d->socket_room : 16;
    curl_socket_t *sockets = realloc(d->sockets, room * sizeof *sockets);
    if (!sockets)
      return;
    d->sockets = sockets;
    d->socket_room = room;
  }
  d->sockets[d->socket_count++] = fd;
}

/* A socket that leads to the proxy says nothing about where that leads. */
static bool is_refused(const struct transfer *t,
                       const struct curl_sockaddr *address)
{
  return t->public && !t->proxied &&
         !address_is_public(&address->addr, address->addrlen);
}

/* libcurl's callback.  No program that the host starts inherits the socket. */
static curl_socket_t on_socket(void *user, curlsocktype purpose,
                               struct curl_sockaddr *address)
{
  struct easy *e = user;
  curl_socket_t fd;

  (void)purpose;
  e->resolved = true;
  if (is_refused(e->transfer, address)) {
    e->transfer->refused = URL_PRIVATE;
    return CURL_SOCKET_BAD; /* it tries the name's other addresses */
  }
#ifdef SOCK_CLOEXEC
  fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
              address->protocol);
#else
  fd = socket(address->family, address->socktype, address->protocol);
  if (fd != CURL_SOCKET_BAD)
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
#endif
  if (fd != CURL_SOCKET_BAD)
    socket_note(e->defaults, fd);
  return fd;
}

/* libcurl's callback. */
static int on_socket_close(void *user, curl_socket_t fd)
{
  struct easy_defaults *d = user;
  size_t i = 0;

  while (i < d->socket_count && d->sockets[i] != fd)
    i++;
  if (i < d->socket_count)
    d->sockets[i] = d->sockets[--d->socket_count];
  return close(fd);
}

/* Is this end of a socket's connection at the address that libcurl names? */
static bool is_at(curl_socket_t fd,
                  int (*ask)(int, struct sockaddr *, socklen_t *),
                  const char *ip, long port)
{
  union {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
  } address = { .any = { .sa_family = AF_UNSPEC } };
  socklen_t size = sizeof address;
  bool is_six;
  char text[INET6_ADDRSTRLEN];

  if (!ip || ask(fd, &address.any, &size) != 0)
    return false;
  is_six = address.any.sa_family == AF_INET6;
  return ntohs(is_six ? address.six.sin6_port : address.four.sin_port) ==
           port &&
         inet_ntop(address.any.sa_family,
                   is_six ? (void *)&address.six.sin6_addr
                          : (void *)&address.four.sin_addr,
                   text, sizeof text) &&
         strcmp(text, ip) == 0;
}

curl_socket_t easy_socket(struct easy *e)
{
  const struct easy_defaults *d = e->defaults;
  char *own_ip = NULL, *other_ip = NULL;
  long own_port = 0, other_port = 0;
  size_t i;

  (void)curl_easy_getinfo(e->curl, CURLINFO_LOCAL_IP, &own_ip);
  (void)curl_easy_getinfo(e->curl, CURLINFO_LOCAL_PORT, &own_port);
  (void)curl_easy_getinfo(e->curl, CURLINFO_PRIMARY_IP, &other_ip);
  (void)curl_easy_getinfo(e->curl, CURLINFO_PRIMARY_PORT, &other_port);
  for (i = 0; i < d->socket_count; i++) {
    if (is_at(d->sockets[i], getsockname, own_ip, own_port) &&
        is_at(d->sockets[i], getpeername, other_ip, other_port))
      return d->sockets[i];
  }
  return CURL_SOCKET_BAD;
}

/* ===} */

/* {=== birth and death */

#if LIBCURL_VERSION_NUM >= 0x075000
/* libcurl's callback: the request is sent now. */
static int on_connected(void *user, char *server_address, char *own_address,
                        int server_port, int own_port)
{
  struct easy *e = user;

  (void)server_address;
  (void)own_address;
  (void)server_port;
  (void)own_port;
  e->resolved = e->transfer->connected = true;
  e->transfer->touched_ms = clock_ms();
  return CURL_PREREQFUNC_OK;
}
#endif

/* Everything that is the same for each exchange. */
static CURLcode easy_set_up(struct easy *e)
{
  struct easy_defaults *d = e->defaults;
  CURL *c = e->curl;
  CURLcode code = CURLE_OK;

  SET(CURLOPT_PRIVATE, e);
  SET(CURLOPT_ERRORBUFFER, e->error);
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
  SET(CURLOPT_OPENSOCKETDATA, e);
  SET(CURLOPT_CLOSESOCKETFUNCTION, on_socket_close);
  SET(CURLOPT_CLOSESOCKETDATA, d); /* a connection outlives its easy handle */
#if LIBCURL_VERSION_NUM >= 0x075000
  SET(CURLOPT_PREREQFUNCTION, on_connected);
  SET(CURLOPT_PREREQDATA, e);
  SET(CURLOPT_MAXLIFETIME_CONN, LIFETIME_MAXIMUM);
#endif
  SET(CURLOPT_MAXAGE_CONN, IDLE_MAXIMUM);
  SET(CURLOPT_SHARE, d->share);
  SET(CURLOPT_WRITEFUNCTION, body_receive);
  SET(CURLOPT_READFUNCTION, body_send);
  SET(CURLOPT_SEEKFUNCTION, body_seek);
  SET(CURLOPT_HEADERFUNCTION, transfer_on_header);
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* a proxy's are no answer */
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_PATH_AS_IS, 1L);
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2); /* or later */
  /* With TLS the handshake says whether HTTP/2 is spoken, and waiting for it
     costs little.  Without TLS only the first answer would say so, however
     late it comes. */
  SET(CURLOPT_PIPEWAIT, d->secure ? 1L : 0L);
  SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
  SET(CURLOPT_PROTOCOLS_STR, "https,http"); /* url.c: http to this machine */
#else
  SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTPS | CURLPROTO_HTTP));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
  SET(CURLOPT_QUICK_EXIT, 1L); /* closing does not wait for a name look-up */
#endif
  if (d->ca_path || d->has_ca_file) /* NULL: the parsed CA file is cached */
    SET(CURLOPT_CAPATH, d->ca_path);
  if (d->ca_file)
    SET(CURLOPT_CAINFO, d->ca_file);
  if (d->no_proxy)
    SET(CURLOPT_PROXY, "");
  return code;
}

struct easy *easy_new(struct easy_defaults *d)
{
  struct easy *e = calloc(1, sizeof *e);

  if (!e)
    return NULL;
  e->defaults = d;
  e->curl = curl_easy_init();
  e->url = curl_url_dup(d->base);
  if (e->curl && e->url && easy_set_up(e) == CURLE_OK)
    return e;
  easy_free(e);
  return NULL;
}

void easy_free(struct easy *e)
{
  if (!e)
    return;
  curl_easy_cleanup(e->curl); /* before what it points to; NULL is allowed */
  curl_url_cleanup(e->url);
  free(e);
}

/* ===} */

/* {=== preparing */

/* The API's address with path and query.  libcurl percent-encodes the
   query. */
static bool address_prepare(struct easy *e, const struct transfer *t)
{
  const char *pair = t->query.data;
  const char *end = pair ? pair + t->query.length : NULL;

  if (strcmp(e->path, t->path.data) != 0) {
    char whole[1024]; /* the base's part is percent-encoded: 3 * 255 */
    int n = snprintf(whole, sizeof whole, "%s%s", e->defaults->base_path,
                     t->path.data);
    if (n < 0 || (size_t)n >= sizeof whole ||
        curl_url_set(e->url, CURLUPART_PATH, whole, 0) != CURLUE_OK)
      return false;
    memcpy(e->path, t->path.data, t->path.length); /* with its NUL */
  }
  if (curl_url_set(e->url, CURLUPART_QUERY, NULL, 0) != CURLUE_OK)
    return false;
  for (; pair < end; pair += strlen(pair) + 1) {
    if (curl_url_set(e->url, CURLUPART_QUERY, pair,
                     CURLU_APPENDQUERY | CURLU_URLENCODE) != CURLUE_OK)
      return false;
  }
  return curl_easy_setopt(e->curl, CURLOPT_CURLU, e->url) == CURLE_OK;
}

/* A POST must arrive once.  libcurl repeats a request by itself when a reused
   connection turns out to be dead, even if the server has read it; on a fresh
   connection it never does.  Over HTTP/2 other requests would join that
   connection and make it a reused one, so a POST does without HTTP/2.

   A transfer that must go to a public address takes a fresh connection as well:
   existing connections were made without that condition. */
static CURLcode method_prepare(struct easy *e, const struct transfer *t)
{
  static const char *const names[] = { [TRANSFER_POST] = "POST",
                                       [TRANSFER_PUT] = "PUT",
                                       [TRANSFER_DELETE] = "DELETE" };
  bool fresh = t->fresh || t->public || t->method == TRANSFER_POST;
  CURL *c = e->curl;
  CURLcode code = CURLE_OK;

  if (e->method != t->method) {
    SET(CURLOPT_CUSTOMREQUEST, names[t->method]);
    SET(CURLOPT_HTTP_VERSION, t->method == TRANSFER_POST
                                ? (long)CURL_HTTP_VERSION_1_1
                                : e->defaults->http_version);
    e->method = t->method;
  }
  if (e->fresh != fresh)
    SET(CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L);
  e->fresh = fresh;
  return code;
}

static enum easy_body body_of(const struct transfer *t)
{
  if (t->source)
    return EASY_SOURCE;
  return t->method == TRANSFER_POST || t->method == TRANSFER_PUT ||
         t->body.length > 0 ? EASY_TEXT : EASY_NOTHING;
}

/* HTTPGET undoes UPLOAD, which POST does not in all versions; POSTFIELDS, even
   of NULL, implies POST.  While there are POSTFIELDS, libcurl would not rewind
   the source. */
static CURLcode body_prepare(struct easy *e, struct transfer *t)
{
  enum easy_body body = body_of(t);
  CURL *c = e->curl;
  CURLcode code = CURLE_OK;

  if (e->body != body)
    SET(CURLOPT_HTTPGET, 1L);
  e->body = body;
  switch (body) {
  case EASY_NOTHING:
    break;
  case EASY_TEXT:
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.length);
    SET(CURLOPT_POSTFIELDS, t->body.data ? t->body.data : "");
    break;
  case EASY_SOURCE:
    SET(CURLOPT_POSTFIELDS, NULL);
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)source_size(t->source));
    SET(CURLOPT_READDATA, t);
    SET(CURLOPT_SEEKDATA, t);
    break;
  }
  return code;
}

/* The key goes to the API and nowhere else. */
static struct curl_slist *headers_prepare(struct easy *e,
                                          const struct transfer *t)
{
  struct easy_defaults *d = e->defaults;
  bool carries = e->body != EASY_NOTHING;
  struct curl_slist *headers;

  if (t->url)
    headers = carries ? &d->write : &d->read;
  else
    headers = carries ? &d->api_write : &d->api_read;
  if (t->type.length > 0) {
    e->type = (struct curl_slist){ t->type.data, headers };
    return &e->type;
  }
  if (t->offset == 0 || !t->validator[0])
    return headers;
  (void)snprintf(e->range_line, sizeof e->range_line, "If-Range: %s",
                 t->validator);
  e->range = (struct curl_slist){ e->range_line, headers };
  return &e->range;
}

/* libcurl refuses another size while it still has the buffer of the transfer
   before, for example when other transfers use the same HTTP/2 connection.  The
   size only matters for speed, and the next use sets it again. */
static void buffer_prepare(struct easy *e, bool large)
{
  long size = large ? DOWNLOAD_BUFFER : REQUEST_BUFFER;

  if (e->large_buffer != large &&
      curl_easy_setopt(e->curl, CURLOPT_BUFFERSIZE, size) == CURLE_OK)
    e->large_buffer = large;
}

static CURLcode file_prepare(struct easy *e, struct transfer *t)
{
  CURL *c = e->curl;
  CURLcode code = CURLE_OK;
  char range[32];

  if (t->file) {
    t->offset = file_length(t->file);
    atomic_store(&t->moved, t->offset);
  }
  /* not CURLOPT_RESUME_FROM: it makes an error of every answer but 206, of a
     refusal as well as of the whole file */
  (void)snprintf(range, sizeof range, "%lld-", (long long)t->offset);
  if (t->file || e->download) /* what may be of another file is not resumed */
    SET(CURLOPT_RANGE, t->offset > 0 && t->validator[0] ? range : NULL);
  e->download = t->file != NULL;
  buffer_prepare(e, e->download);
  return code;
}

/* libcurl decides by itself whether it uses a proxy.  Where we must know, we
   decide: either there is none, or no exception from it. */
static CURLcode proxy_prepare(struct easy *e, struct transfer *t)
{
  bool serves = !e->defaults->no_proxy &&
                (!t->public || proxy_serves(t->secure, t->host));
  CURL *c = e->curl;
  CURLcode code = CURLE_OK;

  t->proxied = serves;
  if (!e->defaults->no_proxy && (t->public || e->public)) {
    SET(CURLOPT_PROXY, serves ? NULL : "");
    SET(CURLOPT_NOPROXY, t->public ? "" : NULL);
  }
  e->public = t->public;
  return code;
}

bool easy_prepare(struct easy *e, struct transfer *t)
{
  CURL *c = e->curl;
  CURLcode code = CURLE_OK;

  e->transfer = t;
  e->resolved = false;
  t->secure = t->url ? is_secure(t->url) : e->defaults->secure;
  code = proxy_prepare(e, t);
  if (t->url)
    SET(CURLOPT_CURLU, t->url);
  else if (!address_prepare(e, t))
    return false;
  SET(CURLOPT_WRITEDATA, t);
  SET(CURLOPT_HEADERDATA, t);
  SET(CURLOPT_CONNECTTIMEOUT_MS, (long)t->connect_timeout_ms);
  SET(CURLOPT_TIMEOUT_MS, (long)t->total_timeout_ms);
  if (code == CURLE_OK)
    code = method_prepare(e, t);
  if (code == CURLE_OK)
    code = body_prepare(e, t);
  if (code == CURLE_OK)
    code = file_prepare(e, t);
  SET(CURLOPT_HTTPHEADER, headers_prepare(e, t));
  e->error[0] = '\0';
  return code == CURLE_OK;
}

/* ===} */

/* {=== the result */

bool easy_is_connected(struct easy *e)
{
#if LIBCURL_VERSION_NUM < 0x075000
  curl_off_t since = 0; /* microseconds from the start */
  (void)curl_easy_getinfo(e->curl, CURLINFO_PRETRANSFER_TIME_T, &since);
  if (since > 0 && !e->transfer->connected) {
    e->resolved = e->transfer->connected = true;
    e->transfer->touched_ms = e->transfer->begun_ms + since / 1000;
  }
#endif
  return e->transfer->connected;
}

/* Notes at most the size of the source: some versions of libcurl count bytes
   that were sent twice. */
void easy_note_sent(struct easy *e)
{
  struct transfer *t = e->transfer;
  curl_off_t sent = 0;

  (void)curl_easy_getinfo(e->curl, CURLINFO_SIZE_UPLOAD_T, &sent);
  if (sent > source_size(t->source))
    sent = source_size(t->source);
  if (sent == atomic_load(&t->moved))
    return;
  t->heard = true;
  atomic_store(&t->moved, sent);
}

/* The socket takes bytes at once, but over a slow line the other side receives
   them much later. */
bool easy_socket_sends(struct easy *e)
{
  struct transfer *t = e->transfer;
  curl_socket_t fd = easy_socket(e);
  int queued = 0, before = t->queued;

  if (fd == CURL_SOCKET_BAD || ioctl(fd, TIOCOUTQ, &queued) != 0)
    return false;
  t->queued = queued;
  return queued != before;
}

/* Notes whether the server may have received the request.  The bytes that
   libcurl counts may all have gone to a proxy.  curl_easy_getinfo cannot fail
   for these. */
void easy_abort(struct easy *e)
{
  struct transfer *t = e->transfer;
  long size = 0;

  (void)curl_easy_getinfo(e->curl, CURLINFO_REQUEST_SIZE, &size);
#if LIBCURL_VERSION_NUM >= 0x075000
  t->sent = size > 0 && t->connected;
#else
  long tunnel_status = 0;
  (void)curl_easy_getinfo(e->curl, CURLINFO_HTTP_CONNECTCODE, &tunnel_status);
  t->sent = size > 0 && tunnel_status < 300;
#endif
}

void easy_finish(struct easy *e, CURLcode code)
{
  struct transfer *t = e->transfer;
  curl_off_t retry_after = 0;

  (void)easy_is_connected(e);
  easy_abort(e);
  if (t->status >= 300) { /* seconds or date: libcurl reads both */
    (void)curl_easy_getinfo(e->curl, CURLINFO_RETRY_AFTER, &retry_after);
    t->retry_after = retry_after;
  }
  if (t->source && t->connected)
    easy_note_sent(e);
  if (t->failure == FAILURE_NONE && !t->answer_cut)
    failure_note(t, code, e->error);
  if (t->failure == FAILURE_NONE)
    body_finish(t);
}

/* ===} */
