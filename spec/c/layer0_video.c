/* SPDX-License-Identifier: MIT
 *
 * layer0_video: see layer0_video.h.
 */
#include "layer0_video.h"

#include "file.h"
#include "layer0.h"

#include <string.h>

static void put_box(char *to, const char *type, uint32_t size)
{
  int i;

  for (i = 3; i >= 0; i--, size >>= 8)
    to[i] = (char)(size & 0xFF);
  memcpy(to + 4, type, 4);
}

char *video(void)
{
  char *bytes = malloc(VIDEO_SIZE);
  size_t i;

  CHECK(bytes);
  for (i = 0; i < VIDEO_SIZE; i++)
    bytes[i] = (char)(i * 7 % 253);
  put_box(bytes, "ftyp", 8);
  put_box(bytes + 8, "moov", 8);
  put_box(bytes + 16, "mdat", 8 + 700000);
  return bytes;
}

struct file *opened(const char *path, bool overwrite)
{
  struct file *f = file_new(path, overwrite, INT64_MAX, FILE_MP4, NULL);

  CHECK(f && !file_temporary(f));
  CHECK(file_create(f) == 0 && file_temporary(f));
  return f;
}

int finish(struct file *f, const char *bytes)
{
  int error;

  CHECK(file_write(f, bytes, VIDEO_SIZE) == 0);
  CHECK(file_judge(f, &error) == MP4_WHOLE && error == 0);
  error = file_commit(f);
  file_release(f);
  return error;
}
