/* SPDX-License-Identifier: MIT
 *
 * client: userdata jogg.core.client, and the requests made of it.
 *
 * Owns an I/O thread, and every transfer that no request owns.  Requests are
 * linked to their client so that either may be closed first.  Those in flight
 * are also in its user value, under the address of their transfer, so that
 * client:completed can hand them out.
 */
#ifndef JOGG_CLIENT_H
#define JOGG_CLIENT_H

#include "io_thread.h"
#include "lua_util.h"
#include "transfer.h"

#include <stdbool.h>

#define CLIENT_TYPE "jogg.core.client"

/* What a userdata jogg.core.client points to; NULL there: closed.  Both
   structs are malloc'ed: where a finalizer fails, for want of memory or of C
   stack, Lua frees the userdata all the same, and a struct that is linked to
   others must not go with it. */
struct client {
  struct io_thread *io;           /* NULL: it was never opened */
  CURLU *base;                    /* the API's address */
  bool local;                     /* it is on this machine */
  struct request *requests;
  struct transfer_list completed; /* not handed out yet */
};

/* What a userdata jogg.core.request points to; NULL there: closed. */
struct request {
  struct client *client;          /* NULL: its client was closed */
  struct request *next, *previous;
  struct transfer *transfer;
};

/* The open client at `index`; raises for anything else.  [-0, +0, v] */
struct client *client_live(lua_State *L, int index);

/* Links a request that was just made.  Its transfer is not submitted yet. */
void client_add(struct client *c, struct request *r);

/* Hands over the transfer of the request on the top.  Raises if a finalizer
   closed the client at `index` meanwhile.  [-0, +0, v] */
void client_submit(lua_State *L, int index, struct request *r);

/* Cancels a request; its transfer comes back soon. */
void client_cancel(struct request *r);

/* The request is closed: frees it, and its transfer as soon as that comes
   back. */
void client_remove(struct request *r);

/* Makes the client at index 1 the user value of the object on the top.
   [-0, +0, e] */
void client_own(lua_State *L);

/* Pushes the client of the object at index 1.  [-0, +1, -] */
void client_push(lua_State *L);

/* Has the I/O thread release a file, a record or a source, because that may
   take time.  If the client of the object at index 1 has no I/O thread or is
   closed, or memory ran out, releases it at once.  [-0, +0, -] */
void client_discard(lua_State *L, struct file *file, struct record *record,
                    struct source *source);

/* Adds core.client to the module table on the top.  [-0, +0, e] */
void client_register(lua_State *L);

#endif
