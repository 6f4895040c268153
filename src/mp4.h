/* SPDX-License-Identifier: MIT
 *
 * mp4: is this file a whole MP4?
 *
 * Walks the top-level boxes of ISO/IEC 14496-12 by their headers alone; media
 * data is never read.  A file that ends inside a box is cut, whatever the
 * server said its length was.  It knows neither Lua nor libcurl.
 */
#ifndef JOGG_MP4_H
#define JOGG_MP4_H

#include <stdint.h>

enum mp4_verdict {
  MP4_WHOLE,      /* ftyp first, moov and mdat present, no box cut */
  MP4_EMPTY,      /* no byte at all */
  MP4_FOREIGN,    /* does not begin like an MP4 file: HTML, JSON, ... */
  MP4_CUT,        /* ends inside a box, or lacks moov or mdat */
  MP4_UNREADABLE  /* the file could not be read; errno says why */
};

/* Judges the `size` bytes of the file `fd`, which need not be at its start. */
enum mp4_verdict mp4_check(int fd, int64_t size);

#endif
