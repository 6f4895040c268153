/* SPDX-License-Identifier: MIT
 *
 * secret: see secret.h.  The struct and the text share one mapping, so there
 * is nothing else to wipe.
 */
#define _DEFAULT_SOURCE
#include "secret.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif

struct secret {
  size_t size;  /* of the whole mapping */
  char text[];
};

struct secret *secret_new(const char *prefix, const char *value, size_t n)
{
  size_t prefix_length = strlen(prefix);
  size_t size;
  struct secret *s;

  if (n > SIZE_MAX - prefix_length - sizeof *s - 1)
    return NULL;
  size = sizeof *s + prefix_length + n + 1;
  s = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
           -1, 0);
  if (s == MAP_FAILED)
    return NULL;
#ifdef MADV_DONTDUMP
  (void)madvise(s, size, MADV_DONTDUMP); /* older kernels: only no privacy */
#endif
  s->size = size;
  memcpy(s->text, prefix, prefix_length);
  memcpy(s->text + prefix_length, value, n);
  return s;
}

char *secret_text(struct secret *s)
{
  return s->text;
}

void secret_free(struct secret *s)
{
  volatile char *byte;
  size_t size, i;

  if (!s)
    return;
  size = s->size;
  byte = (volatile char *)s; /* volatile: the wipe must not be optimized out */
  for (i = 0; i < size; i++)
    byte[i] = 0;
  (void)munmap(s, size);
}
