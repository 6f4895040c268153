/* SPDX-License-Identifier: MIT
 *
 * layer0_file: the file on its way to the disk; the disk is layer0_disk's.
 */
#define _GNU_SOURCE
#include "layer0.h"
#include "layer0_disk.h"

#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* {=== helpers */

static char target[4096];

static const char *in(const char *folder, const char *name)
{
  (void)snprintf(target, sizeof target, "%s/%s", folder, name);
  return target;
}

int names(const char *folder)
{
  DIR *d = opendir(folder);
  const struct dirent *entry;
  int n = 0;

  CHECK(d);
  while ((entry = readdir(d)))
    n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
  (void)closedir(d);
  return n;
}

static size_t put_number(char *to, uint64_t number, int bytes)
{
  int i;

  for (i = bytes; i-- > 0; number >>= 8)
    to[i] = (char)(number & 0xFF);
  return (size_t)bytes;
}

/* A box header; size 1 and 0 as they are, `wide` for a 64-bit size. */
static size_t put_box(char *to, const char *type, uint64_t size, bool wide)
{
  put_number(to, wide ? 1 : size, 4);
  memcpy(to + 4, type, 4);
  return wide ? 8 + put_number(to + 8, size, 8) : 8;
}

#define VIDEO_SIZE (16 + 8 + 700000)

/* A whole MP4 of VIDEO_SIZE bytes. */
static char *video(void)
{
  char *bytes = malloc(VIDEO_SIZE);
  size_t i;

  CHECK(bytes);
  for (i = 0; i < VIDEO_SIZE; i++)
    bytes[i] = (char)(i * 7 % 253);
  (void)put_box(bytes, "ftyp", 8, false);
  (void)put_box(bytes + 8, "moov", 8, false);
  (void)put_box(bytes + 16, "mdat", 8 + 700000, false);
  return bytes;
}

static bool holds(const char *path, const char *bytes, size_t n)
{
  FILE *file = fopen(path, "rb");
  char *there = malloc(n + 1);
  bool same;

  CHECK(file && there);
  same = fread(there, 1, n + 1, file) == n && memcmp(there, bytes, n) == 0;
  (void)fclose(file);
  free(there);
  return same;
}

static struct file *opened(const char *path, bool overwrite)
{
  struct file *f = file_new(path, overwrite, INT64_MAX);

  CHECK(f && strcmp(file_name(f), path) == 0);
  CHECK(file_create(f) == 0);
  return f;
}

static enum file_result commit(struct file *f, enum mp4_verdict *verdict,
                               int *error)
{
  return file_commit(f, verdict, error);
}

static void put_text(const char *path, const char *text)
{
  FILE *file = fopen(path, "wb");

  CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* ===} */

/* {=== groups */

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
    CHECK(commit(f, &verdict, &error) == FILE_COMMITTED);
    CHECK(verdict == MP4_WHOLE && error == 0);
    CHECK(holds(target, bytes, VIDEO_SIZE));
    CHECK(file_write(f, "x", 1) == EBADF && file_rewind(f) == EBADF);
    CHECK(file_create(f) == EBADF);
    CHECK(commit(f, &verdict, &error) == FILE_FAILED && error == EBADF);
    file_release(f);
    CHECK(names(folder) == 1);
  }
  CHECK(stat(target, &status) == 0 && S_ISREG(status.st_mode));
  free(bytes);
}

