/* SPDX-License-Identifier: MIT
 *
 * error: see error.h.
 */
#include "error.h"

#include <errno.h>
#include <string.h>

/* What each end means to a user.  `detail`: libcurl's own words follow. */
struct meaning {
  enum transfer_end end;
  const char *kind, *reason, *text;
  bool detail;
};

static const struct meaning MEANINGS[] = {
  { END_CANCELLED, "cancelled", "cancelled", "the request was cancelled",
    false },
  { END_CLOSED, "cancelled", "closed",
    "the client was closed while the request was in flight", false },
  { END_CONNECT_TIMEOUT, "timeout", "connect_timeout",
    "no connection within connect_timeout", true },
  { END_STALL_TIMEOUT, "timeout", "stall_timeout",
    "the server was silent for longer than stall_timeout", false },
  { END_TOTAL_TIMEOUT, "timeout", "timeout", "no whole answer within timeout",
    true },
  { END_NAME, "network", "name", "the host name could not be resolved", true },
  { END_CONNECT, "network", "connect", "no connection to the server", true },
  { END_NETWORK, "network", "broken", "the connection broke", true },
  { END_HANDSHAKE, "tls", "handshake", "the TLS handshake failed", true },
  { END_CERTIFICATE, "tls", "certificate",
    "the server's TLS certificate is not trusted", true },
  { END_PROTOCOL, "protocol", "reply", "the answer is not valid HTTP", true },
  { END_TOO_LARGE, "protocol", "too_large",
    "the answer is larger than allowed", false },
  { END_RANGE, "protocol", "range",
    "the server did not go on where the download broke off", false },
  { END_DESCRIPTORS, "io", "descriptors",
    "no file descriptor was free for a connection", false },
  { END_MEMORY, "io", "memory", "memory ran out", false },
  { END_NONE, NULL, NULL, NULL, false }
};

static void set_string(lua_State *L, const char *name, const char *value)
{
  lua_pushstring(L, value);
  lua_setfield(L, -2, name);
}

/* [-0, +1, e] pushes an error without a message */
static void push_error(lua_State *L, const char *kind, const char *reason)
{
  lua_createtable(L, 0, 8);
  set_string(L, "kind", kind);
  set_string(L, "reason", reason);
}

static const char *system_reason(int system_error)
{
  switch (system_error) {
  case EEXIST:
    return "exists";
  case ENOSPC:
#ifdef EDQUOT
  case EDQUOT:
#endif
    return "full";
  case EMFILE:
  case ENFILE:
    return "descriptors";
  default:
    return "file";
  }
}

int error_push_file(lua_State *L, int system_error, const char *path)
{
  lua_pushnil(L);
  push_error(L, "io", system_reason(system_error));
  if (system_error == EEXIST)
    lua_pushfstring(L, "%s exists already; pass overwrite = true to replace "
                    "it, or another output", path);
  else
    lua_pushfstring(L, "%s: %s", path, strerror(system_error));
  lua_setfield(L, -2, "message");
  return 2;
}

static void push_verdict(lua_State *L, enum mp4_verdict verdict)
{
  switch (verdict) {
  case MP4_EMPTY:
    push_error(L, "protocol", "empty");
    set_string(L, "message", "the video file is empty");
    break;
  case MP4_CUT:
    push_error(L, "protocol", "cut");
    set_string(L, "message", "the video file is cut: its last part is missing");
    break;
  default:
    push_error(L, "protocol", "not_video");
    set_string(L, "message", "the file is not an MP4 video");
  }
}

static void push_meaning(lua_State *L, const struct transfer *t)
{
  const struct meaning *m = MEANINGS;

  while (m->end != t->end && m->end != END_NONE)
    m++;
  if (m->end == END_NONE) { /* a new end without a line above */
    push_error(L, "network", "broken");
    set_string(L, "message", "the exchange failed");
    return;
  }
  push_error(L, m->kind, m->reason);
  if (m->detail && transfer_detail(t)[0])
    lua_pushfstring(L, "%s (%s)", m->text, transfer_detail(t));
  else
    lua_pushstring(L, m->text);
  lua_setfield(L, -2, "message");
}

int error_push_transfer(lua_State *L, const struct transfer *t)
{
  if (t->end == END_FILE)
    error_push_file(L, t->file_error, t->work == TRANSFER_CREATE
                                        ? t->body.data : "the output");
  else {
    lua_pushnil(L);
    if (t->end == END_NOT_WHOLE) {
      push_verdict(L, t->verdict);
    } else if (t->end == END_URL) {
      push_error(L, "protocol", "url");
      lua_pushfstring(L, "the address of the video %s",
                      url_verdict_text(t->refused));
      lua_setfield(L, -2, "message");
    } else {
      push_meaning(L, t);
    }
  }
  set_string(L, "outcome", t->sent ? "unknown" : "not_sent");
  if (t->status > 0) {
    lua_pushinteger(L, (lua_Integer)t->status);
    lua_setfield(L, -2, "http_status");
  }
  return 2;
}
