/* SPDX-License-Identifier: MIT
 *
 * handle: see handle.h.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "handle.h"

#include "body.h"
#include "url.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECTION_LIFETIME 1800L /* s; then DNS and load balancers get a say */
#define DOWNLOAD_BUFFER 262144L
#define REQUEST_BUFFER 16384L

/* Sets an option unless an earlier one failed; needs `e` and `code`. */
#define SET(option, value) \
  do { \
    if (code == CURLE_OK) \
      code = curl_easy_setopt(e, option, value); \
  } while (0)

/* {=== defaults */

/* With no proxy in the environment, and always for this machine, libcurl need
   not look for one at each request. */
static bool proxy_absent(bool local)
{
  static const char *const names[] = {
    "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"
  };
  size_t i;

  if (local)
    return true;
  for (i = 0; i < sizeof names / sizeof names[0]; i++) {
    const char *value = getenv(names[i]);
    if (value && value[0])
      return false;
  }
  return true;
}

/* What this libcurl was built with. */
static void version_read(struct handle_defaults *d)
{
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

  d->http_version = info->features & CURL_VERSION_HTTP2
                      ? CURL_HTTP_VERSION_2TLS
                      : CURL_HTTP_VERSION_NONE;
  d->has_ca_file = d->ca_file != NULL;
#if LIBCURL_VERSION_NUM >= 0x074600
  if (info->age >= CURLVERSION_SEVENTH && info->cainfo)
    d->has_ca_file = true; /* some systems have only a directory */
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

static bool scheme_is_plain(CURLU *base)
{
  char *scheme = NULL;
  bool plain;

  if (curl_url_get(base, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
    return false;
  plain = strcmp(scheme, "http") == 0;
  curl_free(scheme);
  return plain;
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

bool handle_defaults_init(struct handle_defaults *d, CURLU *base,
                          char *key_header, const char *user_agent,
                          const char *ca_file, const char *ca_path)
{
  static char no_expect[] = "Expect:";
  static char type[] = "Content-Type: application/json";
  bool local;

  *d = (struct handle_defaults){ .base = NULL };
  d->base = curl_url_dup(base);
  d->share = curl_share_init();
  if (!d->base || !d->share || !url_is_local(base, &local))
    return false;
  d->no_proxy = proxy_absent(local);
  d->plain = scheme_is_plain(base);
  d->base_path = path_prefix(base);
  if (!d->base_path || !copied(&d->ca_file, "", ca_file) ||
      !copied(&d->ca_path, "", ca_path) ||
      !copied(&d->agent, "User-Agent: ", user_agent))
    return false;
  version_read(d);
  d->no_expect = (struct curl_slist){ no_expect, NULL };
  d->anybody = (struct curl_slist){ d->agent, &d->no_expect };
  d->type = (struct curl_slist){ type, &d->anybody };
  d->api_read = (struct curl_slist){ key_header, &d->anybody };
  d->api_write = (struct curl_slist){ key_header, &d->type };
  /* one thread at a time uses the share: it needs no locks */
  return curl_share_setopt(d->share, CURLSHOPT_SHARE,
                           CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK;
}

void handle_defaults_free(struct handle_defaults *d)
{
  curl_url_cleanup(d->base);
  if (d->share)
    (void)curl_share_cleanup(d->share);
  free(d->base_path);
  free(d->ca_file);
  free(d->ca_path);
  free(d->agent);
  *d = (struct handle_defaults){ .base = NULL };
}

/* ===} */

/* {=== birth and death */

/* A socket that no program inherits which the host starts. */
static curl_socket_t socket_open(void *user, curlsocktype purpose,
                                 struct curl_sockaddr *address)
{
  curl_socket_t fd;

  (void)user;
  (void)purpose;
#ifdef SOCK_CLOEXEC
  fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
              address->protocol);
#else
  fd = socket(address->family, address->socktype, address->protocol);
  if (fd != CURL_SOCKET_BAD)
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
#endif
  return fd;
}

/* Everything that is the same for every use. */
static CURLcode handle_set_up(struct handle *h,
                              const struct handle_defaults *d)
{
  CURL *e = h->easy;
  CURLcode code = CURLE_OK;

  SET(CURLOPT_PRIVATE, h);
  SET(CURLOPT_ERRORBUFFER, h->error);
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_OPENSOCKETFUNCTION, socket_open);
  SET(CURLOPT_SHARE, d->share);
  SET(CURLOPT_WRITEFUNCTION, body_receive);
  SET(CURLOPT_HEADERFUNCTION, transfer_on_header);
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* a proxy's are no answer */
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_PATH_AS_IS, 1L);
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2); /* or later */
  /* where the handshake says whether HTTP/2 is spoken, it is waited for;
     without TLS it would be the first answer, however late that comes */
  SET(CURLOPT_PIPEWAIT, d->plain ? 0L : 1L);
  SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
  SET(CURLOPT_PROTOCOLS_STR, "https,http"); /* url.c: http to this machine */
#else
  SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTPS | CURLPROTO_HTTP));
#endif
#if LIBCURL_VERSION_NUM >= 0x075000
  SET(CURLOPT_MAXLIFETIME_CONN, CONNECTION_LIFETIME);
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
  SET(CURLOPT_QUICK_EXIT, 1L); /* a lookup that hangs must not hold us up */
#endif
  if (d->ca_path || d->has_ca_file) /* NULL: the parsed CA file is cached */
    SET(CURLOPT_CAPATH, d->ca_path);
  if (d->ca_file)
    SET(CURLOPT_CAINFO, d->ca_file);
  if (d->no_proxy)
    SET(CURLOPT_PROXY, "");
  return code;
}

struct handle *handle_new(const struct handle_defaults *d)
{
  struct handle *h = calloc(1, sizeof *h);

