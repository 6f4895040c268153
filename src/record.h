/* SPDX-License-Identifier: MIT
 *
 * record: a small text file that one process at a time may hold.
 *
 * The file is locked (flock) while the record is open and replaced whole by
 * each write, so that a reader, or the next process after a kill, finds the
 * old text or the new one.  File systems without locks are used without.  It
 * knows neither Lua nor libcurl.
 */
#ifndef JOGG_RECORD_H
#define JOGG_RECORD_H

#include "buf.h"

#include <stdbool.h>

#define RECORD_MAXIMUM (1024 * 1024)

struct record;

/* Describes a record; its path is made absolute now.  NULL: no memory. */
struct record *record_new(const char *path);

struct record *record_retain(struct record *r);

/* Lets go; the last one unlocks.  NULL is allowed. */
void record_release(struct record *r);

/* Locks the file and reads it into `text`.  0: *exists says whether there is a
   file.  Where there is none, an empty file PATH.jogg-new holds the lock until
   the first write.  Otherwise an errno: EWOULDBLOCK when another record holds
   it, in this process or another; EFBIG when it is larger than the buffer's
   maximum; EISDIR, ENOTSUP when it is no regular file. */
int record_open(struct record *r, struct buf *text, bool *exists);

/* Replaces the content durably.  0, or an errno; the old content then stays.
   EWOULDBLOCK: the file is not the one that was opened, another program has
   replaced it.  EFBIG: longer than RECORD_MAXIMUM.  EBADF: not open. */
int record_write(struct record *r, const char *text, size_t n);

/* Unlocks.  May be called any number of times. */
void record_close(struct record *r);

#endif
