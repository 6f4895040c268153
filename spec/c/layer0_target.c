/* SPDX-License-Identifier: MIT
 *
 * layer0_target: what may be the target of a file, and where that is.
 */
#define _GNU_SOURCE
#include "layer0.h"
#include "layer0_disk.h"
#include "layer0_video.h"

#include "file.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* The same for file_check and file_create, before and after. */
static int refusal(const char *path, bool overwrite)
{
  struct file *f = file_new(path, overwrite, 100, FILE_MP4, NULL);
  int error;

  CHECK(f);
  error = file_check(f);
  CHECK(file_create(f) == error && file_create(f) == error);
  CHECK(file_check(f) == error && file_write(f, "x", 1) == EBADF);
  CHECK(!file_temporary(f) && file_commit(f) == EBADF);
  file_release(f);
  return error;
}

static void make_socket(const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);

  CHECK(fd >= 0 && strlen(path) < sizeof address.sun_path);
  strcpy(address.sun_path, path);
  CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
  CHECK(close(fd) == 0);
}

/* A target that turns up between file_create and file_commit. */
static void race(const char *folder, bool noreplace, bool links, bool dangling)
{
  char *bytes = video(), kept[4096];
  int before = names(folder), error;
  struct file *f = opened(in(folder, "race.mp4"), false);
  struct stat status;

  if (dangling)
    CHECK(symlink("/nowhere/at/all", target) == 0);
  else
    put_text(target, "mine");
  disk.has_noreplace = noreplace;
  disk.has_links = links;
  error = finish(file_retain(f), bytes);
  file_keep(f);
  CHECK(snprintf(kept, sizeof kept, "%s", file_temporary(f)) > 0);
  file_release(f);
  disk_reset();
  CHECK(error == EEXIST);
  CHECK(names(folder) == before + 2 && holds(kept, bytes, VIDEO_SIZE));
  CHECK(lstat(target, &status) == 0);
  CHECK(dangling ? S_ISLNK(status.st_mode) : holds(target, "mine", 4));
  CHECK(unlink(target) == 0 && unlink(kept) == 0);
  free(bytes);
}

/* What has no place for more bytes. */
static void capped(const char *folder, const char *bytes)
{
  struct file *f = file_new(in(folder, "cap.mp4"), false, 10, FILE_MP4, NULL);
  int before = names(folder);

  CHECK(f && file_create(f) == 0 && names(folder) == before + 1);
  CHECK(file_create(f) == 0 && names(folder) == before + 1);
  CHECK(file_write(f, bytes, 10) == 0);
  CHECK(file_write(f, bytes, 1) == EOVERFLOW && file_length(f) == 10);
  CHECK(file_write(f, bytes, SIZE_MAX) == EOVERFLOW);
  CHECK(file_expect(f, 11) == FILE_TOO_LARGE);
  CHECK(file_expect(f, -1) == FILE_EXPECTED);
  CHECK(file_expect(f, 10) == FILE_EXPECTED);
  CHECK(file_expect(f, 9) == FILE_CHANGED);
  file_release(f);
  file_release(NULL);
  CHECK(names(folder) == before);
}

void target_refused(const char *folder)
{
  char *bytes = video();
  int i;

  CHECK(refusal("", false) == EISDIR);
  CHECK(refusal(folder, false) == EISDIR && refusal(folder, true) == EISDIR);
  CHECK(refusal(in(folder, "none/"), true) == EISDIR);
  CHECK(refusal(in(folder, "none/v.mp4"), true) == ENOENT);
  CHECK(refusal("/dev/null", false) == ENOTSUP);
  CHECK(refusal("/dev/null", true) == ENOTSUP);
  CHECK(mkfifo(in(folder, "pipe"), 0600) == 0);
  CHECK(refusal(target, false) == ENOTSUP && refusal(target, true) == ENOTSUP);
  CHECK(unlink(target) == 0);
  make_socket(in(folder, "socket"));
  CHECK(refusal(target, false) == ENOTSUP && refusal(target, true) == ENOTSUP);
  CHECK(unlink(target) == 0);
  put_text(in(folder, "old.mp4"), "old");
  CHECK(refusal(target, false) == EEXIST && names(folder) == 1);
  CHECK(refusal(in(folder, "old.mp4/v.mp4"), true) == ENOTDIR);
  for (i = 0; i < 8; i++)
    race(folder, i & 1, i & 2, i & 4); /* each combination */
  capped(folder, bytes);
  CHECK(names(folder) == 1 && holds(in(folder, "old.mp4"), "old", 3));
  free(bytes);
}

/* Fetches through the link and looks for the file at `real`. */
static void fetch_through(const char *folder, const char *link,
                          const char *real, const char *bytes)
{
  char there[4096], *temporary;
  struct stat status;
  struct file *f;

  CHECK(snprintf(there, sizeof there, "%s/%s", folder, real) < 4096);
  CHECK(refusal(in(folder, link), false) == EEXIST);
  f = opened(in(folder, link), true);
  CHECK(file_check(f) == 0);
  temporary = realpath(file_temporary(f), NULL);
  CHECK(temporary && strstr(temporary, "/far/.jogg-"));
  free(temporary);
  CHECK(finish(f, bytes) == 0);
  CHECK(lstat(target, &status) == 0 && S_ISLNK(status.st_mode));
  CHECK(lstat(there, &status) == 0 && S_ISREG(status.st_mode));
  CHECK(holds(target, bytes, VIDEO_SIZE));
}

