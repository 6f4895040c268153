/* SPDX-License-Identifier: MIT
 *
 * torture_memory: see torture.h.  The core is compiled with the names
 * torture_malloc and so on in place of malloc and its kin.
 */
#undef malloc /* the rest of the program is compiled with other names */
#undef calloc
#undef realloc
#undef free
#undef strdup
#undef strndup
#undef mmap
#undef munmap
#define _GNU_SOURCE
#include "torture.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HEADER 16 /* bytes before each block, for its owner's name */

void *torture_malloc(size_t n);
void *torture_calloc(size_t n, size_t size);
void *torture_realloc(void *block, size_t n);
char *torture_strdup(const char *text);
char *torture_strndup(const char *text, size_t n);
void torture_free(void *block);
void *torture_mmap(void *at, size_t n, int protection, int flags, int fd,
                   off_t offset);
int torture_munmap(void *block, size_t n);

int __lsan_is_turned_off(void);

/* Our own count is stricter and knows the run; and lua-cjson 2.1.0 leaks its
   buffer when Lua raises while it decodes, which is not ours to cure. */
int __lsan_is_turned_off(void)
{
  return 1;
}

const char *const OWNER_NAMES[OWNERS] = { "lua", "curl", "core" };

static atomic_long blocks[OWNERS]; /* alive */
static enum owner victim;
static bool sustained;
static atomic_bool armed;
static atomic_long left; /* allocations until the failing one */
static atomic_bool met;  /* the failing one */
static lua_State *state; /* that runs now */
static long lost;        /* allocations that failed in or for a finalizer */

/* Is this the allocation that fails? */
static bool fails(enum owner owner)
{
  long n;

  if (owner != victim || !atomic_load(&armed))
    return false;
  n = atomic_fetch_sub(&left, 1);
  if (n == 1 || (n < 1 && sustained))
    atomic_store(&met, true);
  return n == 1 || (n < 1 && sustained);
}

/* The collector rests while a finalizer is called.  Lua 5.1 does not tell. */
static bool in_finalizer(void)
{
#ifdef LUA_GCISRUNNING
  return state && lua_gc(state, LUA_GCISRUNNING, 0) != 1;
#else
  return false;
#endif
}

/* A block knows its owner: one that goes back to another is a bug that
   malloc would not notice. */
static void *block_new(enum owner owner, size_t n)
{
  char *block;

  if (fails(owner)) {
    lost += owner == OF_LUA && in_finalizer();
    return NULL;
  }
  block = malloc(n + HEADER);
  if (!block)
    abort();
  *(enum owner *)(void *)block = owner;
  (void)atomic_fetch_add(&blocks[owner], 1);
  return block + HEADER;
}

static void block_free(enum owner owner, void *block)
{
  char *whole = block;

  if (!block)
    return;
  whole -= HEADER;
  if (*(enum owner *)(void *)whole != owner) {
    fprintf(stderr, "a block of %s was freed by %s\n",
            OWNER_NAMES[*(enum owner *)(void *)whole], OWNER_NAMES[owner]);
    abort();
  }
  free(whole);
  (void)atomic_fetch_sub(&blocks[owner], 1);
}

static void *block_resize(enum owner owner, void *block, size_t n)
{
  char *whole;

  if (!block)
    return block_new(owner, n);
  if (fails(owner)) {
    lost += owner == OF_LUA && in_finalizer();
    return NULL;
  }
  whole = realloc((char *)block - HEADER, n + HEADER);
  if (!whole)
    abort();
  return whole + HEADER;
}

static char *block_text(enum owner owner, const char *text, size_t n)
{
  char *copy = block_new(owner, n + 1);

  if (copy) {
    memcpy(copy, text, n);
    copy[n] = '\0';
  }
  return copy;
}

static void *zeroed(enum owner owner, size_t n, size_t size)
{
  void *block = block_new(owner, n * size);

  return block ? memset(block, 0, n * size) : NULL;
}

/* Lua counts on it that a block can always be made smaller. */
void *memory_for_lua(void *user, void *block, size_t old, size_t n)
{
  (void)user;
  if (n == 0) {
    block_free(OF_LUA, block);
    return NULL;
  }
  if (block && n <= old) {
    bool was = atomic_exchange(&armed, false);
    block = block_resize(OF_LUA, block, n);
    atomic_store(&armed, was);
    return block;
  }
  return block_resize(OF_LUA, block, n);
}

static void *curl_malloc(size_t n) { return block_new(OF_CURL, n); }
static void curl_free_block(void *block) { block_free(OF_CURL, block); }
static char *curl_strdup(const char *t)
{
  return block_text(OF_CURL, t, strlen(t));
}
static void *curl_calloc(size_t n, size_t m) { return zeroed(OF_CURL, n, m); }
static void *curl_realloc(void *block, size_t n)
{
  return block_resize(OF_CURL, block, n);
}

void *torture_malloc(size_t n) { return block_new(OF_CORE, n); }
void *torture_calloc(size_t n, size_t size) { return zeroed(OF_CORE, n, size); }
void torture_free(void *block) { block_free(OF_CORE, block); }

void *torture_realloc(void *block, size_t n)
{
  return block_resize(OF_CORE, block, n);
}

char *torture_strdup(const char *text)
{
  return block_text(OF_CORE, text, strlen(text));
}

char *torture_strndup(const char *text, size_t n)
{
  return block_text(OF_CORE, text, strnlen(text, n));
}

void *torture_mmap(void *at, size_t n, int protection, int flags, int fd,
                   off_t offset)
{
  if (fails(OF_CORE))
    return MAP_FAILED;
  (void)atomic_fetch_add(&blocks[OF_CORE], 1);
  return mmap(at, n, protection, flags, fd, offset);
}

int torture_munmap(void *block, size_t n)
{
  (void)atomic_fetch_sub(&blocks[OF_CORE], 1);
  return munmap(block, n);
}

bool memory_open(void)
{
  return curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_malloc,
                              curl_free_block, curl_realloc, curl_strdup,
                              curl_calloc) == CURLE_OK;
}

void memory_arm(lua_State *L, enum owner owner, bool all_after, long number)
{
  state = L;
  victim = owner;
  sustained = all_after;
  atomic_store(&left, number);
  atomic_store(&met, false);
  atomic_store(&armed, true);
}

bool memory_disarm(void)
{
  atomic_store(&armed, false);
  state = NULL;
  return atomic_load(&met);
}

long memory_alive(enum owner owner)
{
  return atomic_load(&blocks[owner]);
}

long memory_lost(void)
{
  return lost;
}
