/* SPDX-License-Identifier: MIT
 *
 * http: the server: libmicrohttpd on 127.0.0.1, one thread a connection.
 *
 * Collects a request, runs the rule `request` with it, and sends what the
 * rule says (answer.h).  Decides nothing itself but the largest body.
 */
#ifndef SANDBOX_HTTP_H
#define SANDBOX_HTTP_H

#include <stdbool.h>

#include <microhttpd.h>

#include "rules.h"

struct http {
  struct MHD_Daemon *daemon; /* NULL when it does not run */
  struct rules *rules;
  int socket; /* listening; -1 when closed or handed to the daemon */
  int port;
};

/* Takes the port (0: a free one); the reason of a failure is on stderr. */
bool http_listen(struct http *h, struct rules *rules, int port);

/* Begins to answer. */
bool http_start(struct http *h);

/* Ends all connections.  stop_request() must have been called. */
void http_stop(struct http *h);

#endif
