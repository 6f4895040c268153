/* SPDX-License-Identifier: MIT
 *
 * range: the Range header of RFC 9110, one range at most.
 *
 * Pure: text and numbers in, numbers out.
 */
#ifndef SANDBOX_RANGE_H
#define SANDBOX_RANGE_H

enum range_result {
  RANGE_WHOLE,        /* no range, or one that is to be ignored */
  RANGE_PART,         /* first..last of the whole */
  RANGE_UNSATISFIABLE /* answer 416 */
};

/* header may be NULL; size is that of the whole. */
enum range_result range_parse(const char *header, unsigned long long size,
                              unsigned long long *first,
                              unsigned long long *last);

#endif
