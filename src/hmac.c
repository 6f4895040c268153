/* SPDX-License-Identifier: MIT
 *
 * hmac: see hmac.h.
 */

/*** @module jogg.core */
#include "hmac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <limits.h>

static const char DIGITS[] = "0123456789abcdef";

/* [-0, +1, m] pushes the bytes as hexadecimal digits */
static void push_hex(lua_State *L, const unsigned char *bytes, size_t n)
{
  char hex[2 * EVP_MAX_MD_SIZE];
  size_t i;

  for (i = 0; i < n; i++) {
    hex[2 * i] = DIGITS[bytes[i] >> 4];
    hex[2 * i + 1] = DIGITS[bytes[i] & 15];
  }
  lua_pushlstring(L, hex, 2 * n);
}

/***
Random digits, for a unique name.
@function random_digits
@treturn string 16 hexadecimal digits
@raise when OpenSSL has no random numbers
*/
static int random_digits(lua_State *L)
{
  unsigned char bytes[8];

  if (RAND_bytes(bytes, sizeof bytes) != 1)
    luaL_error(L, "OpenSSL has no random numbers");
  push_hex(L, bytes, sizeof bytes);
  return 1;
}

/***
Computes the HMAC-SHA256 of a string (RFC 2104).
@function hmac_sha256
@tparam string key
@tparam string text any bytes
@treturn[1] string 64 hexadecimal digits in lower case
@treturn[2] nil OpenSSL refused: no memory, or a policy that forbids the key
*/
static int hmac_sha256(lua_State *L)
{
  size_t key_length, n;
  const char *key = luaL_checklstring(L, 1, &key_length);
  const char *text = luaL_checklstring(L, 2, &n);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;

  luaL_argcheck(L, key_length <= INT_MAX, 1, "too long");
  /* HMAC(), unlike HMAC_Init() and its like, is not deprecated in OpenSSL 3. */
  if (!HMAC(EVP_sha256(), key, (int)key_length, (const unsigned char *)text, n,
            digest, &length)) {
    lua_pushnil(L);
    return 1;
  }
  push_hex(L, digest, length);
  return 1;
}

/***
Are two strings the same?  The time of the comparison depends only on their
lengths, so it does not reveal where they differ.
@function equal
@tparam string a
@tparam string b
@treturn boolean false as well when their lengths differ
*/
static int equal(lua_State *L)
{
  size_t m, n;
  const char *a = luaL_checklstring(L, 1, &m);
  const char *b = luaL_checklstring(L, 2, &n);

  lua_pushboolean(L, m == n && CRYPTO_memcmp(a, b, n) == 0);
  return 1;
}

void hmac_register(lua_State *L)
{
  static const luaL_Reg FUNCTIONS[] = {
    { "hmac_sha256", hmac_sha256 },
    { "equal", equal },
    { "random_digits", random_digits },
    { NULL, NULL }
  };

  luaL_setfuncs(L, FUNCTIONS, 0);
}
