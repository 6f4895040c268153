/* SPDX-License-Identifier: MIT
 *
 * meter: the clocks of the benchmarks.
 */
#ifndef BENCH_METER_H
#define BENCH_METER_H

#include <stddef.h>

/* Monotonic seconds. */
double meter_wall(void);

/* Seconds of processor time, user and system, of this process. */
double meter_cpu(void);

/* The same, of the calling thread alone. */
double meter_thread_cpu(void);

/* KiB of a line of /proc/self/status, e.g. "VmHWM:"; 0: not there. */
long meter_memory(const char *line);

/* Sleeps until a moment of meter_wall. */
void meter_sleep_until(double moment);

/* Prints what was measured as lines "name value". */
void meter_print(const char *name, double value);

#endif
