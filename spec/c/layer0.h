/* SPDX-License-Identifier: MIT
 *
 * layer0: what the drivers of layer 0 share: one check, and the groups.
 */
#ifndef JOGG_LAYER0_H
#define JOGG_LAYER0_H

#include <stdio.h>
#include <stdlib.h>

/* Ends the driver with a sentence unless the claim holds. */
#define CHECK(claim) \
  do { \
    if (!(claim)) { \
      printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #claim); \
      exit(1); \
    } \
  } while (0)

/* How many names a folder has. */
int names(const char *folder);

/* Groups of layer0_file.c; each gets an empty folder. */
void file_writes(const char *folder);
void file_commits(const char *folder);
void file_refuses(const char *folder);
void file_fails(const char *folder);
void file_syncs(const char *folder);
void file_waits(const char *folder);
void file_moves(const char *folder);

/* Of layer0_release.c. */
void file_goes(const char *folder);

/* Of layer0_state.c. */
void state_reads(const char *folder);
void state_hostile(const char *folder);

/* Of layer0_tasks.c. */
void tasks_queue(const char *folder);
void tasks_sleepers(const char *folder);

/* Of layer0_mp4.c and layer0_sigpipe.c. */
void mp4_judges(const char *folder);
void sigpipe_held(const char *folder);

#endif
