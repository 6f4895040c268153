/* SPDX-License-Identifier: MIT
 *
 * host: see host.h.  Thin shells around fetch, folder, OpenSSL and the clock.
 * Failures come back as nil and a sentence.
 */
#include "host.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "embedded.h"
#include "fetch.h"
#include "folder.h"
#include "operation.h"
#include "rules.h"

#define LOCK_TYPE  "sandbox.lock"
#define MAX_RANDOM 32
#define MAX_HEX    EVP_MAX_MD_SIZE

/* [-0, +1..2, m] true, or nil and why */
static int outcome(lua_State *L, int error, const char *path)
{
  if (!error) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s", path, strerror(error));
  return 2;
}

/* host.join(base or nil, address): an absolute URL, or nil */
static int host_join(lua_State *L)
{
  const char *base = luaL_optstring(L, 1, NULL);
  const char *address = luaL_checkstring(L, 2);
  char *joined = fetch_join(base, address);
  char *copy;
  size_t length;

  if (!joined) {
    lua_pushnil(L);
    return 1;
  }
  length = strlen(joined) + 1;
  copy = lua_newuserdatauv(L, length, 0); /* may raise: joined would leak */
  memcpy(copy, joined, length);
  free(joined);
  lua_pushstring(L, copy);
  return 1;
}

static int host_make_folder(lua_State *L)
{
  const char *path = luaL_checkstring(L, 1);

  return outcome(L, folder_make(path), path);
}

static int host_remove_folder(lua_State *L)
{
  const char *path = luaL_checkstring(L, 1);

  return outcome(L, folder_remove(path), path);
}

struct host_lock {
  int fd;
};

static int lock_gc(lua_State *L)
{
  struct host_lock *l = luaL_checkudata(L, 1, LOCK_TYPE);

  if (l->fd >= 0) (void)close(l->fd);
  l->fd = -1;
  return 0;
}

/* host.lock(path): a lock that lasts as long as the value; false when
 * another program has it; nil and why */
static int host_take_lock(lua_State *L)
{
  const char *path = luaL_checkstring(L, 1);
  struct host_lock *l = lua_newuserdatauv(L, sizeof *l, 0);
  int error;

  l->fd = -1;
  luaL_setmetatable(L, LOCK_TYPE);
  error = folder_lock(path, &l->fd);
  if (error && error != EWOULDBLOCK) return outcome(L, error, path);
  if (error) lua_pushboolean(L, 0);
  return 1;
}

static int host_temporary_folder(lua_State *L)
{
  char path[4096];
  int error = folder_temporary(path, sizeof path);

  if (error) return outcome(L, error, "the temporary folder");
  lua_pushstring(L, path);
  return 1;
}

static int host_write(lua_State *L)
{
  const char *path = luaL_checkstring(L, 1);
  size_t length;
  const char *bytes = luaL_checklstring(L, 2, &length);

  return outcome(L, folder_write(path, bytes, length), path);
}

/* host.link(from, to): another name for a file, replacing `to` */
static int host_link(lua_State *L)
{
  const char *from = luaL_checkstring(L, 1), *to = luaL_checkstring(L, 2);

  if (unlink(to) != 0 && errno != ENOENT) return outcome(L, errno, to);
  return outcome(L, link(from, to) == 0 ? 0 : errno, to);
}

struct listing {
  DIR *folder;
};

static int listing_gc(lua_State *L)
{
  struct listing *l = lua_touserdata(L, 1);

  if (l->folder) (void)closedir(l->folder);
  l->folder = NULL;
  return 0;
}

