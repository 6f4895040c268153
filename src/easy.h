/* SPDX-License-Identifier: MIT
 *
 * easy: an easy handle of libcurl, set up once and prepared for each exchange.
 *
 * Owns the easy handle and its URL.  From one exchange to the next only what
 * differs is set: that is a fifth of the instructions of a short request.  It
 * also reads the result of the exchange.  It knows no Lua.
 */
#ifndef JOGG_EASY_H
#define JOGG_EASY_H

#include "transfer.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What all easy handles of a loop have in common.  Its header lists are made
   of nodes of our own, so that the key is in no memory that libcurl
   allocated. */
struct easy_defaults {
  CURLU *base;
  char *base_path;        /* "" or "/prefix" */
  char *ca_file, *ca_path;
  char *agent_line;       /* "User-Agent: ..." */
  bool no_proxy;          /* none in the environment, or none is to be used */
  bool has_ca_file;       /* given or libcurl's own: no folder is needed */
  long http_version;      /* for all but POST */
  bool secure;            /* the API speaks https */
  CURLSH *share;
  curl_socket_t *sockets; /* of all connections */
  size_t socket_count, socket_room;
  struct curl_slist identity;   /* "Accept-Encoding: identity" */
  struct curl_slist read;       /* user agent -> identity */
  struct curl_slist write;      /* "Expect:" -> read */
  struct curl_slist type;       /* content type -> write */
  struct curl_slist api_read;   /* key -> read */
  struct curl_slist api_write;  /* key -> type */
};

/* Where the body of a request comes from. */
enum easy_body {
  EASY_NOTHING, /* it has none */
  EASY_TEXT,    /* `body` of the transfer */
  EASY_SOURCE   /* `source` of the transfer */
};

struct easy {
  struct easy *next, *previous;   /* running ones; idle ones use `next` */
  CURL *curl;
  CURLU *url;                     /* base URL with the last path and query */
  struct easy_defaults *defaults;
  struct transfer *transfer;      /* NULL when idle */
  uint64_t begun_step;            /* of the loop, when it began to run */
  bool resolved;                  /* the host's name needs no look-up now */
  enum transfer_method method;    /* set up for this one, */
  enum easy_body body;            /* for this body, */
  bool fresh;                     /* for a new connection, */
  bool download;                  /* for a file, */
  bool public;                    /* for a public address */
  bool large_buffer;              /* as is wanted for a file */
  struct curl_slist range;        /* If-Range -> other headers */
  struct curl_slist type;         /* the source's type -> other headers */
  char range_line[160];
  char path[TRANSFER_PATH_MAXIMUM]; /* that `url` has now */
  char error[CURL_ERROR_SIZE];
};

/* Copies what it needs; `key_header` must outlive the defaults.  False: no
   memory, and easy_defaults_free is still to be called. */
bool easy_defaults_init(struct easy_defaults *d, CURLU *base, char *key_header,
                        const char *user_agent, const char *ca_file,
                        const char *ca_path);

void easy_defaults_free(struct easy_defaults *d);

/* NULL when memory ran out. */
struct easy *easy_new(struct easy_defaults *d);

/* NULL is allowed. */
void easy_free(struct easy *e);

/* Makes it ready to carry `t`.  False: no memory, throw it away. */
bool easy_prepare(struct easy *e, struct transfer *t);

/* Do connection, tunnel and TLS handshake of its exchange stand? */
bool easy_is_connected(struct easy *e);

/* The socket of a connected exchange; CURL_SOCKET_BAD when it is unknown. */
curl_socket_t easy_socket(struct easy *e);

/* Notes how many bytes of the source a connected exchange has sent, if it has
   sent any since the last call. */
void easy_note_sent(struct easy *e);

/* Were bytes that the exchange's socket holds acknowledged since the last
   call? */
bool easy_socket_sends(struct easy *e);

/* Reads the result of an exchange that was broken off.  The easy handle must
   still be in the multi handle. */
void easy_abort(struct easy *e);

/* The same, for an exchange that ended with this code. */
void easy_finish(struct easy *e, CURLcode code);

#endif
