/* SPDX-License-Identifier: MIT
 *
 * layer0: the parts of the core that know neither Lua nor libcurl, alone.
 *
 *   layer0 GROUP FOLDER
 *
 * Every input is in a block of exactly its size, so that AddressSanitizer
 * sees a byte that is read too much.
 */
#include "layer0.h"

#include "buf.h"
#include "clock.h"
#include "headers.h"
#include "secret.h"
#include "utf8.h"

#include <string.h>

const char *__asan_default_options(void);

/* An allocation that is too large returns NULL, as malloc itself does. */
const char *__asan_default_options(void)
{
  return "allocator_may_return_null=1";
}

char *exact(const char *bytes, size_t n)
{
  char *copy = malloc(n ? n : 1);

  CHECK(copy);
  memcpy(copy, bytes, n);
  return copy;
}

/* {=== buf */

static void buf_grows(const char *folder)
{
  struct buf b;
  size_t i;

  (void)folder;
  buf_init(&b, 100000);
  CHECK(!b.data && b.length == 0);
  CHECK(buf_add(&b, NULL, 0) == BUF_OK && !b.data);
  for (i = 0; i < 100000; i++) {
    char byte = (char)(i % 251);
    CHECK(buf_add(&b, &byte, 1) == BUF_OK);
    CHECK(b.length == i + 1 && b.size >= b.length);
  }
  for (i = 0; i < 100000; i++)
    CHECK(b.data[i] == (char)(i % 251));
  CHECK(buf_add(&b, "x", 1) == BUF_FULL && b.length == 100000);
  CHECK(buf_add(&b, "", 0) == BUF_OK);
  buf_free(&b);
  buf_free(&b);
  CHECK(!b.data && b.length == 0 && b.maximum == 100000);
  CHECK(buf_add_string(&b, "abc") == BUF_OK && b.length == 3);
  buf_free(&b);
}

static void buf_stops(const char *folder)
{
  struct buf b;

  (void)folder;
  buf_init(&b, 10);
  CHECK(buf_add(&b, "0123456789", 10) == BUF_OK);
  CHECK(buf_add(&b, "x", SIZE_MAX) == BUF_FULL);
  CHECK(buf_add(&b, "x", SIZE_MAX - 9) == BUF_FULL);
  CHECK(b.length == 10 && memcmp(b.data, "0123456789", 10) == 0);
  buf_reset(&b, 0);
  CHECK(!b.data && b.length == 0 && b.size == 0);
  CHECK(buf_add(&b, "abc", 3) == BUF_OK);
  buf_reset(&b, SIZE_MAX);
  CHECK(b.data && b.length == 0);
  buf_free(&b);
  buf_init(&b, 0);
  CHECK(buf_add(&b, "x", 1) == BUF_FULL && buf_add(&b, "x", 0) == BUF_OK);
  buf_init(&b, SIZE_MAX); /* growth must not overflow, nor loop for ever */
  CHECK(buf_add(&b, "abc", 3) == BUF_OK);
  CHECK(buf_add(&b, "x", SIZE_MAX / 2 + 1) == BUF_NO_MEMORY);
  CHECK(buf_add(&b, "x", SIZE_MAX - 3) == BUF_NO_MEMORY);
  CHECK(buf_add(&b, "x", SIZE_MAX - 2) == BUF_FULL);
  CHECK(b.length == 3 && memcmp(b.data, "abc", 3) == 0);
  buf_free(&b);
}

/* ===} */

/* {=== secret and clock */

static void secret_keeps(const char *folder)
{
  char key[5000];
  struct secret *s;

  (void)folder;
  memset(key, 'k', sizeof key);
  s = secret_new("x-api-key: ", "abc\0d", 3);
  CHECK(s && strcmp(secret_text(s), "x-api-key: abc") == 0);
  secret_free(s);
  s = secret_new("", key, sizeof key); /* more than a page */
  CHECK(s && strlen(secret_text(s)) == sizeof key);
  secret_free(s);
  s = secret_new("", "", 0);
  CHECK(s && secret_text(s)[0] == '\0');
  secret_free(s);
  secret_free(NULL);
  CHECK(!secret_new("prefix", "x", SIZE_MAX));
  CHECK(!secret_new("prefix", "x", SIZE_MAX - 20));
}

static void clock_runs(const char *folder)
{
  int64_t ms = clock_ms();
  double seconds = clock_seconds();

  (void)folder;
  CHECK(ms >= 0 && seconds >= (double)ms / 1000 - 0.001);
  CHECK(clock_ms() >= ms && clock_seconds() >= seconds);
}

/* ===} */

/* {=== utf8 */

