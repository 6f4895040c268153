/* SPDX-License-Identifier: MIT
 *
 * layer0_record: a file that one process at a time may hold, and that is
 * whole whenever a process is killed.
 */
#define _GNU_SOURCE
#include "layer0.h"
#include "layer0_disk.h"

#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* {=== helpers */

static struct record *made(const char *path)
{
  struct record *r = record_new(path);

  CHECK(r);
  return r;
}

/* What record_open returns, with a text that does not matter. */
static int open_error(struct record *r)
{
  struct buf text;
  bool exists;
  int error;

  buf_init(&text, RECORD_MAXIMUM);
  error = record_open(r, &text, &exists);
  CHECK(error == 0 || !exists);
  buf_free(&text);
  return error;
}

/* Opens the record; does it say this?  NULL: there is no file. */
static bool opens(struct record *r, const char *expected)
{
  struct buf text;
  bool exists, same;

  buf_init(&text, RECORD_MAXIMUM);
  CHECK(buf_add_string(&text, "before") == BUF_OK);
  CHECK(record_open(r, &text, &exists) == 0);
  same = exists == (expected != NULL);
  if (expected)
    same = same && text.length == strlen(expected) &&
           memcmp(text.data, expected, text.length) == 0;
  buf_free(&text);
  return same;
}

static int put(struct record *r, const char *text)
{
  return record_write(r, text, strlen(text));
}

static bool says(const char *path, const char *text)
{
  return holds(path, text, strlen(text));
}

/* ===} */

/* {=== one holder */

void record_holds(const char *folder)
{
  struct record *a = made(in(folder, "j.job")), *b = made(target);
  pid_t child;
  int status, ends[2];
  char byte;

  CHECK(put(a, "x") == EBADF);
  CHECK(opens(a, NULL) && access(target, F_OK) != 0 && names(folder) == 1);
  CHECK(open_error(b) == EWOULDBLOCK && put(b, "x") == EBADF);
  record_close(a);
  record_close(a);
  CHECK(names(folder) == 0); /* nothing was written */
  CHECK(opens(b, NULL) && open_error(a) == EWOULDBLOCK);
  CHECK(put(b, "one") == 0 && says(target, "one") && names(folder) == 1);
  CHECK(open_error(a) == EWOULDBLOCK);
  CHECK(put(b, "two") == 0 && says(target, "two") && names(folder) == 1);
  CHECK(open_error(a) == EWOULDBLOCK && names(folder) == 1);
  CHECK(opens(b, "two") && opens(b, "two")); /* opening anew is allowed */
  record_close(b);
  CHECK(opens(a, "two") && open_error(b) == EWOULDBLOCK);

  /* a forked child neither writes nor unlocks, and does not keep the lock */
  CHECK(pipe(ends) == 0);
  child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK(close(ends[1]) == 0 && put(a, "child") == EBADF);
    record_close(record_retain(b));
    (void)read(ends[0], &byte, 1);
    record_release(a);
    _exit(open_error(b) == EWOULDBLOCK ? 0 : 1);
  }
  CHECK(put(a, "three") == 0);
  record_close(a);
  CHECK(opens(b, "three"));
  CHECK(close(ends[1]) == 0 && close(ends[0]) == 0);
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(put(b, "four") == 0 && says(target, "four"));

  record_release(record_retain(b));
  CHECK(open_error(a) == EWOULDBLOCK);
  record_release(b); /* unlocks */
  CHECK(opens(a, "four"));
  record_release(a);
  record_release(NULL);
  CHECK(names(folder) == 1);
}

/* ===} */

/* {=== writing */

/* What is left of a killed process is no hindrance. */
static void leftovers(const char *folder)
{
  struct record *r = made(in(folder, "l.job"));
  char draft[4200];

  (void)snprintf(draft, sizeof draft, "%s.jogg-new", target);
  put_text(draft, "a long text that is only half");
  CHECK(opens(r, NULL) && put(r, "short") == 0 && says(target, "short"));
  put_text(draft, "half");
  CHECK(put(r, "next") == 0 && says(target, "next"));
  CHECK(access(draft, F_OK) != 0);
  record_close(r);
  /* it was killed when the file had both names */
  CHECK(linkat(AT_FDCWD, target, AT_FDCWD, draft, 0) == 0);
  CHECK(opens(r, "next") && put(r, "last") == 0 && says(target, "last"));
  put_text(draft, "half");
  record_release(r);
  CHECK(access(draft, F_OK) != 0 && unlink(target) == 0);
}

