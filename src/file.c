/* SPDX-License-Identifier: MIT
 *
 * file: see file.h.
 *
 * libcurl hands over at most 16 KiB a call.  Gathering them to 256 KiB halves
 * the processor time of a download.  Write-back is started every 8 MiB, so
 * that the final fsync has little left to wait for.
 */
#define _GNU_SOURCE /* mkostemp, sync_file_range */
#define _FILE_OFFSET_BITS 64 /* videos over 2 GiB on 32-bit systems */
#include "file.h"

#include "thread.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GATHER_SIZE (256 * 1024)
#define WRITEBACK_SIZE (8 * 1024 * 1024)
#define LARGE (32 * 1024 * 1024)
#define TEMPORARY_NAME ".jogg-XXXXXX" /* short: fits where the target fits */

struct file {
  atomic_int references;
  int fd;              /* -1: not made yet, or committed */
  pid_t owner;         /* a forked child must not remove our file */
  bool overwrite;
  int64_t length;      /* bytes appended, gathered ones included */
  int64_t maximum;
  int64_t expected;    /* -1: unknown */
  int64_t writeback;   /* bytes whose write-back was started */
  char *path;          /* the target, absolute: the host may go elsewhere */
  const char *name;    /* its end: the target as the host calls it */
  char *temporary;     /* NULL once it has the target's name */
  char *gather;        /* NULL until the first small write */
  size_t gathered;
};

/* {=== birth and death */

/* The permissions that open(2) would have given.  Where the mask cannot be
   read without changing it for other threads, the file stays private. */
static mode_t permissions(void)
{
  mode_t mode = S_IRUSR | S_IWUSR;
  FILE *status = fopen("/proc/self/status", "re");
  char line[128];

  if (!status)
    return mode;
  while (fgets(line, sizeof line, status)) {
    if (strncmp(line, "Umask:", 6) == 0) {
      mode = 0666 & ~(mode_t)strtoul(line + 6, NULL, 8);
      break;
    }
  }
  (void)fclose(status);
  return mode;
}

/* The path from the root, if the folder we are in has one; it ends with
   `path`. */
static char *absolute(const char *path)
{
  char folder[PATH_MAX];
  size_t length, size;
  char *whole;

  if (path[0] == '/' || !getcwd(folder, sizeof folder) || folder[0] != '/')
    return strdup(path);
  length = strlen(folder);
  size = strlen(path) + 1;
  if (length + 1 + size > sizeof folder)
    return strdup(path); /* the system would not take it */
  whole = malloc(length + 1 + size);
  if (whole) {
    memcpy(whole, folder, length);
    whole[length] = '/';
    memcpy(whole + length + 1, path, size);
  }
  return whole;
}

static char *temporary_name(const char *path)
{
  const char *slash = strrchr(path, '/');
  size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
  char *name = malloc(folder + sizeof TEMPORARY_NAME);

  if (name) {
    memcpy(name, path, folder);
    memcpy(name + folder, TEMPORARY_NAME, sizeof TEMPORARY_NAME);
  }
  return name;
}

/* May a finished video be put at `path`?  0, or an errno. */
static int target_check(const char *path, bool overwrite)
{
  size_t length = strlen(path);
  struct stat status;

  if (length == 0 || path[length - 1] == '/')
    return EISDIR;
  if (lstat(path, &status) != 0)
    return errno == ENOENT ? 0 : errno;
  if (S_ISDIR(status.st_mode))
    return EISDIR;
  if (!overwrite)
    return EEXIST;
  return S_ISREG(status.st_mode) || S_ISLNK(status.st_mode) ? 0 : ENOTSUP;
}

struct file *file_new(const char *path, bool overwrite, int64_t maximum)
{
  struct file *f = malloc(sizeof *f);

  if (!f)
    return NULL;
  *f = (struct file){ .fd = -1, .overwrite = overwrite, .maximum = maximum,
                      .expected = -1 };
  atomic_init(&f->references, 1);
  f->path = absolute(path);
  f->temporary = f->path ? temporary_name(f->path) : NULL;
  if (!f->temporary) {
    file_release(f);
    return NULL;
  }
  f->name = f->path + strlen(f->path) - strlen(path);
  return f;
}

const char *file_name(const struct file *f)
{
  return f->name;
}

int file_create(struct file *f)
{
  int error;

  if (f->fd >= 0)
    return 0;
  if (!f->temporary)
    return EBADF;
  error = target_check(f->path, f->overwrite);
  if (error)
    return error;
  memcpy(f->temporary + strlen(f->temporary) + 1 - sizeof TEMPORARY_NAME,
         TEMPORARY_NAME, sizeof TEMPORARY_NAME); /* a try before spoilt it */
  f->fd = mkostemp(f->temporary, O_CLOEXEC); /* O_EXCL, 0600 */
  if (f->fd < 0)
    return errno;
  f->owner = getpid();
  return 0;
}

struct file *file_retain(struct file *f)
{
  (void)atomic_fetch_add(&f->references, 1);
  return f;
}

static void *file_free(void *user)
{
  struct file *f = user;

  if (f->fd >= 0)
    (void)close(f->fd);
  free(f->temporary);
  free(f->path);
  free(f->gather);
  free(f);
  return NULL;
}

/* Where the last name of a large file is gone, the kernel frees its pages when
   it is closed, 35 ms for a GiB: a thread does that, and nobody waits. */
