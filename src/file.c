/* SPDX-License-Identifier: MIT
 *
 * file: see file.h.
 *
 * libcurl passes at most 16 KiB a call.  Gathering them to 256 KiB halves the
 * processor time of a download.  Write-back starts every 8 MiB, so that the
 * final fsync has little left to wait for.
 */
#define _GNU_SOURCE /* sync_file_range */
#define _FILE_OFFSET_BITS 64 /* videos over 2 GiB on 32-bit systems */
#include "file.h"

#include "disk.h"
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define GATHER_SIZE (256 * 1024)
#define WRITEBACK_SIZE (8 * 1024 * 1024)
#define LARGE (32 * 1024 * 1024)
#define TRIES 10 /* of keys */
#define TEMPORARY_NAME ".jogg-XXXXXX" /* short: fits where the target fits */

struct file {
  atomic_int references;
  int fd;              /* -1: not made yet, or closed by file_commit */
  pid_t owner;         /* a forked child must not remove our file */
  bool overwrite;
  bool whole;          /* file_judge said so */
  bool kept;           /* the temporary file stays */
  atomic_bool committed;
  enum file_content content;
  char key[FILE_KEY_LENGTH + 1];
  bool key_told;       /* the key may have been written down: it stays */
  bool leftover;       /* an earlier process may have left a temporary file */
  int64_t length;      /* bytes appended, gathered ones included */
  int64_t maximum;
  int64_t expected;    /* -1: unknown */
  int64_t writeback;   /* bytes whose write-back was started */
  char *path;          /* absolute: a later chdir changes nothing */
  char *target;        /* where `path` leads; set with `temporary` */
  _Atomic(char *) temporary; /* NULL: it was not made yet */
  char *former;        /* its name before it was kept; may still be read */
  char *gather;        /* NULL until the first write */
  size_t gathered;
};

/* {=== birth and death */

