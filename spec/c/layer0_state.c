/* SPDX-License-Identifier: MIT
 *
 * layer0_state: answers that say that the work goes on, and all others.
 */
#include "layer0.h"

#include "state.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* In a block of exactly its size. */
static int read_bytes(const char *text, size_t n)
{
  char *copy = malloc(n ? n : 1);
  int state;

  CHECK(copy);
  memcpy(copy, text, n);
  state = state_read(copy, n);
  free(copy);
  return state;
}

static int read_text(const char *text)
{
  return read_bytes(text, strlen(text));
}

static bool accepts(const char *text)
{
  size_t n = strlen(text);
  char *copy = malloc(n ? n : 1);
  bool accepted;

  CHECK(copy);
  memcpy(copy, text, n);
  accepted = state_is_accepted(copy, n);
  free(copy);
  return accepted;
}

void state_reads(const char *folder)
{
  static const char *const going[] = {
    "{\"code\":0,\"data\":{\"status\":3}}",
    "{\"data\":{\"status\":3},\"code\":0}",
    " { \"code\" : 0 ,\r\n\t\"data\" : { \"status\" : 3 } } \n",
    "{\"code\":0,\"msg\":\"ok\",\"data\":{\"id\":\"a\",\"status\":3,\"x\":[]}}",
    "{\"code\":0,\"msg\":null,\"data\":{\"a\":true,\"b\":-1.5e3,\"status\":3}}",
    "{\"code\":0,\"data\":{\"x\":{\"status\":5},\"y\":[{\"status\":4}],"
    "\"status\":3}}",
    "{\"code\":0,\"data\":{\"x\":\"\\\"status\\\":4}}\",\"status\":3}}",
    "{\"code\":0,\"data\":{\"x\":\"\\\\\",\"status\":3}}",
    "{\"a\":[[],{},[{\"b\":\"]\"}]],\"code\":0,\"data\":{\"status\":3}}",
    "{\"status\":4,\"code\":0,\"data\":{\"status\":3}}"
  };
  static const char *const doubtful[] = {
    "", " ", "3", "null", "[]", "{}", "{", "{\"", "{\"code", "{\"code\"",
    "{\"code\":0}", "{\"data\":{\"status\":3}}",
    "{\"code\":0,\"data\":{}}", "{\"code\":0,\"data\":null}",
    "{\"code\":0,\"data\":[{\"status\":3}]}",
    "{\"code\":1,\"data\":{\"status\":3}}",
    "{\"code\":10105,\"data\":{\"status\":3}}",
    "{\"code\":\"0\",\"data\":{\"status\":3}}",
    "{\"code\":-0,\"data\":{\"status\":3}}",
    "{\"code\":0.0,\"data\":{\"status\":3}}",
    "{\"code\":0,\"data\":{\"status\":\"3\"}}",
    "{\"code\":0,\"data\":{\"status\":3.0}}",
    "{\"code\":0,\"data\":{\"status\":-3}}",
    "{\"code\":0,\"data\":{\"status\":3e0}}",
    "{\"code\":0,\"data\":{\"status\":64}}",
    "{\"code\":0,\"data\":{\"status\":103}}",
    "{\"code\":0,\"data\":{\"status\":null}}",
    "{\"code\":0,\"data\":{\"status\":}}",
    "{\"code\":0,\"data\":{\"status\":3}",
    "{\"code\":0,\"data\":{\"status\":3}}}",
    "{\"code\":0,\"data\":{\"status\":3}} x",
    "{\"code\":0,\"data\":{\"status\":3},}",
    "{\"code\":0,\"data\":{\"status\":3,}}",
    "{\"code\":0 \"data\":{\"status\":3}}",
    "{\"code\":0,\"data\":{\"status\":3,\"status\":4}}",
    "{\"code\":0,\"data\":{\"status\":3},\"data\":{\"status\":4}}",
    "{\"code\":0,\"data\":{\"status\":3},\"code\":1}",
    "{\"code\":0,\"data\":{\"status\":3},\"\\u0063ode\":1}",
    "{\"code\":0,\"data\":{\"status\":3,\"x\":\"}}",
    "{\"code\":0,\"data\":{\"status\":3,\"x\":\"\\\"}}",
    "{\"code\":0,\"data\":{\"x\":[},\"status\":3}}",
    "{\"code\":0,\"data\":{\"x\":],\"status\":3}}",
    "{\"code\":0,\"data\":{\"x\":?,\"status\":3}}",
    "{\"code\":0,\"data\":{\"x\":,\"status\":3}}",
    "{code:0,\"data\":{\"status\":3}}"
  };
  char deep[300];
  size_t i, n;

  (void)folder;
  for (i = 0; i < sizeof going / sizeof going[0]; i++) {
    if (read_text(going[i]) != 3)
      puts(going[i]);
    CHECK(read_text(going[i]) == 3);
    for (n = 0; n < strlen(going[i]); n++) /* cut anywhere but at its blanks */
      CHECK(read_bytes(going[i], n) == -1 || strchr(" \n", going[i][n]));
  }
  for (i = 0; i < sizeof doubtful / sizeof doubtful[0]; i++) {
    if (read_text(doubtful[i]) != -1)
      puts(doubtful[i]);
    CHECK(read_text(doubtful[i]) == -1);
  }
  CHECK(read_bytes("{\"code\":0,\"data\":{\"status\":3}}\0", 31) == -1);
  CHECK(accepts("{\"code\":0}") && accepts(" {\"data\":[1],\"code\" : 0}\n"));
  CHECK(accepts("{\"code\":0,\"msg\":\"ok\",\"data\":{\"code\":1}}"));
  CHECK(!accepts("") && !accepts("{}") && !accepts("[0]") && !accepts("0"));
  CHECK(!accepts("{\"code\":1}") && !accepts("{\"code\":\"0\"}"));
  CHECK(!accepts("{\"code\":0") && !accepts("{\"code\":0}}"));
  CHECK(!accepts("{\"code\":0,\"code\":0}") && !accepts("{\"code\":00"));
  CHECK(!accepts("{\"data\":{\"code\":0}}") && !accepts("{\"code\":0,}"));
  CHECK(read_text("{\"code\":0,\"data\":{\"status\":0}}") == 0);
  CHECK(read_text("{\"code\":0,\"data\":{\"status\":63}}") == 63);
  n = (size_t)snprintf(deep, sizeof deep, "{\"code\":0,\"x\":");
  memset(deep + n, '[', 100);
  memset(deep + n + 100, ']', 100);
  (void)snprintf(deep + n + 200, sizeof deep - n - 200,
                 ",\"data\":{\"status\":3}}");
  CHECK(read_text(deep) == -1); /* deeper than it looks: lua-cjson decides */
}

/* Answers with some bytes changed or cut: whatever they say, nothing outside
   of them is read. */
void state_hostile(const char *folder)
{
  static const char seed[] =
    "{\"code\":0,\"msg\":\"s\\\"\\u00e9\",\"data\":{\"a\":[1,{\"b\":[]}],"
    "\"status\":3,\"c\":\"\",\"d\":null}}";
  static const char odd[] = "\0\"\\{}[]:,0139 -e\n\x80tns";
  uint32_t state = 2463534242u;
  int i, going = 0;

  (void)folder;
  for (i = 0; i < 300000; i++) {
    char text[sizeof seed];
    size_t changes, n = sizeof seed - 1;
    int read;
    memcpy(text, seed, sizeof seed);
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    for (changes = state % 4; changes > 0; changes--) {
      state = state * 1664525u + 1013904223u;
      text[(state >> 8) % n] = odd[(state >> 3) % (sizeof odd - 1)];
    }
    if (state % 8 == 0)
      n = (state >> 8) % n;
    read = read_bytes(text, n);
    CHECK(read >= -1 && read < 64);
    going += read == 3;
  }
  CHECK(going > 37000 && going < 250000); /* an eighth is unchanged */
}
