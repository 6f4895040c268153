/* SPDX-License-Identifier: MIT
 *
 * layer0_mp4: the judge of MP4 files, with whole, cut and hostile ones.
 */
#define _GNU_SOURCE
#include "layer0.h"

#include "mp4.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static int fd = -1;
static int64_t size;

/* {=== making files: each adds to the one that is open */

static void add(const void *bytes, size_t n)
{
  CHECK(write(fd, bytes, n) == (ssize_t)n);
  size += (int64_t)n;
}

static void add_number(uint64_t number, int bytes)
{
  unsigned char text[8];
  int i;

  for (i = bytes; i-- > 0; number >>= 8)
    text[i] = (unsigned char)(number & 0xFF);
  add(text, (size_t)bytes);
}

/* A header alone. */
static void header(const char *type, uint32_t length)
{
  add_number(length, 4);
  add(type, 4);
}

static void wide(const char *type, uint64_t length)
{
  header(type, 1);
  add_number(length, 8);
}

/* A box with n bytes in it, that are not written but for the last. */
static void box(const char *type, uint32_t n)
{
  header(type, 8 + n);
  if (n > 0) {
    CHECK(lseek(fd, (off_t)n - 1, SEEK_CUR) >= 0);
    size += (int64_t)n - 1;
    add("", 1);
  }
}

static void begin(void)
{
  CHECK(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
  size = 0;
}

static enum mp4_verdict verdict(void)
{
  return mp4_check(fd, size);
}

static void begin_described(void)
{
  begin();
  box("ftyp", 16);
  box("moov", 100);
}

/* ===} */

static void whole_ones(void)
{
  begin_described();
  box("mdat", 1000);
  CHECK(verdict() == MP4_WHOLE);
  box("free", 0);
  CHECK(verdict() == MP4_WHOLE);
  begin(); /* media first, as cameras write it */
  box("ftyp", 0);
  box("mdat", 5);
  box("moov", 5);
  CHECK(verdict() == MP4_WHOLE);
  begin_described();
  header("mdat", 0); /* to the end of the file, which is right here */
  CHECK(verdict() == MP4_WHOLE);
  add("media", 5);
  CHECK(verdict() == MP4_WHOLE);
  begin_described();
  wide("mdat", 16 + 5);
  add("media", 5);
  CHECK(verdict() == MP4_WHOLE);
  begin_described();
  wide("mdat", 16);
  CHECK(verdict() == MP4_WHOLE);
  begin_described(); /* really large: a hole of 5 GiB */
  wide("mdat", 16 + ((uint64_t)5 << 30));
  size += (int64_t)5 << 30;
  if (ftruncate(fd, (off_t)size) == 0)
    CHECK(verdict() == MP4_WHOLE);
}

static void cut_ones(void)
{
  int64_t n, all;

  begin_described();
  CHECK(verdict() == MP4_CUT); /* no media */
  begin();
  box("ftyp", 4);
  box("mdat", 4);
  CHECK(verdict() == MP4_CUT); /* no description */
  begin();
  header("ftyp", 0); /* all the file is one box */
  add("moovmdat", 8);
  CHECK(verdict() == MP4_CUT);
  begin_described();
  box("mdat", 50);
  all = size;
  for (n = 1; n < all; n++) /* at every byte */
    CHECK(mp4_check(fd, n) == (n < 8 ? MP4_FOREIGN : MP4_CUT));
  add("rubbish", 7);
  CHECK(verdict() == MP4_CUT);
  begin_described();
  wide("mdat", 16 + 100);
  all = size;
  for (n = all - 15; n <= all; n++)
    CHECK(mp4_check(fd, n) == MP4_CUT);
}

static void hostile_ones(void)
{
  static const uint64_t sizes[] = { 0, 1, 8, 15, 17, INT64_MAX, INT64_MAX - 100,
                                    (uint64_t)INT64_MAX + 1, UINT64_MAX - 200,
                                    UINT64_MAX - 124, UINT64_MAX };
  size_t i;
  uint32_t n;

  for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    begin_described();
    wide("mdat", sizes[i]);
    CHECK(verdict() == MP4_CUT);
  }
  for (n = 2; n < 8; n++) { /* a box smaller than its header: no endless walk */
    begin_described();
    header("mdat", n);
    add("12345678", 8);
    CHECK(verdict() == MP4_CUT);
  }
  begin_described();
  header("mdat", UINT32_MAX);
  CHECK(verdict() == MP4_CUT);
  begin_described();
  box("mdat", 1);
  for (n = 0; n < 70000; n++) /* more boxes than any video has */
    header("free", 8);
  CHECK(verdict() == MP4_CUT);
}

static void foreign_ones(void)
{
  begin();
  CHECK(verdict() == MP4_EMPTY);
  add("<html><body>Not found</body></html>", 35);
  CHECK(verdict() == MP4_FOREIGN);
  begin();
  add("{\"code\":10104}", 14);
  CHECK(verdict() == MP4_FOREIGN);
  begin();
  box("moov", 1);
  box("mdat", 1);
  CHECK(verdict() == MP4_FOREIGN);
  begin();
  add("ftyp", 4);
  CHECK(verdict() == MP4_FOREIGN);
}

static void unreadable_ones(void)
{
  int mine = fd;

  begin_described();
  box("mdat", 10);
  errno = 0;
  CHECK(mp4_check(fd, size + 10) == MP4_UNREADABLE && errno == EIO);
  fd = -1;
  CHECK(verdict() == MP4_UNREADABLE && errno == EBADF);
  fd = mine;
}

void mp4_judges(const char *folder)
{
  char path[4096];

  (void)snprintf(path, sizeof path, "%s/judged.mp4", folder);
  fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  CHECK(fd >= 0);
  whole_ones();
  cut_ones();
  hostile_ones();
  foreign_ones();
  unreadable_ones();
  CHECK(close(fd) == 0);
}
