/* SPDX-License-Identifier: MIT
 *
 * stop: see stop.h.  One mutex, one condition on the monotonic clock.
 */
#include "stop.h"

#include <errno.h>
#include <time.h>

#define LONGEST_SLEEP 1e8 /* seconds; keeps the sum within time_t */

bool stop_init(struct stop *s)
{
  pthread_condattr_t attributes;
  bool ok;

  atomic_init(&s->requested, false);
  s->work = 0;
  if (pthread_condattr_init(&attributes) != 0) return false;
  ok = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0
       && pthread_mutex_init(&s->lock, NULL) == 0;
  if (ok && pthread_cond_init(&s->changed, &attributes) != 0) {
    (void)pthread_mutex_destroy(&s->lock);
    ok = false;
  }
  (void)pthread_condattr_destroy(&attributes);
  return ok;
}

void stop_free(struct stop *s)
{
  (void)pthread_cond_destroy(&s->changed);
  (void)pthread_mutex_destroy(&s->lock);
}

void stop_request(struct stop *s)
{
  (void)pthread_mutex_lock(&s->lock);
  atomic_store(&s->requested, true);
  (void)pthread_cond_broadcast(&s->changed);
  (void)pthread_mutex_unlock(&s->lock);
}

bool stop_requested(struct stop *s)
{
  return atomic_load(&s->requested);
}

/* The time so many seconds from now; false if there is no such time. */
static bool time_after(struct timespec *until, double seconds)
{
  if (!(seconds > 0) || clock_gettime(CLOCK_MONOTONIC, until) != 0)
    return false;
  if (seconds > LONGEST_SLEEP) seconds = LONGEST_SLEEP;
  until->tv_sec += (time_t)seconds;
  until->tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
  if (until->tv_nsec >= 1000000000L) {
    until->tv_sec++;
    until->tv_nsec -= 1000000000L;
  }
  return true;
}

bool stop_sleep(struct stop *s, double seconds)
{
  struct timespec until;
  int result = 0;

  if (!time_after(&until, seconds)) return stop_requested(s);
  (void)pthread_mutex_lock(&s->lock);
  while (!stop_requested(s) && result != ETIMEDOUT)
    result = pthread_cond_timedwait(&s->changed, &s->lock, &until);
  (void)pthread_mutex_unlock(&s->lock);
  return stop_requested(s);
}

void stop_wake(struct stop *s)
{
  (void)pthread_mutex_lock(&s->lock);
  s->work++;
  (void)pthread_cond_broadcast(&s->changed);
  (void)pthread_mutex_unlock(&s->lock);
}

unsigned long stop_work(struct stop *s)
{
  unsigned long work;

  (void)pthread_mutex_lock(&s->lock);
  work = s->work;
  (void)pthread_mutex_unlock(&s->lock);
  return work;
}

bool stop_wait_work(struct stop *s, unsigned long seen, double seconds)
{
  struct timespec until = { 0 };
  const bool forever = seconds < 0;
  int result = 0;

  if (!forever && !time_after(&until, seconds)) return stop_requested(s);
  (void)pthread_mutex_lock(&s->lock);
  while (!stop_requested(s) && s->work == seen && result != ETIMEDOUT)
    result = forever
               ? pthread_cond_wait(&s->changed, &s->lock)
               : pthread_cond_timedwait(&s->changed, &s->lock, &until);
  (void)pthread_mutex_unlock(&s->lock);
  return stop_requested(s);
}