void file_commits(const char *folder)
{
  char *bytes = video();
  enum mp4_verdict verdict;
  struct stat status;
  struct file *f;
  mode_t mask = umask(027);
  int error;

  f = opened(in(folder, "new.mp4"), false);
  CHECK(names(folder) == 1 && access(target, F_OK) != 0);
  CHECK(file_write(f, "not a video at all", 18) == 0);
  CHECK(commit(f, &verdict, &error) == FILE_NOT_WHOLE);
  CHECK(verdict == MP4_FOREIGN && access(target, F_OK) != 0);
  CHECK(file_rewind(f) == 0 && file_length(f) == 0);
  CHECK(file_write(f, bytes, VIDEO_SIZE) == 0);
  CHECK(commit(file_retain(f), &verdict, &error) == FILE_COMMITTED);
  file_release(f);
  file_release(f);
  CHECK(holds(target, bytes, VIDEO_SIZE) && names(folder) == 1);
  CHECK(stat(target, &status) == 0 && (status.st_mode & 0777) == 0640);
  CHECK(chmod(target, 0600) == 0); /* an old file's permissions stay */
  f = opened(target, true);
  CHECK(file_write(f, bytes, VIDEO_SIZE) == 0);
  CHECK(commit(f, &verdict, &error) == FILE_COMMITTED);
  file_release(f);
  CHECK(stat(target, &status) == 0 && (status.st_mode & 0777) == 0600);
  disk.has_noreplace = false;
  f = opened(in(folder, "linked.mp4"), false);
  CHECK(file_write(f, bytes, VIDEO_SIZE) == 0);
  CHECK(commit(f, &verdict, &error) == FILE_COMMITTED);
  file_release(f);
  CHECK(holds(target, bytes, VIDEO_SIZE) && names(folder) == 2);
  disk.has_links = false;
  f = opened(in(folder, "linkless.mp4"), false);
  CHECK(file_write(f, bytes, VIDEO_SIZE) == 0);
  CHECK(commit(f, &verdict, &error) == FILE_COMMITTED);
  file_release(f);
  CHECK(holds(target, bytes, VIDEO_SIZE) && names(folder) == 3);
  disk.has_links = disk.has_noreplace = true;
  CHECK(disk.unsynced_names == 0);
  (void)umask(mask);
  free(bytes);
}

/* A target that turns up between opening and committing. */
static void race(const char *folder, bool noreplace, bool links, bool dangling)
{
  char *bytes = video();
  enum mp4_verdict verdict;
  int error, before = names(folder);
  struct file *f = opened(in(folder, "race.mp4"), false);
  struct stat status;

  if (dangling)
    CHECK(symlink("/nowhere/at/all", target) == 0);
  else
    put_text(target, "mine");
  disk.has_noreplace = noreplace;
  disk.has_links = links;
  CHECK(file_write(f, bytes, VIDEO_SIZE) == 0);
  CHECK(commit(f, &verdict, &error) == FILE_FAILED && error == EEXIST);
  disk.has_links = disk.has_noreplace = true;
  file_release(f);
  CHECK(names(folder) == before + 1);
  CHECK(lstat(target, &status) == 0);
  CHECK(dangling ? S_ISLNK(status.st_mode) : holds(target, "mine", 4));
  CHECK(unlink(target) == 0);
  free(bytes);
}

static int refusal(const char *path, bool overwrite)
{
  struct file *f = file_new(path, overwrite, 100);
  int error;

  CHECK(f);
  error = file_create(f);
  CHECK(file_create(f) == error && file_write(f, "x", 1) == EBADF);
  file_release(f);
  return error;
}

void file_refuses(const char *folder)
{
  char *bytes = video();
  enum mp4_verdict verdict;
  struct stat status;
  struct file *f;
  int error;

  CHECK(refusal("", false) == EISDIR);
  CHECK(refusal(folder, false) == EISDIR && refusal(folder, true) == EISDIR);
  CHECK(refusal(in(folder, "none/"), true) == EISDIR);
  CHECK(refusal(in(folder, "none/v.mp4"), true) == ENOENT);
  CHECK(mkfifo(in(folder, "pipe"), 0600) == 0);
  CHECK(refusal(target, false) != 0 && refusal(target, true) != 0);
  CHECK(unlink(target) == 0);
  put_text(in(folder, "old.mp4"), "old");
  CHECK(refusal(target, false) == EEXIST && names(folder) == 1);
  /* a symlink is replaced, and what it leads to is left alone */
  CHECK(symlink("old.mp4", in(folder, "link.mp4")) == 0);
  CHECK(refusal(target, false) == EEXIST);
  f = opened(target, true);
  CHECK(file_write(f, bytes, VIDEO_SIZE) == 0);
  CHECK(commit(f, &verdict, &error) == FILE_COMMITTED);
  file_release(f);
  CHECK(lstat(target, &status) == 0 && S_ISREG(status.st_mode));
  CHECK(holds(in(folder, "old.mp4"), "old", 3));
  race(folder, true, true, false);
  race(folder, true, true, true);
  race(folder, false, true, false);
  race(folder, false, true, true);
  race(folder, false, false, false);
  race(folder, false, false, true);
  f = file_new(in(folder, "cap.mp4"), false, 10);
  CHECK(f && names(folder) == 2);
  CHECK(file_create(f) == 0 && names(folder) == 3);
  CHECK(file_create(f) == 0 && names(folder) == 3); /* it is there */
  CHECK(file_write(f, bytes, 10) == 0);
  CHECK(file_write(f, bytes, 1) == EOVERFLOW && file_length(f) == 10);
  CHECK(file_write(f, bytes, SIZE_MAX) == EOVERFLOW);
  CHECK(file_expect(f, 11) == FILE_TOO_LARGE);
  CHECK(file_expect(f, -1) == FILE_EXPECTED);
  CHECK(file_expect(f, 10) == FILE_EXPECTED);
  CHECK(file_expect(f, 9) == FILE_CHANGED);
  file_release(f);
  file_release(NULL);
  CHECK(names(folder) == 2);
  free(bytes);
}

