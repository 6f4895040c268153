/* SPDX-License-Identifier: MIT
 *
 * receiver: a request's body on its way into a file, for uploads that are
 * larger than memory should hold.
 *
 * Owns the file until the rules move it; a file that they left is removed.
 * Knows neither HTTP nor Lua.
 */
#ifndef SANDBOX_RECEIVER_H
#define SANDBOX_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>

struct receiver {
  int fd;            /* -1: no file is open */
  char *path;        /* NULL: there is no file */
  long long length;  /* bytes that came */
  long long limit;   /* more are counted, but not written */
  long long reset_at; /* after so many the connection breaks; -1: never */
  bool broken;       /* the disk took not all of them */
};

/* Neutral: as if never opened. */
void receiver_init(struct receiver *r);

/* Makes the file; false if it cannot, and then every byte is dropped. */
bool receiver_open(struct receiver *r, const char *path, long long limit,
                   long long reset_at);

bool receiver_is_open(const struct receiver *r);

/* Takes bytes; false when the connection is to break here. */
bool receiver_add(struct receiver *r, const void *bytes, size_t length);

/* No more bytes come; the file is there to be read. */
void receiver_end(struct receiver *r);

/* Ends, and removes the file if it is still at its place. */
void receiver_free(struct receiver *r);

#endif
