/* SPDX-License-Identifier: MIT
 *
 * fetch: one request to another server, through libcurl: a GET of a
 * page, a picture or a film, or the POST of a webhook.
 *
 * Owns the bytes it brought, unless they went to a file.  Only http and
 * https, never more bytes than asked for, never longer than asked for, and it
 * ends when the sandbox stops.  A GET follows a few redirects, a POST none;
 * the body of its answer is dropped.  Knows neither Lua nor what the bytes
 * mean.
 */
#ifndef SANDBOX_FETCH_H
#define SANDBOX_FETCH_H

#include "buf.h"
#include "stop.h"

struct fetch_request {
  const char *url;
  size_t maximum;       /* bytes of the answer; of a POST they are dropped */
  double timeout;       /* seconds */
  const char *file;     /* the answer's bytes go there; NULL: into memory */
  const char *body;     /* of a POST; NULL: a GET */
  size_t length;        /* of the body */
  char *const *headers; /* "Name: value", ends in NULL; NULL: none */
};

struct fetch {
  bool ok;            /* an answer came, whole; else see error */
  long status;        /* of the HTTP answer */
  char *content_type; /* NULL if there was none */
  char *url;          /* after redirects */
  struct buf body;
  char error[256];
};

/* Fills *f, which needs no preparation and must be freed afterwards. */
void fetch_run(struct fetch *f, const struct fetch_request *request,
               struct stop *stop);

void fetch_free(struct fetch *f);

/* `address` as seen from `base`; NULL if it is no http or https URL.  The
 * result is to be released with free(). */
char *fetch_join(const char *base, const char *address);

#endif
