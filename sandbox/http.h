/* SPDX-License-Identifier: MIT
 *
 * http: a server: libmicrohttpd on 127.0.0.1, one thread a connection.
 *
 * Collects a request, runs the rule `request` with it, and sends what the
 * rule says (answer.h).  Where bodies go to files it runs the rule `admit`
 * first, with the head alone, which refuses or names the file (receiver.h).
 * Decides nothing itself but the largest body in memory.
 */
#ifndef SANDBOX_HTTP_H
#define SANDBOX_HTTP_H

#include <stdbool.h>

#include <microhttpd.h>

#include "rules.h"

struct http {
  struct MHD_Daemon *daemon; /* NULL when it does not run */
  struct rules *rules;
  const char *origin; /* what the rules call this server */
  bool receives;      /* bodies go to files */
  int socket; /* listening; -1 when closed or handed to the daemon */
  int port;
};

/* Takes the port (0: a free one); the reason of a failure is on stderr.
 * `origin` must outlive the server. */
bool http_listen(struct http *h, struct rules *rules, const char *origin,
                 bool receives, int port);

/* Begins to answer. */
bool http_start(struct http *h);

/* Ends all connections.  stop_request() must have been called. */
void http_stop(struct http *h);

#endif
