/* SPDX-License-Identifier: MIT
 *
 * receiver: see receiver.h.
 */
#include "receiver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void receiver_init(struct receiver *r)
{
  *r = (struct receiver){ .fd = -1, .reset_at = -1 };
}

bool receiver_open(struct receiver *r, const char *path, long long limit,
                   long long reset_at)
{
  receiver_init(r);
  r->limit = limit;
  r->reset_at = reset_at;
  r->path = strdup(path);
  if (r->path)
    r->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                 0600);
  r->broken = r->fd < 0;
  return !r->broken;
}

bool receiver_is_open(const struct receiver *r)
{
  return r->path != NULL;
}

static void receiver_write(struct receiver *r, const char *bytes,
                           size_t length)
{
  while (length > 0 && !r->broken) {
    ssize_t n = write(r->fd, bytes, length);

    if (n < 0 && errno != EINTR) r->broken = true;
    if (n > 0) {
      bytes += n;
      length -= (size_t)n;
    }
  }
}

bool receiver_add(struct receiver *r, const void *bytes, size_t length)
{
  r->length += (long long)length;
  if (r->reset_at >= 0 && r->length >= r->reset_at) return false;
  if (r->length <= r->limit) receiver_write(r, bytes, length);
  return true;
}

void receiver_end(struct receiver *r)
{
  if (r->fd >= 0 && close(r->fd) != 0) r->broken = true;
  r->fd = -1;
}

void receiver_free(struct receiver *r)
{
  receiver_end(r);
  if (r->path) (void)unlink(r->path);
  free(r->path);
  receiver_init(r);
}
