/* SPDX-License-Identifier: MIT
 *
 * folder: the few things the sandbox does with files and folders.
 *
 * All of them return 0, or why not as an errno.  Nothing here follows a
 * symbolic link when it deletes, writes or locks.
 */
#ifndef SANDBOX_FOLDER_H
#define SANDBOX_FOLDER_H

#include <stddef.h>

/* Creates a folder for its owner alone; an existing one will do. */
int folder_make(const char *path);

/* Deletes a folder and all that is in it; a missing one will do. */
int folder_remove(const char *path);

/* Takes a file's lock for as long as *fd is open; the file is created if
 * need be.  EWOULDBLOCK: another program has it.  *fd is -1 on failure. */
int folder_lock(const char *path, int *fd);

/* A new, empty folder below $TMPDIR or /tmp; its path goes to `path`. */
int folder_temporary(char *path, size_t size);

/* Replaces a file at once: readers see the old one or the new one. */
int folder_write(const char *path, const void *bytes, size_t length);

#endif
