/* SPDX-License-Identifier: MIT
 *
 * measure: runs a command and prints what it cost: processor time, wall time
 * and the most memory it had.
 *
 * usage: measure COMMAND [ARGUMENT...]
 */
#define _GNU_SOURCE
#include "meter.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static double of_timeval(struct timeval t)
{
  return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

int main(int argc, char **argv)
{
  struct rusage usage;
  double began = meter_wall();
  int status = 0;
  pid_t pid;

  if (argc < 2)
    return 2;
  pid = fork();
  if (pid == 0) {
    (void)execvp(argv[1], argv + 1);
    _exit(127);
  }
  if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
    return 1;
  meter_print("cpu", of_timeval(usage.ru_utime) + of_timeval(usage.ru_stime));
  meter_print("wall", meter_wall() - began);
  meter_print("memory", (double)usage.ru_maxrss);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
