/* SPDX-License-Identifier: MIT
 *
 * preload: makes the system misbehave in a child of a spec, which is started
 * with LD_PRELOAD.  By environment:
 *   PRELOAD_LOOKUP=SECONDS   every name lookup takes so long
 *   PRELOAD_CLOCK=SECONDS    wall-clock time runs backwards, so much a call
 *   PRELOAD_FSYNC=SECONDS    the disk takes so long to be sure
 * and by calls: preload_fail_allocations(n), which has every n-th allocation
 * of all threads but the main one fail; preload_disk_calls(main), which tells
 * how often the main thread, or any other, has had to do with the disk.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
long preload_fail_allocations(long every);
long preload_disk_calls(long main);
int mkostemp64(char *name, int flags);
int ftruncate64(int fd, off64_t length);
int stat64(const char *path, struct stat64 *status);
int lstat64(const char *path, struct stat64 *status);

static int is_main_thread(void)
{
  return syscall(SYS_gettid) == getpid();
}

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

static atomic_long disk_calls[2];

long preload_disk_calls(long main)
{
  return disk_calls[main != 0];
}

static void note_disk(void)
{
  disk_calls[is_main_thread()]++;
}

int fsync(int fd)
{
  const char *seconds = getenv("PRELOAD_FSYNC");

  note_disk();
  if (seconds)
    sleep((unsigned)atoi(seconds));
  return (int)syscall(SYS_fsync, fd);
}

static int make_temporary(const char *function, char *name, int flags)
{
  int (*real)(char *, int);
  void *symbol = dlsym(RTLD_NEXT, function);

  note_disk();
  memcpy(&real, &symbol, sizeof real);
  return real(name, flags);
}

int mkostemp(char *name, int flags)
{
  return make_temporary("mkostemp", name, flags);
}

int mkostemp64(char *name, int flags)
{
  return make_temporary("mkostemp64", name, flags);
}

int stat64(const char *path, struct stat64 *status)
{
  note_disk();
  return fstatat64(AT_FDCWD, path, status, 0);
}

int lstat64(const char *path, struct stat64 *status)
{
  note_disk();
  return fstatat64(AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW);
}

int unlink(const char *path)
{
  note_disk();
  return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int link(const char *from, const char *to)
{
  note_disk();
  return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to,
              unsigned flags)
{
  note_disk();
  return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
}

int rename(const char *from, const char *to)
{
  return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int fchmod(int fd, mode_t mode)
{
  note_disk();
  return (int)syscall(SYS_fchmod, fd, mode);
}

int ftruncate64(int fd, off64_t length)
{
  note_disk();
  return (int)syscall(SYS_ftruncate, fd, length);
}

/* Of a file on the disk: sockets and pipes hold up nobody. */
int close(int fd)
{
  struct stat status;

  if (syscall(SYS_fstat, fd, &status) == 0 && S_ISREG(status.st_mode))
    note_disk();
  return (int)syscall(SYS_close, fd);
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
  if (every == 0 || is_main_thread() || ++count % every != 0)
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