/* The disk is full for a while: at each byte count in turn, and then not. */
void file_syncs(const char *folder)
{
  char *bytes = video();
  enum mp4_verdict verdict;
  int error, i;

  for (i = 0; i < 2; i++) { /* a new target, and one that is replaced */
    struct file *f = opened(in(folder, "v.mp4"), i == 1);
    CHECK(file_write(f, bytes, VIDEO_SIZE) == 0);
    disk.syncs = false;
    CHECK(commit(f, &verdict, &error) == FILE_FAILED && error == EIO);
    CHECK(names(folder) == 1 + i); /* the temporary one, and the old one */
    disk.syncs = true;
    CHECK(commit(f, &verdict, &error) == FILE_COMMITTED);
    file_release(f);
    CHECK(holds(target, bytes, VIDEO_SIZE) && names(folder) == 1);
  }
  CHECK(disk.unsynced_names == 0);
  free(bytes);
}

void file_fails(const char *folder)
{
  static const size_t rooms[] = { 0, 1, 999, 1000, 262143, 262144, 300000,
                                  524288, 600000, VIDEO_SIZE - 1 };
  char *bytes = video();
  enum mp4_verdict verdict;
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
    error = 0;
    if (commit(f, &verdict, &error) == FILE_FAILED) {
      CHECK(error == ENOSPC);
      was_full = true;
      disk.room = SIZE_MAX - 1;
      CHECK(commit(f, &verdict, &error) == FILE_COMMITTED);
    }
    CHECK(was_full && holds(target, bytes, VIDEO_SIZE));
    file_release(f);
    disk.room = SIZE_MAX;
  }
  CHECK(names(folder) == 1);
  free(bytes);
}

/* What could not be made is made later, when that is possible. */
void file_waits(const char *folder)
{
  char *bytes = video();
  enum mp4_verdict verdict;
  struct file *f;
  int error, i;

  f = file_new(in(folder, "later/v.mp4"), false, INT64_MAX);
  CHECK(f && names(folder) == 0);
  for (i = 0; i < 3; i++)
    CHECK(file_create(f) == ENOENT && names(folder) == 0);
  CHECK(mkdir(in(folder, "later"), 0700) == 0);
  CHECK(file_create(f) == 0 && names(target) == 1);
  CHECK(file_write(f, bytes, VIDEO_SIZE) == 0);
  CHECK(commit(f, &verdict, &error) == FILE_COMMITTED);
  file_release(f);
  CHECK(holds(in(folder, "later/v.mp4"), bytes, VIDEO_SIZE));
  free(bytes);
}

/* The host goes to another folder; a forked child lets go of the file. */
void file_moves(const char *folder)
{
  char *bytes = video();
  enum mp4_verdict verdict;
  struct file *f;
  pid_t child;
  int status, error;

  CHECK(chdir(folder) == 0);
  f = opened("v.mp4", false);
  CHECK(chdir("/") == 0);
  child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    file_release(f);
    free(bytes);
    _exit(0);
  }
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(names(folder) == 1);
  CHECK(file_write(f, bytes, VIDEO_SIZE) == 0);
  CHECK(commit(f, &verdict, &error) == FILE_COMMITTED);
  file_release(f);
  CHECK(holds(in(folder, "v.mp4"), bytes, VIDEO_SIZE) && names(folder) == 1);
  free(bytes);
}

/* ===} */
