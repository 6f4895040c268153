/* SPDX-License-Identifier: MIT
 *
 * layer0_video: a whole MP4, and files that take it.
 */
#ifndef LAYER0_VIDEO_H
#define LAYER0_VIDEO_H

#include <stdbool.h>

struct file;

#define VIDEO_SIZE (16 + 8 + 700000)

/* A whole MP4 of VIDEO_SIZE bytes. */
char *video(void);

/* A file that is created. */
struct file *opened(const char *path, bool overwrite);

/* Writes a whole MP4 to the file, judges, commits and releases it.  What
   file_commit returned. */
int finish(struct file *f, const char *bytes);

#endif