/* The file that a link leads to is the target; the link stays. */
void target_linked(const char *folder)
{
  static const char *const names_of[] = { "folder", "pipe", "loop", "device" };
  static const int errors[] = { EISDIR, ENOTSUP, ELOOP, ENOTSUP };
  char *bytes = video(), absolute[4096];
  size_t i;

  CHECK(mkdir(in(folder, "far"), 0700) == 0);
  CHECK(mkdir(in(folder, "near"), 0700) == 0);
  put_text(in(folder, "far/ad.mp4"), "old");
  CHECK(symlink("../far/ad.mp4", in(folder, "near/one")) == 0);
  CHECK(symlink("near/one", in(folder, "two")) == 0);
  CHECK(snprintf(absolute, sizeof absolute, "%s/far/new.mp4", folder) < 4096);
  CHECK(symlink(absolute, in(folder, "near/new")) == 0);
  CHECK(symlink("../far", in(folder, "near/folder")) == 0);
  CHECK(symlink("../near/folder/other.mp4", in(folder, "far/other")) == 0);
  fetch_through(folder, "two", "far/ad.mp4", bytes);
  fetch_through(folder, "near/new", "far/new.mp4", bytes); /* it dangled */
  fetch_through(folder, "far/other", "near/folder/other.mp4", bytes);
  CHECK(names(in(folder, "near")) == 3);
  CHECK(names(in(folder, "far")) == 4);
  CHECK(mkfifo(in(folder, "far/pipe"), 0600) == 0);
  CHECK(symlink("../far/pipe", in(folder, "near/pipe")) == 0);
  CHECK(symlink("loop", in(folder, "near/loop")) == 0);
  CHECK(symlink("/dev/null", in(folder, "near/device")) == 0);
  (void)snprintf(absolute, sizeof absolute, "%s/near", folder);
  for (i = 0; i < sizeof errors / sizeof errors[0]; i++) {
    CHECK(refusal(in(absolute, names_of[i]), false) == errors[i]);
    CHECK(refusal(in(absolute, names_of[i]), true) == errors[i]);
  }
  CHECK(symlink("../none/v.mp4", in(absolute, "lost")) == 0);
  CHECK(refusal(target, false) == EEXIST && refusal(target, true) == ENOENT);
  free(bytes);
}

/* file_check leaves nothing, whatever the file system has. */
void target_checked(const char *folder)
{
  struct file *f;
  int i, before;

  for (i = 0; i < 32; i++) {
    disk.has_links = i & 1;
    disk.has_noreplace = i & 2;
    disk.holds_open = i & 4;
    disk.sync_error = i & 8 ? EINVAL : 0;
    before = names(folder);
    f = file_new(in(folder, "v.mp4"), i & 16, 100, FILE_MP4, NULL);
    CHECK(f && file_check(f) == 0 && names(folder) == before);
    CHECK(file_create(f) == 0 && file_check(f) == 0); /* also meanwhile */
    CHECK(names(folder) == before + 1);
    file_release(f);
    CHECK(names(folder) == before);
  }
  disk_reset();
  put_text(in(folder, "v.mp4"), "old");
  f = file_new(target, true, 100, FILE_MP4, NULL);
  CHECK(f && file_check(f) == 0 && holds(target, "old", 3));
  disk.room = 0;
  CHECK(file_check(f) == ENOSPC && names(folder) == 1);
  disk_reset();
  disk.sync_error = EIO;
  CHECK(file_check(f) == EIO && names(folder) == 1);
  disk_reset();
  file_release(f);
}

/* What could not be made is made later, when that is possible. */
void target_late(const char *folder)
{
  char *bytes = video();
  struct file *f;
  int i;

  f = file_new(in(folder, "later/v.mp4"), false, INT64_MAX, FILE_MP4, NULL);
  CHECK(f && names(folder) == 0);
  for (i = 0; i < 3; i++)
    CHECK(file_create(f) == ENOENT && names(folder) == 0);
  CHECK(mkdir(in(folder, "later"), 0700) == 0);
  CHECK(file_create(f) == 0 && names(target) == 1);
  CHECK(finish(f, bytes) == 0);
  CHECK(holds(in(folder, "later/v.mp4"), bytes, VIDEO_SIZE));
  free(bytes);
}

/* The host changes to another folder; a forked child releases the file. */
void target_elsewhere(const char *folder)
{
  char *bytes = video();
  struct file *f, *unmade;
  pid_t child;
  int status;

  CHECK(chdir(folder) == 0);
  f = opened("v.mp4", false);
  unmade = file_new("later.mp4", false, INT64_MAX, FILE_MP4, NULL);
  CHECK(unmade && chdir("/") == 0);
  CHECK(file_check(unmade) == 0 && file_create(unmade) == 0);
  CHECK(names(folder) == 2);
  child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    file_release(f);
    file_release(unmade);
    free(bytes);
    _exit(0);
  }
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(names(folder) == 2);
  CHECK(finish(f, bytes) == 0 && finish(unmade, bytes) == 0);
  CHECK(holds(in(folder, "v.mp4"), bytes, VIDEO_SIZE) && names(folder) == 2);
  CHECK(holds(in(folder, "later.mp4"), bytes, VIDEO_SIZE));
  free(bytes);
}
