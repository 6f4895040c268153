/* SPDX-License-Identifier: MIT
 *
 * layer0_release: a large file that is given up.
 */
#define _POSIX_C_SOURCE 200809L
#include "layer0.h"
#include "layer0_disk.h"

#include "file.h"

#include <time.h>

/* Its name is gone at once, its descriptor soon. */
void file_goes(const char *folder)
{
  enum { CHUNK = 1024 * 1024 };
  static const struct timespec pause = { 0, 1000000 };
  char *bytes = calloc(1, CHUNK);
  int before = names("/proc/self/fd"), i, round;
  struct file *f;

  CHECK(bytes);
  for (round = 0; round < 2; round++) {
    disk.holds_open = round == 1;
    f = file_new(in(folder, "large.mp4"), false, INT64_MAX, FILE_MP4, NULL);
    CHECK(f && file_create(f) == 0);
    for (i = 0; i < 64; i++)
      CHECK(file_write(f, bytes, CHUNK) == 0);
    CHECK(names(folder) == 1 && names("/proc/self/fd") == before + 1);
    file_release(f);
    CHECK(names(folder) == 0);
    for (i = 0; i < 10000 && names("/proc/self/fd") != before; i++)
      (void)nanosleep(&pause, NULL);
    CHECK(names("/proc/self/fd") == before);
  }
  free(bytes);
}
