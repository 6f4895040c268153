/* SPDX-License-Identifier: MIT
 *
 * url: see url.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "url.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

/* What a host says about where it is. */
enum host_place {
  HOST_ELSEWHERE, /* or who knows: a name may lead anywhere */
  HOST_HERE,      /* certainly this machine */
  HOST_LEADS_HERE /* on many systems; too little to be trusted, too much to
                     be followed */
};

static bool read_six(const char *host, struct in6_addr *six)
{
  char bare[64];
  size_t length = strlen(host);

  if (host[0] != '[' || length < 3 || length - 2 >= sizeof bare)
    return false;
  memcpy(bare, host + 1, length - 2);
  bare[length - 2] = '\0';
  return inet_pton(AF_INET6, bare, six) == 1;
}

/* The first byte of an IPv4 address decides. */
static enum host_place place_of_four(unsigned first)
{
  if (first == 127)
    return HOST_HERE;
  return first == 0 ? HOST_LEADS_HERE : HOST_ELSEWHERE;
}

/* localhost. and anything.localhost */
static bool is_localhost_name(const char *host)
{
  static const char name[] = "localhost";
  size_t length = strlen(host), size = sizeof name - 1;

  if (length > 0 && host[length - 1] == '.')
    length--;
  return length >= size && strncasecmp(host + length - size, name, size) == 0 &&
         (length == size || host[length - size - 1] == '.');
}

/* libcurl normalizes numeric hosts (127.1 becomes 127.0.0.1), so one look at
   the canonical form is enough. */
static enum host_place place_of(const char *host)
{
  struct in_addr four;
  struct in6_addr six;

  if (strcasecmp(host, "localhost") == 0)
    return HOST_HERE;
  if (is_localhost_name(host))
    return HOST_LEADS_HERE;
  if (inet_pton(AF_INET, host, &four) == 1)
    return place_of_four(ntohl(four.s_addr) >> 24);
  if (!read_six(host, &six))
    return HOST_ELSEWHERE;
  if (IN6_IS_ADDR_LOOPBACK(&six))
    return HOST_HERE;
  if (IN6_IS_ADDR_UNSPECIFIED(&six) ||
      ((IN6_IS_ADDR_V4MAPPED(&six) || IN6_IS_ADDR_V4COMPAT(&six)) &&
       place_of_four(six.s6_addr[12]) != HOST_ELSEWHERE))
    return HOST_LEADS_HERE;
  return HOST_ELSEWHERE;
}

/* What libcurl says when it has not got a part. */
static enum url_verdict verdict_of(CURLUcode code)
{
  switch (code) {
  case CURLUE_OK:
    return URL_OK;
  case CURLUE_OUT_OF_MEMORY:
    return URL_NO_MEMORY;
  case CURLUE_USER_NOT_ALLOWED:
    return URL_CREDENTIALS;
  case CURLUE_UNSUPPORTED_SCHEME:
    return URL_FOREIGN_SCHEME;
  default:
    return URL_MALFORMED;
  }
}

static enum url_verdict url_place(CURLU *url, enum host_place *place)
{
  char *host = NULL;
  CURLUcode code = curl_url_get(url, CURLUPART_HOST, &host, 0);

  if (code == CURLUE_OK) {
    *place = place_of(host);
    curl_free(host);
  }
  return verdict_of(code);
}

bool url_is_local(CURLU *url, bool *local)
{
  enum host_place place = HOST_ELSEWHERE;
  bool known = url_place(url, &place) == URL_OK;

  *local = place == HOST_HERE;
  return known;
}

static enum url_verdict url_judge(CURLU *url, bool allow_local)
{
  enum host_place place = HOST_ELSEWHERE;
  enum url_verdict verdict;
  char *scheme = NULL;

  verdict = verdict_of(curl_url_get(url, CURLUPART_SCHEME, &scheme, 0));
  if (verdict != URL_OK)
    return verdict;
  if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
    verdict = URL_FOREIGN_SCHEME; /* some of them have no host */
  else
    verdict = url_place(url, &place);
  if (verdict == URL_OK && place != HOST_ELSEWHERE && !allow_local)
    verdict = URL_LOCAL;
  if (verdict == URL_OK && place != HOST_HERE && strcmp(scheme, "https") != 0)
    verdict = URL_INSECURE;
  curl_free(scheme);
  return verdict;
}

enum url_verdict url_parse(const char *text, bool allow_local, CURLU **url)
{
  CURLU *parsed = curl_url();
  enum url_verdict verdict;

  *url = NULL;
  if (!parsed)
    return URL_NO_MEMORY;
  verdict = verdict_of(curl_url_set(parsed, CURLUPART_URL, text,
                                    CURLU_URLENCODE | CURLU_DISALLOW_USER));
  if (verdict == URL_OK)
    verdict = url_judge(parsed, allow_local);
  if (verdict == URL_OK) {
    *url = parsed;
    parsed = NULL;
  }
  curl_url_cleanup(parsed); /* NULL is allowed */
  return verdict;
}

bool url_resolve(const char *from, const char *location, char *absolute,
                 size_t size)
{
  CURLU *url = curl_url();
  char *text = NULL;
  bool ok;

  ok = url &&
       curl_url_set(url, CURLUPART_URL, from, CURLU_URLENCODE) == CURLUE_OK &&
       curl_url_set(url, CURLUPART_URL, location, CURLU_URLENCODE) ==
         CURLUE_OK &&
       curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK &&
       strlen(text) < size;
  if (ok)
    memcpy(absolute, text, strlen(text) + 1);
  curl_free(text); /* NULL is allowed, here and below */
  curl_url_cleanup(url);
  return ok;
}

const char *url_verdict_text(enum url_verdict verdict)
{
  switch (verdict) {
  case URL_OK:
    return "is fine";
  case URL_MALFORMED:
    return "is not a URL";
  case URL_FOREIGN_SCHEME:
    return "must begin with https:// (or http:// on this machine)";
  case URL_CREDENTIALS:
    return "must not contain a user name or a password";
  case URL_INSECURE:
    return "must use https; http is allowed to this machine only";
  case URL_LOCAL:
    return "leads to this machine, which the service must not send us to";
  case URL_NO_MEMORY:
    break;
  }
  return "could not be read: out of memory";
}
