/* SPDX-License-Identifier: MIT
 *
 * transfer: one exchange with a server, or one piece of work on the disk: what
 * is asked, how far it is, how it ended.
 *
 * Owns the bytes of the request and of the answer.  It passes from the host's
 * thread to the thread that drives the loop and back; only the fields marked
 * "shared" are touched by both at once.  It knows no Lua.
 */
#ifndef JOGG_TRANSFER_H
#define JOGG_TRANSFER_H

#include "buf.h"
#include "file.h"
#include "headers.h"
#include "record.h"
#include "source.h"
#include "url.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TRANSFER_BODY_MAXIMUM (4 * 1024 * 1024)
#define TRANSFER_ANSWER_MAXIMUM (4 * 1024 * 1024)
#define TRANSFER_PATH_MAXIMUM 256 /* with its NUL */

enum transfer_method {
  TRANSFER_GET,
  TRANSFER_POST,
  TRANSFER_PUT,
  TRANSFER_DELETE
};

/* How a transfer fails. */
enum failure {
  FAILURE_NONE,            /* it did not fail, or not yet */
  FAILURE_CANCELLED,
  FAILURE_CLOSED,          /* the client was closed meanwhile */
  FAILURE_CONNECT_TIMEOUT, /* no connection in time, or no TLS handshake */
  FAILURE_STALL_TIMEOUT,   /* the server was silent for too long */
  FAILURE_TIMEOUT,         /* the whole exchange took too long */
  FAILURE_NAME,            /* the host name could not be resolved */
  FAILURE_CONNECT,         /* no connection: refused, no route, ... */
  FAILURE_BROKEN,          /* the connection broke */
  FAILURE_PROXY,           /* the proxy refused, or cannot be used */
  FAILURE_HANDSHAKE,       /* TLS: the handshake broke off */
  FAILURE_CERTIFICATE,     /* TLS: the server could not be trusted */
  FAILURE_REPLY,           /* the answer is not valid HTTP */
  FAILURE_ENCODING,        /* the body has a Content-Encoding */
  FAILURE_TOO_LARGE,       /* a maximum was exceeded */
  FAILURE_RANGE,           /* the server did not continue where it was asked */
  FAILURE_URL,             /* the address is not used: see refused */
  FAILURE_NOT_WHOLE,       /* the file is not a whole MP4: see verdict */
  FAILURE_FILE,            /* the disk refused: see system_error */
  FAILURE_CHANGED,         /* the source is not what it was when opened */
  FAILURE_BUSY,            /* another holder has the record */
  FAILURE_DESCRIPTORS,     /* no descriptor was free */
  FAILURE_MEMORY
};

struct transfer {
  struct transfer *next; /* in whatever list it is in */

  /* What is asked; set by the host before it is submitted. */
  int (*disk)(struct transfer *t); /* work on the disk, in place of an
                                      exchange; returns an errno */
  bool certain;            /* that work is done even if it was cancelled */
  enum transfer_method method;
  struct buf path;         /* of the API, NUL-terminated */
  struct buf query;        /* "name=value" pairs, each NUL-terminated */
  struct buf body;         /* what is sent, or written to a record */
  CURLU *url;              /* an address elsewhere; NULL: the API's */
  char *host;              /* of that address; NULL: the API's */
  enum url_verdict refused; /* why that address is not used, or URL_OK */
  struct file *file;       /* where the body of a 200 or 206 answer goes, or
                              what work on the disk is for; NULL: none */
  struct record *record;   /* what work on the disk is for */
  struct source *source;   /* what is sent in place of `body`, or what work on
                              the disk is for; these three are let go of when
                              the transfer ends, where that happens */
  struct buf type;         /* the header line for it, NUL-terminated, or empty:
                              none */
  bool download;           /* an exchange with a file */
  char validator[128];     /* for If-Range, or "": ask for the whole file */
  int64_t connect_timeout_ms, stall_timeout_ms, total_timeout_ms; /* 0: none */
  bool slow_answer;        /* the server may be silent before its answer for
                              all of the total timeout */
  bool fresh;              /* on a new connection */
  bool beside;             /* takes no slot */
  bool public;             /* only to an address that is public */

  /* Shared. */
  atomic_bool cancelled;
  atomic_bool begun;        /* the request may have left */
  _Atomic int64_t moved;    /* bytes of the file that are here, in all, or
                               bytes of the source that were sent */
  _Atomic int64_t expected; /* when all have; -1: unknown */

  /* The driving thread's own. */
  CURL *easy;              /* carries it; NULL when it does not run */
  int64_t held_ms;         /* since when it waits for another's look-up of the
                              same name; 0: it does not */
  int64_t begun_ms;
  int64_t touched_ms;      /* when the last byte came, at the latest */
  bool heard;              /* bytes came since touched_ms was set */
  bool secure;             /* the address is https */
  bool proxied;            /* a proxy of the environment may be in use */
  bool connected;          /* connection, tunnel and TLS handshake stand */
  bool body_begun;
  bool answer_cut;         /* enough was read of an answer whose text matters
                              little: instead of a file, or about a source */
  size_t header_bytes;
  int64_t offset;          /* of the file, when the exchange began; of the
                              source: what libcurl was given of it */
  int queued;              /* bytes that the socket held, last time */

  /* The result; the host's once the transfer is finished. */
  enum failure failure;
  bool sent;               /* the server may have received the request */
  bool stored;             /* the file is whole */
  bool exists;             /* there is a record */
  bool headers_whole;      /* the empty line after the headers came */
  long status;             /* HTTP status of the answer, or of the proxy that
                              refused; 0: none came */
  int64_t retry_after;     /* seconds; 0: the server did not say */
  int system_error;        /* an errno, or 0 */
  enum mp4_verdict verdict;
  struct buf answer;
  char *failed_path;       /* what the failure is about, or NULL: a whole file
                              that stayed where it is, or the source */

  /* The host's own. */
  bool submitted;          /* it was handed over */
  bool finished;           /* it came back */
  bool listed;             /* it came back and was not handed out */
  bool abandoned;          /* its request was closed */

  /* More of the result; last, because to clear all of it takes time. */
  char detail[CURL_ERROR_SIZE]; /* libcurl's words, or "" */
  struct headers headers;
};

/* A transfer with nothing in it.  NULL when memory ran out. */
struct transfer *transfer_new(void);

/* NULL is allowed. */
void transfer_free(struct transfer *t);

/* libcurl's callback for header lines; `user` is the transfer. */
size_t transfer_on_header(char *bytes, size_t size, size_t n, void *user);

/* Lets go of file, record and source, by the thread that drives the loop. */
void transfer_release(struct transfer *t);

/* {=== lists: first in, first out, linked by `next` */

struct transfer_list {
  struct transfer *first, *last;
};

void transfer_list_add(struct transfer_list *list, struct transfer *t);

/* NULL when it is empty. */
struct transfer *transfer_list_take(struct transfer_list *list);

/* ===} */

#endif
