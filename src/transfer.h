/* SPDX-License-Identifier: MIT
 *
 * transfer: one exchange with a server: what is asked, how far it is, how it
 * ended; or a piece of work on the disk, which may take as long.
 *
 * Owns the bytes of the request and of the answer.  It passes from the host's
 * thread to the driving thread and back; only the fields marked "shared" are
 * touched by both at once.  The easy handle that carries it belongs to the
 * loop.  It knows no Lua.
 */
#ifndef JOGG_TRANSFER_H
#define JOGG_TRANSFER_H

#include "buf.h"
#include "file.h"
#include "headers.h"
#include "url.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TRANSFER_BODY_MAXIMUM (4 * 1024 * 1024)

/* What is to be done. */
enum transfer_work {
  TRANSFER_EXCHANGE, /* with a server */
  TRANSFER_CREATE,   /* the file is made */
  TRANSFER_RELEASE   /* the file is let go of */
};

enum transfer_method { TRANSFER_GET, TRANSFER_POST, TRANSFER_PUT };

/* How a transfer ended. */
enum transfer_end {
  END_NONE,            /* it did not end yet */
  END_ANSWERED,        /* a whole answer arrived; its status may be anything */
  END_STORED,          /* the video is whole and in its place */
  END_CREATED,         /* the file is made */
  END_RELEASED,        /* the file is let go of */
  END_CANCELLED,
  END_CLOSED,          /* the client was closed meanwhile */
  END_URL,             /* the video's address is not used; see refused */
  END_CONNECT_TIMEOUT,
  END_STALL_TIMEOUT,
  END_TOTAL_TIMEOUT,
  END_NAME,            /* the host name could not be resolved */
  END_CONNECT,         /* no connection: refused, no route, ... */
  END_NETWORK,         /* the connection broke */
  END_HANDSHAKE,       /* TLS: the handshake broke off */
  END_CERTIFICATE,     /* TLS: the server could not be trusted */
  END_PROTOCOL,        /* not understandable as HTTP */
  END_TOO_LARGE,       /* a cap was exceeded */
  END_RANGE,           /* the server did not go on where we asked it to */
  END_NOT_WHOLE,       /* the file is not a whole MP4; see verdict */
  END_FILE,            /* the disk refused; see file_error */
  END_DESCRIPTORS,     /* no descriptor was free for a socket */
  END_MEMORY
};

/* What comes besides the body.  It is larger than all else, so who waits has
   none. */
struct reply {
  struct headers headers;
  char detail[CURL_ERROR_SIZE];
};

/* When it is to be done, and when once more.  Moments are of clock_ms. */
struct schedule {
  int64_t due_ms;      /* not before this; 0: at once */
  int64_t every_ms;    /* again so long after an answer; 0: once */
  int64_t last_ms;     /* not again after this */
  int64_t deadline_ms; /* given up at this; 0: never */
  uint64_t going;      /* again while data.status is one of these bits */
};

struct transfer {
  struct transfer *next; /* in whatever list it is in */

  /* The request; set by the host before it is submitted. */
  enum transfer_work work;
  enum transfer_method method;
  struct buf path;     /* of the API, NUL-terminated */
  struct buf query;    /* "name=value" pairs, each NUL-terminated */
  struct buf body;     /* what is sent; of TRANSFER_CREATE the target's name;
                          of a download the video's address */
  struct file *file;   /* where the answer goes, or NULL: into `answer`; let
                          go of when the transfer ends, where that happens */
  bool local;          /* the video may be on this machine */
  char validator[128]; /* for If-Range, or "": then no part is asked for */
  int64_t connect_timeout_ms, stall_timeout_ms, total_timeout_ms; /* 0: none */
  bool patient;        /* the server may think for all of the total timeout */
  bool beside;         /* it takes no place among those in flight */
  struct schedule schedule;

  /* Shared. */
  atomic_bool cancelled;
  atomic_bool begun;        /* its request may have left */
  _Atomic int64_t received; /* bytes of the file in all */
  _Atomic int64_t expected; /* -1: unknown */

  /* The driving thread's own. */
  CURL *easy;                /* carries it; NULL when not running */
  CURLU *url;                /* of the video; NULL: the API's own base URL */
  int64_t touched_ms;        /* when the last byte came, at the latest */
  bool heard;                /* bytes came since that was looked at */
  size_t header_bytes;
  bool headers_whole;        /* the empty line after them came */
  int64_t offset;            /* of the file, when the transfer began */
  bool body_begun;
  enum transfer_end failure; /* set by a callback that aborts */

  /* The result; for the host, once the transfer is finished. */
  enum transfer_end end;
  CURLcode code;
  long os_error;
  long status;               /* HTTP status; 0: none came */
  bool accepted;             /* no GET, and the answer says so: state.h */
  bool sent;                 /* at least one byte of the request left us */
  int64_t retry_after;       /* seconds; 0: the server did not say */
  struct buf answer;
  struct reply *reply;       /* NULL: it never began */
  enum mp4_verdict verdict;
  enum url_verdict refused;
  int file_error;

  /* The host's own. */
  uint64_t id;
  uint32_t waiter;  /* the slot of the task that may wait for it; see tasks.h */
  bool submitted;   /* it was handed over */
  bool finished;    /* it came back */
  bool unannounced; /* it came back, and nobody was told */
  bool abandoned;   /* nobody waits for it any more */
};

/* A transfer with nothing in it.  NULL when memory ran out. */
struct transfer *transfer_new(void);

/* Ready to be used again, memory kept. */
void transfer_reset(struct transfer *t);

/* Releases what it does not need before it begins. */
void transfer_slim(struct transfer *t);

/* Releases everything.  NULL is allowed. */
void transfer_free(struct transfer *t);

/* libcurl's callback; `user` is the transfer. */
size_t transfer_on_header(char *bytes, size_t size, size_t n, void *user);

/* Notes how libcurl says it ended, and finishes the file if there is one.
   Reads from the easy handle, so it is called before that is removed. */
void transfer_conclude(struct transfer *t, CURLcode code, const char *detail);

/* What comes before the exchange, or instead of it.  END_NONE: the exchange is
   to begin now; otherwise how the transfer ends. */
enum transfer_end transfer_begin(struct transfer *t);

/* Was it answered so that it is to be done once more?  Then its result is
   forgotten, and its schedule says when. */
bool transfer_repeats(struct transfer *t);

/* May its request have left?  A transfer that was cancelled before this said
   no is never sent. */
bool transfer_has_begun(const struct transfer *t);

/* The headers that came, and libcurl's words; empty where it never began. */
const struct headers *transfer_headers(const struct transfer *t);
const char *transfer_detail(const struct transfer *t);

/* Ends a transfer without libcurl: cancelled, closed, timed out, ... */
void transfer_abort(struct transfer *t, enum transfer_end end);

/* When its silence becomes too long, or is to be looked at again, in
   clock_ms; CLOCK_NEVER if never.  It is too long when that is not after
   `now_ms`. */
int64_t transfer_stall_ms(struct transfer *t, int64_t now_ms);

#endif
