/* SPDX-License-Identifier: MIT
 *
 * layer0_disk: see layer0_disk.h.  This driver is compiled with the functions
 * below in place of the system's.
 */
#undef write
#undef link
#undef unlink
#undef rename
#undef renameat2
#undef fsync
#undef flock
#define _GNU_SOURCE
#include "layer0_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

ssize_t layer0_write(int fd, const void *bytes, size_t n);
int layer0_link(const char *from, const char *to);
int layer0_unlink(const char *path);
int layer0_rename(const char *from, const char *to);
int layer0_renameat2(int from_folder, const char *from, int to_folder,
                     const char *to, unsigned flags);
int layer0_fsync(int fd);
int layer0_flock(int fd, int operation);

struct disk disk = { .room = SIZE_MAX, .has_links = true,
                     .has_noreplace = true, .has_locks = true };

void disk_reset(void)
{
  int unsynced_names = disk.unsynced_names;

  disk = (struct disk){ .room = SIZE_MAX, .has_links = true,
                        .has_noreplace = true, .has_locks = true };
  disk.unsynced_names = unsynced_names;
}

/* Takes at most 1000 bytes at once, as pipes and network disks do. */
ssize_t layer0_write(int fd, const void *bytes, size_t n)
{
  ssize_t put;

  if (disk.interruptions > 0) {
    disk.interruptions--;
    errno = EINTR;
    return -1;
  }
  if (disk.room == 0) {
    errno = ENOSPC;
    return -1;
  }
  if (disk.room < SIZE_MAX && n > 1000)
    n = 1000;
  put = write(fd, bytes, n < disk.room ? n : disk.room);
  if (put > 0 && disk.room < SIZE_MAX)
    disk.room -= (size_t)put;
  return put;
}

/* Fails if this process has the file open and the disk minds that. */
static int check_closed(const char *path)
{
  struct stat named, opened;
  int fd;

  if (!disk.holds_open || lstat(path, &named) != 0)
    return 0;
  for (fd = 0; fd < 256; fd++) {
    if (fstat(fd, &opened) == 0 && opened.st_dev == named.st_dev &&
        opened.st_ino == named.st_ino) {
      errno = ETXTBSY;
      return -1;
    }
  }
  return 0;
}

static void name_given(void)
{
  if (!disk.synced)
    disk.unsynced_names++;
  disk.synced = false;
}

int layer0_link(const char *from, const char *to)
{
  if (disk.has_links) {
    name_given();
    return link(from, to);
  }
  errno = EPERM;
  return -1;
}

int layer0_unlink(const char *path)
{
  return check_closed(path) == 0 ? unlink(path) : -1;
}

int layer0_rename(const char *from, const char *to)
{
  if (check_closed(from) != 0 || check_closed(to) != 0)
    return -1;
  name_given();
  return rename(from, to);
}

int layer0_renameat2(int from_folder, const char *from, int to_folder,
                     const char *to, unsigned flags)
{
  if (disk.has_noreplace) {
    if (check_closed(from) != 0 || check_closed(to) != 0)
      return -1;
    name_given();
    return renameat2(from_folder, from, to_folder, to, flags);
  }
  errno = EINVAL;
  return -1;
}

int layer0_fsync(int fd)
{
  struct stat status;

  if (disk.sync_error) {
    errno = disk.sync_error;
    return -1;
  }
  if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
    disk.synced = true; /* syncing a folder does not sync its files */
  return fsync(fd);
}

int layer0_flock(int fd, int operation)
{
  if (disk.has_locks)
    return flock(fd, operation);
  errno = ENOLCK;
  return -1;
}
