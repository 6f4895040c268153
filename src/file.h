/* SPDX-License-Identifier: MIT
 *
 * file: a download on its way to the disk.
 *
 * Owns a temporary file beside the target and the buffer that gathers small
 * writes.  The target appears whole, by one rename, or not at all.  The Lua
 * object and the transfer that fills the file share it, hence the count of
 * references.  Only one of them uses it at a time.  All but file_new,
 * file_name, file_temporary, file_retain and file_length may wait for the
 * disk.  It knows neither Lua nor libcurl.
 */
#ifndef JOGG_FILE_H
#define JOGG_FILE_H

#include "mp4.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file;

/* What makes a file whole, beside its length. */
enum file_content {
  FILE_ANY, /* nothing */
  FILE_MP4  /* it is a complete MP4 */
};

/* What file_expect says about an announced length. */
enum file_expectation {
  FILE_EXPECTED,
  FILE_TOO_LARGE, /* more than the maximum */
  FILE_CHANGED    /* not the length that was announced before */
};

/* Describes a file; does not touch the disk except to ask for the current
   folder.  `key`: file_key of an earlier process's file for the same target,
   whose temporary file is used again if it was left; or NULL.  NULL when memory
   ran out. */
#define FILE_KEY_LENGTH 6
struct file *file_new(const char *path, bool overwrite, int64_t maximum,
                      enum file_content content, const char *key);

/* FILE_KEY_LENGTH letters and digits that end the temporary file's name.  They
   do not change any more; until then they may, if another file has them. */
const char *file_key(struct file *f);

/* The temporary file's name, valid as long as the file, or NULL while there is
   none.  Any holder may ask at any time. */
const char *file_temporary(const struct file *f);

struct file *file_retain(struct file *f);

/* Releases a reference.  With the last one a temporary file is removed, unless
   it is kept.  NULL is allowed. */
void file_release(struct file *f);

/* Does everything that file_commit will do, with a file of one byte.  0, or
   an errno, the same that file_create would return; leaves nothing. */
int file_check(struct file *f);

/* Makes the temporary file, unless there is one.  It stands beside the real
   target: symbolic links are followed.  0, or an errno, and nothing was made:
   EEXIST when the target is there and must not be overwritten, EISDIR when it
   is a folder, ENOTSUP when it is another thing that is not a regular file,
   EBADF after file_commit. */
int file_create(struct file *f);

/* Notes the length that the server announced for the whole file; -1:
   unknown. */
enum file_expectation file_expect(struct file *f, int64_t whole);

/* Appends.  0, or an errno; EOVERFLOW when the maximum is exceeded. */
int file_write(struct file *f, const void *bytes, size_t n);

/* Bytes appended so far. */
int64_t file_length(const struct file *f);

/* Forgets all bytes, for a transfer that starts anew.  0, or an errno. */
int file_rewind(struct file *f);

/* Flushes and judges the content; less or more than was announced is MP4_CUT.
   MP4_WHOLE is also the verdict for FILE_ANY.  MP4_UNREADABLE: *error is an
   errno. */
enum mp4_verdict file_judge(struct file *f, int *error);

/* Syncs, closes and moves into place a file that was judged whole.  0, or an
   errno, and this may be tried again. */
int file_commit(struct file *f);

/* Keeps the temporary file if it is whole, under another temporary name: the
   next file with its key must not use it again. */
void file_keep(struct file *f);

#endif
