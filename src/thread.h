/* SPDX-License-Identifier: MIT
 *
 * thread: the start of a thread that is to disturb nobody.
 *
 * It takes no signals: they are the host's.  And it takes the processor from
 * nobody: a thread that is woken may otherwise stop the one that woke it, a
 * frame in the middle of it.  Linux knows threads that wait until a processor
 * is free; they have no less of it.  It knows neither Lua nor libcurl.
 */
#ifndef JOGG_THREAD_H
#define JOGG_THREAD_H

#include <pthread.h>

/* Starts a thread that is to be joined.  0, or an errno. */
int thread_start(pthread_t *thread, void *(*run)(void *user), void *user);

#endif
