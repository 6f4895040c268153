/* SPDX-License-Identifier: MIT
 *
 * layer0_tasks: who waits for what, and who may go on.
 */
#include "layer0.h"

#include "tasks.h"

#include <string.h>

/* Room in a block of exactly its size, which it then owns. */
static void *grown(struct tasks *s, uint32_t capacity)
{
  void *memory = malloc(tasks_size(capacity));

  CHECK(memory);
  tasks_move(s, memory, capacity);
  return memory;
}

void tasks_queue(const char *folder)
{
  struct tasks s;
  void *memory;
  uint32_t a, b, c;

  (void)folder;
  memset(&s, 0, sizeof s);
  CHECK(!tasks_has(&s, 0) && !tasks_has(&s, 1) && tasks_add(&s) == 0);
  CHECK(tasks_moment(&s) < 0);
  memory = grown(&s, 3);
  a = tasks_add(&s);
  b = tasks_add(&s);
  c = tasks_add(&s);
  CHECK(a && b && c && tasks_add(&s) == 0 && s.live == 3);
  CHECK(tasks_has(&s, a) && !tasks_has(&s, 0) && !tasks_has(&s, 4));
  CHECK(tasks_moment(&s) == 0);
  CHECK(tasks_take(&s, QUEUE_READY) == a); /* in the order they came */
  tasks_wake(&s, a);
  tasks_wake(&s, b); /* it keeps its place */
  tasks_give_way(&s, c); /* in one queue at a time */
  CHECK(tasks_take(&s, QUEUE_READY) == b);
  CHECK(tasks_take(&s, QUEUE_READY) == a);
  CHECK(tasks_take(&s, QUEUE_READY) == 0);
  CHECK(tasks_moment(&s) == 0);
  CHECK(tasks_take(&s, QUEUE_GAVE) == c && tasks_take(&s, QUEUE_GAVE) == 0);
  CHECK(tasks_moment(&s) < 0);
  s.more = true;
  CHECK(tasks_moment(&s) == 0);
  s.more = false;
  tasks_expect(&s, a, 7);
  tasks_expect(&s, a, 8);
  CHECK(s.waiting == 1 && tasks_take_id(&s, a, 7) == 0);
  CHECK(tasks_take_id(&s, b, 8) == 0 && tasks_take_id(&s, 9, 8) == 0);
  CHECK(tasks_take_id(&s, a, 8) == a && s.waiting == 0);
  CHECK(tasks_take_id(&s, a, 8) == 0); /* once */
  tasks_expect(&s, b, 9);
  tasks_sleep(&s, b, 5);
  CHECK(tasks_moment(&s) == 5 && tasks_due(&s) == 5);
  tasks_wake(&s, b); /* whatever comes first ends the whole wait */
  CHECK(s.waiting == 0 && s.sleeping == 0 && tasks_take_id(&s, b, 9) == 0);
  tasks_remove(&s, b); /* from its queue, too */
  CHECK(tasks_take(&s, QUEUE_READY) == 0 && !tasks_has(&s, b) && s.live == 2);
  CHECK(tasks_add(&s) == b && tasks_take(&s, QUEUE_READY) == b);
  free(memory);
}

/* The same as a list that is searched from end to end. */
void tasks_sleepers(const char *folder)
{
  enum { COUNT = 300 };
  struct tasks s;
  double due[COUNT + 1];
  uint32_t capacity = 2, slot, seed = 1, i;
  void *memory, *larger;

  (void)folder;
  memset(&s, 0, sizeof s);
  memory = grown(&s, capacity);
  for (i = 0; i <= COUNT; i++)
    due[i] = -1;
  for (i = 0; i < 20000; i++) {
    double least = -1;
    uint32_t at;
    seed = seed * 1103515245u + 12345u;
    slot = 1 + (seed >> 8) % COUNT;
    if (slot > capacity) { /* grows in the middle of it */
      larger = grown(&s, 2 * capacity < COUNT ? 2 * capacity : COUNT);
      capacity = s.capacity;
      free(memory);
      memory = larger;
      continue;
    }
    while (!tasks_has(&s, slot)) {
      uint32_t added = tasks_add(&s);
      CHECK(added && tasks_take(&s, QUEUE_READY) == added);
    }
    switch ((seed >> 4) % 8) {
    case 0:
      tasks_wake(&s, slot);
      CHECK(tasks_take(&s, QUEUE_READY) == slot);
      due[slot] = -1;
      break;
    case 1:
      tasks_remove(&s, slot);
      due[slot] = -1;
      break;
    case 2:
      for (at = 1; at <= capacity; at++) {
        if (due[at] >= 0 && (least < 0 || due[at] < least))
          least = due[at];
      }
      CHECK(least >= 0 ? tasks_due(&s) == least : s.sleeping == 0);
      CHECK(tasks_take_due(&s, least - 1) == 0);
      at = tasks_take_due(&s, least);
      CHECK(least < 0 ? at == 0 : at > 0 && due[at] == least);
      due[at] = -1;
      break;
    default: /* once more: the earlier moment is forgotten */
      due[slot] = (double)((seed >> 12) % 1000);
      tasks_sleep(&s, slot, due[slot]);
    }
  }
  CHECK(capacity == COUNT && s.sleeping > 10);
  free(memory);
}
