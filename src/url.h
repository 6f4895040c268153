/* SPDX-License-Identifier: MIT
 *
 * url: which addresses this library talks to.
 *
 * Parses with libcurl's URL API and applies the one rule: https, or http to
 * this very machine; no credentials inside.  It knows no Lua.
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
  URL_LOCAL,          /* this machine, where that was not allowed */
  URL_NO_MEMORY
};

/* Parses `text`.  On URL_OK the caller owns *url (curl_url_cleanup). */
enum url_verdict url_parse(const char *text, bool allow_local, CURLU **url);

/* The absolute form of `location`, as it came from `from`, in the `size` bytes
   at `absolute`.  False: not a URL, too long, or no memory. */
bool url_resolve(const char *from, const char *location, char *absolute,
                 size_t size);

/* Is the host of a parsed URL this machine (localhost, 127/8, ::1)?  False:
   no memory to find out. */
bool url_is_local(CURLU *url, bool *local);

/* One sentence fragment for a verdict, as in "base_url: %s". */
const char *url_verdict_text(enum url_verdict verdict);

#endif
