/* SPDX-License-Identifier: MIT
 *
 * record: see record.h.
 *
 * PATH is never written to. A write fills a draft, PATH.jogg-new, and
 * renames it over PATH. The lock is on the inode, so the draft is locked
 * before it gets its name, and the old inode is unlocked after that: PATH is
 * locked all the time. A process that has locked an inode therefore checks
 * that the name still means it.
 *
 * While there is no PATH, the lock on the draft counts. The process that
 * gets it looks for PATH once more: another process may have just given the
 * draft that name. The holder of PATH may remove the draft at any time: it
 * is what a killed process left, or belongs to a process that is about to
 * find PATH locked.
 */
#define _GNU_SOURCE /* flock, O_NOFOLLOW */
#define _FILE_OFFSET_BITS 64
#include "record.h"

#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW_SUFFIX ".jogg-new"
#define TRIES 100 /* against others that replace or lock the same file */
#define AGAIN (-1) /* in place of an errno: the file was replaced meanwhile */

struct record {
  atomic_int references;
  int fd;         /* the locked file; -1: not open */
  int draft_fd;   /* the next content of `target`; -1: nothing is written */
  bool stored;    /* `fd` is `target`; otherwise it is `draft` */
  pid_t owner;    /* a forked child must not unlock it */
  char *path;     /* absolute */
  char *target;   /* where `path` leads; set by record_open */
  char *draft;    /* PATH.jogg-new */
};

/* {=== birth and death */

struct record *record_new(const char *path)
{
  struct record *r = malloc(sizeof *r);

  if (!r)
    return NULL;
  *r = (struct record){ .fd = -1, .draft_fd = -1 };
  atomic_init(&r->references, 1);
  r->path = disk_absolute(path);
  if (!r->path) {
    record_release(r);
    return NULL;
  }
  return r;
}

struct record *record_retain(struct record *r)
{
  (void)atomic_fetch_add(&r->references, 1);
  return r;
}

void record_release(struct record *r)
{
  if (!r || atomic_fetch_sub(&r->references, 1) != 1)
    return;
  record_close(r);
  free(r->path);
  free(r->target);
  free(r->draft);
  free(r);
}

static void close_draft(struct record *r)
{
  if (r->draft_fd >= 0)
    (void)close(r->draft_fd);
  r->draft_fd = -1;
}

/* A child that was forked shares the lock: it closes its descriptor only. */
void record_close(struct record *r)
{
  bool ours, left;

  if (r->fd < 0)
    return;
  ours = r->owner == getpid();
  left = ours && unlink(r->draft) != 0 && errno != ENOENT;
  if (ours)
    (void)flock(r->fd, LOCK_UN); /* a child's descriptor would keep it */
  (void)close(r->fd);
  r->fd = -1;
  if (left && !r->stored) /* some file systems do not remove an open file */
    (void)unlink(r->draft);
}

/* ===} */

/* {=== locking */

/* Does `name` mean the open file?  0, or AGAIN, or an errno. */
static int identify(const char *name, int fd)
{
  struct stat named, opened;

  if (fstat(fd, &opened) != 0)
    return errno;
  if (lstat(name, &named) != 0)
    return errno == ENOENT ? AGAIN : errno;
  return named.st_dev == opened.st_dev && named.st_ino == opened.st_ino
           ? 0 : AGAIN;
}

static int lock(int fd)
{
  if (flock(fd, LOCK_EX | LOCK_NB) == 0 || disk_lacks(errno))
    return 0;
  return errno;
}

