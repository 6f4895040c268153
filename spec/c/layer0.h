/* SPDX-License-Identifier: MIT
 *
 * layer0: what the drivers of layer 0 share: a check, helpers for files, and
 * the groups.
 */
#ifndef JOGG_LAYER0_H
#define JOGG_LAYER0_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
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

/* The same numbers at each run. */
uint32_t next_random(uint32_t *state);

/* A copy without a byte after it, so that AddressSanitizer sees a byte that is
   read too much. */
char *exact(const char *bytes, size_t n);

/* {=== layer0_folder.c */

/* The number of names in a folder. */
int names(const char *folder);

/* The path of `name` in the folder, also in `target`, until the next call. */
extern char target[4096];
const char *in(const char *folder, const char *name);

void put_text(const char *path, const char *text);

/* Has the file these bytes and no others? */
bool holds(const char *path, const char *bytes, size_t n);

/* ===} */

/* {=== groups; each gets an empty folder */

/* layer0_file.c */
void file_writes(const char *folder);
void file_commits(const char *folder);
void file_fails(const char *folder);
void file_syncs(const char *folder);
void file_stays(const char *folder);
void file_limited(const char *folder);

/* layer0_target.c */
void target_refused(const char *folder);
void target_linked(const char *folder);
void target_checked(const char *folder);
void target_late(const char *folder);
void target_elsewhere(const char *folder);

/* layer0_record.c */
void record_holds(const char *folder);
void record_writes(const char *folder);
void record_refuses(const char *folder);
void record_strange(const char *folder);
void record_races(const char *folder);
void record_killed(const char *folder);

/* layer0_source.c */
void source_reads(const char *folder);
void source_large(const char *folder);
void source_refuses(const char *folder);
void source_changes(const char *folder);

/* layer0_address.c */
void address_public(const char *folder);

/* layer0_release.c */
void file_goes(const char *folder);

/* layer0_json.c */
void json_repairs(const char *folder);
void json_hostile(const char *folder);

/* layer0_mp4.c */
void mp4_judges(const char *folder);

/* layer0_signals.c */
void signals_held(const char *folder);
void signals_threads(const char *folder);

/* ===} */

#endif