  if (!h)
    return NULL;
  h->easy = curl_easy_init();
  h->url = curl_url_dup(d->base);
  if (h->easy && h->url && handle_set_up(h, d) == CURLE_OK)
    return h;
  handle_free(h);
  return NULL;
}

void handle_free(struct handle *h)
{
  if (!h)
    return;
  curl_easy_cleanup(h->easy); /* before what it points to; NULL is allowed */
  curl_url_cleanup(h->url);
  free(h);
}

/* ===} */

/* {=== one use */

/* The API's address with path and query.  libcurl percent-encodes. */
static bool handle_address(struct handle *h, const struct handle_defaults *d,
                           const struct transfer *t)
{
  const char *pair = t->query.data;
  const char *end = pair ? pair + t->query.length : NULL;

  if (strcmp(h->path, t->path.data) != 0) {
    char whole[1024]; /* the base's part is percent-encoded: 3 * 255 */
    int n = snprintf(whole, sizeof whole, "%s%s", d->base_path, t->path.data);
    if (n < 0 || (size_t)n >= sizeof whole ||
        curl_url_set(h->url, CURLUPART_PATH, whole, 0) != CURLUE_OK)
      return false;
    memcpy(h->path, t->path.data, t->path.length); /* with its NUL */
  }
  if (curl_url_set(h->url, CURLUPART_QUERY, NULL, 0) != CURLUE_OK)
    return false;
  for (; pair < end; pair += strlen(pair) + 1) {
    if (curl_url_set(h->url, CURLUPART_QUERY, pair,
                     CURLU_APPENDQUERY | CURLU_URLENCODE) != CURLUE_OK)
      return false;
  }
  return curl_easy_setopt(h->easy, CURLOPT_CURLU, h->url) == CURLE_OK;
}

/* A POST must arrive once.  libcurl repeats a request by itself when a reused
   connection turns out to be dead, even if the server has read it; on a fresh
   connection it never does.  Over HTTP/2 other requests would join that
   connection and make it a reused one, so a POST does without. */
static CURLcode handle_method(struct handle *h,
                              const struct handle_defaults *d,
                              const struct transfer *t)
{
  CURL *e = h->easy;
  CURLcode code = CURLE_OK;

  if (h->method != t->method) {
    SET(CURLOPT_CUSTOMREQUEST, t->method == TRANSFER_PUT ? "PUT" : NULL);
    SET(CURLOPT_FRESH_CONNECT, t->method == TRANSFER_POST ? 1L : 0L);
    SET(CURLOPT_HTTP_VERSION, t->method == TRANSFER_POST
                                ? (long)CURL_HTTP_VERSION_1_1
                                : d->http_version);
    if (t->method == TRANSFER_GET)
      SET(CURLOPT_HTTPGET, 1L);
    h->method = t->method;
  }
  if (t->method != TRANSFER_GET) {
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.length);
    SET(CURLOPT_POSTFIELDS, t->body.data ? t->body.data : "");
  }
  return code;
}

/* The key goes to the API and to nobody else. */
static struct curl_slist *handle_headers(struct handle *h,
                                         struct handle_defaults *d,
                                         const struct transfer *t)
{
  if (!t->url)
    return t->method == TRANSFER_GET ? &d->api_read : &d->api_write;
  if (t->offset == 0 || !t->validator[0])
    return &d->anybody;
  (void)snprintf(h->range_line, sizeof h->range_line, "If-Range: %s",
                 t->validator);
  h->range = (struct curl_slist){ h->range_line, &d->anybody };
  return &h->range;
}

/* libcurl refuses another size while it still has the buffer of the transfer
   before, as it has when others go on over the same HTTP/2 connection.  The
   size is a matter of speed alone, and the next use asks again. */
static void handle_buffer(struct handle *h, bool large)
{
  long size = large ? DOWNLOAD_BUFFER : REQUEST_BUFFER;

  if (h->large_buffer != large &&
      curl_easy_setopt(h->easy, CURLOPT_BUFFERSIZE, size) == CURLE_OK)
    h->large_buffer = large;
}

static CURLcode handle_file(struct handle *h, struct transfer *t)
{
  CURL *e = h->easy;
  CURLcode code = CURLE_OK;
  char range[32];

  if (t->file) {
    t->offset = file_length(t->file);
    atomic_store(&t->received, t->offset);
  }
  /* not CURLOPT_RESUME_FROM: it makes an error of every answer but 206, of a
     refusal as well as of the whole file */
  (void)snprintf(range, sizeof range, "%lld-", (long long)t->offset);
  if (t->file || h->download) /* what may be of another file is not resumed */
    SET(CURLOPT_RANGE, t->offset > 0 && t->validator[0] ? range : NULL);
  h->download = t->file != NULL;
  handle_buffer(h, h->download);
  return code;
}

bool handle_prepare(struct handle *h, struct handle_defaults *d,
                    struct transfer *t)
{
  CURL *e = h->easy;
  CURLcode code = CURLE_OK;

  if (t->url)
    SET(CURLOPT_CURLU, t->url);
  else if (t->file || !handle_address(h, d, t)) /* the key goes nowhere else */
    return false;
  SET(CURLOPT_WRITEDATA, t);
  SET(CURLOPT_HEADERDATA, t);
  SET(CURLOPT_CONNECTTIMEOUT_MS, (long)t->connect_timeout_ms);
  SET(CURLOPT_TIMEOUT_MS, (long)t->total_timeout_ms);
  if (code == CURLE_OK)
    code = handle_method(h, d, t);
  if (code == CURLE_OK)
    code = handle_file(h, t);
  SET(CURLOPT_HTTPHEADER, handle_headers(h, d, t));
  h->error[0] = '\0';
  return code == CURLE_OK;
}

/* ===} */
