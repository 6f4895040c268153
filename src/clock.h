/* SPDX-License-Identifier: MIT
 *
 * clock: monotonic time.
 *
 * Deadlines never look at the wall clock, which people and daemons set back.
 */
#ifndef JOGG_CLOCK_H
#define JOGG_CLOCK_H

#include <stdint.h>

#define CLOCK_NEVER INT64_MAX

/* Milliseconds since some fixed moment. */
int64_t clock_ms(void);

/* Seconds since the same moment, with the clock's full resolution. */
double clock_seconds(void);

#endif
