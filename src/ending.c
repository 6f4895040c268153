/* SPDX-License-Identifier: MIT
 *
 * ending: see ending.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "ending.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define CODE_TOO_LARGE 100 /* libcurl's since 8.6, for headers */

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

enum transfer_end ending_of(const struct transfer *t, CURLcode code)
{
  curl_off_t requested = 0;

  if (descriptors_ran_out(code))
    return END_DESCRIPTORS;
  switch ((int)code) {
  case CURLE_OK: /* libcurl takes headers that break off for whole ones */
    return t->headers_whole ? END_ANSWERED : END_NETWORK;
  case CURLE_OPERATION_TIMEDOUT:
    (void)curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &requested);
    if (requested == 0 && (t->total_timeout_ms == 0 ||
                           t->total_timeout_ms >= t->connect_timeout_ms))
      return END_CONNECT_TIMEOUT;
    return END_TOTAL_TIMEOUT;
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
    return END_NAME;
  case CURLE_COULDNT_CONNECT:
    return END_CONNECT;
  case CURLE_SSL_CONNECT_ERROR:
    return t->os_error ? END_NETWORK : END_HANDSHAKE;
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_CRL_BADFILE:
  case CURLE_SSL_INVALIDCERTSTATUS:
  case CURLE_SSL_ENGINE_INITFAILED:
    return END_CERTIFICATE;
  case CURLE_WEIRD_SERVER_REPLY:
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_BAD_CONTENT_ENCODING:
    return END_PROTOCOL;
  case CURLE_FILESIZE_EXCEEDED:
  case CODE_TOO_LARGE:
    return END_TOO_LARGE;
  case CURLE_OUT_OF_MEMORY: /* or a header line of more than 100 kB */
    return t->sent && !t->headers_whole ? END_TOO_LARGE : END_MEMORY;
  default:
    return END_NETWORK;
  }
}
