/* SPDX-License-Identifier: MIT
 *
 * layer0_json: JSON text that has to be repaired before lua-cjson reads it.
 */
#include "layer0.h"

#include "json_scan.h"
#include "utf8.h"

#include <string.h>

#define FFFD "\xEF\xBF\xBD"

/* The repaired text, from blocks of exactly the right sizes. */
static char *repaired(const char *text, size_t n, struct json_repair *r)
{
  char *from = exact(text, n), *to;
  size_t length;

  *r = (struct json_repair){ .to = NULL };
  json_repair(r, from, n);
  length = r->length;
  CHECK(length < 8 * n || n == 0);
  to = malloc(length ? length : 1);
  CHECK(to);
  *r = (struct json_repair){ .to = to };
  json_repair(r, from, n);
  CHECK(r->length == length && r->to == to);
  CHECK(r->needed || (length == n && memcmp(from, to, n) == 0));
  free(from);
  return to;
}

static bool becomes_bytes(const char *text, size_t n, const char *expected,
                          bool marked)
{
  struct json_repair r;
  char *to = repaired(text, n, &r);
  bool same = r.length == strlen(expected) &&
              memcmp(to, expected, r.length) == 0;

  CHECK(r.needed == (n != r.length || memcmp(to, text, n) != 0));
  if (!same)
    printf("%.*s\n", (int)r.length, to);
  free(to);
  return same && r.marked == marked;
}

static bool becomes(const char *text, const char *expected, bool marked)
{
  return becomes_bytes(text, strlen(text), expected, marked);
}

static bool stays(const char *text)
{
  return becomes(text, text, false);
}

void json_repairs(const char *folder)
{
  (void)folder;
  CHECK(stays("") && stays("{}") && stays("[1,-2.5e10,true,null]"));
  CHECK(stays("\"\\ud83c\\udfac \\u00e9 \\\\ud83d \\\"\\n\""));
  CHECK(stays("{\"NaN\":\"Infinity\",\"n\":\"12345678901234567890\"}"));
  CHECK(stays("\"caf\xC3\xA9 \xF0\x9F\x8E\xAC \x7F\""));
  CHECK(stays("123456789012345") && stays("1234567890123456.5"));
  CHECK(stays("\"\\u00") && stays("\"\\") && stays("\"") && stays("\"\\u"));
  CHECK(becomes("\"a\\ud83d\"", "\"a" FFFD "\"", false));
  CHECK(becomes("\"\\uDC00\\uD800\"", "\"" FFFD FFFD "\"", false));
  CHECK(becomes("\"\\ud83d\\ud83c\\udfac\"", "\"" FFFD "\\ud83c\\udfac\"",
                false));
  CHECK(becomes("\"\\ud83d\\u0041\"", "\"" FFFD "\\u0041\"", false));
  CHECK(becomes("\"\\ud83dudc00\\udc0\"", "\"" FFFD "udc00\\udc0\"", false));
  CHECK(becomes("\"\\\\\\ud83d\"", "\"\\\\" FFFD "\"", false));
  CHECK(becomes("\"\xFF\xC3\xA9\xC3\"", "\"" FFFD "\xC3\xA9" FFFD "\"",
                false));
  CHECK(becomes("\"\xED\xA0\x80\"", "\"" FFFD FFFD FFFD "\"", false));
  CHECK(becomes("\"\xC3", "\"" FFFD, false));
  CHECK(becomes("\"a\n\tb\"", "\"a\\u000a\\u0009b\"", false));
  CHECK(becomes_bytes("\"a\0b\"", 5, "\"a\\u0000b\"", false));
  CHECK(becomes_bytes("[\0]", 3, "[", false) == false);
  CHECK(becomes("[NaN,Infinity,-Infinity,\"NaN\"]",
                "[null,null,null,\"NaN\"]", false));
  CHECK(stays("Na") && stays("-Inf") && stays("-") && stays("nan"));
  CHECK(becomes("-1234567890123456", "\"\\u0001-1234567890123456\"", true));
  CHECK(becomes("[\"\\u0001x\",\"\1\",\"\\u00010\"]",
                "[\"\\u0001\\u0001x\",\"\\u0001\\u0001\","
                "\"\\u0001\\u00010\"]", true));
  CHECK(stays("{\"\\u00011\" :1}")); /* a name */
  CHECK(becomes("{\"\\u00011\":\"\\u00011\"}",
                "{\"\\u00011\":\"\\u0001\\u00011\"}", true));
}

void json_hostile(const char *folder)
{
  static const char *const seeds[] = {
    "{\"title\":\"Summer sale \\ud83d\",\"status\":4}", "[NaN,-Infinity]",
    "{\"n\":12345678901234567890,\"t\":\"\\u00011234567890123456\"}",
    "\"\\ud83c\\udfac\\\\\\\"\"", "\"caf\xC3\xA9 \xF0\x9F\x8E\xAC\xFF\"",
    "[-1234567890123456,\"\1\",\"\",{}]"
  };
  static const char odd[] = "\0\1\n\"\\u:d8cINf-09.\x7F\x80\xC3\xED\xF0\xFF";
  uint32_t state = 2463534242u;
  int i;

  (void)folder;
  for (i = 0; i < 300000; i++) {
    const char *seed = seeds[next_random(&state) %
                             (sizeof seeds / sizeof seeds[0])];
    size_t n = strlen(seed), changes = next_random(&state) % 5;
    char *text = exact(seed, n);
    struct json_repair r;
    while (changes-- > 0)
      text[next_random(&state) % n] = odd[next_random(&state) %
                                          (sizeof odd - 1)];
    free(repaired(text, next_random(&state) % (n + 1), &r));
    free(text);
  }
}
