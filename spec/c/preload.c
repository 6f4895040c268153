/* SPDX-License-Identifier: MIT
 *
 * preload: makes the system misbehave in a child of a spec, which is started
 * with LD_PRELOAD.  By environment:
 *   PRELOAD_LOOKUP=SECONDS   every name lookup takes so long
 *   PRELOAD_CLOCK=SECONDS    wall-clock time runs backwards, so much a call
 *   PRELOAD_FSYNC=SECONDS    the disk takes so long to be sure
 * and by a call: preload_fail_allocations(n), which has every n-th allocation
 * of all threads but the main one fail.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
long preload_fail_allocations(long every);

/* {=== lookups */

int getaddrinfo(const char *node, const char *service,
                const struct addrinfo *hints, struct addrinfo **result)
{
  static int (*real)(const char *, const char *, const struct addrinfo *,
                     struct addrinfo **);
  const char *seconds = getenv("PRELOAD_LOOKUP");
  void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");

  if (seconds)
    sleep((unsigned)atoi(seconds));
  memcpy(&real, &symbol, sizeof real);
  return real(node, service, hints, result);
}

/* ===} */

/* {=== disks */

int fsync(int fd)
{
  const char *seconds = getenv("PRELOAD_FSYNC");

  if (seconds)
    sleep((unsigned)atoi(seconds));
  return (int)syscall(SYS_fsync, fd);
}

/* ===} */

/* {=== clocks */

static long backwards(void)
{
  static atomic_long calls;
  const char *seconds = getenv("PRELOAD_CLOCK");

  return seconds ? atol(seconds) * ++calls : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
  int result = (int)syscall(SYS_clock_gettime, clock, now);

  if (clock == CLOCK_REALTIME)
    now->tv_sec -= backwards();
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
  int result = (int)syscall(SYS_gettimeofday, now, zone);

  now->tv_sec -= backwards();
  return result;
}

time_t time(time_t *now)
{
  struct timespec wall;

  (void)clock_gettime(CLOCK_REALTIME, &wall);
  if (now)
    *now = wall.tv_sec;
  return wall.tv_sec;
}

/* ===} */

/* {=== memory */

static atomic_long every, count, failures;

/* Returns how many failed so far. */
long preload_fail_allocations(long n)
{
  every = n;
  return failures;
}

static int fails(void)
{
  if (every == 0 || syscall(SYS_gettid) == getpid() || ++count % every != 0)
    return 0;
  failures++;
  errno = ENOMEM;
  return 1;
}

void *malloc(size_t size)
{
  return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
  return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
  return fails() ? NULL : __libc_realloc(old, size);
}

/* ===} */
