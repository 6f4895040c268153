/* SPDX-License-Identifier: MIT
 *
 * bare_frames: what frames cost that drive libcurl's multi interface on their
 * own thread: waiting projects that are polled now and then, TLS connections
 * that open, downloads that run.
 *
 * usage: bare_frames BASE CA SECONDS PROJECTS INTERVAL OPENING DOWNLOADS VIDEO
 */
#include "bare.h"
#include "meter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME (1.0 / 60)
#define PROJECTS_MAXIMUM 100000
#define POOL 48
#define FRAMES_MAXIMUM 100000

enum role {
  ROLE_POLL,
  ROLE_OPEN,
  ROLE_DOWNLOAD
};

/* An easy handle and what it does. */
struct worker {
  struct bare_answer answer; /* first: CURLOPT_PRIVATE points to it */
  enum role role;
  CURL *easy;
  int project;
  struct worker *next; /* idle */
};

static struct worker workers[POOL + 64];
static struct worker *idle;
static double due[PROJECTS_MAXIMUM]; /* of each project's next poll */
static double steps[FRAMES_MAXIMUM];

static void start(CURLM *multi, struct worker *w)
{
  w->answer.length = 0;
  if (curl_multi_add_handle(multi, w->easy) != CURLM_OK)
    bare_fail("curl_multi_add_handle");
}

static void polls_start(CURLM *multi, const struct bare_target *target,
                        int projects, double now)
{
  int i;

  for (i = 0; i < projects && idle; i++) {
    struct worker *w = idle;
    if (due[i] > now)
      continue;
    idle = w->next;
    due[i] = 1e300;
    w->project = i;
    bare_poll_url(w->easy, target, i);
    start(multi, w);
  }
}

static void step(CURLM *multi, const struct bare_target *target, int projects,
                 double interval)
{
  double now = meter_wall();
  CURL *easy;
  int running;

  polls_start(multi, target, projects, now);
  (void)curl_multi_perform(multi, &running);
  while ((easy = bare_finished(multi))) {
    char *private = NULL;
    struct worker *w;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    w = (struct worker *)(void *)private;
    (void)curl_multi_remove_handle(multi, easy);
    if (w->role == ROLE_POLL) {
      due[w->project] = now + interval;
      w->next = idle;
      idle = w;
    } else {
      start(multi, w); /* again and again */
    }
  }
}

static int compare(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static void report(size_t n)
{
  qsort(steps, n, sizeof steps[0], compare);
  meter_print("p50", steps[n / 2] * 1e3);
  meter_print("p99", steps[n * 99 / 100] * 1e3);
  meter_print("p999", steps[n * 999 / 1000] * 1e3);
  meter_print("worst", steps[n - 1] * 1e3);
  meter_print("frames", (double)n);
}

static void frames(CURLM *multi, const struct bare_target *target, double span,
                   int projects, double interval)
{
  double begin = meter_wall() + interval, end = begin + span;
  double frame = begin - interval;
  size_t n = 0;

  while (frame < end && n < FRAMES_MAXIMUM) {
    double before = meter_wall();
    step(multi, target, projects, interval);
    if (before > begin) /* every project was polled once */
      steps[n++] = meter_wall() - before;
    while (frame <= meter_wall())
      frame += FRAME; /* a late frame is not made up for */
    meter_sleep_until(frame);
  }
  report(n);
}

int main(int argc, char **argv)
{
  struct bare_target target = { NULL, NULL, NULL };
  CURLM *multi;
  double interval;
  int i, projects, opening, downloads;

  if (argc != 9 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    bare_fail("curl_global_init, or the arguments:");
  target.base = argv[1];
  target.ca = argv[2];
  target.headers = curl_slist_append(NULL, "x-api-key: bench");
  projects = (int)bare_number(argv[4]);
  interval = bare_number(argv[5]);
  opening = (int)bare_number(argv[6]);
  downloads = (int)bare_number(argv[7]);
  if (projects > PROJECTS_MAXIMUM || opening + downloads > 64)
    bare_fail("the arguments:");
  multi = curl_multi_init();
  for (i = 0; i < POOL + opening + downloads; i++) {
    struct worker *w = &workers[i];
    w->easy = bare_easy(&target, &w->answer);
    if (i < POOL) {
      w->next = idle;
      idle = w;
    } else if (i < POOL + opening) {
      w->role = ROLE_OPEN;
      bare_post(w->easy, &target);
    } else {
      w->role = ROLE_DOWNLOAD;
      bare_download(w->easy, &target, argv[8], NULL);
    }
    if (w->role != ROLE_POLL)
      start(multi, w);
  }
  for (i = 0; i < projects; i++)
    due[i] = meter_wall() + interval * i / projects;
  frames(multi, &target, bare_number(argv[3]), projects, interval);
  return 0; /* everything is in flight: the process's end is the end of it */
}
