/* SPDX-License-Identifier: MIT
 *
 * url: which addresses this library talks to.
 *
 * The one rule: https, or http to this machine; no credentials inside.
 * libcurl's URL parser accepts more or less with each version, so each byte is
 * checked here before libcurl sees it: no control character, no invalid UTF-8,
 * no backslash, and only names and numbers as a host.  Blanks after the host
 * become %20, and a final dot of the host is removed.  It knows no Lua.
 */
#ifndef JOGG_URL_H
#define JOGG_URL_H

#include <curl/curl.h>
#include <stdbool.h>

enum url_verdict {
  URL_OK,
  URL_MALFORMED,
  URL_FOREIGN_SCHEME, /* neither http nor https */
  URL_CREDENTIALS,    /* user:password@ */
  URL_INSECURE,       /* http to another machine */
  URL_LOCAL,          /* (perhaps) this machine, where that is not allowed */
  URL_PRIVATE,        /* no public address, where that is asked for */
  URL_NO_MEMORY
};

/* Parses `text`.  On URL_OK the caller owns *url (curl_url_cleanup). */
enum url_verdict url_parse(const char *text, bool allow_local, CURLU **url);

/* Writes the absolute form of `location`, a reference found at `from`, to the
   `size` bytes at `absolute`.  False: not a URL, too long, or no memory. */
bool url_resolve(const char *from, const char *location, char *absolute,
                 size_t size);

/* Is the host of a parsed URL this machine (localhost, 127/8, ::1)?  Returns
   false when there is no memory to find out. */
bool url_is_local(CURLU *url, bool *local);

/* Is the host of a parsed URL an address, and none that is public?  Returns
   false when there is no memory to find out. */
bool url_is_private(CURLU *url, bool *private);

/* A short stable word for a verdict: "malformed", "scheme", "credentials",
   "insecure", "local", "private", "memory"; NULL for URL_OK. */
const char *url_verdict_word(enum url_verdict verdict);

/* One sentence fragment for a verdict, as in "base_url: %s". */
const char *url_verdict_text(enum url_verdict verdict);

#endif
