/* SPDX-License-Identifier: MIT
 *
 * url: see url.h.
 */
#define _DEFAULT_SOURCE /* inet_aton */
#include "url.h"

#include "address.h"
#include "buf.h"
#include "utf8.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define LENGTH_MAXIMUM 65535

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* {=== text */

/* Appends one character of an address.  A blank may stand anywhere but in the
   host, where the check of the host refuses its percent sign. */
static enum url_verdict add_character(struct buf *clean, const char *bytes,
                                      size_t n)
{
  unsigned char first = (unsigned char)bytes[0];
  enum buf_result result;

  if (first < 0x20 || first == 0x7F || first == '\\')
    return URL_MALFORMED;
  if (first == 0xC2 && (unsigned char)bytes[1] < 0xA0)
    return URL_MALFORMED; /* control characters beyond ASCII */
  if (first == ' ')
    result = buf_add_string(clean, "%20");
  else
    result = buf_add(clean, bytes, n);
  if (result == BUF_NO_MEMORY)
    return URL_NO_MEMORY;
  return result == BUF_OK ? URL_OK : URL_MALFORMED;
}

/* Copies an address to `clean`, NUL-terminated, unless a byte in it may not be
   there.  The caller frees `clean` in any case. */
static enum url_verdict clean_text(const char *text, struct buf *clean)
{
  enum url_verdict verdict = URL_OK;
  size_t n = strlen(text), i, length;

  buf_init(clean, LENGTH_MAXIMUM);
  for (i = 0; i < n && verdict == URL_OK; i += length) {
    length = utf8_sequence_length(text + i, n - i);
    verdict = length == 0 ? URL_MALFORMED
                          : add_character(clean, text + i, length);
  }
  if (verdict == URL_OK) {
    switch (buf_add(clean, "", 1)) {
    case BUF_OK:
      break;
    case BUF_FULL:
      return URL_MALFORMED;
    case BUF_NO_MEMORY:
      return URL_NO_MEMORY;
    }
  }
  return verdict;
}

/* The length of the host at `text`, which a port or a path may follow; 0: not
   a host. */
static size_t host_length(const char *text)
{
  size_t n = 0, digits;

  if (text[0] != '[') {
    while (text[n] & 0x80 || (text[n] && strchr(LETTERS DIGITS "-._", text[n])))
      n++;
    return n;
  }
  digits = strspn(text + 1, DIGITS "abcdefABCDEF:.");
  return text[1 + digits] == ']' ? digits + 2 : 0;
}

/* Checks the part of an absolute address before its path, and removes the final
   dot of its host, which libcurl's versions understand differently. */
static enum url_verdict clean_host(struct buf *clean)
{
  char *text = clean->data, *host;
  size_t scheme = strspn(text, LETTERS DIGITS "+-."), n;

  if (scheme == 0 || text[scheme] != ':')
    return URL_MALFORMED;
  if ((scheme != 4 || strncasecmp(text, "http", 4) != 0) &&
      (scheme != 5 || strncasecmp(text, "https", 5) != 0))
    return URL_FOREIGN_SCHEME;
  if (strncmp(text + scheme, "://", 3) != 0)
    return URL_MALFORMED;
  host = text + scheme + 3;
  if (memchr(host, '@', strcspn(host, "/?#")))
    return URL_CREDENTIALS;
  n = host_length(host);
  if (n == 0 || !strchr(":/?#", host[n])) /* it finds the final NUL as well */
    return URL_MALFORMED;
  if (host[n - 1] != '.')
    return URL_OK;
  if (n == 1 || host[n - 2] == '.')
    return URL_MALFORMED;
  memmove(host + n - 1, host + n, strlen(host + n) + 1);
  return URL_OK;
}

/* ===} */

/* {=== hosts */

/* Where a host leads. */
enum host_place {
  HOST_ELSEWHERE,
  HOST_HERE,       /* certainly this machine */
  HOST_MAYBE_HERE  /* this machine on some systems: http to it is not safe,
                      and a remote service may not make jogg connect to it */
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
  return first == 0 ? HOST_MAYBE_HERE : HOST_ELSEWHERE;
}

/* anything.localhost */
static bool is_under_localhost(const char *host)
{
  static const char suffix[] = ".localhost";
  size_t length = strlen(host), size = sizeof suffix - 1;

  return length >= size && strcasecmp(host + length - size, suffix) == 0;
}

static bool is_ascii(const char *host)
{
  while (*host && !(*host & 0x80))
    host++;
  return !*host;
}

/* Some versions of libcurl give 127.1 or 0x7f000001 as it is, others as
   127.0.0.1: inet_aton reads all of these forms, as the resolver does. */
static enum host_place place_of(const char *host)
{
  struct in_addr four;
  struct in6_addr six;

  if (strcasecmp(host, "localhost") == 0)
    return HOST_HERE;
  if (is_under_localhost(host))
    return HOST_MAYBE_HERE;
  if (!is_ascii(host)) /* libcurl maps wide letters, for one, to ASCII */
    return HOST_MAYBE_HERE;
  if (inet_aton(host, &four))
    return place_of_four(ntohl(four.s_addr) >> 24);
  if (!read_six(host, &six))
    return HOST_ELSEWHERE;
  if (IN6_IS_ADDR_LOOPBACK(&six))
    return HOST_HERE;
  if (IN6_IS_ADDR_UNSPECIFIED(&six) ||
      ((IN6_IS_ADDR_V4MAPPED(&six) || IN6_IS_ADDR_V4COMPAT(&six)) &&
       place_of_four(six.s6_addr[12]) != HOST_ELSEWHERE))
    return HOST_MAYBE_HERE;
  return HOST_ELSEWHERE;
}

/* What libcurl's URL API says. */
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

bool url_is_private(CURLU *url, bool *private)
{
  struct in_addr four;
  struct in6_addr six;
  char *host = NULL;

  *private = false;
  if (curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
    return false;
  if (inet_aton(host, &four))
    *private = !address_four_is_public(&four);
  else if (read_six(host, &six))
    *private = !address_six_is_public(&six);
  curl_free(host);
  return true;
}

static enum url_verdict url_judge(CURLU *url, bool allow_local)
{
  enum host_place place = HOST_ELSEWHERE;
  enum url_verdict verdict = url_place(url, &place);
  char *scheme = NULL;

  if (verdict != URL_OK)
    return verdict;
  if (place != HOST_ELSEWHERE && !allow_local)
    return URL_LOCAL;
  verdict = verdict_of(curl_url_get(url, CURLUPART_SCHEME, &scheme, 0));
  if (verdict == URL_OK && place != HOST_HERE && strcmp(scheme, "https") != 0)
    verdict = URL_INSECURE;
  curl_free(scheme); /* NULL is allowed */
  return verdict;
}

/* ===} */

/* {=== addresses */

/* Parses clean text. */
static enum url_verdict parse_clean(const char *text, bool allow_local,
                                    CURLU **url)
{
  CURLU *parsed = curl_url();
  enum url_verdict verdict;

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

enum url_verdict url_parse(const char *text, bool allow_local, CURLU **url)
{
  struct buf clean;
  enum url_verdict verdict = clean_text(text, &clean);

  *url = NULL;
  if (verdict == URL_OK)
    verdict = clean_host(&clean);
  if (verdict == URL_OK)
    verdict = parse_clean(clean.data, allow_local, url);
  buf_free(&clean);
  return verdict;
}

/* url_resolve for clean text. */
static bool resolve_clean(const char *from, const char *location,
                          char *absolute, size_t size)
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

bool url_resolve(const char *from, const char *location, char *absolute,
                 size_t size)
{
  struct buf clean_from, clean_location;
  bool ok = clean_text(from, &clean_from) == URL_OK;

  ok = clean_text(location, &clean_location) == URL_OK && ok;
  ok = ok && resolve_clean(clean_from.data, clean_location.data, absolute,
                           size);
  buf_free(&clean_from);
  buf_free(&clean_location);
  return ok;
}

/* ===} */

const char *url_verdict_word(enum url_verdict verdict)
{
  switch (verdict) {
  case URL_OK:
    return NULL;
  case URL_MALFORMED:
    return "malformed";
  case URL_FOREIGN_SCHEME:
    return "scheme";
  case URL_CREDENTIALS:
    return "credentials";
  case URL_INSECURE:
    return "insecure";
  case URL_LOCAL:
    return "local";
  case URL_PRIVATE:
    return "private";
  case URL_NO_MEMORY:
    break;
  }
  return "memory";
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
  case URL_PRIVATE:
    return "leads into a private network";
  case URL_NO_MEMORY:
    break;
  }
  return "could not be read: out of memory";
}
