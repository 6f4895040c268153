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
#include <string.h>

#include <curl/curl.h>
#include <lauxlib.h>
#include <libxml/parser.h>

#include "http.h"
#include "rules.h"
#include "stop.h"

#define MAX_WORKERS 40

struct worker {
  struct sandbox *sandbox;
  char *lane; /* the rules' name of what it works on */
  pthread_t thread;
};

struct sandbox {
  int argc;
  char **argv;
  /* what boot.lua's begin() makes of them */
  bool go_on;
  int status; /* exit status when it does not go on */
  int port, storage_port;

  struct stop stop;
  struct rules rules;
  struct http api;     /* the service itself */
  struct http storage; /* where it keeps files: another origin */
  struct worker workers[MAX_WORKERS];
  int worker_count; /* those that have a lane */
  int started;      /* those that have a thread */
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

/* [-0, +0, e] the list of lanes on the top */
static void take_lanes(lua_State *L, struct sandbox *s)
{
  const lua_Integer n = luaL_len(L, -1);

  for (lua_Integer i = 1; i <= n && i <= MAX_WORKERS; i++) {
    struct worker *worker = &s->workers[s->worker_count];

    (void)lua_geti(L, -1, i);
    worker->sandbox = s;
    worker->lane = strdup(luaL_checkstring(L, -1));
    if (!worker->lane) (void)luaL_error(L, "no memory");
    s->worker_count++;
    lua_pop(L, 1);
  }
}

/* [-0, +0, e] ud; {port, storage_port, lanes}, or nil and an exit status */
static int take_begin(lua_State *L)
{
  struct sandbox *s = lua_touserdata(L, 1);

  s->go_on = !lua_isnil(L, 2);
  if (!s->go_on) {
    s->status = (int)luaL_checkinteger(L, 3);
    return 0;
  }
  (void)lua_getfield(L, 2, "port");
  s->port = (int)luaL_checkinteger(L, -1);
  (void)lua_getfield(L, 2, "storage_port");
  s->storage_port = (int)luaL_checkinteger(L, -1);
  (void)lua_getfield(L, 2, "lanes");
  take_lanes(L, s);
  return 0;
}

static int push_ports(lua_State *L)
{
  const struct sandbox *s = lua_touserdata(L, 1);

  lua_pushinteger(L, s->api.port);
  lua_pushinteger(L, s->storage.port);
  return 2;
}

static int push_nothing(lua_State *L)
{
  (void)L;
  return 0;
}

/* [-0, +1, m] pushes the worker's lane */
static int push_lane(lua_State *L)
{
  const struct worker *worker = lua_touserdata(L, 1);

  lua_pushstring(L, worker->lane);
  return 1;
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
  struct worker *worker = ud;
  const struct rules_call call = { .name = "work", .push = push_lane,
                                   .ud = worker };

  (void)rules_run(&worker->sandbox->rules, &call);
  return NULL;
}

static bool start_workers(struct sandbox *s)
{
  while (s->started < s->worker_count) {
    struct worker *worker = &s->workers[s->started];

    if (pthread_create(&worker->thread, NULL, work, worker) != 0) {
      (void)fputs("jogg-sandbox: no thread for work\n", stderr);
      return false;
    }
    s->started++;
  }
  return true;
}

static bool start(struct sandbox *s)
{
  return http_listen(&s->api, &s->rules, "api", false, s->port)
         && http_listen(&s->storage, &s->rules, "storage", true,
                        s->storage_port)
         && run(s, "listening", push_ports, NULL) && start_workers(s)
         && http_start(&s->storage) && http_start(&s->api);
}

static void finish(struct sandbox *s)
{
  stop_request(&s->stop);
  http_stop(&s->api);
  http_stop(&s->storage);
  while (s->started > 0)
    (void)pthread_join(s->workers[--s->started].thread, NULL);
  (void)run(s, "finish", push_nothing, NULL);
}

static int serve(struct sandbox *s, const sigset_t *ends)
{
  int signal_number, status = EXIT_FAILURE;

  if (start(s)) {
    (void)printf("listening on http://127.0.0.1:%d\n"
                 "storage on http://127.0.0.1:%d\n",
                 s->api.port, s->storage.port);
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

  s.api.socket = s.storage.socket = -1;
  if (!block_signals(&ends) || !stop_init(&s.stop)) return EXIT_FAILURE;
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return EXIT_FAILURE;
  xmlInitParser();
  if (rules_open(&s.rules, &s.stop)) {
    if (run(&s, "begin", push_arguments, take_begin) && s.go_on)
      s.status = serve(&s, &ends);
    rules_close(&s.rules);
  }
  while (s.worker_count > 0) free(s.workers[--s.worker_count].lane);
  xmlCleanupParser();
  curl_global_cleanup();
  stop_free(&s.stop);
  return s.status;
}
