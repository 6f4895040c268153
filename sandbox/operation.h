/* SPDX-License-Identifier: MIT
 *
 * operation: what a rule waits for without holding the rules' lock.
 *
 * A rule is a Lua coroutine.  Where it must wait (a page, its parser, which
 * can be slow, ffmpeg, time, work) a host function yields one of these;
 * rules.c lets go of the lock, performs it, takes the lock, and resumes; then
 * the host function's continuation hands the results to Lua.  perform() must
 * not touch Lua.
 */
#ifndef SANDBOX_OPERATION_H
#define SANDBOX_OPERATION_H

#include <lua.h>

#include "child.h"
#include "fetch.h"
#include "page.h"

struct rules;

enum operation_kind {
  OPERATION_FETCH, /* text: URL; token: file or NULL; limit; seconds */
  OPERATION_POST,  /* text: URL; bytes: body; argv: headers; seconds */
  OPERATION_RUN,   /* argv; text: folder; token; seconds */
  OPERATION_PAGE,  /* bytes: HTML; text: charset or NULL */
  OPERATION_SLEEP, /* seconds */
  OPERATION_WORK   /* waits for stop_wake(); seconds, negative: no limit */
};

struct operation {
  enum operation_kind kind;
  double seconds;
  size_t limit;
  unsigned long seen; /* the work count when work was last looked for */
  char *text;
  char *token; /* whom progress is told of */
  char **argv;
  struct buf bytes;
  struct page page;
  bool is_page;
  struct fetch fetch;
  struct child_result child;
};

/* Defines the Lua type and adds fetch, post, run, page, sleep, work to the
 * table at the top of the stack.  [-0, +0, m] */
void operation_open(lua_State *L);

/* Does the waiting; called without the lock. */
void operation_perform(struct operation *op, struct rules *rules);

#endif