void file_release(struct file *f)
{
  bool ours;
  pthread_t thread;

  if (!f || atomic_fetch_sub(&f->references, 1) != 1)
    return;
  ours = f->fd >= 0 && f->owner == getpid();
  if (ours)
    (void)unlink(f->temporary);
  if (ours && f->length >= LARGE && thread_start(&thread, file_free, f) == 0)
    (void)pthread_detach(thread);
  else
    (void)file_free(f);
}

/* ===} */

/* {=== writing */

/* Writes out what was gathered.  What the disk did not take stays gathered, so
   that a file on a disk that was full for a while has every byte once. */
static int file_flush(struct file *f)
{
  size_t done = 0;
  int error = 0;

  while (done < f->gathered && !error) {
    ssize_t put = write(f->fd, f->gather + done, f->gathered - done);
    if (put > 0)
      done += (size_t)put;
    else if (put == 0 || errno != EINTR)
      error = put < 0 ? errno : EIO;
  }
  f->gathered -= done;
  if (error) {
    memmove(f->gather, f->gather + done, f->gathered);
    return error;
  }
#ifdef SYNC_FILE_RANGE_WRITE
  if (f->length - f->writeback >= WRITEBACK_SIZE) {
    /* only a hint: fsync in file_commit is what counts */
    (void)sync_file_range(f->fd, f->writeback, f->length - f->writeback,
                          SYNC_FILE_RANGE_WRITE);
    f->writeback = f->length;
  }
#endif
  return 0;
}

enum file_expectation file_expect(struct file *f, int64_t whole)
{
  if (whole > f->maximum)
    return FILE_TOO_LARGE;
  if (whole >= 0 && f->expected >= 0 && whole != f->expected)
    return FILE_CHANGED;
  if (whole >= 0)
    f->expected = whole;
  return FILE_EXPECTED;
}

int file_write(struct file *f, const void *bytes, size_t n)
{
  const char *from = bytes;

  if (f->fd < 0)
    return EBADF;
  if ((uint64_t)n > (uint64_t)(f->maximum - f->length))
    return EOVERFLOW;
  if (!f->gather) {
    f->gather = malloc(GATHER_SIZE);
    if (!f->gather)
      return ENOMEM;
  }
  while (n > 0) {
    size_t room = GATHER_SIZE - f->gathered;
    size_t part = n < room ? n : room;
    memcpy(f->gather + f->gathered, from, part);
    f->gathered += part;
    f->length += (int64_t)part;
    from += part;
    n -= part;
    if (f->gathered == GATHER_SIZE) {
      int error = file_flush(f);
      if (error)
        return error;
    }
  }
  return 0;
}

int64_t file_length(const struct file *f)
{
  return f->length;
}

int file_rewind(struct file *f)
{
  if (f->fd < 0)
    return EBADF;
  f->gathered = 0;
  f->length = f->writeback = 0;
  f->expected = -1;
  if (ftruncate(f->fd, 0) != 0 || lseek(f->fd, 0, SEEK_SET) != 0)
    return errno;
  return 0;
}

/* ===} */

/* {=== commit */

/* A rename that never replaces.  Where neither the system nor the file system
   has one, a look and a rename is the best there is. */
static int place_new(const char *from, const char *to)
{
  struct stat status;

#ifdef RENAME_NOREPLACE
  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
    return 0;
#endif
  if (link(from, to) == 0) {
    (void)unlink(from); /* the target is whole either way */
    return 0;
  }
  if (errno == EEXIST || lstat(to, &status) == 0)
    return EEXIST;
  return rename(from, to) == 0 ? 0 : errno;
}

/* Makes the new name last.  Best effort: the data itself is safe, and some
   file systems cannot sync a folder. */
static void sync_folder(const char *path)
{
  const char *slash = strrchr(path, '/');
  char *folder;
  int fd;

  if (!slash)
    folder = strdup(".");
  else
    folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
  if (!folder)
    return;
  fd = open(folder, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    (void)fsync(fd);
    (void)close(fd);
  }
  free(folder);
}

static int file_place(struct file *f)
{
  struct stat old;
  bool replaces = f->overwrite && stat(f->path, &old) == 0;
  int fd, error;

  /* where the file system has no permissions, the video is worth more */
  (void)fchmod(f->fd, replaces ? old.st_mode & 0777 : permissions());
  if (fsync(f->fd) != 0)
    return errno;
  if (f->overwrite)
    error = rename(f->temporary, f->path) == 0 ? 0 : errno;
  else
    error = place_new(f->temporary, f->path);
  if (error)
    return error;
  fd = f->fd;
  f->fd = -1; /* from here there is no temporary file to remove */
  (void)close(fd); /* it is synced: there is nothing left to fail */
  sync_folder(f->path);
  return 0;
}

enum file_result file_commit(struct file *f, enum mp4_verdict *verdict,
                             int *error)
{
  *verdict = MP4_WHOLE;
  *error = f->fd < 0 ? EBADF : file_flush(f);
  if (*error)
    return FILE_FAILED;
  *verdict = mp4_check(f->fd, f->length);
  if (*verdict == MP4_UNREADABLE) {
    *error = errno;
    return FILE_FAILED;
  }
  if (*verdict != MP4_WHOLE)
    return FILE_NOT_WHOLE;
  *error = file_place(f);
  if (*error)
    return FILE_FAILED;
  free(f->gather);
  free(f->temporary);
  f->gather = f->temporary = NULL;
  return FILE_COMMITTED;
}

/* ===} */
