/* SPDX-License-Identifier: MIT
 *
 * tasks: see tasks.h.
 */
#include "tasks.h"

#include <string.h>

/* {=== memory */

size_t tasks_size(uint32_t capacity)
{
  return ((size_t)capacity + 1) * (sizeof(struct task) + sizeof(uint32_t));
}

void tasks_move(struct tasks *s, void *memory, uint32_t capacity)
{
  struct task *list = memory;
  uint32_t *sleepers = (uint32_t *)(void *)(list + capacity + 1);
  uint32_t slot;

  if (s->list) {
    memcpy(list, s->list, (s->capacity + 1) * sizeof *list);
    memcpy(sleepers, s->sleepers, (s->sleeping + 1) * sizeof *sleepers);
  } else {
    memset(list, 0, sizeof *list);
  }
  s->list = list;
  s->sleepers = sleepers;
  for (slot = capacity; slot > s->capacity; slot--) {
    memset(&list[slot], 0, sizeof *list);
    list[slot].next = s->free;
    s->free = slot;
  }
  s->capacity = capacity;
}

bool tasks_has(const struct tasks *s, uint32_t slot)
{
  return slot > 0 && slot <= s->capacity && s->list[slot].used;
}

uint32_t tasks_add(struct tasks *s)
{
  uint32_t slot = s->free;

  if (slot == 0)
    return 0;
  s->free = s->list[slot].next;
  memset(&s->list[slot], 0, sizeof s->list[slot]);
  s->list[slot].used = true;
  s->live++;
  tasks_wake(s, slot);
  return slot;
}

void tasks_remove(struct tasks *s, uint32_t slot)
{
  tasks_end_wait(s, slot);
  memset(&s->list[slot], 0, sizeof s->list[slot]);
  s->list[slot].next = s->free;
  s->free = slot;
  s->live--;
}

/* ===} */

/* {=== the queues */

static void queue_add(struct tasks *s, uint32_t slot, enum tasks_queue queue)
{
  struct task *t = &s->list[slot];

  t->queue = (uint8_t)queue;
  t->next = 0;
  t->previous = s->queues[queue].last;
  if (t->previous)
    s->list[t->previous].next = slot;
  else
    s->queues[queue].first = slot;
  s->queues[queue].last = slot;
  s->queued++;
}

static void queue_remove(struct tasks *s, uint32_t slot)
{
  struct task *t = &s->list[slot];
  unsigned queue = t->queue;

  if (queue == QUEUE_NONE)
    return;
  if (t->previous)
    s->list[t->previous].next = t->next;
  else
    s->queues[queue].first = t->next;
  if (t->next)
    s->list[t->next].previous = t->previous;
  else
    s->queues[queue].last = t->previous;
  t->queue = QUEUE_NONE;
  t->next = t->previous = 0;
  s->queued--;
}

/* ===} */

/* {=== the sleepers */

static void place(struct tasks *s, uint32_t slot, uint32_t at)
{
  s->sleepers[at] = slot;
  s->list[slot].place = at;
}

static double due_at(const struct tasks *s, uint32_t at)
{
  return s->list[s->sleepers[at]].due;
}

/* Finds the place of a task, from one that is free. */
static void settle(struct tasks *s, uint32_t slot, uint32_t at)
{
  double due = s->list[slot].due;

  for (; at > 1 && due < due_at(s, at / 2); at /= 2)
    place(s, s->sleepers[at / 2], at);
  for (;;) {
    uint32_t child = 2 * at;
    if (child > s->sleeping)
      break;
    if (child < s->sleeping && due_at(s, child + 1) < due_at(s, child))
      child++;
    if (due <= due_at(s, child))
      break;
    place(s, s->sleepers[child], at);
    at = child;
  }
  place(s, slot, at);
}

static void sleepers_remove(struct tasks *s, uint32_t slot)
{
  uint32_t at = s->list[slot].place, last;

  if (at == 0)
    return;
  s->list[slot].place = 0;
  last = s->sleepers[s->sleeping--];
  if (last != slot)
    settle(s, last, at);
}

/* ===} */

/* {=== waiting and going on */

void tasks_end_wait(struct tasks *s, uint32_t slot)
{
  struct task *t = &s->list[slot];

  if (t->id) {
    t->id = 0;
    s->waiting--;
  }
  sleepers_remove(s, slot);
  queue_remove(s, slot);
}

void tasks_expect(struct tasks *s, uint32_t slot, uint64_t id)
{
  struct task *t = &s->list[slot];

  s->waiting += !t->id;
  t->id = id;
}

void tasks_sleep(struct tasks *s, uint32_t slot, double due)
{
  sleepers_remove(s, slot);
  s->list[slot].due = due;
  settle(s, slot, ++s->sleeping);
}

void tasks_give_way(struct tasks *s, uint32_t slot)
{
  tasks_end_wait(s, slot);
  queue_add(s, slot, QUEUE_GAVE);
}

void tasks_wake(struct tasks *s, uint32_t slot)
{
  if (s->list[slot].queue == QUEUE_READY)
    return;
  tasks_end_wait(s, slot);
  queue_add(s, slot, QUEUE_READY);
}

uint32_t tasks_take(struct tasks *s, enum tasks_queue queue)
{
  uint32_t slot = s->queues[queue].first;

  if (slot)
    queue_remove(s, slot);
  return slot;
}

uint32_t tasks_take_due(struct tasks *s, double now)
{
  uint32_t slot = 0;

  if (s->sleeping && due_at(s, 1) <= now) {
    slot = s->sleepers[1];
    tasks_end_wait(s, slot);
  }
  return slot;
}

uint32_t tasks_take_id(struct tasks *s, uint32_t slot, uint64_t id)
{
  if (!tasks_has(s, slot) || s->list[slot].id != id)
    return 0;
  tasks_end_wait(s, slot);
  return slot;
}

double tasks_due(const struct tasks *s)
{
  return due_at(s, 1);
}

double tasks_moment(const struct tasks *s)
{
  if (s->queues[QUEUE_READY].first || s->queues[QUEUE_GAVE].first || s->more)
    return 0;
  return s->sleeping ? due_at(s, 1) : -1;
}

/* ===} */
