/* SPDX-License-Identifier: MIT
 *
 * layer0_source: a file that is uploaded, and all that is no such file.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "layer0.h"

#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct source *made(const char *path)
{
  struct source *s = source_new(path);

  CHECK(s && source_size(s) == 0 && source_check(s) == EBADF);
  return s;
}

static struct source *opened(const char *path)
{
  struct source *s = made(path);

  CHECK(source_open(s) == 0 && source_open(s) == 0 && source_check(s) == 0);
  return s;
}

/* Reads n bytes into a block of exactly their size; are they these? */
static bool reads(const struct source *s, int64_t offset, const char *bytes,
                  size_t n)
{
  char *part = exact(bytes, n);
  bool same;

  memset(part, '#', n);
  CHECK(source_read(s, offset, part, n) == 0);
  same = memcmp(part, bytes, n) == 0;
  free(part);
  return same;
}

static int read_error(const struct source *s, int64_t offset, size_t n)
{
  char *part = malloc(n);
  int error;

  CHECK(part);
  error = source_read(s, offset, part, n);
  free(part);
  return error;
}

static int open_error(const char *path)
{
  struct source *s = made(path);
  int error = source_open(s);

  CHECK(error != 0 && source_open(s) == error && source_check(s) == EBADF);
  source_release(s);
  return error;
}

/* The next descriptor: it tells whether one was left open. */
static int next_descriptor(void)
{
  int fd = dup(0);

  CHECK(fd >= 0 && close(fd) == 0);
  return fd;
}

/* {=== reading */

/* A copy of what the caller gave, wherever the host goes. */
static void elsewhere(const char *folder)
{
  char before[4096];
  struct source *s;

  CHECK(getcwd(before, sizeof before) && chdir(folder) == 0);
  put_text("near.jpg", "near");
  s = made("near.jpg");
  CHECK(chdir("/") == 0 && source_open(s) == 0 && reads(s, 0, "near", 4));
  CHECK(strcmp(source_name(s), "near.jpg") == 0);
  source_release(s);
  CHECK(chdir(before) == 0 && unlink(in(folder, "near.jpg")) == 0);
}

void source_reads(const char *folder)
{
  static char bytes[100000];
  struct source *s;
  FILE *file;
  size_t i;
  int fd = next_descriptor(), status;
  pid_t child;

  for (i = 0; i < sizeof bytes; i++)
    bytes[i] = (char)(i * 7 % 251);
  file = fopen(in(folder, "a.jpg"), "wb");
  CHECK(file && fwrite(bytes, sizeof bytes, 1, file) == 1);
  CHECK(fclose(file) == 0);
  s = opened(target);
  CHECK(source_size(s) == sizeof bytes);
  CHECK(strcmp(source_name(s), target) == 0);
  CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
  for (i = 0; i < sizeof bytes; i += 1000)
    CHECK(reads(s, (int64_t)i, bytes + i, 1000));
  CHECK(reads(s, 0, bytes, sizeof bytes)); /* from the start again */
  CHECK(reads(s, sizeof bytes - 1, bytes + sizeof bytes - 1, 1));

  child = fork(); /* which shares the descriptor, but no place in the file */
  CHECK(child >= 0);
  if (child == 0) {
    CHECK(reads(s, 5000, bytes + 5000, 70000));
    source_release(s);
    _exit(0);
  }
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(reads(s, 0, bytes, 1000));
  source_release(source_retain(s));
  CHECK(next_descriptor() > fd);
  source_release(s);
  source_release(NULL);
  CHECK(next_descriptor() == fd && unlink(target) == 0);

  put_text(in(folder, "empty"), "");
  s = opened(target);
  CHECK(source_size(s) == 0);
  source_release(s);
  CHECK(unlink(target) == 0);
  elsewhere(folder);
}

/* Offsets that need more than 32 bits. */
void source_large(const char *folder)
{
  const int64_t size = INT64_C(5) * 1024 * 1024 * 1024;
  int fd = open(in(folder, "large"), O_CREAT | O_WRONLY, 0600);
  struct source *s;

  CHECK(fd >= 0);
  if (ftruncate(fd, size) != 0) { /* a file system that has none so large */
    CHECK(close(fd) == 0 && unlink(target) == 0);
    return;
  }
  CHECK(pwrite(fd, "end", 3, size - 3) == 3 && close(fd) == 0);
  s = opened(target);
  CHECK(source_size(s) == size && reads(s, size - 4, "\0end", 4));
  source_release(s);
  CHECK(unlink(target) == 0);
}

/* ===} */

/* {=== what is no file */

