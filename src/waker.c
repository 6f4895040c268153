/* SPDX-License-Identifier: MIT
 *
 * waker: see waker.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "waker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#ifdef __linux__
#include <sys/eventfd.h>
#endif
#include <unistd.h>

void waker_init(struct waker *w)
{
  w->fd[0] = w->fd[1] = -1;
  atomic_init(&w->woken, false);
}

int waker_open(struct waker *w)
{
  if (w->fd[0] >= 0)
    return 0;
#ifdef __linux__
  w->fd[0] = w->fd[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return w->fd[0] >= 0 ? 0 : errno;
#else
  if (pipe(w->fd) != 0)
    return errno;
  for (int i = 0; i < 2; i++) {
    (void)fcntl(w->fd[i], F_SETFD, FD_CLOEXEC);
    (void)fcntl(w->fd[i], F_SETFL, O_NONBLOCK);
  }
  return 0;
#endif
}

/* Of several threads that wake at once, one writes. */
void waker_wake(struct waker *w)
{
  static const uint64_t once = 1; /* an eventfd takes eight bytes */

  if (w->fd[1] >= 0 && !atomic_exchange(&w->woken, true)) {
    while (write(w->fd[1], &once, sizeof once) < 0 && errno == EINTR)
      ;
  }
}

/* If the waking thread has set `woken` but not written yet, `woken` stays set:
   otherwise its write would leave the descriptor readable for ever. */
void waker_clear(struct waker *w)
{
  uint64_t times;

  if (atomic_load(&w->woken) &&
      read(w->fd[0], &times, sizeof times) == (ssize_t)sizeof times)
    atomic_store(&w->woken, false);
}

void waker_close(struct waker *w)
{
  if (w->fd[0] < 0)
    return;
  (void)close(w->fd[0]);
  if (w->fd[1] != w->fd[0])
    (void)close(w->fd[1]);
  w->fd[0] = w->fd[1] = -1;
}
