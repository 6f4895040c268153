/* SPDX-License-Identifier: MIT
 *
 * source: see source.h.
 */
#define _GNU_SOURCE /* st_mtim, pread */
#define _FILE_OFFSET_BITS 64 /* videos over 2 GiB on 32-bit systems */
#include "source.h"

#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef __APPLE__
#define st_mtim st_mtimespec
#endif

struct source {
  atomic_int references;
  int fd;                  /* -1: not open */
  int64_t size;            /* when it was opened, */
  struct timespec changed; /* and when it had changed last by then */
  char *path;              /* absolute: a later chdir changes nothing */
  const char *name;        /* the end of `path` that the caller gave */
};

/* {=== birth and death */

struct source *source_new(const char *path)
{
  struct source *s = malloc(sizeof *s);

  if (!s)
    return NULL;
  *s = (struct source){ .fd = -1 };
  atomic_init(&s->references, 1);
  s->path = disk_absolute(path);
  if (!s->path) {
    source_release(s);
    return NULL;
  }
  s->name = s->path + strlen(s->path) - strlen(path);
  return s;
}

struct source *source_retain(struct source *s)
{
  (void)atomic_fetch_add(&s->references, 1);
  return s;
}

void source_release(struct source *s)
{
  if (!s || atomic_fetch_sub(&s->references, 1) != 1)
    return;
  if (s->fd >= 0)
    (void)close(s->fd);
  free(s->path);
  free(s);
}

const char *source_name(const struct source *s)
{
  return s->name;
}

/* ===} */

/* {=== opening */

/* 0, or an errno. */
static int kind_check(const struct stat *status)
{
  if (S_ISDIR(status->st_mode))
    return EISDIR;
  return S_ISREG(status->st_mode) ? 0 : ENOTSUP;
}

/* Opens only a regular file: opening a FIFO would wait, and opening a device
   may have an effect.  If the file becomes a FIFO just now, O_NONBLOCK keeps
   the thread from waiting.  0, or an errno. */
static int open_regular(const char *path, int *fd, struct stat *status)
{
  int error = stat(path, status) == 0 ? kind_check(status) : errno;

  if (error)
    return error;
  *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (*fd < 0)
    return errno;
  error = fstat(*fd, status) == 0 ? kind_check(status) : errno;
  if (error) {
    (void)close(*fd);
    *fd = -1;
  }
  return error;
}

int source_open(struct source *s)
{
  struct stat status;
  int error;

  if (s->fd >= 0)
    return 0;
  error = open_regular(s->path, &s->fd, &status);
  if (error)
    return error;
  s->size = status.st_size;
  s->changed = status.st_mtim;
  return 0;
}

int64_t source_size(const struct source *s)
{
  return s->size;
}

/* ===} */

/* {=== reading */

int source_check(const struct source *s)
{
  struct stat status;

  if (s->fd < 0)
    return EBADF;
  if (fstat(s->fd, &status) != 0)
    return errno;
  return status.st_size == s->size &&
         status.st_mtim.tv_sec == s->changed.tv_sec &&
         status.st_mtim.tv_nsec == s->changed.tv_nsec ? 0 : SOURCE_CHANGED;
}

int source_read(const struct source *s, int64_t offset, char *bytes, size_t n)
{
  while (n > 0) {
    ssize_t got = pread(s->fd, bytes, n, (off_t)offset);
    if (got == 0)
      return SOURCE_CHANGED; /* it has become shorter */
    if (got < 0) {
      if (errno == EINTR)
        continue;
      return errno;
    }
    bytes += got;
    n -= (size_t)got;
    offset += got;
  }
  return offset == s->size ? source_check(s) : 0;
}

/* ===} */
