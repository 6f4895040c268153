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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 50

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
  char *output;          /* room for the last line of its output */
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

/* Waits for its end; the status of waitpid(). */
static int reap(struct child *c)
{
  int status = 0;

  while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
    continue;
  c->pid = -1;
  return status;
}

static void on_progress_line(struct child *c)
{
  static const char key[] = "out_time_us=";
  long long us;
  char *end;

  memcpy(c->output, c->progress.text, CHILD_LINE);
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

/* A killed sandbox leaves no program behind, where the system can see to
 * it.  The signal comes when the thread that forked ends: all of ours wait
 * for their child. */
static bool die_with(pid_t parent)
{
#ifdef __linux__
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return false;
#endif
  return getppid() == parent;
}

/* In the child, where only async-signal-safe functions may be called: the
 * other threads are gone, and what they had locked stays locked. */
static bool child_enter(const char *folder, int out, int err)
{
  static const int defaults[] = { SIGPIPE, SIGINT, SIGTERM, SIGHUP };
  sigset_t none;
  int in;

  for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
    if (signal(defaults[i], SIG_DFL) == SIG_ERR) return false;
  (void)sigemptyset(&none);
  in = open("/dev/null", O_RDONLY);
  return in >= 0 && dup2(in, STDIN_FILENO) >= 0
         && dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0
         && chdir(folder) == 0 && setpgid(0, 0) == 0
         && pthread_sigmask(SIG_SETMASK, &none, NULL) == 0;
}

/* Forks; what hinders the child comes back through a pipe that execvp()
 * closes.  0, or the reason as an errno. */
static int child_fork(struct child *c, char *const argv[], const char *folder,
                      int out, int err)
{
  const pid_t parent = getpid();
  int report[2], error = 0;
  ssize_t n;

  if (pipe2(report, O_CLOEXEC) != 0) return errno;
  c->pid = fork();
  if (c->pid == 0) {
    if (die_with(parent) && child_enter(folder, out, err))
      (void)execvp(argv[0], argv);
    error = errno;
    n = write(report[1], &error, sizeof error);
    _exit(n > 0 ? 126 : 127);
  }
  if (c->pid < 0) error = errno;
  close_fd(&report[1]);
  if (c->pid > 0) {
    do
      n = read(report[0], &error, sizeof error);
    while (n < 0 && errno == EINTR);
    if (n == 0) error = 0;
    if (error) reap(c);
  }
  close_fd(&report[0]);
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
    error = child_fork(c, argv, folder, out[1], err[1]);
  close_fd(&out[1]);
  close_fd(&err[1]);
  if (error) {
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
  int status;

  if (why) (void)kill(-c->pid, SIGKILL);
  status = reap(c);
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
                     .ud = ud, .output = result->output };
  int error;

  *result = (struct child_result){ .ok = false };
  error = child_start(&c, argv, folder);
  if (error)
    (void)snprintf(result->error, sizeof result->error, "%s: %s", argv[0],
                   strerror(error));
  else
    child_end(&c, result, child_follow(&c, now() + timeout, stop));
}
