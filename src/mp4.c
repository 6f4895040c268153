/* SPDX-License-Identifier: MIT
 *
 * mp4: see mp4.h.
 */
#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64 /* videos over 2 GiB on 32-bit systems */
#include "mp4.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define BOX_HEADER 8       /* 32-bit size, type */
#define BOX_LONG_HEADER 16 /* size 1: a 64-bit size follows */
#define BOX_LIMIT 65536    /* fragments make many boxes; more is an attack */

static uint64_t big_endian(const unsigned char *p, int n)
{
  uint64_t value = 0;

  while (n-- > 0)
    value = value << 8 | *p++;
  return value;
}

/* Reads exactly n bytes at an offset that is known to lie inside the file. */
static bool read_at(int fd, void *to, size_t n, int64_t offset)
{
  size_t done = 0;

  while (done < n) {
    ssize_t got =
      pread(fd, (char *)to + done, n - done, (off_t)(offset + (int64_t)done));
    if (got < 0 && errno == EINTR)
      continue;
    if (got == 0)
      errno = EIO; /* the file was truncated meanwhile */
    if (got <= 0)
      return false;
    done += (size_t)got;
  }
  return true;
}

enum mp4_verdict mp4_check(int fd, int64_t size)
{
  unsigned char header[BOX_LONG_HEADER];
  bool described = false, filled = false; /* a moov, an mdat was seen */
  int64_t offset = 0;
  int boxes;

  if (size == 0)
    return MP4_EMPTY;
  for (boxes = 0; offset < size && boxes < BOX_LIMIT; boxes++) {
    uint64_t left = (uint64_t)(size - offset), length;

    if (left < BOX_HEADER)
      return boxes ? MP4_CUT : MP4_FOREIGN;
    if (!read_at(fd, header, BOX_HEADER, offset))
      return MP4_UNREADABLE;
    if (boxes == 0 && memcmp(header + 4, "ftyp", 4) != 0)
      return MP4_FOREIGN;
    length = big_endian(header, 4);
    if (length == 0) {
      length = left; /* "to the end of the file" */
    } else if (length == 1) {
      if (left < BOX_LONG_HEADER)
        return MP4_CUT;
      if (!read_at(fd, header, BOX_LONG_HEADER, offset))
        return MP4_UNREADABLE;
      length = big_endian(header + BOX_HEADER, 8);
      if (length < BOX_LONG_HEADER)
        return MP4_CUT;
    } else if (length < BOX_HEADER) {
      return MP4_CUT;
    }
    if (length > left)
      return MP4_CUT;
    if (memcmp(header + 4, "moov", 4) == 0)
      described = true;
    if (memcmp(header + 4, "mdat", 4) == 0)
      filled = true;
    offset += (int64_t)length;
  }
  return described && filled && offset == size ? MP4_WHOLE : MP4_CUT;
}
