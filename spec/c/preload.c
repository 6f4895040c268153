/* SPDX-License-Identifier: MIT
 *
 * preload: makes the system misbehave in a child of a spec, which is started
 * with LD_PRELOAD.  By environment:
 *   PRELOAD_LOOKUP=SECONDS      every name lookup takes so long, or
 *   PRELOAD_ADDRESS=ADDRESS     finds this address; or those of
 *   PRELOAD_NAME=NAME           this name alone
 *   PRELOAD_CLOCK=SECONDS       wall-clock time runs backwards, so much a call
 *   PRELOAD_HURRY=FACTOR        monotonic time runs so many times faster
 *   PRELOAD_FSYNC=SECONDS       fsync takes so long
 *   PRELOAD_MAKE=SECONDS        making a temporary file takes so long
 *   PRELOAD_FSYNC_ERROR=NUMBER  fsync fails with this errno
 *   PRELOAD_READ_ERROR=NUMBER   so does pread
 *   PRELOAD_OPEN_BUSY=1         renaming or removing a file that the process
 *                               has open fails with ETXTBSY
 * and by calls: preload_fail_allocations(n) makes every n-th allocation of all
 * threads but the main one fail; preload_disk_calls(main) returns how often
 * the main thread, or any other, has called a function for the disk.
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
#include <sys/file.h>
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
ssize_t pread64(int fd, void *bytes, size_t n, off64_t offset);
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
  const char *name = getenv("PRELOAD_NAME");
  const char *address = getenv("PRELOAD_ADDRESS");
  int concerned = !name || (node && strcmp(node, name) == 0);
  void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");

  if (seconds && concerned)
    sleep((unsigned)atoi(seconds));
  memcpy(&real, &symbol, sizeof real);
  return real(address && concerned ? address : node, service, hints, result);
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
  const char *error = getenv("PRELOAD_FSYNC_ERROR");

  note_disk();
  if (seconds)
    sleep((unsigned)atoi(seconds));
  if (error) {
    errno = atoi(error);
    return -1;
  }
  return (int)syscall(SYS_fsync, fd);
}

static int make_temporary(const char *function, char *name, int flags)
{
  int (*real)(char *, int);
  void *symbol = dlsym(RTLD_NEXT, function);
  const char *seconds = getenv("PRELOAD_MAKE");

  note_disk();
  if (seconds)
    sleep((unsigned)atoi(seconds));
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

/* Fails if the file is open and the disk minds that. */
static int check_closed(const char *path)
{
  struct stat named, opened;
  int fd;

  if (!getenv("PRELOAD_OPEN_BUSY") ||
      fstatat(AT_FDCWD, path, &named, AT_SYMLINK_NOFOLLOW) != 0)
    return 0;
  for (fd = 0; fd < 256; fd++) {
    if (syscall(SYS_fstat, fd, &opened) == 0 &&
        opened.st_dev == named.st_dev && opened.st_ino == named.st_ino) {
      errno = ETXTBSY;
      return -1;
    }
  }
  return 0;
}

int unlink(const char *path)
{
  note_disk();
  if (check_closed(path) != 0)
    return -1;
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
  if (check_closed(from) != 0 || check_closed(to) != 0)
    return -1;
  return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
}

int rename(const char *from, const char *to)
{
  return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int flock(int fd, int operation)
{
  note_disk();
  return (int)syscall(SYS_flock, fd, operation);
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

ssize_t pread64(int fd, void *bytes, size_t n, off64_t offset)
{
  const char *error = getenv("PRELOAD_READ_ERROR");

  note_disk();
  if (error) {
    errno = atoi(error);
    return -1;
  }
  return syscall(SYS_pread64, fd, bytes, n, offset);
}

/* Counts for regular files only: closing a socket or a pipe never waits. */
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

static void hurry(struct timespec *now)
{
  static atomic_llong first;
  const char *factor = getenv("PRELOAD_HURRY");
  long long ns = now->tv_sec * 1000000000LL + now->tv_nsec, none = 0;

  if (!factor)
    return;
  (void)atomic_compare_exchange_strong(&first, &none, ns);
  ns = first + (ns - first) * atol(factor);
  now->tv_sec = (time_t)(ns / 1000000000LL);
  now->tv_nsec = (long)(ns % 1000000000LL);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
  int result = (int)syscall(SYS_clock_gettime, clock, now);

  if (clock == CLOCK_REALTIME)
    now->tv_sec -= backwards();
  else if (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW)
    hurry(now);
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
