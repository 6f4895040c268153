/* SPDX-License-Identifier: MIT
 *
 * child: one run of an external program (ffmpeg), from an argument list.
 *
 * No shell is ever involved.  The child sees /dev/null as its input, runs in
 * its own process group in the folder asked for, and is killed when the
 * sandbox stops, its time is over or its listener says so; on Linux also
 * when the sandbox is killed.  Its output is read as the key=value lines of
 * ffmpeg's -progress; of these and of its complaints the last line is kept.
 */
#ifndef SANDBOX_CHILD_H
#define SANDBOX_CHILD_H

#include <stdbool.h>

#include "stop.h"

#define CHILD_LINE 512

/* Hears how many microseconds of video are written; false ends it. */
typedef bool child_listener(void *ud, long long out_time_us);

struct child_result {
  bool ok;                 /* it ran and ended with 0 */
  char output[CHILD_LINE]; /* the last line that it printed */
  char error[CHILD_LINE];  /* if not ok, why: its last words, or our own */
};

/* argv ends in NULL; argv[0] is looked up in PATH.  listen may be NULL. */
void child_run(struct child_result *result, char *const argv[],
               const char *folder, double timeout, child_listener *listen,
               void *ud, struct stop *stop);

#endif
