/* SPDX-License-Identifier: MIT
 *
 * layer0_disk: a disk that can be full or bad, and a file system that lacks
 * something.
 */
#ifndef LAYER0_DISK_H
#define LAYER0_DISK_H

#include <stdbool.h>
#include <stddef.h>

struct disk {
  size_t room;         /* bytes that it still takes; SIZE_MAX: any number */
  int interruptions;   /* EINTR that come first */
  bool has_links, has_noreplace, has_locks;
  bool holds_open;     /* an open file can be neither renamed nor removed */
  int sync_error;      /* what fsync fails with; 0: it works */
  bool synced;         /* since the last name was given */
  int unsynced_names;
};

extern struct disk disk;

/* As it is at the start. */
void disk_reset(void);

#endif
