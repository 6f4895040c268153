/* SPDX-License-Identifier: MIT
 *
 * layer0_disk: see layer0_disk.h.  src/file.c is compiled for this driver with
 * the functions below in place of the system's.
 */
#undef write
#undef link
#undef rename
#undef renameat2
#undef fsync
#define _GNU_SOURCE
#include "layer0_disk.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

ssize_t layer0_write(int fd, const void *bytes, size_t n);
int layer0_link(const char *from, const char *to);
int layer0_rename(const char *from, const char *to);
int layer0_renameat2(int from_folder, const char *from, int to_folder,
                     const char *to, unsigned flags);
int layer0_fsync(int fd);

struct disk disk = { .room = SIZE_MAX, .has_links = true,
                     .has_noreplace = true, .syncs = true };

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

int layer0_rename(const char *from, const char *to)
{
  name_given();
  return rename(from, to);
}

int layer0_renameat2(int from_folder, const char *from, int to_folder,
                     const char *to, unsigned flags)
{
  if (disk.has_noreplace) {
    name_given();
    return renameat2(from_folder, from, to_folder, to, flags);
  }
  errno = EINVAL;
  return -1;
}

int layer0_fsync(int fd)
{
  struct stat status;

  if (!disk.syncs) {
    errno = EIO;
    return -1;
  }
  if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
    disk.synced = true; /* a folder says nothing of its files */
  return fsync(fd);
}
