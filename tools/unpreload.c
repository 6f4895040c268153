/* SPDX-License-Identifier: MIT
 *
 * Preloaded after a sanitizer's runtime: takes the preloading back once it
 * has worked, so that the programs which a spec starts run without it.
 * tools/under puts it there; nothing else uses it.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>

__attribute__((constructor)) static void unpreload(void)
{
  (void)unsetenv("LD_PRELOAD");
  (void)unsetenv("LD_LIBRARY_PATH");
}
