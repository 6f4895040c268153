/* SPDX-License-Identifier: MIT
 *
 * handle: an easy handle of libcurl, set up once and prepared for each use.
 *
 * Owns the easy handle and its URL.  From one use to the next only what
 * differs is set: that is a fifth of the instructions of a short request.
 * It knows no Lua.
 */
#ifndef JOGG_HANDLE_H
#define JOGG_HANDLE_H

#include "transfer.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

/* What all handles of a loop have in common.  Its header lists are made of
   nodes of our own, so that the key is in no memory of libcurl's making. */
struct handle_defaults {
  CURLU *base;
  char *base_path;        /* "" or "/prefix" */
  char *ca_file, *ca_path;
  char *agent;            /* "User-Agent: ..." */
  bool no_proxy;
  bool has_ca_file;       /* given or libcurl's own: no directory is needed */
  long http_version;      /* for all but POST */
  bool plain;             /* the API speaks http without TLS */
  CURLSH *share;
  struct curl_slist no_expect;  /* "Expect:" */
  struct curl_slist anybody;    /* agent -> no_expect */
  struct curl_slist type;       /* content type -> anybody */
  struct curl_slist api_read;   /* key -> anybody */
  struct curl_slist api_write;  /* key -> type */
};

struct handle {
  struct handle *next, *previous; /* running ones; idle ones use `next` */
  CURL *easy;
  CURLU *url;                     /* base URL with the last path and query */
  struct transfer *transfer;      /* NULL when idle */
  uint64_t added_step;            /* of the loop, when it began to run */
  enum transfer_method method;    /* set up for this one */
  bool download;                  /* set up for a file */
  bool large_buffer;              /* as wanted for one */
  struct curl_slist range;        /* If-Range -> anybody */
  char range_line[160];
  char path[256];                 /* that `url` has now */
  char error[CURL_ERROR_SIZE];
};

/* Copies what it needs; `key_header` must outlive the defaults.  False: no
   memory, and handle_defaults_free is still to be called. */
bool handle_defaults_init(struct handle_defaults *d, CURLU *base,
                          char *key_header, const char *user_agent,
                          const char *ca_file, const char *ca_path);

void handle_defaults_free(struct handle_defaults *d);

/* NULL when memory ran out. */
struct handle *handle_new(const struct handle_defaults *d);

/* Makes it ready to carry `t`.  False: not possible, throw it away. */
bool handle_prepare(struct handle *h, struct handle_defaults *d,
                    struct transfer *t);

/* NULL is allowed. */
void handle_free(struct handle *h);

#endif