/* host.list(folder): names, but those that begin with a dot */
static int host_list(lua_State *L)
{
  const char *path = luaL_checkstring(L, 1);
  struct listing *l = lua_newuserdatauv(L, sizeof *l, 0);
  struct dirent *entry;
  lua_Integer n = 0;

  l->folder = NULL;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, listing_gc);
  lua_setfield(L, -2, "__gc");
  (void)lua_setmetatable(L, -2);
  l->folder = opendir(path);
  if (!l->folder) return outcome(L, errno, path);
  lua_newtable(L);
  while ((entry = readdir(l->folder)) != NULL) {
    if (entry->d_name[0] == '.') continue;
    lua_pushstring(L, entry->d_name);
    lua_rawseti(L, -2, ++n);
  }
  (void)closedir(l->folder);
  l->folder = NULL;
  return 1;
}

/* [-0, +1, m] at most MAX_HEX bytes in hexadecimal digits */
static int push_hex(lua_State *L, const unsigned char *bytes, size_t n)
{
  char hex[2 * MAX_HEX + 1];

  for (size_t i = 0; i < n && i < MAX_HEX; i++)
    (void)snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
  lua_pushlstring(L, hex, 2 * n);
  return 1;
}

/* host.hmac(secret, bytes): HMAC-SHA256, in hex */
static int host_hmac(lua_State *L)
{
  size_t key_length, length;
  const char *key = luaL_checklstring(L, 1, &key_length);
  const char *bytes = luaL_checklstring(L, 2, &length);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int n = 0;

  luaL_argcheck(L, key_length <= INT_MAX, 1, "too long");
  if (!HMAC(EVP_sha256(), key, (int)key_length, (const unsigned char *)bytes,
            length, digest, &n))
    return luaL_error(L, "OpenSSL makes no HMAC");
  return push_hex(L, digest, n);
}

/* host.random(n): n random bytes in hex */
static int host_random(lua_State *L)
{
  lua_Integer n = luaL_checkinteger(L, 1);
  unsigned char bytes[MAX_RANDOM];

  luaL_argcheck(L, n > 0 && n <= MAX_RANDOM, 1, "1 to 32 is expected");
  if (getentropy(bytes, sizeof bytes) != 0)
    return luaL_error(L, "no random bytes: %s", strerror(errno));
  return push_hex(L, bytes, (size_t)n);
}

/* host.monotonic(): seconds of a clock that is never set back */
static int host_monotonic(lua_State *L)
{
  struct timespec t;

  if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
    return luaL_error(L, "no clock: %s", strerror(errno));
  lua_pushnumber(L, (lua_Number)t.tv_sec + (lua_Number)t.tv_nsec / 1e9);
  return 1;
}

/* host.wake(): tells those in host.work() that there is work */
static int host_wake(lua_State *L)
{
  stop_wake(rules_of(L)->stop);
  return 0;
}

static int host_stopping(lua_State *L)
{
  lua_pushboolean(L, stop_requested(rules_of(L)->stop));
  return 1;
}

/* host.embedded(name): the bytes of a built-in file, or nil */
static int host_embedded(lua_State *L)
{
  const struct embedded *file = embedded_find(luaL_checkstring(L, 1));

  if (file)
    lua_pushlstring(L, file->data, file->size);
  else
    lua_pushnil(L);
  return 1;
}

/* [-0, +0, m] */
static void define_type(lua_State *L, const char *name, lua_CFunction gc)
{
  if (luaL_newmetatable(L, name)) {
    lua_pushcfunction(L, gc);
    lua_setfield(L, -2, "__gc");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
  }
  lua_pop(L, 1);
}

int host_open(lua_State *L)
{
  static const luaL_Reg functions[] = {
    { "join", host_join },
    { "lock", host_take_lock },
    { "make_folder", host_make_folder },
    { "remove_folder", host_remove_folder },
    { "temporary_folder", host_temporary_folder },
    { "write", host_write },
    { "link", host_link },
    { "list", host_list },
    { "hmac", host_hmac },
    { "random", host_random },
    { "monotonic", host_monotonic },
    { "wake", host_wake },
    { "stopping", host_stopping },
    { "embedded", host_embedded },
    { NULL, NULL }
  };

  define_type(L, LOCK_TYPE, lock_gc);
  luaL_newlib(L, functions);
  operation_open(L);
  return 1;
}
