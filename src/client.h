/* SPDX-License-Identifier: MIT
 *
 * client: userdata jogg.core.client, an engine and the requests made of it.
 *
 * Owns the engine and every transfer that no request owns.  Requests are
 * linked to their client so that either may be closed first.
 */
#ifndef JOGG_CLIENT_H
#define JOGG_CLIENT_H

#include "compat.h"
#include "engine.h"
#include "transfer.h"

#include <stdbool.h>

/* What a userdata jogg.core.client points to; NULL there: closed.  Both
   structs are no userdata themselves: where a finalizer fails, for want of
   memory or of C stack, Lua frees the userdata all the same, and what is
   linked to others must not go with it. */
struct client {
  struct engine *engine;          /* NULL: it was never opened */
  CURLU *base;                    /* the API's address */
  bool local;                     /* it is on this machine */
  struct request *requests;
  struct transfer *first, *last;  /* finished, not announced */
  uint32_t finished;              /* how many those are */
  struct transfer *spare;         /* for the next requests */
  int spare_count;
  uint64_t last_id;
};

/* What a userdata jogg.core.request points to: a hold on one transfer. */
struct request {
  struct client *client;        /* NULL: closed, or of a closed client */
  struct request *next, *previous;
  struct transfer *transfer;
};

/* The open client at index 1; raises for anything else.  [-0, +0, v] */
struct client *client_live(lua_State *L);

/* Its methods that are in start.c. */
int client_start(lua_State *L);
int client_look(lua_State *L);
int client_download(lua_State *L);
int client_create(lua_State *L);
int client_discard(lua_State *L);

/* A new request, linked to the client at index 1; its transfer is empty and
   not yet submitted.  [-0, +1, e] pushes it */
struct request *request_new(lua_State *L);

/* The transfer of an open request at an index; raises for anything else.
   [-0, +0, v] */
struct transfer *request_transfer(lua_State *L, int index);

/* The end of a request's hold: the client keeps or frees the transfer. */
void client_release(struct client *c, struct request *r);

/* Asks for the end of a request's transfer. */
void client_cancel(struct client *c, struct request *r);

/* The result of a finished transfer is being read: it need not be announced
   any more. */
void client_claim(struct client *c, struct transfer *t);

/* A transfer with nothing in it, or NULL. */
struct transfer *client_transfer(struct client *c);

/* Takes over what the engine has finished. */
void client_collect(struct client *c);

/* The client's list of requests. */
void client_link(struct client *c, struct request *r);
void client_unlink(struct client *c, struct request *r);

#endif