/* A file of another program is never replaced. */
static void others(const char *folder)
{
  struct record *r = made(in(folder, "o.job"));
  char other[4096];

  CHECK(opens(r, NULL));
  put_text(target, "theirs");
  CHECK(put(r, "mine") == EWOULDBLOCK && says(target, "theirs"));
  record_close(r);
  CHECK(opens(r, "theirs") && put(r, "mine") == 0);
  (void)snprintf(other, sizeof other, "%s/other", folder);
  put_text(other, "theirs");
  CHECK(renameat(AT_FDCWD, other, AT_FDCWD, target) == 0);
  CHECK(put(r, "mine") == EWOULDBLOCK && says(target, "theirs"));
  record_close(r);
  CHECK(opens(r, "theirs") && unlink(target) == 0);
  CHECK(put(r, "mine") == 0 && says(target, "mine")); /* it was deleted */
  CHECK(put(r, "more") == 0 && says(target, "more"));
  record_release(r);
  CHECK(unlink(target) == 0 && names(folder) == 0);
}

/* The disk refuses: the old text stays, and the record is still held. */
static void refusals(const char *folder, bool exists)
{
  struct record *r = made(in(folder, "r.job")), *other = made(target);
  int i;

  if (exists)
    put_text(target, "old");
  CHECK(opens(r, exists ? "old" : NULL));
  for (i = 0; i < 3; i++) {
    disk.room = i == 0 ? 0 : 2;
    disk.sync_error = i == 2 ? EIO : 0;
    if (i == 2)
      disk.room = SIZE_MAX;
    CHECK(put(r, "new") == (i == 2 ? EIO : ENOSPC));
    disk_reset();
    CHECK(exists ? says(target, "old") : access(target, F_OK) != 0);
    CHECK(open_error(other) == EWOULDBLOCK && names(folder) == 1);
  }
  CHECK(put(r, "new") == 0 && says(target, "new"));
  record_release(r);
  record_release(other);
  CHECK(names(folder) == 1 && unlink(target) == 0);
}

