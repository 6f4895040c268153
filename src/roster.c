/* SPDX-License-Identifier: MIT
 *
 * roster: a client's transfers and requests; see client.h.
 *
 * A transfer is, in this order: new, submitted, finished (it came back and
 * waits to be announced), announced.  Its request may let go at any time; the
 * client then frees it as soon as the engine is done with it.  No Lua here.
 */
#include "client.h"

#define SPARE_TRANSFERS 64

/* {=== transfers */

struct transfer *client_transfer(struct client *c)
{
  struct transfer *t = c->spare;

  if (t) {
    c->spare = t->next;
    c->spare_count--;
    t->next = NULL;
    return t; /* with the id that it had: ids stay small */
  }
  t = transfer_new();
  if (t)
    t->id = ++c->last_id;
  return t;
}

static void client_recycle(struct client *c, struct transfer *t)
{
  if (c->spare_count >= SPARE_TRANSFERS) {
    transfer_free(t);
    return;
  }
  transfer_reset(t);
  t->next = c->spare;
  c->spare = t;
  c->spare_count++;
}

/* Takes over what the engine has finished. */
void client_collect(struct client *c)
{
  struct transfer *t, *next;

  for (t = engine_collect(c->engine); t; t = next) {
    next = t->next;
    t->next = NULL;
    t->finished = true;
    if (t->abandoned) {
      client_recycle(c, t);
      continue;
    }
    t->unannounced = true;
    if (c->last)
      c->last->next = t;
    else
      c->first = t;
    c->last = t;
    c->finished++;
  }
}

void client_claim(struct client *c, struct transfer *t)
{
  struct transfer **link = &c->first, *previous = NULL;

  if (!t->unannounced)
    return;
  while (*link != t) {
    previous = *link;
    link = &previous->next;
  }
  *link = t->next;
  if (c->last == t)
    c->last = previous;
  c->finished--;
  t->next = NULL;
  t->unannounced = false;
}

/* ===} */

/* {=== requests */

void client_link(struct client *c, struct request *r)
{
  r->client = c;
  r->previous = NULL;
  r->next = c->requests;
  if (r->next)
    r->next->previous = r;
  c->requests = r;
}

void client_unlink(struct client *c, struct request *r)
{
  if (r->previous)
    r->previous->next = r->next;
  else
    c->requests = r->next;
  if (r->next)
    r->next->previous = r->previous;
  r->client = NULL;
}

void client_cancel(struct client *c, struct request *r)
{
  engine_cancel(c->engine, r->transfer);
}

void client_release(struct client *c, struct request *r)
{
  struct transfer *t = r->transfer;

  client_unlink(c, r);
  r->transfer = NULL;
  if (!t)
    return;
  if (t->submitted && !t->finished) {
    t->abandoned = true;
    engine_cancel(c->engine, t);
    return;
  }
  client_claim(c, t);
  client_recycle(c, t);
}

/* ===} */
