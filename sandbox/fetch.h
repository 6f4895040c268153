/* SPDX-License-Identifier: MIT
 *
 * fetch: one GET of somebody else's page or picture, through libcurl.
 *
 * Owns the bytes it brought.  Only http and https, at most a few redirects,
 * never more bytes than asked for, never longer than asked for, and it ends
 * when the sandbox stops.  Knows neither Lua nor what the bytes mean.
 */
#ifndef SANDBOX_FETCH_H
#define SANDBOX_FETCH_H

#include "buf.h"
#include "stop.h"

struct fetch {
  bool ok;            /* an answer came, whole; else see error */
  long status;        /* of the HTTP answer */
  char *content_type; /* NULL if there was none */
  char *url;          /* after redirects */
  struct buf body;
  char error[256];
};

/* Fills *f, which needs no preparation and must be freed afterwards. */
void fetch_get(struct fetch *f, const char *url, size_t maximum,
               double timeout, struct stop *stop);

void fetch_free(struct fetch *f);

/* `address` as seen from `base`; NULL if it is no http or https URL.  The
 * result is to be released with free(). */
char *fetch_join(const char *base, const char *address);

#endif
