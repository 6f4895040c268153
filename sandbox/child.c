/* SPDX-License-Identifier: MIT
 *
 * child: see child.h.  The two pipes are read by poll() with a short
 * timeout, at which stop and deadline are looked at.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 50

extern char **environ;

struct line {
  char text[CHILD_LINE];
  size_t length;
};

struct child {
  pid_t pid; /* -1 when there is none */
  int out;   /* its progress; -1 at its end */
  int err;   /* its complaints; -1 at its end */
  struct line progress, complaint;
  char last[CHILD_LINE]; /* the last complaint that says something */
  child_listener *listen;
  void *ud;
  bool unwanted; /* the listener said so */
};

static double now(void)
{
  struct timespec t = { 0 };

  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void close_fd(int *fd)
{
  if (*fd >= 0) (void)close(*fd);
  *fd = -1;
}

static void on_progress_line(struct child *c)
{
  static const char key[] = "out_time_us=";
  long long us;
  char *end;

  if (strncmp(c->progress.text, key, sizeof key - 1) != 0) return;
  us = strtoll(c->progress.text + sizeof key - 1, &end, 10);
  if (*end == '\0' && us >= 0 && c->listen && !c->listen(c->ud, us))
    c->unwanted = true;
}

static void on_complaint_line(struct child *c)
{
  if (c->complaint.text[strspn(c->complaint.text, " \t")] != '\0')
    memcpy(c->last, c->complaint.text, sizeof c->last);
}

/* Splits bytes into lines; what is too long for a line is dropped. */
static void line_add(struct child *c, struct line *line, const char *bytes,
                     ssize_t n, void (*on_line)(struct child *))
{
  for (ssize_t i = 0; i < n; i++) {
    if (bytes[i] == '\n' || bytes[i] == '\r') {
      line->text[line->length] = '\0';
      if (line->length > 0) on_line(c);
      line->length = 0;
    } else if (line->length < sizeof line->text - 1) {
      line->text[line->length++] = bytes[i];
    }
  }
}

static void child_read(struct child *c, int *fd, struct line *line,
                       void (*on_line)(struct child *))
{
  char bytes[4096];
  ssize_t n = read(*fd, bytes, sizeof bytes);

  if (n > 0)
    line_add(c, line, bytes, n, on_line);
  else if (n == 0 || (errno != EINTR && errno != EAGAIN))
    close_fd(fd);
}

static int child_spawn(struct child *c, char *const argv[],
                       const char *folder, const int out[2], const int err[2])
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, defaults;
  int error;

  if (posix_spawn_file_actions_init(&actions) != 0) return ENOMEM;
  if (posix_spawnattr_init(&attributes) != 0) {
    (void)posix_spawn_file_actions_destroy(&actions);
    return ENOMEM;
  }
  (void)sigemptyset(&none);
  (void)sigemptyset(&defaults);
  (void)sigaddset(&defaults, SIGPIPE);
  (void)sigaddset(&defaults, SIGINT);
  (void)sigaddset(&defaults, SIGTERM);
  error = posix_spawn_file_actions_addchdir_np(&actions, folder);
  if (!error)
    error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null",
                                             O_RDONLY, 0);
  if (!error) error = posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  if (!error) error = posix_spawn_file_actions_adddup2(&actions, err[1], 2);
  if (!error) error = posix_spawnattr_setsigmask(&attributes, &none);
  if (!error) error = posix_spawnattr_setsigdefault(&attributes, &defaults);
  if (!error) error = posix_spawnattr_setpgroup(&attributes, 0);
  if (!error)
    error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK
                                                    | POSIX_SPAWN_SETSIGDEF
                                                    | POSIX_SPAWN_SETPGROUP);
  if (!error)
    error = posix_spawnp(&c->pid, argv[0], &actions, &attributes, argv,
                         environ);
  (void)posix_spawnattr_destroy(&attributes);
  (void)posix_spawn_file_actions_destroy(&actions);
  return error;
}

/* Opens the pipes and starts; 0, or the reason as an errno. */
static int child_start(struct child *c, char *const argv[],
                       const char *folder)
{
  int out[2] = { -1, -1 }, err[2] = { -1, -1 };
  int error = 0;

  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
    error = errno;
  else
    error = child_spawn(c, argv, folder, out, err);
  close_fd(&out[1]);
  close_fd(&err[1]);
  if (error) {
    c->pid = -1;
    close_fd(&out[0]);
    close_fd(&err[0]);
    return error;
  }
  c->out = out[0];
  c->err = err[0];
  return 0;
}

/* Reads until both pipes end; NULL, or why it was ended early. */
static const char *child_follow(struct child *c, double deadline,
                                struct stop *stop)
{
  while (c->out >= 0 || c->err >= 0) {
    struct pollfd fds[2] = { { .fd = c->out, .events = POLLIN },
                             { .fd = c->err, .events = POLLIN } };

    if (stop_requested(stop)) return "the sandbox stops";
    if (now() > deadline) return "it took too long";
    if (c->unwanted) return "it is no longer wanted";
    if (poll(fds, 2, TICK_MS) <= 0) continue;
    if (c->out >= 0 && fds[0].revents)
      child_read(c, &c->out, &c->progress, on_progress_line);
    if (c->err >= 0 && fds[1].revents)
      child_read(c, &c->err, &c->complaint, on_complaint_line);
  }
  return NULL;
}

static void child_end(struct child *c, struct child_result *result,
                      const char *why)
{
  int status = 0;

  if (why) (void)kill(-c->pid, SIGKILL);
  while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
    continue;
  close_fd(&c->out);
  close_fd(&c->err);
  if (why)
    (void)snprintf(result->error, sizeof result->error, "%s", why);
  else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    result->ok = true;
  else if (c->last[0])
    (void)snprintf(result->error, sizeof result->error, "%s", c->last);
  else
    (void)snprintf(result->error, sizeof result->error,
                   "it ended with status %d", status);
}

void child_run(struct child_result *result, char *const argv[],
               const char *folder, double timeout, child_listener *listen,
               void *ud, struct stop *stop)
{
  struct child c = { .pid = -1, .out = -1, .err = -1, .listen = listen,
                     .ud = ud };
  int error = child_start(&c, argv, folder);

  *result = (struct child_result){ .ok = false };
  if (error)
    (void)snprintf(result->error, sizeof result->error, "%s: %s", argv[0],
                   strerror(error));
  else
    child_end(&c, result, child_follow(&c, now() + timeout, stop));
}
