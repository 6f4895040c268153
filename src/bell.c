/* SPDX-License-Identifier: MIT
 *
 * bell: see bell.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "bell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#ifdef __linux__
#include <sys/eventfd.h>
#endif
#include <unistd.h>

void bell_init(struct bell *b)
{
  b->fd[0] = b->fd[1] = -1;
  atomic_init(&b->rung, false);
}

int bell_open(struct bell *b)
{
  if (b->fd[0] >= 0)
    return 0;
#ifdef __linux__
  b->fd[0] = b->fd[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return b->fd[0] >= 0 ? 0 : errno;
#else
  if (pipe(b->fd) != 0)
    return errno;
  for (int i = 0; i < 2; i++) {
    (void)fcntl(b->fd[i], F_SETFD, FD_CLOEXEC);
    (void)fcntl(b->fd[i], F_SETFL, O_NONBLOCK);
  }
  return 0;
#endif
}

/* `rung` is set: something can be read, or soon.  Of those that ring at once,
   one writes. */
void bell_ring(struct bell *b)
{
  static const uint64_t once = 1; /* so large for an eventfd */

  if (b->fd[1] >= 0 && !atomic_exchange(&b->rung, true)) {
    while (write(b->fd[1], &once, sizeof once) < 0 && errno == EINTR)
      ;
  }
}

/* Where the ringing thread has not written yet, that stays for the next time:
   taking back `rung` without it would leave a descriptor that is readable for
   ever. */
void bell_clear(struct bell *b)
{
  uint64_t times;

  if (atomic_load(&b->rung) &&
      read(b->fd[0], &times, sizeof times) == (ssize_t)sizeof times)
    atomic_store(&b->rung, false);
}

void bell_close(struct bell *b)
{
  if (b->fd[0] < 0)
    return;
  (void)close(b->fd[0]);
  if (b->fd[1] != b->fd[0])
    (void)close(b->fd[1]);
  b->fd[0] = b->fd[1] = -1;
}
