/* SPDX-License-Identifier: MIT
 *
 * page: see page.h.  The tree is walked without recursion, so that no page
 * can be too deep; the number of findings of a kind has a maximum.
 */
#include "page.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/HTMLparser.h>
#include <libxml/tree.h>
#include <libxml/xmlerror.h>

/* Each kind has its own, so that pictures cannot crowd out what is said. */
static const unsigned most[PAGE_KINDS] = {
  [PAGE_TITLE] = 1, [PAGE_BASE] = 1, [PAGE_META] = 200, [PAGE_JSONLD] = 50,
  [PAGE_IMAGE] = 100
};

static bool page_add(struct page *p, enum page_kind kind, xmlChar *key,
                     xmlChar *value)
{
  struct page_finding *more;
  struct page_finding finding = { .kind = kind };
  bool ok = false;

  if (!value || p->counts[kind] >= most[kind]) return true;
  finding.key = key ? strdup((const char *)key) : NULL;
  finding.value = strdup((const char *)value);
  more = realloc(p->findings, (p->count + 1) * sizeof *more);
  if (more) p->findings = more;
  if (more && finding.value && (!key || finding.key)) {
    p->findings[p->count++] = finding;
    p->counts[kind]++;
    ok = true;
  } else {
    free(finding.key);
    free(finding.value);
  }
  return ok;
}

static void lower(xmlChar *text)
{
  for (; text && *text; text++)
    if (*text >= 'A' && *text <= 'Z') *text = (xmlChar)(*text + 32);
}

static xmlChar *attribute(xmlNode *node, const char *name)
{
  return xmlGetProp(node, (const xmlChar *)name);
}

static bool is(const xmlNode *node, const char *name)
{
  return xmlStrcasecmp(node->name, (const xmlChar *)name) == 0;
}

static bool read_meta(struct page *p, xmlNode *node)
{
  xmlChar *key = attribute(node, "property");
  xmlChar *value = attribute(node, "content");
  bool ok = true;

  if (!key) key = attribute(node, "name");
  if (!key) key = attribute(node, "itemprop");
  lower(key);
  if (key && value) ok = page_add(p, PAGE_META, key, value);
  xmlFree(key);
  xmlFree(value);
  return ok;
}

static bool read_script(struct page *p, xmlNode *node)
{
  xmlChar *type = attribute(node, "type");
  xmlChar *text = NULL;
  bool ok = true;

  lower(type);
  if (type && xmlStrstr(type, (const xmlChar *)"application/ld+json")) {
    text = xmlNodeGetContent(node);
    ok = page_add(p, PAGE_JSONLD, NULL, text);
  }
  xmlFree(type);
  xmlFree(text);
  return ok;
}

/* Shops that load pictures late keep the true address beside src. */
static bool read_image(struct page *p, xmlNode *node)
{
  xmlChar *address = attribute(node, "data-src");
  bool ok;

  if (!address) address = attribute(node, "src");
  ok = page_add(p, PAGE_IMAGE, NULL, address);
  xmlFree(address);
  return ok;
}

/* A drawing's <title> is not the page's. */
static bool read_title(struct page *p, xmlNode *node)
{
  xmlChar *text;
  bool ok;

  if (p->counts[PAGE_TITLE] > 0) return true;
  if (node->parent && is(node->parent, "svg")) return true;
  text = xmlNodeGetContent(node);
  ok = page_add(p, PAGE_TITLE, NULL, text);
  xmlFree(text);
  return ok;
}

static bool read_base(struct page *p, xmlNode *node)
{
  xmlChar *address = attribute(node, "href");
  bool ok = page_add(p, PAGE_BASE, NULL, address);

  xmlFree(address);
  return ok;
}

static bool read_element(struct page *p, xmlNode *node)
{
  if (is(node, "meta")) return read_meta(p, node);
  if (is(node, "script")) return read_script(p, node);
  if (is(node, "img")) return read_image(p, node);
  if (is(node, "title")) return read_title(p, node);
  if (is(node, "base")) return read_base(p, node);
  return true;
}

/* The next node in document order; NULL after the last. */
static xmlNode *next_node(xmlNode *node)
{
  if (node->type == XML_ELEMENT_NODE && node->children) return node->children;
  while (node && !node->next) {
    node = node->parent;
    if (node && node->type != XML_ELEMENT_NODE) return NULL;
  }
  return node ? node->next : NULL;
}

static const char *known_charset(const char *charset)
{
  xmlCharEncodingHandler *handler;

  if (!charset) return NULL;
  handler = xmlFindCharEncodingHandler(charset);
  if (!handler) return NULL;
  (void)xmlCharEncCloseFunc(handler);
  return charset;
}

bool page_read(struct page *p, const char *html, size_t length,
               const char *charset)
{
  const int options = HTML_PARSE_RECOVER | HTML_PARSE_NOERROR
                      | HTML_PARSE_NOWARNING | HTML_PARSE_NONET
                      | HTML_PARSE_COMPACT;
  htmlDocPtr document;
  bool ok = true;

  *p = (struct page){ .findings = NULL };
  if (length == 0 || length > INT_MAX) return false;
  document = htmlReadMemory(html, (int)length, NULL, known_charset(charset),
                            options);
  if (!document) return false;
  for (xmlNode *node = xmlDocGetRootElement(document); node && ok;
       node = next_node(node))
    if (node->type == XML_ELEMENT_NODE) ok = read_element(p, node);
  xmlFreeDoc(document);
  return ok;
}

void page_free(struct page *p)
{
  for (size_t i = 0; i < p->count; i++) {
    free(p->findings[i].key);
    free(p->findings[i].value);
  }
  free(p->findings);
  *p = (struct page){ .findings = NULL };
}