void record_writes(const char *folder)
{
  char *large = malloc(RECORD_MAXIMUM + 1);
  struct record *r;
  struct stat status;
  mode_t mask = umask(0);

  CHECK(large);
  memset(large, 'x', RECORD_MAXIMUM + 1);
  r = made(in(folder, "w.job"));
  CHECK(opens(r, NULL) && put(r, "") == 0);
  CHECK(stat(target, &status) == 0 && status.st_size == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK(opens(r, "") && put(r, "text") == 0);
  CHECK(stat(target, &status) == 0 && (status.st_mode & 0777) == 0600);
  CHECK(record_write(r, large, RECORD_MAXIMUM + 1) == EFBIG);
  CHECK(says(target, "text"));
  CHECK(record_write(r, large, RECORD_MAXIMUM) == 0);
  CHECK(holds(target, large, RECORD_MAXIMUM));
  CHECK(open_error(r) == 0 && put(r, "short") == 0 && says(target, "short"));
  record_release(r);
  CHECK(unlink(target) == 0 && names(folder) == 0);
  (void)umask(mask);
  leftovers(folder);
  others(folder);
  refusals(folder, false);
  refusals(folder, true);
  CHECK(disk.unsynced_names == 0);
  free(large);
}

/* ===} */

/* {=== what a record may be */

static int refusal(const char *path)
{
  struct record *r = made(path);
  int error = open_error(r);

  CHECK(put(r, "x") == EBADF);
  record_release(r);
  return error;
}

/* The link stays a link; the draft is beside the file. */
static void links(const char *folder)
{
  struct record *r;
  struct stat status;
  char real[4096];

  CHECK(mkdir(in(folder, "far"), 0700) == 0);
  CHECK(symlink("far/real.job", in(folder, "j.job")) == 0);
  (void)snprintf(real, sizeof real, "%s/far/real.job", folder);
  r = made(target);
  CHECK(opens(r, NULL) && put(r, "one") == 0 && put(r, "two") == 0);
  CHECK(lstat(target, &status) == 0 && S_ISLNK(status.st_mode));
  CHECK(says(real, "two") && refusal(real) == EWOULDBLOCK);
  record_release(r);
  CHECK(names(in(folder, "far")) == 1 && names(folder) == 2);
}

void record_refuses(const char *folder)
{
  struct record *r;
  struct buf text;
  bool exists;

  links(folder);
  CHECK(refusal(folder) == EISDIR && refusal("") == EISDIR);
  CHECK(refusal("/dev/null") == ENOTSUP);
  CHECK(mkfifo(in(folder, "pipe"), 0600) == 0 && refusal(target) == ENOTSUP);
  CHECK(refusal(in(folder, "none/j.job")) == ENOENT);
  CHECK(refusal(in(folder, "pipe/j.job")) == ENOTDIR);
  CHECK(symlink("loop", in(folder, "loop")) == 0 && refusal(target) == ELOOP);
  CHECK(symlink("/dev/null", in(folder, "d.job.jogg-new")) == 0);
  CHECK(refusal(in(folder, "d.job")) == ELOOP); /* no link is a draft */
  put_text(in(folder, "large.job"), "0123456789");
  r = made(target);
  buf_init(&text, 9);
  CHECK(record_open(r, &text, &exists) == EFBIG && !exists);
  CHECK(opens(r, "0123456789")); /* it was unlocked */
  record_close(r);
  buf_free(&text);
  CHECK(chdir(folder) == 0);
  record_release(r);
  r = made("large.job");
  CHECK(chdir("/") == 0 && opens(r, "0123456789") && put(r, "x") == 0);
  record_release(r);
  CHECK(says(target, "x"));
}

void record_strange(const char *folder)
{
  int i;

  for (i = 0; i < 32; i++) {
    struct record *a, *b;
    if ((i & 7) == 5)
      continue; /* with links, it would need a name that it cannot remove */
    a = made(in(folder, "s.job"));
    b = made(target);
    disk.has_links = i & 1;
    disk.has_noreplace = i & 2;
    disk.holds_open = i & 4;
    disk.has_locks = i & 8;
    disk.sync_error = i & 16 ? EINVAL : 0;
    CHECK(opens(a, NULL));
    record_close(a);
    CHECK(names(folder) == 0);
    CHECK(opens(a, NULL) && put(a, "one") == 0 && says(target, "one"));
    if (disk.has_locks)
      CHECK(open_error(b) == EWOULDBLOCK);
    CHECK(put(a, "two") == 0 && says(target, "two"));
    record_close(a);
    CHECK(opens(b, "two"));
    if (disk.has_locks)
      CHECK(open_error(a) == EWOULDBLOCK);
    CHECK(put(b, "three") == 0 && says(target, "three"));
    record_release(a);
    record_release(b);
    CHECK(names(folder) == 1 && unlink(target) == 0);
  }
  disk_reset();
}

/* ===} */

/* {=== several processes */

static void nap(long nanoseconds)
{
  (void)nanosleep(&(struct timespec){ .tv_nsec = nanoseconds }, NULL);
}

/* Adds 1 to the number in the file, 20 times.  Ends the process. */
static void count_up(const char *path, uint32_t seed)
{
  struct record *r = made(path);
  int done = 0;

  while (done < 20) {
    struct buf text;
    bool exists;
    char number[24] = "0";
    int error;
    buf_init(&text, sizeof number - 1);
    error = record_open(r, &text, &exists);
    CHECK(error == 0 || error == EWOULDBLOCK);
    if (!error) {
      if (exists) {
        CHECK(text.length > 0);
        memcpy(number, text.data, text.length);
        number[text.length] = '\0';
      }
      if (next_random(&seed) % 4 > 0) { /* otherwise it changes its mind */
        (void)snprintf(number, sizeof number, "%ld",
                       strtol(number, NULL, 10) + 1);
        CHECK(put(r, number) == 0);
        done++;
      }
      record_close(r);
    } else {
      nap(next_random(&seed) % 50000);
    }
    buf_free(&text);
  }
  record_release(r);
  _exit(0);
}

void record_races(const char *folder)
{
  enum { PROCESSES = 4, ROUNDS = 20 };
  pid_t children[PROCESSES];
  int round, i, status;

  disk.sync_error = EINVAL; /* no waiting for the disk */
  (void)in(folder, "n.job");
  for (round = 0; round < ROUNDS; round++) {
    disk.has_noreplace = round % 2;
    for (i = 0; i < PROCESSES; i++) {
      children[i] = fork();
      CHECK(children[i] >= 0);
      if (children[i] == 0)
        count_up(target, (uint32_t)(round * PROCESSES + i + 1));
    }
    for (i = 0; i < PROCESSES; i++)
      CHECK(waitpid(children[i], &status, 0) == children[i] && status == 0);
    CHECK(says(target, "80") && names(folder) == 1 && unlink(target) == 0);
  }
  disk_reset();
}

/* The text of a number; longer and shorter ones in turn. */
static size_t text_of(long number, char *text, size_t size)
{
  size_t n = 20 + (size_t)number * 997 % (size - 20), i;
  char digits[24];
  size_t length = (size_t)snprintf(digits, sizeof digits, "%ld ", number);

  for (i = 0; i < n; i++)
    text[i] = digits[i % length];
  return n;
}

struct progress {
  volatile long begun, finished;
  volatile bool runs;
};

/* Writes one number after the other, until it is killed. */
static void write_on(const char *path, struct progress *p)
{
  char text[9000];
  struct record *r = made(path);

  p->runs = true;
  for (;;) {
    CHECK(open_error(r) == 0);
    do {
      size_t n = text_of(p->begun + 1, text, sizeof text);
      p->begun++;
      CHECK(record_write(r, text, n) == 0);
      p->finished = p->begun;
    } while (p->finished % 5 > 0);
    record_close(r);
  }
}

/* Which of the texts whose writing had begun is it?  0: none, or an earlier one
   than the last that was finished. */
static long number_of(const struct buf *found, const struct progress *p)
{
  char text[9000];
  long number;

  for (number = p->finished; number <= p->begun; number++) {
    size_t n = text_of(number, text, sizeof text);
    if (number > 0 && n == found->length && memcmp(text, found->data, n) == 0)
      return number;
  }
  return 0;
}

/* After every other round the file is deleted. */
void record_killed(const char *folder)
{
  struct progress *p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  uint32_t seed = 2463534242u;
  struct record *r;
  struct buf text;
  int round, status, absent = 0;
  bool was_there = false;

  CHECK(p != MAP_FAILED);
  disk.sync_error = EINVAL; /* more writes, and more places to be killed at */
  buf_init(&text, RECORD_MAXIMUM);
  for (round = 0; round < 400; round++) {
    long before = p->finished;
    pid_t child;
    bool exists;
    disk.has_noreplace = round % 4 < 2;
    p->runs = false;
    child = fork();
    CHECK(child >= 0);
    if (child == 0)
      write_on(in(folder, "k.job"), p);
    while (!p->runs)
      nap(10000);
    nap(next_random(&seed) % 1500000);
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    r = made(in(folder, "k.job"));
    CHECK(record_open(r, &text, &exists) == 0);
    if (exists)
      p->begun = p->finished = number_of(&text, p);
    else
      CHECK(p->finished == before && !was_there);
    CHECK(!exists || p->finished > 0);
    absent += !exists;
    p->begun = p->finished;
    record_release(r);
    CHECK(names(folder) == exists);
    if (round % 2 == 0 && exists)
      CHECK(unlink(target) == 0);
    was_there = exists && round % 2 == 1;
  }
  CHECK(absent < 300);
  buf_free(&text);
  disk_reset();
}

/* ===} */
