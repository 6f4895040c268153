/* SPDX-License-Identifier: MIT
 *
 * layer0_file: a file on its way to the disk; the disk is layer0_disk's.
 */
#define _GNU_SOURCE
#include "layer0.h"
#include "layer0_disk.h"
#include "layer0_video.h"

#include "file.h"
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* {=== the way to the disk */

void file_writes(const char *folder)
{
  static const size_t parts[] = { 1, 7, 16384, 262143, 262144, 262145 };
  char *bytes = video();
  enum mp4_verdict verdict;
  size_t i, done, n;
  struct stat status;
  int error;

  for (i = 0; i < sizeof parts / sizeof parts[0]; i++) {
    struct file *f = opened(in(folder, "v.mp4"), true);
    disk.interruptions = 3;
    for (done = 0; done < VIDEO_SIZE; done += n) {
      n = VIDEO_SIZE - done < parts[i] ? VIDEO_SIZE - done : parts[i];
      if (parts[i] == 1 && done >= 1000)
        n = VIDEO_SIZE - done;
      CHECK(file_write(f, bytes + done, n) == 0);
      CHECK(file_length(f) == (int64_t)(done + n));
    }
    CHECK(file_commit(f) == EBADF); /* nobody called it whole */
    CHECK(file_judge(f, &error) == MP4_WHOLE && error == 0);
    CHECK(file_judge(f, &error) == MP4_WHOLE && error == 0);
    CHECK(file_commit(f) == 0 && !file_temporary(f));
    CHECK(holds(target, bytes, VIDEO_SIZE));
    CHECK(file_write(f, "x", 1) == EBADF && file_rewind(f) == EBADF);
    CHECK(file_create(f) == EBADF && file_commit(f) == EBADF);
    verdict = file_judge(f, &error);
    CHECK(verdict == MP4_WHOLE && error == 0);
    file_release(f);
    CHECK(names(folder) == 1);
  }
  CHECK(stat(target, &status) == 0 && S_ISREG(status.st_mode));
  free(bytes);
}

static void permissions(const char *folder, const char *bytes)
{
  mode_t mask = umask(027);
  struct stat status;

  CHECK(finish(opened(in(folder, "m.mp4"), false), bytes) == 0);
  CHECK(stat(target, &status) == 0 && (status.st_mode & 0777) == 0640);
  CHECK(chmod(target, 0600) == 0); /* an old file's permissions stay */
  CHECK(finish(opened(target, true), bytes) == 0);
  CHECK(stat(target, &status) == 0 && (status.st_mode & 0777) == 0600);
  CHECK(unlink(target) == 0);
  (void)umask(mask);
}

void file_commits(const char *folder)
{
  static const struct {
    bool links, noreplace, open;
    int sync_error;
  } systems[] = {
    { true, true, false, 0 },       { true, false, false, 0 },
    { false, false, false, 0 },     { true, true, true, 0 },
    { true, false, true, 0 },       { false, false, true, 0 },
    { true, true, false, EINVAL },  { true, true, true, ENOTSUP },
    { true, true, false, ENOSYS },  { false, false, true, EOPNOTSUPP }
  };
  char *bytes = video();
  struct file *f;
  size_t i;
  int error;

  f = opened(in(folder, "v.mp4"), false);
  CHECK(names(folder) == 1 && access(target, F_OK) != 0);
  CHECK(file_write(f, "not a video at all", 18) == 0);
  CHECK(file_judge(f, &error) == MP4_FOREIGN && error == 0);
  CHECK(file_commit(f) == EBADF && access(target, F_OK) != 0);
  CHECK(file_rewind(f) == 0 && file_length(f) == 0);
  CHECK(file_judge(f, &error) == MP4_EMPTY);
  CHECK(finish(file_retain(f), bytes) == 0);
  file_release(f);
  CHECK(holds(target, bytes, VIDEO_SIZE) && names(folder) == 1);
  CHECK(unlink(target) == 0);
  permissions(folder, bytes);
  CHECK(disk.unsynced_names == 0);
  for (i = 0; i < sizeof systems / sizeof systems[0]; i++) {
    disk.has_links = systems[i].links;
    disk.has_noreplace = systems[i].noreplace;
    disk.holds_open = systems[i].open;
    disk.sync_error = systems[i].sync_error;
    file_release(opened(in(folder, "v.mp4"), false)); /* it is given up */
    CHECK(names(folder) == 0);
    CHECK(finish(opened(in(folder, "v.mp4"), false), bytes) == 0);
    CHECK(finish(opened(in(folder, "v.mp4"), true), bytes) == 0);
    CHECK(holds(target, bytes, VIDEO_SIZE) && names(folder) == 1);
    CHECK(unlink(target) == 0);
  }
  disk_reset();
  free(bytes);
}

/* What is judged depends on the content that is expected. */
static void judged(const char *folder)
{
  struct file *f = file_new(in(folder, "any"), false, 100, FILE_ANY, NULL);
  int error;

  CHECK(f && file_create(f) == 0);
  CHECK(file_expect(f, 10) == FILE_EXPECTED);
  CHECK(file_write(f, "012345678", 9) == 0);
  CHECK(file_judge(f, &error) == MP4_CUT);
  CHECK(file_write(f, "9", 1) == 0);
  CHECK(file_judge(f, &error) == MP4_WHOLE);
  CHECK(file_write(f, "x", 1) == 0 && file_commit(f) == EBADF);
  CHECK(file_judge(f, &error) == MP4_CUT);
  CHECK(file_rewind(f) == 0 && file_write(f, "text", 4) == 0);
  CHECK(file_judge(f, &error) == MP4_WHOLE && file_commit(f) == 0);
  file_release(f);
  CHECK(holds(target, "text", 4) && unlink(target) == 0);
}

/* A file that is whole and kept is never removed, nor its name used again. */
void file_stays(const char *folder)
{
  char *bytes = video(), kept[4096];
  struct file *f;
  int error, i;

  judged(folder);
  for (i = 0; i < 4; i++) {
    disk.holds_open = i >= 2;
    f = opened(in(folder, "v.mp4"), i % 2 == 1);
    CHECK(snprintf(kept, sizeof kept, "%s", file_temporary(f)) > 0);
    CHECK(file_write(f, bytes, VIDEO_SIZE) == 0);
    CHECK(file_judge(f, &error) == MP4_WHOLE);
    CHECK(mkdir(target, 0700) == 0); /* the target cannot be replaced */
    error = i % 2 == 1 ? EISDIR : EEXIST;
    CHECK(file_commit(f) == error && file_commit(f) == error);
    CHECK(strcmp(file_temporary(f), kept) == 0 && file_create(f) == 0);
    if (i == 0) { /* another try */
      CHECK(rmdir(target) == 0 && file_commit(f) == 0 && names(folder) == 1);
      CHECK(unlink(target) == 0);
      file_release(f);
      continue;
    }
    file_keep(f);
    CHECK(strcmp(file_temporary(f), kept) != 0 && access(kept, F_OK) != 0);
    CHECK(snprintf(kept, sizeof kept, "%s", file_temporary(f)) > 0);
    file_release(f);
    CHECK(names(folder) == 2 && holds(kept, bytes, VIDEO_SIZE));
    CHECK(rmdir(target) == 0 && unlink(kept) == 0);
  }
  /* neither is one that lost its last bytes when it was closed */
  f = opened(in(folder, "v.mp4"), false);
  CHECK(snprintf(kept, sizeof kept, "%s", file_temporary(f)) > 0);
  CHECK(file_write(f, bytes, VIDEO_SIZE) == 0);
  CHECK(file_judge(f, &error) == MP4_WHOLE && truncate(kept, 700000) == 0);
  CHECK(file_commit(f) == EIO && names(folder) == 1);
  file_keep(f);
  CHECK(snprintf(kept, sizeof kept, "%s", file_temporary(f)) > 0);
  file_release(f);
  CHECK(names(folder) == 1 && unlink(kept) == 0);
  free(bytes);
}

/* ===} */

/* {=== trouble */

void file_syncs(const char *folder)
{
  char *bytes = video();
  int error, i;

  for (i = 0; i < 2; i++) { /* a new target, and one that is replaced */
    struct file *f = opened(in(folder, "v.mp4"), i == 1);
    CHECK(file_write(f, bytes, VIDEO_SIZE) == 0);
    CHECK(file_judge(f, &error) == MP4_WHOLE);
    disk.sync_error = EIO;
    CHECK(file_commit(f) == EIO);
    CHECK(names(folder) == 1 + i); /* the temporary one, and the old one */
    disk.sync_error = 0;
    CHECK(file_commit(f) == 0);
    file_release(f);
    CHECK(holds(target, bytes, VIDEO_SIZE) && names(folder) == 1);
  }
  CHECK(disk.unsynced_names == 0);
  free(bytes);
}

/* The disk is full for a while, at different byte counts. */
void file_fails(const char *folder)
{
  static const size_t rooms[] = { 0, 1, 999, 1000, 262143, 262144, 300000,
                                  524288, 600000, VIDEO_SIZE - 1 };
  char *bytes = video();
  size_t i, n = 10007;
  int error;

  for (i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
    struct file *f = opened(in(folder, "v.mp4"), true);
    bool was_full = false;
    disk.room = rooms[i];
    while (file_length(f) < VIDEO_SIZE) {
      size_t done = (size_t)file_length(f);
      size_t part = VIDEO_SIZE - done < n ? VIDEO_SIZE - done : n;
      error = file_write(f, bytes + done, part);
      if (error) {
        CHECK(error == ENOSPC);
        was_full = true;
        disk.room = SIZE_MAX - 1; /* space again, still in small parts */
      }
    }
    if (file_judge(f, &error) == MP4_UNREADABLE) {
      CHECK(error == ENOSPC);
      was_full = true;
      disk.room = SIZE_MAX - 1;
      CHECK(file_judge(f, &error) == MP4_WHOLE && error == 0);
    }
    CHECK(file_commit(f) == 0);
    CHECK(was_full && holds(target, bytes, VIDEO_SIZE));
    file_release(f);
    disk.room = SIZE_MAX;
  }
  CHECK(names(folder) == 1);
  free(bytes);
}

/* ulimit -f: an error, and no signal that ends the process. */
void file_limited(const char *folder)
{
  char *bytes = video();
  struct rlimit limit, small;
  struct signals held;
  struct file *f;
  sigset_t pending;
  int error;

  CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
  small = limit;
  small.rlim_cur = 300000;
  CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
  f = opened(in(folder, "v.mp4"), false);
  signals_hold(&held);
  error = file_write(f, bytes, VIDEO_SIZE);
  signals_release(&held);
  CHECK(error == EFBIG);
  CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGXFSZ));
  small.rlim_cur = 0;
  CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
  signals_hold(&held);
  error = file_check(f);
  signals_release(&held);
  CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  CHECK(error == EFBIG && names(folder) == 1);
  file_release(f);
  CHECK(names(folder) == 0);
  free(bytes);
}

/* ===} */
