/* SPDX-License-Identifier: MIT
 *
 * main: starts the parts of jogg-sandbox in order and stops them in reverse.
 *
 * All signals are blocked before the first thread; the main thread waits
 * for the one that ends the program.  What the options mean is rules/
 * options.lua's business.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <curl/curl.h>
#include <lauxlib.h>
#include <libxml/parser.h>

#include "http.h"
#include "rules.h"
#include "stop.h"

#define MAX_RENDERS 16

struct sandbox {
  int argc;
  char **argv;
  /* what boot.lua's begin() makes of them */
  bool go_on;
  int status; /* exit status when it does not go on */
  int port;
  int renders;

  struct stop stop;
  struct rules rules;
  struct http http;
  pthread_t workers[MAX_RENDERS];
  int worker_count;
};

/* [-0, +1, m] the arguments of the command line as a list */
static int push_arguments(lua_State *L)
{
  const struct sandbox *s = lua_touserdata(L, 1);

  lua_createtable(L, s->argc, 0);
  for (int i = 1; i < s->argc; i++) {
    lua_pushstring(L, s->argv[i]);
    lua_rawseti(L, -2, i);
  }
  return 1;
}

/* [-0, +0, e] ud; port and renders, or nil and an exit status */
static int take_begin(lua_State *L)
{
  struct sandbox *s = lua_touserdata(L, 1);

  s->go_on = !lua_isnil(L, 2);
  if (!s->go_on) {
    s->status = (int)luaL_checkinteger(L, 3);
    return 0;
  }
  s->port = (int)luaL_checkinteger(L, 2);
  s->renders = (int)luaL_checkinteger(L, 3);
  return 0;
}

static int push_port(lua_State *L)
{
  const struct sandbox *s = lua_touserdata(L, 1);

  lua_pushinteger(L, s->http.port);
  return 1;
}

static int push_nothing(lua_State *L)
{
  (void)L;
  return 0;
}

static bool run(struct sandbox *s, const char *name, lua_CFunction push,
                lua_CFunction take)
{
  const struct rules_call call = { .name = name, .push = push, .take = take,
                                   .ud = s };

  return rules_run(&s->rules, &call);
}

static void *work(void *ud)
{
  (void)run(ud, "work", push_nothing, NULL);
  return NULL;
}

static bool start_workers(struct sandbox *s)
{
  while (s->worker_count < s->renders && s->worker_count < MAX_RENDERS) {
    if (pthread_create(&s->workers[s->worker_count], NULL, work, s) != 0) {
      (void)fputs("jogg-sandbox: no thread for rendering\n", stderr);
      return false;
    }
    s->worker_count++;
  }
  return true;
}

static bool start(struct sandbox *s)
{
  return http_listen(&s->http, &s->rules, s->port)
         && run(s, "listening", push_port, NULL) && start_workers(s)
         && http_start(&s->http);
}

static void finish(struct sandbox *s)
{
  stop_request(&s->stop);
  http_stop(&s->http);
  while (s->worker_count > 0)
    (void)pthread_join(s->workers[--s->worker_count], NULL);
  (void)run(s, "finish", push_nothing, NULL);
}

static int serve(struct sandbox *s, const sigset_t *ends)
{
  int signal_number, status = EXIT_FAILURE;

  if (start(s)) {
    (void)printf("listening on http://127.0.0.1:%d\n", s->http.port);
    (void)fflush(stdout);
    if (sigwait(ends, &signal_number) == 0) status = EXIT_SUCCESS;
  }
  finish(s);
  return status;
}

static bool block_signals(sigset_t *ends)
{
  (void)sigemptyset(ends);
  (void)sigaddset(ends, SIGINT);
  (void)sigaddset(ends, SIGTERM);
  (void)sigaddset(ends, SIGHUP);
  return signal(SIGPIPE, SIG_IGN) != SIG_ERR
         && pthread_sigmask(SIG_BLOCK, ends, NULL) == 0;
}

int main(int argc, char **argv)
{
  struct sandbox s = { .argc = argc, .argv = argv, .status = EXIT_FAILURE };
  sigset_t ends;

  s.http.socket = -1;
  if (!block_signals(&ends) || !stop_init(&s.stop)) return EXIT_FAILURE;
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return EXIT_FAILURE;
  xmlInitParser();
  if (rules_open(&s.rules, &s.stop)) {
    if (run(&s, "begin", push_arguments, take_begin) && s.go_on)
      s.status = serve(&s, &ends);
    rules_close(&s.rules);
  }
  xmlCleanupParser();
  curl_global_cleanup();
  stop_free(&s.stop);
  return s.status;
}
