/* SPDX-License-Identifier: MIT
 *
 * file: the video on its way to the disk.
 *
 * Owns a temporary file beside the target and the buffer that gathers small
 * writes.  The target appears whole, by one rename, or not at all.  Shared by
 * the Lua object and by the transfer that fills it, hence the count of
 * references: whoever lets go last removes what was not committed.  Only one
 * of them uses it at a time.  All but file_new, file_name, file_retain and
 * file_length may have to wait for the disk.  It knows neither Lua nor libcurl.
 */
#ifndef JOGG_FILE_H
#define JOGG_FILE_H

#include "mp4.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file;

/* How file_commit ended. */
enum file_result {
  FILE_COMMITTED,
  FILE_NOT_WHOLE,  /* not a whole MP4: the verdict says what it is */
  FILE_FAILED      /* the system refused: see errno's copy in *error */
};

/* A file that is not on the disk yet, which is not touched: only the folder
   that we are in is asked for.  NULL when memory ran out. */
struct file *file_new(const char *path, bool overwrite, int64_t maximum);

/* The target as it was called in file_new; it stays as long as the file. */
const char *file_name(const struct file *f);

/* Makes the temporary file, unless it is there.  0, or an errno with nothing
   made, and it may be tried again: EEXIST when the target is there and must
   not be overwritten; EBADF after FILE_COMMITTED. */
int file_create(struct file *f);

struct file *file_retain(struct file *f);

/* Lets go; the last one removes a temporary file that was not committed.
   NULL is allowed. */
void file_release(struct file *f);

/* How long the whole file is said to be; -1: unknown. */
enum file_expectation {
  FILE_EXPECTED,
  FILE_TOO_LARGE,  /* more than the maximum */
  FILE_CHANGED     /* not what was said when the bytes so far came */
};
enum file_expectation file_expect(struct file *f, int64_t whole);

/* Appends.  0, or an errno; EOVERFLOW when the maximum is exceeded. */
int file_write(struct file *f, const void *bytes, size_t n);

/* Bytes appended so far. */
int64_t file_length(const struct file *f);

/* Forgets all bytes, for a transfer that starts anew.  0, or an errno. */
int file_rewind(struct file *f);

/* Flushes, judges, syncs and moves into place.  After FILE_COMMITTED the file
   is closed; otherwise it can still be written to or rewound. */
enum file_result file_commit(struct file *f, enum mp4_verdict *verdict,
                             int *error);

#endif
