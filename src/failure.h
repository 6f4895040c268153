/* SPDX-License-Identifier: MIT
 *
 * failure: what libcurl's and the system's codes mean for a transfer.
 *
 * The only place that knows libcurl's codes, and the only one that lets
 * libcurl's own words through.  It knows no Lua.
 */
#ifndef JOGG_FAILURE_H
#define JOGG_FAILURE_H

#include "transfer.h"

#include <curl/curl.h>

/* Notes how an exchange ended, before its easy handle is removed: see
   libcurl-errors(3).  `words` are libcurl's own about it, or "". */
void failure_note(struct transfer *t, CURLcode code, const char *words);

/* Notes why the source could not be read: an errno, or SOURCE_CHANGED. */
void failure_note_source(struct transfer *t, int error);

/* What the disk's errno means; 0 is FAILURE_NONE. */
enum failure failure_of_disk(int error);

/* The name of a failure, a lasting word: "connect_timeout". */
const char *failure_name(enum failure failure);

#endif
