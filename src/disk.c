/* SPDX-License-Identifier: MIT
 *
 * disk: see disk.h.
 */
#define _GNU_SOURCE /* renameat2 */
#define _FILE_OFFSET_BITS 64 /* files over 2 GiB on 32-bit systems */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAXIMUM 40 /* as many as Linux follows */

/* {=== paths */

/* `n` bytes of `first`, then `second`; for the caller to free. */
static char *joined(const char *first, size_t n, const char *second)
{
  size_t size = strlen(second) + 1;
  char *whole = malloc(n + size);

  if (whole) {
    memcpy(whole, first, n);
    memcpy(whole + n, second, size);
  }
  return whole;
}

char *disk_absolute(const char *path)
{
  char folder[PATH_MAX + 1];
  size_t n;

  if (path[0] == '/' || !getcwd(folder, PATH_MAX) || folder[0] != '/')
    return strdup(path);
  n = strlen(folder);
  folder[n++] = '/';
  if (n + strlen(path) >= PATH_MAX)
    return strdup(path); /* the system takes no path of this length */
  return joined(folder, n, path);
}

/* How many bytes of the path name its folder, the last slash included. */
static size_t folder_length(const char *path)
{
  const char *slash = strrchr(path, '/');

  return slash ? (size_t)(slash - path) + 1 : 0;
}

/* Replaces *path, a symbolic link, by what it points to.  0, or an errno. */
static int follow(char **path)
{
  char to[PATH_MAX];
  ssize_t n = readlink(*path, to, sizeof to);
  char *next;

  if (n < 0)
    return errno;
  if ((size_t)n == sizeof to)
    return ENAMETOOLONG;
  to[n] = '\0';
  next = joined(*path, to[0] == '/' ? 0 : folder_length(*path), to);
  if (!next)
    return ENOMEM;
  free(*path);
  *path = next;
  return 0;
}

/* disk_find, with a path that it may free and replace. */
static int find(char **path, mode_t *mode)
{
  int links, error;
  struct stat status;

  for (links = 0; links <= LINKS_MAXIMUM; links++) {
    size_t n = strlen(*path);
    if (lstat(*path, &status) != 0) {
      *mode = 0;
      if (errno != ENOENT)
        return errno;
      return n == 0 || (*path)[n - 1] == '/' ? EISDIR : 0;
    }
    if (!S_ISLNK(status.st_mode)) {
      *mode = status.st_mode;
      if (S_ISDIR(status.st_mode))
        return EISDIR;
      return S_ISREG(status.st_mode) ? 0 : ENOTSUP;
    }
    error = follow(path);
    if (error)
      return error;
  }
  return ELOOP;
}

int disk_find(const char *path, char **target, mode_t *mode)
{
  int error;

  *target = strdup(path);
  error = *target ? find(target, mode) : ENOMEM;
  if (error) {
    free(*target);
    *target = NULL;
  }
  return error;
}

/* ===} */

/* {=== files */

int disk_write(int fd, const char *bytes, size_t n, size_t *done)
{
  *done = 0;
  while (*done < n) {
    ssize_t put = write(fd, bytes + *done, n - *done);
    if (put > 0)
      *done += (size_t)put;
    else if (put == 0)
      return EIO;
    else if (errno != EINTR)
      return errno;
  }
  return 0;
}

bool disk_lacks(int error)
{
  switch (error) {
  case EINVAL:
  case ENOLCK:
  case ENOSYS:
  case EOPNOTSUPP:
#if ENOTSUP != EOPNOTSUPP
  case ENOTSUP:
#endif
    return true;
  default:
    return false;
  }
}

int disk_sync(int fd)
{
  return fsync(fd) == 0 || disk_lacks(errno) ? 0 : errno;
}

/* Where neither a rename nor a link can refuse to replace, looking first is
   the best there is. */
static int move_new(const char *from, const char *to)
{
  struct stat status;

#ifdef RENAME_NOREPLACE
  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
    return 0;
  if (errno == EEXIST || errno == EBUSY || errno == ETXTBSY)
    return errno; /* an open file would keep its old name beside a link */
#endif
  if (link(from, to) == 0) {
    (void)unlink(from); /* the new name is complete either way */
    return 0;
  }
  if (errno == EEXIST || lstat(to, &status) == 0)
    return EEXIST;
  return rename(from, to) == 0 ? 0 : errno;
}

int disk_move(const char *from, const char *to, bool replace)
{
  if (!replace)
    return move_new(from, to);
  return rename(from, to) == 0 ? 0 : errno;
}

void disk_sync_folder(const char *path)
{
  size_t n = folder_length(path);
  char *folder = n > 0 ? strndup(path, n) : strdup(".");
  int fd;

  if (!folder)
    return;
  fd = open(folder, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    (void)fsync(fd);
    (void)close(fd);
  }
  free(folder);
}

/* ===} */
