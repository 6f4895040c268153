/* SPDX-License-Identifier: MIT
 *
 * stop: the one flag that ends the sandbox, and waiting that ends with it.
 *
 * Every thread that waits for time, for work or for the network asks here,
 * so that a signal is answered at once.  Knows nothing of what is stopped.
 */
#ifndef SANDBOX_STOP_H
#define SANDBOX_STOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct stop {
  atomic_bool requested;
  pthread_mutex_t lock;
  pthread_cond_t changed; /* stopped, or there is new work */
  unsigned long work;     /* counts stop_wake() calls; under the lock */
};

bool stop_init(struct stop *s);
void stop_free(struct stop *s);

/* Asks everybody to stop.  May be called any number of times. */
void stop_request(struct stop *s);
bool stop_requested(struct stop *s);

/* Sleeps; true if it was ended by stop_request(). */
bool stop_sleep(struct stop *s, double seconds);

/* Says that there is work; wakes everybody in stop_wait_work(). */
void stop_wake(struct stop *s);
unsigned long stop_work(struct stop *s);

/* Waits until the work count is no longer `seen`, or that many seconds
 * (negative: however long it takes); true if stopped. */
bool stop_wait_work(struct stop *s, unsigned long seen, double seconds);

#endif
