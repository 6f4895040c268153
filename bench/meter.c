/* SPDX-License-Identifier: MIT
 *
 * meter: see meter.h.
 */
#define _GNU_SOURCE
#include "meter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds(clockid_t clock)
{
  struct timespec t;

  (void)clock_gettime(clock, &t); /* these clocks exist */
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double meter_wall(void)
{
  return seconds(CLOCK_MONOTONIC);
}

double meter_cpu(void)
{
  return seconds(CLOCK_PROCESS_CPUTIME_ID);
}

double meter_thread_cpu(void)
{
  return seconds(CLOCK_THREAD_CPUTIME_ID);
}

long meter_memory(const char *line)
{
  FILE *status = fopen("/proc/self/status", "re");
  size_t n = strlen(line);
  char text[128];
  long value = 0;

  if (!status)
    return 0;
  while (value == 0 && fgets(text, sizeof text, status)) {
    if (strncmp(text, line, n) == 0)
      value = strtol(text + n, NULL, 10);
  }
  (void)fclose(status);
  return value;
}

void meter_sleep_until(double moment)
{
  struct timespec t;

  t.tv_sec = (time_t)moment;
  t.tv_nsec = (long)((moment - (double)t.tv_sec) * 1e9);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
    ;
}

void meter_print(const char *name, double value)
{
  (void)printf("%s %.9g\n", name, value);
}
