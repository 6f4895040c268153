/* SPDX-License-Identifier: MIT
 *
 * sigpipe: keeps SIGPIPE from the host while libcurl works on its thread.
 *
 * libcurl before 7.88 lets OpenSSL write to a connection as it likes, and with
 * CURLOPT_NOSIGNAL leaves the signal to us: a server that has closed a
 * connection would end the script.  The signal is blocked for the calling
 * thread alone, and one that came meanwhile is taken back.  Where it is not
 * needed, this costs nothing.  It knows neither Lua nor libcurl.
 */
#ifndef JOGG_SIGPIPE_H
#define JOGG_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

struct sigpipe {
  bool held;
  bool foreign;    /* one was waiting already: it is not of our making */
  sigset_t before; /* what the thread blocked */
};

/* Blocks the signal, if that is needed at all. */
void sigpipe_hold(struct sigpipe *s, bool needed);

/* Takes one of our making back, and lets the signal through again. */
void sigpipe_release(const struct sigpipe *s);

#endif