/* A key that no other file has, most likely: O_EXCL makes sure. */
static void key_make(char *key, const void *address)
{
  static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  static atomic_uint count;
  struct timespec now;
  uint64_t mixed;
  int i;

  (void)clock_gettime(CLOCK_REALTIME, &now);
  mixed = (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 30 ^
          (uint64_t)getpid() << 17 ^ (uint64_t)(uintptr_t)address << 7;
  mixed += atomic_fetch_add(&count, 1) * UINT64_C(0x9E3779B97F4A7C15);
  mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
  mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
  mixed ^= mixed >> 31;
  for (i = 0; i < FILE_KEY_LENGTH; i++, mixed /= sizeof digits - 1)
    key[i] = digits[mixed % (sizeof digits - 1)];
  key[i] = '\0';
}

struct file *file_new(const char *path, bool overwrite, int64_t maximum,
                      enum file_content content, const char *key)
{
  struct file *f = malloc(sizeof *f);

  if (!f)
    return NULL;
  *f = (struct file){ .fd = -1, .overwrite = overwrite, .content = content,
                      .maximum = maximum, .expected = -1 };
  atomic_init(&f->references, 1);
  atomic_init(&f->committed, false);
  atomic_init(&f->temporary, NULL);
  f->leftover = key != NULL;
  if (key)
    (void)snprintf(f->key, sizeof f->key, "%s", key);
  else
    key_make(f->key, f);
  f->path = disk_absolute(path);
  if (!f->path) {
    file_release(f);
    return NULL;
  }
  return f;
}

const char *file_key(struct file *f)
{
  f->key_told = true;
  return f->key;
}

const char *file_temporary(const struct file *f)
{
  return atomic_load(&f->committed) ? NULL : atomic_load(&f->temporary);
}

struct file *file_retain(struct file *f)
{
  (void)atomic_fetch_add(&f->references, 1);
  return f;
}

static void file_close(struct file *f)
{
  if (f->fd >= 0)
    (void)close(f->fd);
  f->fd = -1;
}

static void *file_free(void *user)
{
  struct file *f = user;

  file_close(f);
  free(f->temporary);
  free(f->former);
  free(f->target);
  free(f->path);
  free(f->gather);
  free(f);
  return NULL;
}

/* Closing an unlinked file makes the kernel free its pages, which takes 35 ms
   for a GiB.  A thread closes a large file, so that the caller does not
   wait. */
void file_release(struct file *f)
{
  bool ours;
  pthread_t thread;

  if (!f || atomic_fetch_sub(&f->references, 1) != 1)
    return;
  ours = f->temporary && !f->kept && !f->committed && f->owner == getpid();
  if (ours && unlink(f->temporary) != 0) {
    file_close(f); /* some file systems do not remove an open file */
    (void)unlink(f->temporary);
  }
  if (ours && f->length >= LARGE && thread_start(&thread, file_free, f) == 0)
    (void)pthread_detach(thread);
  else
    (void)file_free(f);
}

/* ===} */

/* {=== the temporary file */

/* Opens the temporary file.  One that is there already is used again only where
   its key was given, and it belongs to this user.  It may have a second name,
   if the process died while it was moved: then the first one is removed. */
static int open_temporary(const struct file *f, const char *name)
{
  const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
  int fd = open(name, flags | (f->leftover ? 0 : O_EXCL), 0600);
  struct stat status;
  bool ours;

  if (fd < 0)
    return -1;
  ours = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
         status.st_uid == geteuid();
  if (ours && status.st_nlink == 1 && ftruncate(fd, 0) == 0)
    return fd;
  (void)close(fd);
  if (ours && status.st_nlink > 1 && unlink(name) == 0)
    return open(name, flags | O_EXCL, 0600);
  errno = EEXIST;
  return -1;
}

/* Finds the target and makes an empty file beside it, whose name ends with the
   key; `last`, if not NUL, stands for the key's last character.  0: *target and
   *temporary are the caller's to free.  Otherwise an errno. */
static int make(struct file *f, char last, char **target, char **temporary,
                int *fd)
{
  const char *slash;
  size_t folder;
  mode_t mode;
  int error = disk_find(f->path, target, &mode), tries;

  if (error)
    return error;
  slash = strrchr(*target, '/');
  folder = slash ? (size_t)(slash - *target) + 1 : 0;
  *temporary = malloc(folder + sizeof TEMPORARY_NAME);
  if (!*temporary)
    error = ENOMEM;
  else if (!f->overwrite && (mode != 0 || strcmp(*target, f->path) != 0))
    error = EEXIST; /* a dangling link exists as well */
  if (!error) {
    memcpy(*temporary, *target, folder);
    memcpy(*temporary + folder, TEMPORARY_NAME, sizeof TEMPORARY_NAME);
    for (tries = 0; tries < TRIES; tries++) {
      memcpy(*temporary + folder + sizeof TEMPORARY_NAME - 1 - FILE_KEY_LENGTH,
             f->key, FILE_KEY_LENGTH);
      if (last)
        (*temporary)[folder + sizeof TEMPORARY_NAME - 2] = last;
      *fd = open_temporary(f, *temporary);
      error = *fd >= 0 ? 0 : errno;
      if (error != EEXIST || f->leftover || f->key_told)
        break;
      key_make(f->key, f); /* another file has this one */
    }
  }
  if (error) {
    free(*target);
    free(*temporary);
  }
  return error;
}

int file_create(struct file *f)
{
  char *target, *temporary;
  int fd, error;

  if (f->committed)
    return EBADF;
  if (f->temporary)
    return 0;
  error = make(f, '\0', &target, &temporary, &fd);
  if (error)
    return error;
  free(f->target);
  f->target = target;
  f->temporary = temporary;
  f->fd = fd;
  f->owner = getpid();
  return 0;
}

int file_check(struct file *f)
{
  char *target, *first, *second;
  size_t done;
  int fd, error = make(f, '+', &target, &first, &fd); /* no key ends so */

  if (error)
    return error;
  free(target);
  error = disk_write(fd, "x", 1, &done);
  if (!error)
    error = disk_sync(fd);
  if (close(fd) != 0 && !error)
    error = errno;
  second = strdup(first);
  if (!second) {
    error = ENOMEM;
  } else {
    second[strlen(second) - 1] = '-'; /* no key ends so */
    if (f->leftover)
      (void)unlink(second);
    if (!error)
      error = disk_move(first, second, f->overwrite);
  }
  (void)unlink(error ? first : second);
  free(first);
  free(second);
  return error;
}

/* ===} */

/* {=== writing */

/* Writes the gathered bytes.  Bytes that the disk did not take stay gathered,
   so that a file on a disk that was full for a while has every byte once. */
static int file_flush(struct file *f)
{
  size_t done;
  int error = disk_write(f->fd, f->gather, f->gathered, &done);

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
  f->whole = false;
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
  f->whole = false;
  f->gathered = 0;
  f->length = f->writeback = 0;
  f->expected = -1;
  if (ftruncate(f->fd, 0) != 0 || lseek(f->fd, 0, SEEK_SET) != 0)
    return errno;
  return 0;
}

/* ===} */

/* {=== commit */

enum mp4_verdict file_judge(struct file *f, int *error)
{
  enum mp4_verdict verdict = MP4_WHOLE;

  *error = 0;
  if (f->whole)
    return MP4_WHOLE;
  *error = f->fd < 0 ? EBADF : file_flush(f);
  if (*error)
    return MP4_UNREADABLE;
  if (f->expected >= 0 && f->length != f->expected)
    return MP4_CUT;
  if (f->content == FILE_MP4)
    verdict = mp4_check(f->fd, f->length);
  if (verdict == MP4_UNREADABLE)
    *error = errno;
  f->whole = verdict == MP4_WHOLE;
  return verdict;
}

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

/* Examines the target once more: it may have changed meanwhile.  0, or an
   errno.  *mode: the permissions that the file is to have. */
static int target_mode(const struct file *f, mode_t *mode)
{
  struct stat status;

  if (f->overwrite && lstat(f->target, &status) == 0) {
    *mode = status.st_mode & 0777;
    if (S_ISDIR(status.st_mode))
      return EISDIR;
    return S_ISREG(status.st_mode) ? 0 : ENOTSUP;
  }
  *mode = permissions();
  return 0; /* disk_move decides */
}

/* Makes the bytes durable, with the target's permissions, and closes the
   file: some file systems rename no open file.  0, or an errno. */
static int settle(struct file *f, mode_t mode)
{
  int fd = f->fd, error;

  if (fd < 0)
    return 0; /* a try before did it */
  /* where the file system has no permissions, the video is worth more */
  (void)fchmod(fd, mode);
  error = disk_sync(fd);
  if (error)
    return error;
  f->fd = -1;
  return close(fd) == 0 || errno == EINTR ? 0 : errno;
}

int file_commit(struct file *f)
{
  mode_t mode;
  struct stat status;
  int error;

  if (!f->whole || f->committed)
    return EBADF;
  error = target_mode(f, &mode);
  if (!error)
    error = settle(f, mode);
  if (error)
    return error;
  if (stat(f->temporary, &status) != 0)
    return errno;
  if (status.st_size != f->length)
    return EIO; /* close(2) lost bytes */
  error = disk_move(f->temporary, f->target, f->overwrite);
  if (error)
    return error;
  f->committed = true;
  free(f->gather);
  f->gather = NULL;
  disk_sync_folder(f->target);
  return 0;
}

void file_keep(struct file *f)
{
  char *name, *key;

  if (!f->whole || f->committed || f->kept)
    return;
  f->kept = true;
  (void)settle(f, 0600); /* some file systems do not rename an open file */
  name = strdup(f->temporary);
  if (!name)
    return; /* it keeps its old name, which may be used again */
  key = name + strlen(name) - FILE_KEY_LENGTH;
  key_make(key, name);
  if (disk_move(f->temporary, name, false) == 0) {
    f->former = f->temporary;
    f->temporary = name;
  } else {
    free(name);
  }
}

/* ===} */
