/* SPDX-License-Identifier: MIT
 *
 * layer0_release: a file that is given up.
 */
#define _POSIX_C_SOURCE 200809L
#include "layer0.h"

#include "file.h"

#include <stdint.h>
#include <time.h>

/* Its name is gone when it is released; its pages are nobody's affair. */
void file_goes(const char *folder)
{
  enum { CHUNK = 1024 * 1024 };
  static const struct timespec pause = { 0, 1000000 };
  char *bytes = calloc(1, CHUNK), path[4096];
  int before = names("/proc/self/fd"), i;
  struct file *f;

  CHECK(snprintf(path, sizeof path, "%s/large.mp4", folder) < 4096);
  f = file_new(path, false, INT64_MAX);
  CHECK(bytes && f && file_create(f) == 0);
  for (i = 0; i < 64; i++)
    CHECK(file_write(f, bytes, CHUNK) == 0);
  CHECK(names(folder) == 1 && names("/proc/self/fd") == before + 1);
  file_release(f);
  CHECK(names(folder) == 0);
  for (i = 0; i < 10000 && names("/proc/self/fd") != before; i++)
    (void)nanosleep(&pause, NULL);
  CHECK(names("/proc/self/fd") == before);
  free(bytes);
}
