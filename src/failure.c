/* SPDX-License-Identifier: MIT
 *
 * failure: see failure.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "failure.h"

#include "clock.h"
#include "proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CODE_PROXY 97      /* libcurl's since 7.73 */
#define CODE_TOO_LARGE 100 /* libcurl's since 8.6, for headers */

/* libcurl's timer may be a little ahead of ours. */
#define CLOCK_TOLERANCE_MS 5

/* {=== codes */

static bool is_of_proxy(const struct transfer *t, CURLcode code,
                        long tunnel_status)
{
  if (code == CURLE_COULDNT_RESOLVE_PROXY || (int)code == CODE_PROXY ||
      tunnel_status >= 300)
    return true;
  if (!t->proxied || t->connected)
    return false;
  switch ((int)code) {
  case CURLE_COULDNT_RESOLVE_HOST:
    return proxy_is_socks(t->secure) || proxy_is_malformed(t->secure);
  case CURLE_COULDNT_CONNECT:
  case CURLE_URL_MALFORMAT:
  case CURLE_UNSUPPORTED_PROTOCOL:
    return proxy_is_malformed(t->secure);
  default:
    return false;
  }
}

/* Without a descriptor libcurl fails in various ways and seldom says why. */
static bool descriptors_ran_out(CURLcode code)
{
  int fd;

  if (code != CURLE_COULDNT_CONNECT && code != CURLE_COULDNT_RESOLVE_HOST &&
      code != CURLE_COULDNT_RESOLVE_PROXY && code != CURLE_OUT_OF_MEMORY &&
      code != CURLE_SSL_CACERT_BADFILE)
    return false;
  fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (fd >= 0)
    (void)close(fd);
  return fd < 0 && (errno == EMFILE || errno == ENFILE);
}

/* libcurl has one code for both timeouts, and its words and times differ from
   version to version: the clock tells which timeout was over. */
static enum failure timeout_of(const struct transfer *t)
{
  int64_t elapsed = clock_ms() - t->begun_ms + CLOCK_TOLERANCE_MS;
  bool total = t->total_timeout_ms > 0 && elapsed >= t->total_timeout_ms;

  return total || t->connected ? FAILURE_TIMEOUT : FAILURE_CONNECT_TIMEOUT;
}

static enum failure failure_of(const struct transfer *t, CURLcode code,
                               long tunnel_status)
{
  if (descriptors_ran_out(code))
    return FAILURE_DESCRIPTORS;
  if (code != CURLE_OK && is_of_proxy(t, code, tunnel_status))
    return FAILURE_PROXY;
  switch ((int)code) {
  case CURLE_OK: /* libcurl takes headers that break off for whole ones */
    return t->headers_whole ? FAILURE_NONE : FAILURE_BROKEN;
  case CURLE_OPERATION_TIMEDOUT:
    return timeout_of(t);
  case CURLE_COULDNT_RESOLVE_HOST:
    return FAILURE_NAME;
  case CURLE_COULDNT_CONNECT: /* perhaps since easy.c gave it no socket */
    return t->refused == URL_OK ? FAILURE_CONNECT : FAILURE_URL;
  case CURLE_SSL_CONNECT_ERROR:
    return t->system_error ? FAILURE_BROKEN : FAILURE_HANDSHAKE;
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_CRL_BADFILE:
  case CURLE_SSL_INVALIDCERTSTATUS:
  case CURLE_SSL_ENGINE_INITFAILED:
    return FAILURE_CERTIFICATE;
  case CURLE_WEIRD_SERVER_REPLY:
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_BAD_CONTENT_ENCODING:
    return FAILURE_REPLY;
  case CURLE_FILESIZE_EXCEEDED:
  case CODE_TOO_LARGE:
    return FAILURE_TOO_LARGE;
  case CURLE_OUT_OF_MEMORY: /* or a header line of more than 100 kB */
    return t->sent && !t->headers_whole ? FAILURE_TOO_LARGE
                                           : FAILURE_MEMORY;
  default:
    return FAILURE_BROKEN;
  }
}

enum failure failure_of_disk(int error)
{
  switch (error) {
  case 0:
    return FAILURE_NONE;
  case EWOULDBLOCK:
    return FAILURE_BUSY;
  case EMFILE:
  case ENFILE:
    return FAILURE_DESCRIPTORS;
  case ENOMEM:
    return FAILURE_MEMORY;
  default:
    return FAILURE_FILE;
  }
}

void failure_note_source(struct transfer *t, int error)
{
  if (error != SOURCE_CHANGED) {
    t->system_error = error;
    t->failure = failure_of_disk(error);
    return;
  }
  t->failure = FAILURE_CHANGED;
  t->failed_path = strdup(source_name(t->source)); /* or NULL, unnamed */
}

const char *failure_name(enum failure failure)
{
  static const char *const names[] = {
    [FAILURE_NONE] = "none",
    [FAILURE_CANCELLED] = "cancelled",
    [FAILURE_CLOSED] = "closed",
    [FAILURE_CONNECT_TIMEOUT] = "connect_timeout",
    [FAILURE_STALL_TIMEOUT] = "stall_timeout",
    [FAILURE_TIMEOUT] = "timeout",
    [FAILURE_NAME] = "name",
    [FAILURE_CONNECT] = "connect",
    [FAILURE_BROKEN] = "broken",
    [FAILURE_PROXY] = "proxy",
    [FAILURE_HANDSHAKE] = "handshake",
    [FAILURE_CERTIFICATE] = "certificate",
    [FAILURE_REPLY] = "reply",
    [FAILURE_ENCODING] = "encoding",
    [FAILURE_TOO_LARGE] = "too_large",
    [FAILURE_RANGE] = "range",
    [FAILURE_URL] = "url",
    [FAILURE_NOT_WHOLE] = "not_whole",
    [FAILURE_FILE] = "file",
    [FAILURE_CHANGED] = "changed",
    [FAILURE_BUSY] = "busy",
    [FAILURE_DESCRIPTORS] = "descriptors",
    [FAILURE_MEMORY] = "memory",
  };

  return names[failure];
}

/* ===} */

/* {=== words */

/* Removes user and password from each URL in a text: all characters before an
   "@", back to "//", a blank or a quote. */
static void credentials_cut(char *text)
{
  char *at;

  while ((at = strchr(text, '@'))) {
    char *from = at;
    while (from > text && !strchr(" \t'\"", from[-1]) &&
           !(from[-1] == '/' && from - text > 1 && from[-2] == '/'))
      from--;
    memmove(from, at + 1, strlen(at + 1) + 1);
  }
}

/* While a connection through a proxy is made, libcurl's message contains the
   proxy's address and a supposed host name, which may be a part of the
   password.  Then only the sentence that belongs to the code is used. */
static void words_note(struct transfer *t, CURLcode code, const char *words,
                       long tunnel_status)
{
  bool tunnelled = tunnel_status >= 200 && tunnel_status < 300;

  if (!words[0] || (t->proxied && !t->connected && !tunnelled))
    words = curl_easy_strerror(code);
  (void)snprintf(t->detail, sizeof t->detail, "%s", words);
  credentials_cut(t->detail);
}

/* ===} */

void failure_note(struct transfer *t, CURLcode code, const char *words)
{
  long tunnel_status = 0, system_error = 0;

  /* cannot fail for these */
  (void)curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel_status);
  (void)curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &system_error);
  if (code != CURLE_OK) {
    t->system_error = (int)system_error;
    words_note(t, code, words, tunnel_status);
  }
  t->failure = failure_of(t, code, tunnel_status);
  if (t->failure == FAILURE_PROXY)
    t->status = tunnel_status;
}