static void sockets(const char *folder)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);

  CHECK(fd >= 0 && strlen(in(folder, "s")) < sizeof address.sun_path);
  strcpy(address.sun_path, target);
  CHECK(bind(fd, (struct sockaddr *)(void *)&address, sizeof address) == 0);
  CHECK(open_error(target) == ENOTSUP);
  CHECK(close(fd) == 0 && unlink(target) == 0);
}

void source_refuses(const char *folder)
{
  char link[4096];
  int fd = next_descriptor();
  struct source *s;

  CHECK(open_error(folder) == EISDIR);
  CHECK(open_error(in(folder, "none")) == ENOENT);
  CHECK(open_error("") == ENOENT || open_error("") == EISDIR);
  CHECK(mkfifo(in(folder, "fifo"), 0600) == 0);
  CHECK(open_error(target) == ENOTSUP); /* and it does not wait */
  CHECK(unlink(target) == 0);
  CHECK(open_error("/dev/null") == ENOTSUP);
  sockets(folder);

  put_text(in(folder, "a.jpg"), "abc");
  (void)snprintf(link, sizeof link, "%s/link", folder);
  CHECK(symlink("a.jpg", link) == 0);
  s = opened(link);
  CHECK(reads(s, 0, "abc", 3));
  source_release(s);
  CHECK(open_error(in(folder, "a.jpg/")) == ENOTDIR);
  CHECK(unlink(in(folder, "a.jpg")) == 0 && open_error(link) == ENOENT);
  CHECK(unlink(link) == 0 && symlink(".", link) == 0);
  CHECK(open_error(link) == EISDIR);
  CHECK(unlink(link) == 0 && symlink("link", link) == 0);
  CHECK(open_error(link) == ELOOP && unlink(link) == 0);

  put_text(in(folder, "secret"), "abc");
  CHECK(chmod(target, 0) == 0);
  CHECK(geteuid() == 0 || open_error(target) == EACCES);
  CHECK(unlink(target) == 0 && next_descriptor() == fd);

  s = made(in(folder, "late")); /* a file that appears is found */
  CHECK(source_open(s) == ENOENT);
  put_text(target, "abc");
  CHECK(source_open(s) == 0 && source_size(s) == 3);
  source_release(s);
  CHECK(unlink(target) == 0);
}

/* ===} */

/* {=== what changes */

/* Moves the time of the last change. */
static void touch(const char *path, long nanoseconds)
{
  struct stat status;
  struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };

  CHECK(stat(path, &status) == 0);
  times[1] = status.st_mtim;
  times[1].tv_nsec += nanoseconds;
  if (times[1].tv_nsec >= 1000000000) {
    times[1].tv_nsec -= 1000000000;
    times[1].tv_sec++;
  }
  CHECK(utimensat(AT_FDCWD, path, times, 0) == 0);
}

void source_changes(const char *folder)
{
  char other[4096];
  struct source *s;
  struct stat status;

  put_text(in(folder, "a.jpg"), "0123456789");
  s = opened(target);
  CHECK(stat(target, &status) == 0);
  touch(target, 1); /* some file systems have no such times */
  if (source_check(s) != 0) {
    CHECK(source_check(s) == SOURCE_CHANGED);
    CHECK(reads(s, 0, "012345678", 9)); /* not to the end */
    CHECK(read_error(s, 0, 10) == SOURCE_CHANGED);
    CHECK(read_error(s, 9, 1) == SOURCE_CHANGED);
    CHECK(source_open(s) == 0 && source_check(s) == SOURCE_CHANGED);
    touch(target, 999999999);
    CHECK(source_check(s) == SOURCE_CHANGED);
  }
  source_release(s);

  s = opened(target); /* it grows */
  CHECK(truncate(target, 11) == 0);
  CHECK(source_check(s) == SOURCE_CHANGED && source_size(s) == 10);
  CHECK(read_error(s, 5, 5) == SOURCE_CHANGED);
  source_release(s);

  s = opened(target); /* it ends early */
  CHECK(truncate(target, 4) == 0 && reads(s, 0, "0123", 4));
  CHECK(read_error(s, 2, 3) == SOURCE_CHANGED);
  CHECK(read_error(s, 8, 3) == SOURCE_CHANGED);
  CHECK(source_check(s) == SOURCE_CHANGED);
  source_release(s);

  put_text(target, "0123456789");
  s = opened(target); /* another file takes its name: this one is whole */
  (void)snprintf(other, sizeof other, "%s/other", folder);
  put_text(other, "another");
  CHECK(rename(other, target) == 0);
  CHECK(source_check(s) == 0 && reads(s, 0, "0123456789", 10));
  source_release(s);
  s = opened(target);
  CHECK(unlink(target) == 0 && reads(s, 0, "another", 7));
  source_release(s);
  CHECK(names(folder) == 0);
}

/* ===} */