/* A second judge, by the definition: decodes, then looks at the number. */
static size_t judged(const unsigned char *p, size_t n)
{
  static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
  size_t i = 0, k;

  while (i < n) {
    size_t length = p[i] < 0x80 ? 1
                    : (p[i] & 0xE0) == 0xC0 ? 2
                    : (p[i] & 0xF0) == 0xE0 ? 3
                    : (p[i] & 0xF8) == 0xF0 ? 4 : 0;
    uint32_t point = p[i];
    if (length == 0 || length > n - i)
      return i;
    if (length > 1)
      point = p[i] & (0x7Fu >> length);
    for (k = 1; k < length; k++) {
      if ((p[i + k] & 0xC0) != 0x80)
        return i;
      point = point << 6 | (p[i + k] & 0x3F);
    }
    if (point < least[length] || point > 0x10FFFF ||
        (point >= 0xD800 && point <= 0xDFFF))
      return i;
    i += length;
  }
  return i;
}

static void utf8_judges(const char *folder)
{
  /* every first byte, and for the others each edge of the table */
  static const unsigned char edges[] = { 0x00, 0x22, 0x7F, 0x80, 0x8F, 0x90,
                                         0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xED,
                                         0xF4, 0xFF };
  const size_t n = sizeof edges;
  unsigned first;
  size_t a, b, c, length;

  (void)folder;
  CHECK(utf8_valid_length("", 0) == 0);
  CHECK(utf8_valid_length("caf\xC3\xA9 \xF0\x9F\x8E\xAC", 10) == 10);
  CHECK(utf8_valid_length("ab\xC0\x80", 4) == 2);         /* overlong NUL */
  CHECK(utf8_valid_length("\xE0\x80\xAF", 3) == 0);       /* overlong slash */
  CHECK(utf8_valid_length("\xF0\x80\x80\xAF", 4) == 0);
  CHECK(utf8_valid_length("x\xED\xA0\x80", 4) == 1);      /* surrogate */
  CHECK(utf8_valid_length("\xF4\x90\x80\x80", 4) == 0);   /* too high */
  CHECK(utf8_valid_length("a\xE2\x82", 3) == 1);          /* cut */
  for (first = 0; first < 256; first++) {
    for (a = 0; a < n; a++) {
      for (b = 0; b < n; b++) {
        for (c = 0; c < n; c++) {
          unsigned char text[4] = { (unsigned char)first, edges[a], edges[b],
                                    edges[c] };
          for (length = 1; length <= 4; length++)
            CHECK(utf8_valid_length((char *)text, length) ==
                  judged(text, length));
        }
      }
    }
  }
  for (length = 1; length < 4; length++) { /* cut exactly at a block's end */
    char *text = exact("\xF0\x9F\x8E\xAC", length);
    CHECK(utf8_valid_length(text, length) == 0);
    free(text);
  }
}

/* ===} */

/* {=== headers */

static void read_line(struct headers *h, const char *text, size_t n)
{
  char *line = exact(text, n);

  headers_read(h, line, n);
  free(line);
}

static void read_text(struct headers *h, const char *text)
{
  read_line(h, text, strlen(text));
}

/* Is `value` of Content-Range read as these two numbers? */
static bool range_is(const char *value, int64_t start, int64_t total)
{
  char text[256];
  struct headers h;

  headers_clear(&h);
  (void)snprintf(text, sizeof text, "Content-Range: %s\r\n", value);
  read_text(&h, text);
  return h.range_start == start && h.range_total == total;
}

static void headers_say(const char *folder)
{
  struct headers h;
  char text[4096];

  (void)folder;
  headers_clear(&h);
  CHECK(!h.etag[0] && h.range_start == -1 && h.range_total == -1);
  read_text(&h, "ETag: \"abc\"\r\n");
  read_text(&h, "CONTENT-TYPE:\t video/mp4 \r\n");
  read_text(&h, "location:https://a.example/b:c\r\n");
  read_text(&h, "X-Request-Id: r-1\n");
  CHECK(strcmp(h.etag, "\"abc\"") == 0);
  CHECK(strcmp(h.content_type, "video/mp4") == 0);
  CHECK(strcmp(h.location, "https://a.example/b:c") == 0);
  CHECK(strcmp(h.request_id, "r-1") == 0);
  read_text(&h, "X-Request-Id: a\rb\r\n"); /* nothing to inject with */
  CHECK(!h.request_id[0]);
  read_text(&h, "ETag: \"a\x7F\"\r\n");
  CHECK(!h.etag[0]);
  read_line(&h, "ETag: \"a\0b\"\r\n", 13);
  CHECK(!h.etag[0]);
  memset(text, 'e', sizeof text); /* does not fit: dropped whole */
  memcpy(text, "etag: ", 6);
  read_line(&h, text, 6 + sizeof h.etag);
  CHECK(!h.etag[0]);
  read_line(&h, text, 6 + sizeof h.etag - 1);
  CHECK(strlen(h.etag) == sizeof h.etag - 1);
  read_text(&h, "ETag:");
  CHECK(!h.etag[0]);
}

