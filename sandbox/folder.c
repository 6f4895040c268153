/* SPDX-License-Identifier: MIT
 *
 * folder: see folder.h.
 */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_FOLDERS 16

int folder_make(const char *path)
{
  struct stat info;

  if (mkdir(path, 0700) == 0) return 0;
  if (errno != EEXIST) return errno;
  if (stat(path, &info) != 0) return errno;
  return S_ISDIR(info.st_mode) ? 0 : ENOTDIR;
}

static int remove_one(const char *path, const struct stat *info, int kind,
                      struct FTW *where)
{
  (void)info;
  (void)kind;
  (void)where;
  return remove(path) == 0 || errno == ENOENT ? 0 : errno;
}

int folder_remove(const char *path)
{
  int result = nftw(path, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);

  if (result < 0) result = errno;
  return result == ENOENT ? 0 : result;
}

int folder_lock(const char *path, int *fd)
{
  int error;

  /* Closed in children: a lock lasts as long as any descriptor of it. */
  *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (*fd < 0) return errno;
  if (flock(*fd, LOCK_EX | LOCK_NB) == 0) return 0;
  error = errno;
  (void)close(*fd);
  *fd = -1;
  return error;
}

int folder_temporary(char *path, size_t size)
{
  const char *base = getenv("TMPDIR");
  int n = snprintf(path, size, "%s/jogg-sandbox-XXXXXX",
                   base && base[0] == '/' ? base : "/tmp");

  if (n < 0 || (size_t)n >= size) return ENAMETOOLONG;
  return mkdtemp(path) ? 0 : errno;
}

static int write_all(int fd, const char *bytes, size_t length)
{
  while (length > 0) {
    ssize_t n = write(fd, bytes, length);

    if (n < 0 && errno != EINTR) return errno;
    if (n > 0) {
      bytes += n;
      length -= (size_t)n;
    }
  }
  return 0;
}

int folder_write(const char *path, const void *bytes, size_t length)
{
  char fresh[PATH_MAX];
  int n = snprintf(fresh, sizeof fresh, "%s.new", path);
  int fd, error;

  if (n < 0 || (size_t)n >= sizeof fresh) return ENAMETOOLONG;
  fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
            0600);
  if (fd < 0) return errno;
  error = write_all(fd, bytes, length);
  if (close(fd) != 0 && !error) error = errno;
  if (!error && rename(fresh, path) != 0) error = errno;
  if (error) (void)unlink(fresh);
  return error;
}
