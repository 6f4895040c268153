/* SPDX-License-Identifier: MIT
 *
 * page: what an HTML page says about itself, through libxml2's parser.
 *
 * Owns a flat list of findings in document order, all of it UTF-8 whatever
 * the page was written in.  What the findings are worth (which title wins,
 * what JSON-LD means) is not decided here.
 */
#ifndef SANDBOX_PAGE_H
#define SANDBOX_PAGE_H

#include <stdbool.h>
#include <stddef.h>

enum page_kind {
  PAGE_TITLE,  /* value: text of the first <title> */
  PAGE_BASE,   /* value: href of the first <base> */
  PAGE_META,   /* key: lower-case name or property, value: content */
  PAGE_JSONLD, /* value: text of a JSON-LD script */
  PAGE_IMAGE,  /* value: address of an <img>, as written */
  PAGE_KINDS
};

struct page_finding {
  enum page_kind kind;
  char *key;   /* NULL unless PAGE_META */
  char *value;
};

struct page {
  struct page_finding *findings;
  size_t count;
  unsigned counts[PAGE_KINDS];
};

/* charset: from the Content-Type header, or NULL.  False: no memory, or
 * nothing that can be read as HTML.  Free the page in both cases. */
bool page_read(struct page *p, const char *html, size_t length,
               const char *charset);

/* Releases everything.  May be called any number of times. */
void page_free(struct page *p);

#endif
