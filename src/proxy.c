/* SPDX-License-Identifier: MIT
 *
 * proxy: see proxy.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "proxy.h"

#include <curl/curl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The first of the variables that says anything, or NULL. */
static const char *value_of(const char *const *names)
{
  for (; *names; names++) {
    const char *value = getenv(*names);
    if (value && value[0])
      return value;
  }
  return NULL;
}

/* See libcurl-env(3). */
static const char *proxy_for(bool secure)
{
  static const char *const https[] = { "https_proxy", "HTTPS_PROXY",
                                       "all_proxy", "ALL_PROXY", NULL };
  static const char *const http[] = { "http_proxy", "all_proxy", "ALL_PROXY",
                                      NULL };

  return value_of(secure ? https : http);
}

bool proxy_exists(void)
{
  return proxy_for(true) || proxy_for(false);
}

/* Does a name of no_proxy, of n bytes, mean this host, or all in its domain? */
static bool name_covers(const char *name, size_t n, const char *host)
{
  size_t length = strlen(host);

  if (n > 0 && name[0] == '.') {
    name++;
    n--;
  }
  if (n > 0 && name[n - 1] == '.')
    n--;
  return n > 0 && n <= length &&
         strncasecmp(host + length - n, name, n) == 0 &&
         (n == length || host[length - n - 1] == '.');
}

/* Newer versions of libcurl read ranges of addresses as well: here, the proxy
   is used for those. */
bool proxy_serves(bool secure, const char *host)
{
  static const char *const variables[] = { "no_proxy", "NO_PROXY", NULL };
  static const char blanks[] = ", \t";
  const char *at = value_of(variables);
  size_t n;

  if (!proxy_for(secure))
    return false;
  if (!at)
    return true;
  if (strcmp(at, "*") == 0)
    return false;
  for (at += strspn(at, blanks); *at; at += n + strspn(at + n, blanks)) {
    n = strcspn(at, blanks);
    if (name_covers(at, n, host))
      return false;
  }
  return true;
}

bool proxy_is_socks(bool secure)
{
  const char *proxy = proxy_for(secure);

  return proxy && strncasecmp(proxy, "socks", 5) == 0;
}

static bool scheme_is_known(const char *scheme)
{
  static const char *const known[] = { "http", "https", "socks4", "socks4a",
                                       "socks5", "socks5h" };
  size_t i;

  for (i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (strcasecmp(scheme, known[i]) == 0)
      return true;
  }
  return false;
}

bool proxy_is_malformed(bool secure)
{
  const char *proxy = proxy_for(secure);
  CURLU *url = proxy ? curl_url() : NULL;
  char *scheme = NULL;
  bool malformed;

  if (!url)
    return false;
  malformed = curl_url_set(url, CURLUPART_URL, proxy,
                           CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME) !=
              CURLUE_OK;
  if (!malformed && strstr(proxy, "://") &&
      curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK) {
    malformed = !scheme_is_known(scheme);
    curl_free(scheme);
  }
  curl_url_cleanup(url);
  return malformed;
}
