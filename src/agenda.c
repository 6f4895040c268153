/* SPDX-License-Identifier: MIT
 *
 * agenda: see agenda.h.
 */
#include "agenda.h"

#include "clock.h"

#include <stdlib.h>

#define FIRST_SIZE 64

/* Puts one where it belongs, from i towards the front. */
static void rise(struct agenda *a, size_t i, struct appointment one)
{
  while (i > 0) {
    size_t parent = (i - 1) / 2;
    if (a->list[parent].due_ms <= one.due_ms)
      break;
    a->list[i] = a->list[parent];
    i = parent;
  }
  a->list[i] = one;
}

/* The same, from i towards the end. */
static void sink(struct agenda *a, size_t i, struct appointment one)
{
  for (;;) {
    size_t child = 2 * i + 1;
    if (child >= a->length)
      break;
    if (child + 1 < a->length &&
        a->list[child + 1].due_ms < a->list[child].due_ms)
      child++;
    if (one.due_ms <= a->list[child].due_ms)
      break;
    a->list[i] = a->list[child];
    i = child;
  }
  a->list[i] = one;
}

bool agenda_add(struct agenda *a, struct transfer *t)
{
  struct appointment one = { t->schedule.due_ms, t };

  if (a->length == a->size) {
    size_t size = a->size ? 2 * a->size : FIRST_SIZE;
    struct appointment *list = realloc(a->list, size * sizeof *list);
    if (!list)
      return false;
    a->list = list;
    a->size = size;
  }
  rise(a, a->length++, one);
  return true;
}

int64_t agenda_due(const struct agenda *a)
{
  return a->length > 0 ? a->list[0].due_ms : CLOCK_NEVER;
}

struct transfer *agenda_take(struct agenda *a)
{
  struct transfer *first;

  if (a->length == 0)
    return NULL;
  first = a->list[0].transfer;
  a->length--;
  if (a->length > 0)
    sink(a, 0, a->list[a->length]);
  return first;
}

struct transfer *agenda_sweep(struct agenda *a)
{
  struct transfer *swept = NULL;
  size_t i, length = 0;

  for (i = 0; i < a->length; i++) {
    struct transfer *t = a->list[i].transfer;
    if (!atomic_load(&t->cancelled)) {
      a->list[length++] = a->list[i];
      continue;
    }
    t->next = swept;
    swept = t;
  }
  if (!swept)
    return NULL;
  a->length = length;
  for (i = length / 2; i-- > 0;)
    sink(a, i, a->list[i]);
  return swept;
}

void agenda_free(struct agenda *a)
{
  free(a->list);
  *a = (struct agenda){ .list = NULL };
}
