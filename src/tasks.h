/* SPDX-License-Identifier: MIT
 *
 * tasks: who waits for what, and who may go on.
 *
 * Each task has a slot, from 1.  It waits for a request, or sleeps, or both;
 * or it stands in a queue; or it waits for another task, of which nothing is
 * known here.  A frame pays for all that it touches, with cold caches: so this
 * is a few arrays and not a table for each.  Knows no Lua.
 */
#ifndef JOGG_TASKS_H
#define JOGG_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TASKS_MAXIMUM 0x1000000u /* at once */

enum tasks_queue {
  QUEUE_NONE,
  QUEUE_GAVE,  /* gave way to the host in the middle of something */
  QUEUE_READY, /* was woken, or has not begun */
  QUEUE_COUNT
};

struct task {
  void *thread;            /* its coroutine; NULL: it has none */
  double due;              /* of a sleeper: the moment */
  uint64_t id;             /* of the request that it waits for; 0: none */
  uint32_t next, previous; /* in its queue; `next`: among the free */
  uint32_t place;          /* among the sleepers; 0: it is none */
  uint8_t queue;
  bool used;
  bool cancelled;
  bool attended;           /* somebody goes on in its place */
};

struct tasks {
  struct task *list;       /* by slot; the first one is nobody */
  uint32_t *sleepers;      /* a heap, from 1, earliest first */
  uint32_t capacity;
  uint32_t free;           /* the first free slot; 0: none */
  uint32_t live, sleeping, waiting, queued;
  struct {
    uint32_t first, last;
  } queues[QUEUE_COUNT];

  /* Whose turn it is; see dispatch.c. */
  struct client **client;  /* of which they are, if it is open */
  struct tasks **active;   /* those of which one runs, in this Lua state */
  uint32_t running;        /* the slot of who runs; 0: nobody */
  unsigned kind;           /* of what went on last */
  uint64_t resumed;
  double deadline;         /* of a step that must not wait; 0: none */
  double ahead;            /* see shift */
  bool eased;              /* Lua's collector is, by the step that runs */
  bool more;               /* the last step came to its end before its work */
  bool watched;            /* somebody waits for the descriptor */
};

/* Bytes for so many. */
size_t tasks_size(uint32_t capacity);

/* Moves to larger memory, which the caller owns. */
void tasks_move(struct tasks *s, void *memory, uint32_t capacity);

/* A slot, whose task is ready; 0: there is no room. */
uint32_t tasks_add(struct tasks *s);
void tasks_remove(struct tasks *s, uint32_t slot);

/* Is there such a task? */
bool tasks_has(const struct tasks *s, uint32_t slot);

/* What it waited for means nothing any more. */
void tasks_end_wait(struct tasks *s, uint32_t slot);

/* It waits: for a request, until a moment, for its next turn. */
void tasks_expect(struct tasks *s, uint32_t slot, uint64_t id);
void tasks_sleep(struct tasks *s, uint32_t slot, double due);
void tasks_give_way(struct tasks *s, uint32_t slot);

/* It may go on. */
void tasks_wake(struct tasks *s, uint32_t slot);

/* Who goes on now, which ends its wait; 0: nobody. */
uint32_t tasks_take(struct tasks *s, enum tasks_queue queue);
uint32_t tasks_take_due(struct tasks *s, double now);
uint32_t tasks_take_id(struct tasks *s, uint32_t slot, uint64_t id);

/* When the first sleeper wakes; there has to be one. */
double tasks_due(const struct tasks *s);

/* When somebody can go on without the network: 0: now; negative: never. */
double tasks_moment(const struct tasks *s);

#endif