static void headers_ranges(const char *folder)
{
  (void)folder;
  CHECK(range_is("bytes 5-9/10", 5, 10));
  CHECK(range_is("BYTES 0-0/1", 0, 1));
  CHECK(range_is("bytes 5-9/*", 5, -1));
  CHECK(range_is("bytes 5-9223372036854775807/9223372036854775807", 5,
                 INT64_MAX));
  CHECK(range_is("bytes */10", -1, -1));
  CHECK(range_is("bytes -/10", -1, -1));
  CHECK(range_is("bytes -5-9/10", -1, -1));
  CHECK(range_is("bytes +5-9/10", -1, -1));
  CHECK(range_is("bytes  5-9/10", -1, -1));
  CHECK(range_is("bytes 5-/10", -1, -1));
  CHECK(range_is("bytes 9-5/10", -1, -1));
  CHECK(range_is("bytes 5-9", -1, -1));
  CHECK(range_is("bytes 5-9/-10", 5, -1));
  CHECK(range_is("bytes 5-9/99999999999999999999", 5, -1));
  CHECK(range_is("bytes 99999999999999999999-5/10", -1, -1));
  CHECK(range_is("bits 5-9/10", -1, -1));
  CHECK(range_is("bytes", -1, -1));
  CHECK(range_is("", -1, -1));
}

uint32_t next_random(uint32_t *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

static void headers_hostile(const char *folder)
{
  static const char *const seeds[] = {
    "Content-Range: bytes 100-199/200\r\n", "ETag: \"0123456789\"\r\n",
    "Location: https://a.example/b?c=d\r\n",
    "X-RateLimit-Reset: 1700000000\r\n",
    "Content-Type: video/mp4\r\n", "X-Request-Id: 1-2-3\r\n", ":\r\n", "\r\n"
  };
  static const char odd[] = "\0\r\n:\t -+/*\"\x7F\x80\xFF""0";
  uint32_t state = 2463534242u;
  struct headers h;
  int i;

  (void)folder;
  headers_clear(&h);
  for (i = 0; i < 300000; i++) {
    const char *seed = seeds[next_random(&state) % (sizeof seeds /
                                                    sizeof seeds[0])];
    size_t n = strlen(seed), changes = next_random(&state) % 4;
    char *line = exact(seed, n);
    const char *c;
    while (changes-- > 0)
      line[next_random(&state) % n] = odd[next_random(&state) %
                                          (sizeof odd - 1)];
    headers_read(&h, line, next_random(&state) % (n + 1));
    free(line);
    CHECK(h.range_start >= -1 && h.range_total >= -1);
    for (c = h.etag; *c; c++)
      CHECK((unsigned char)*c >= 0x20 && *c != 0x7F);
    for (c = h.location; *c; c++)
      CHECK((unsigned char)*c >= 0x20 && *c != 0x7F);
    CHECK(memchr(h.request_id, '\0', sizeof h.request_id));
    CHECK(memchr(h.rate_reset, '\0', sizeof h.rate_reset));
    CHECK(memchr(h.content_type, '\0', sizeof h.content_type));
  }
}

/* ===} */

int main(int argc, char **argv)
{
  static const struct {
    const char *name;
    void (*run)(const char *folder);
  } groups[] = {
    { "buf_grows", buf_grows },         { "buf_stops", buf_stops },
    { "secret_keeps", secret_keeps },   { "clock_runs", clock_runs },
    { "signals_held", signals_held },
    { "signals_threads", signals_threads },
    { "utf8_judges", utf8_judges },     { "headers_say", headers_say },
    { "headers_ranges", headers_ranges },
    { "headers_hostile", headers_hostile },
    { "json_repairs", json_repairs },   { "json_hostile", json_hostile },
    { "mp4_judges", mp4_judges },       { "file_writes", file_writes },
    { "file_commits", file_commits },   { "file_fails", file_fails },
    { "file_syncs", file_syncs },       { "file_stays", file_stays },
    { "file_limited", file_limited },   { "file_goes", file_goes },
    { "target_refused", target_refused },
    { "target_linked", target_linked },
    { "target_checked", target_checked },
    { "target_late", target_late },
    { "target_elsewhere", target_elsewhere },
    { "record_holds", record_holds },   { "record_writes", record_writes },
    { "record_refuses", record_refuses },
    { "record_strange", record_strange },
    { "record_races", record_races },   { "record_killed", record_killed },
    { "source_reads", source_reads },   { "source_large", source_large },
    { "source_refuses", source_refuses },
    { "source_changes", source_changes },
    { "address_public", address_public }
  };
  size_t i;

  for (i = 0; argc == 3 && i < sizeof groups / sizeof groups[0]; i++) {
    if (strcmp(argv[1], groups[i].name) == 0) {
      groups[i].run(argv[2]);
      puts("ok");
      return 0;
    }
  }
  puts("no such group");
  return 2;
}
