/* SPDX-License-Identifier: MIT
 *
 * source: a local file that is uploaded.
 *
 * It stands for the file as source_open found it.  If the file's size or the
 * time of its last change differs, reading fails before the end.  The Lua
 * object and the transfers that send the file share the source, hence the count
 * of references; each transfer has its own offset in it, so that a repeat
 * begins at the start.  All but source_new, source_name, source_size and
 * source_retain may wait for the disk.  It knows neither Lua nor libcurl.
 */
#ifndef JOGG_SOURCE_H
#define JOGG_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#define SOURCE_CHANGED (-1) /* in place of an errno */

struct source;

/* Describes a file; its path is made absolute now.  NULL: no memory. */
struct source *source_new(const char *path);

struct source *source_retain(struct source *s);

/* Lets go; the last one closes the file.  NULL is allowed. */
void source_release(struct source *s);

/* The path as the caller gave it; valid as long as the source. */
const char *source_name(const struct source *s);

/* Opens the file, unless it is open.  0, or an errno: EISDIR for a folder,
   ENOTSUP for anything else that is not a regular file. */
int source_open(struct source *s);

/* Its size when it was opened; 0 before that. */
int64_t source_size(const struct source *s);

/* Is it still the file that was opened?  0, or SOURCE_CHANGED, or an errno:
   EBADF before source_open. */
int source_check(const struct source *s);

/* Reads the n bytes at `offset`, which are within the size; n is not 0.  The
   last byte of the file is read only if the file did not change before.  0, or
   SOURCE_CHANGED, or an errno. */
int source_read(const struct source *s, int64_t offset, char *bytes, size_t n);

#endif