/* Opens and locks the file of this name.  0, or an errno, or AGAIN. */
static int open_locked(const char *name, int flags, int *fd)
{
  int error;

  *fd = open(name, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (*fd < 0)
    return errno;
  error = lock(*fd);
  if (!error)
    error = identify(name, *fd);
  if (error) {
    (void)close(*fd);
    *fd = -1;
  }
  return error;
}

/* Finds out what `path` means now.  0, or an errno. */
static int find(struct record *r, mode_t *mode)
{
  char *target, *draft;
  size_t n;
  int error = disk_find(r->path, &target, mode);

  if (error)
    return error;
  n = strlen(target);
  draft = malloc(n + sizeof NEW_SUFFIX);
  if (!draft) {
    free(target);
    return ENOMEM;
  }
  memcpy(draft, target, n);
  memcpy(draft + n, NEW_SUFFIX, sizeof NEW_SUFFIX);
  free(r->target);
  free(r->draft);
  r->target = target;
  r->draft = draft;
  return 0;
}

/* Locks the target, or the draft where there is no target.  0, or an errno, or
   AGAIN. */
static int take(struct record *r)
{
  mode_t mode;
  struct stat status;
  int error = find(r, &mode);

  if (error)
    return error;
  r->stored = mode != 0;
  if (r->stored) {
    error = open_locked(r->target, 0, &r->fd);
    return error == ENOENT ? AGAIN : error;
  }
  error = open_locked(r->draft, O_CREAT, &r->fd);
  if (!error && lstat(r->target, &status) == 0) {
    (void)close(r->fd); /* the draft stays: it may be another's by now */
    r->fd = -1;
    error = AGAIN;
  }
  return error;
}

/* ===} */

/* {=== reading */

static int read_all(int fd, struct buf *text)
{
  char part[4096];
  ssize_t n;

  while ((n = read(fd, part, sizeof part)) != 0) {
    if (n < 0) {
      if (errno == EINTR)
        continue;
      return errno;
    }
    switch (buf_add(text, part, (size_t)n)) {
    case BUF_OK:
      break;
    case BUF_FULL:
      return EFBIG;
    case BUF_NO_MEMORY:
      return ENOMEM;
    }
  }
  return 0;
}

int record_open(struct record *r, struct buf *text, bool *exists)
{
  int tries, error = AGAIN;

  record_close(r);
  *exists = false;
  buf_reset(text, text->size);
  for (tries = 0; error == AGAIN && tries < TRIES; tries++)
    error = take(r);
  if (error)
    return error == AGAIN ? EWOULDBLOCK : error;
  r->owner = getpid();
  if (!r->stored)
    return 0;
  error = read_all(r->fd, text);
  if (error)
    record_close(r);
  else
    *exists = true;
  return error;
}

/* ===} */

/* {=== writing */

/* Makes a draft and locks it.  A process that has not seen the target yet may
   lock the draft first; then it keeps that one, and the next try makes
   another.  0, or an errno. */
static int make_draft(struct record *r)
{
  int tries, error = EWOULDBLOCK;

  for (tries = 0; error == EWOULDBLOCK && tries < TRIES; tries++) {
    if (unlink(r->draft) != 0 && errno != ENOENT)
      return errno;
    r->draft_fd = open(r->draft, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (r->draft_fd >= 0)
      error = lock(r->draft_fd);
    else
      error = errno == EEXIST ? EWOULDBLOCK : errno;
    if (error)
      close_draft(r);
  }
  return error;
}

/* Puts the text, and nothing else, into the file.  0, or an errno. */
static int fill(int fd, const char *text, size_t n)
{
  size_t done;
  int error;

  if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0)
    return errno;
  error = disk_write(fd, text, n, &done);
  return error ? error : disk_sync(fd);
}

/* Is there still no target, or still the one that this record holds?  0, or
   AGAIN, or an errno. */
static int check_target(const struct record *r, bool *exists)
{
  struct stat status;

  *exists = lstat(r->target, &status) == 0;
  if (!*exists && errno != ENOENT)
    return errno;
  if (r->stored)
    return *exists ? identify(r->target, r->fd) : 0;
  return *exists ? AGAIN : identify(r->draft, r->fd);
}

/* Moves the draft where open files cannot be moved.  Another process may take
   the lock meanwhile.  0, or an errno; the record may be closed after that. */
static int move_closed(struct record *r, bool replace)
{
  int error, lost;

  close_draft(r);
  (void)close(r->fd);
  error = disk_move(r->draft, r->target, replace);
  if (error && r->stored)
    (void)unlink(r->draft);
  if (!error)
    r->stored = true;
  lost = open_locked(r->stored ? r->target : r->draft, 0, &r->fd);
  return error ? error : lost;
}

/* Gives the complete draft its name.  0, or AGAIN, or an errno. */
static int place(struct record *r)
{
  bool exists;
  int error = check_target(r, &exists);

  if (error)
    return error;
  error = disk_move(r->draft, r->target, exists);
  switch (error) {
  case 0:
    if (r->stored) {
      (void)close(r->fd);
      r->fd = r->draft_fd;
      r->draft_fd = -1;
    }
    r->stored = true;
    return 0;
  case EACCES:
  case EBUSY:
  case EPERM:
  case ETXTBSY:
    return move_closed(r, exists);
  default:
    return error;
  }
}

int record_write(struct record *r, const char *text, size_t n)
{
  int error = 0;

  if (r->fd < 0 || r->owner != getpid())
    return EBADF;
  if (n > RECORD_MAXIMUM)
    return EFBIG;
  if (r->stored)
    error = make_draft(r);
  if (!error)
    error = fill(r->stored ? r->draft_fd : r->fd, text, n);
  if (!error)
    error = place(r);
  if (!error) {
    disk_sync_folder(r->target);
    return 0;
  }
  if (r->draft_fd >= 0) {
    close_draft(r);
    (void)unlink(r->draft);
  }
  return error == AGAIN || error == EEXIST ? EWOULDBLOCK : error;
}

/* ===} */
