/* SPDX-License-Identifier: MIT
 *
 * process: see process.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "process.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool initialized;
static unsigned forks;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct process_exit *list; /* guarded by the mutex */

/* {=== forks: the child gets the list whole, and its lock open */

static void fork_prepare(void)
{
  (void)pthread_mutex_lock(&mutex);
}

static void fork_parent(void)
{
  (void)pthread_mutex_unlock(&mutex);
}

static void fork_child(void)
{
  (void)pthread_mutex_unlock(&mutex);
  forks++;
}

unsigned process_generation(void)
{
  return forks;
}

/* ===} */

/* {=== exit */

static void stop_all(void)
{
  struct process_exit *e;

  (void)pthread_mutex_lock(&mutex);
  for (e = list; e; e = e->next) {
    if (e->generation == forks)
      e->stop(e);
  }
  (void)pthread_mutex_unlock(&mutex);
}

void process_stop_at_exit(struct process_exit *e)
{
  (void)pthread_mutex_lock(&mutex);
  e->generation = forks;
  e->known = true;
  e->previous = NULL;
  e->next = list;
  if (e->next)
    e->next->previous = e;
  list = e;
  (void)pthread_mutex_unlock(&mutex);
}

void process_forget(struct process_exit *e)
{
  (void)pthread_mutex_lock(&mutex);
  if (e->known) {
    e->known = false;
    if (e->previous)
      e->previous->next = e->next;
    else
      list = e->next;
    if (e->next)
      e->next->previous = e->previous;
  }
  (void)pthread_mutex_unlock(&mutex);
}

/* ===} */

/* {=== initialization */

/* The handler that is registered last runs first at exit: stop_all runs before
   the handlers of the libraries that libcurl initializes. */
static void initialize(void)
{
  initialized =
    pthread_atfork(fork_prepare, fork_parent, fork_child) == 0 &&
    curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK && atexit(stop_all) == 0;
}

bool process_init(void)
{
  return pthread_once(&once, initialize) == 0 && initialized;
}

/* ===} */
