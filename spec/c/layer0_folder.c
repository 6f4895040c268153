/* SPDX-License-Identifier: MIT
 *
 * layer0_folder: folders and files of the drivers.
 */
#define _GNU_SOURCE
#include "layer0.h"

#include <dirent.h>
#include <string.h>

char target[4096];

const char *in(const char *folder, const char *name)
{
  CHECK(snprintf(target, sizeof target, "%s/%s", folder, name) <
        (int)sizeof target);
  return target;
}

int names(const char *folder)
{
  DIR *d = opendir(folder);
  const struct dirent *entry;
  int n = 0;

  CHECK(d);
  while ((entry = readdir(d)))
    n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
  (void)closedir(d);
  return n;
}

void put_text(const char *path, const char *text)
{
  FILE *file = fopen(path, "wb");

  CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

bool holds(const char *path, const char *bytes, size_t n)
{
  FILE *file = fopen(path, "rb");
  char *there = malloc(n + 1);
  bool same;

  CHECK(file && there);
  same = fread(there, 1, n + 1, file) == n && memcmp(there, bytes, n) == 0;
  (void)fclose(file);
  free(there);
  return same;
}
