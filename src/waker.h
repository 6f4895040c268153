/* SPDX-License-Identifier: MIT
 *
 * waker: a descriptor that one thread makes readable to wake another.
 *
 * However often it is woken, it is readable once, until it is cleared.  It
 * knows neither Lua nor libcurl.
 */
#ifndef JOGG_WAKER_H
#define JOGG_WAKER_H

#include <stdatomic.h>
#include <stdbool.h>

struct waker {
  int fd[2]; /* to wait for, to write to: an eventfd, twice, or a pipe; or -1 */
  atomic_bool woken;
};

/* Closed; cannot fail. */
void waker_init(struct waker *w);

/* Opens it, unless it is open.  0, or an errno. */
int waker_open(struct waker *w);

/* From any thread; does nothing if it is closed. */
void waker_wake(struct waker *w);

/* Called before one looks for what the wake announced. */
void waker_clear(struct waker *w);

/* May be called any number of times. */
void waker_close(struct waker *w);

#endif
