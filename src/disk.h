/* SPDX-License-Identifier: MIT
 *
 * disk: paths, and files that appear whole or not at all.
 *
 * The common part of file and record: finding the real target, writing,
 * syncing, and giving a finished file its name.  File systems differ in what
 * they support; the differences end here.  It knows neither Lua nor libcurl.
 */
#ifndef JOGG_DISK_H
#define JOGG_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The absolute form of `path`, for the caller to free; it ends with `path`.
   Where the current folder has no path, a copy of `path`.  NULL: no memory. */
char *disk_absolute(const char *path);

/* Finds the file that `path` means, through symbolic links, which may dangle.
   0: *target is its path, for the caller to free, and *mode its mode, or 0 if
   there is no such file.  Otherwise an errno: EISDIR for a folder, ENOTSUP for
   anything else that is not a regular file. */
int disk_find(const char *path, char **target, mode_t *mode);

/* Writes n bytes.  *done is how many were written, also on an error.  0, or
   an errno. */
int disk_write(int fd, const char *bytes, size_t n, size_t *done);

/* Does this errno of fsync or flock mean that the file system does not have the
   function? */
bool disk_lacks(int error);

/* Waits until the file is on the disk.  File systems without fsync are
   trusted.  0, or an errno. */
int disk_sync(int fd);

/* Renames a file.  Unless `replace`, an existing file named `to` is never
   replaced: EEXIST.  0, or an errno. */
int disk_move(const char *from, const char *to, bool replace);

/* Makes the names in the folder of `path` durable.  Not every file system can,
   so a failure is ignored: the data itself is safe. */
void disk_sync_folder(const char *path);

#endif
