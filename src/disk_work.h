/* SPDX-License-Identifier: MIT
 *
 * disk_work: the pieces of work on the disk that a transfer may carry.
 *
 * Each is a value for the field `disk` of a transfer that has a file, a record
 * or a source, and returns an errno.  They run where the loop is driven, in the
 * order in which they were submitted.  They know no Lua.
 */
#ifndef JOGG_DISK_WORK_H
#define JOGG_DISK_WORK_H

#include "transfer.h"

/* Does the work that a transfer carries. */
void disk_work_do(struct transfer *t);

/* Can the file be stored later? */
int disk_work_check(struct transfer *t);

/* Stores a whole file.  If that fails, `failed_path` says where it is. */
int disk_work_commit(struct transfer *t);

/* Keeps a whole file beside its target. */
int disk_work_keep(struct transfer *t);

/* Locks and reads the record: `exists` and `answer`. */
int disk_work_open(struct transfer *t);

/* Writes `body` to the record. */
int disk_work_write(struct transfer *t);

/* Opens the source: `expected` is its size. */
int disk_work_source(struct transfer *t);

/* Does nothing: the end of the transfer releases what it holds. */
int disk_work_nothing(struct transfer *t);

#endif
