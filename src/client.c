/* SPDX-License-Identifier: MIT
 *
 * client: see client.h.  How requests begin is in start.c.
 */

/*** @module jogg.core */
#include "client.h"

#include "engine.h"
#include "error.h"
#include "jogg.h"
#include "process.h"
#include "secret.h"
#include "url.h"

#include <stdlib.h>
#include <string.h>

#define KEY_MAXIMUM 4096
#define BASE_MAXIMUM 255 /* handle_address counts on it */
#define COUNT_MAXIMUM 10000

/* {=== birth and death */

static struct client **client_check(lua_State *L)
{
  return jogg_self(L, CLIENT_TYPE);
}

/* Why a client cannot be used, or NULL. */
static const char *fault_of(const struct client *c)
{
  if (!c || !c->engine)
    return "attempt to use a closed client";
  if (engine_is_forked(c->engine))
    return "this client was made before a fork and belongs to the parent "
           "process; make a new one in the child";
  return NULL;
}

struct client *client_live(lua_State *L)
{
  struct client *c = *client_check(L);
  const char *fault = fault_of(c);

  if (fault)
    luaL_error(L, "%s", fault);
  return c;
}

/***
Can the client be used?  Never raises.
@function client:is_usable
@treturn[1] boolean true
@treturn[2] boolean false: it is closed, or another process's
@treturn[2] string the same in words
*/
static int client_is_usable(lua_State *L)
{
  const char *fault = fault_of(*client_check(L));

  lua_pushboolean(L, !fault);
  if (!fault)
    return 1;
  lua_pushstring(L, fault);
  return 2;
}

static void nobody_waits(struct transfer *t, void *user)
{
  (void)user;
  t->finished = true;
  if (t->abandoned)
    transfer_free(t);
}

/***
Ends everything that is in flight and releases all that the client holds.
May be called any number of times.
@function client:close
*/
static int client_close(lua_State *L)
{
  struct client **client = client_check(L), *c = *client;
  struct transfer *t;

  *client = NULL;
  if (!c)
    return 0;
  engine_free(c->engine, nobody_waits, NULL);
  while (c->requests)
    client_unlink(c, c->requests); /* they own their transfers from now on */
  curl_url_cleanup(c->base); /* NULL is allowed */
  while ((t = c->spare)) {
    c->spare = t->next;
    transfer_free(t);
  }
  free(c);
  return 0;
}

/* The string in a field of the table at index 1, or NULL.  [-0, +1, e] pushes
   the value, which keeps the string alive */
static const char *option(lua_State *L, const char *name)
{
  lua_getfield(L, 1, name);
  return lua_isnil(L, -1) ? NULL : luaL_checkstring(L, -1);
}

/* A number of things in a field of the table at index 1.  [-0, +1, e] */
static long count_option(lua_State *L, const char *name, long otherwise)
{
  lua_Integer count;

  lua_getfield(L, 1, name);
  if (lua_isnil(L, -1))
    return otherwise;
  count = luaL_checkinteger(L, -1);
  if (count < 1 || count > COUNT_MAXIMUM)
    luaL_error(L, "%s: out of range", name);
  return (long)count;
}

/* A header that carries the key.  [-0, +1, e] */
static struct secret *key_option(lua_State *L)
{
  size_t n, i;
  const char *key;
  struct secret *secret;

  lua_getfield(L, 1, "api_key");
  key = luaL_checklstring(L, -1, &n);
  if (n == 0 || n > KEY_MAXIMUM)
    luaL_error(L, "api_key: empty or too long");
  for (i = 0; i < n; i++) {
    if (key[i] <= ' ' || key[i] >= 0x7F) /* CR, LF, NUL, spaces, not ASCII */
      luaL_error(L, "api_key: the character at position %d cannot be sent",
                 (int)i + 1);
  }
  secret = secret_new("x-api-key: ", key, n);
  if (!secret)
    luaL_error(L, "not enough memory");
  return secret;
}

/***
Makes a client.
@function client
@tparam table options `base_url`, `api_key`, `user_agent` (strings);
optional `ca_file`, `ca_path` (strings), `connections` and `transfers`
(integers: at most so many at once)
@treturn client
@raise when an option is not usable
*/
static int client_new(lua_State *L)
{
  struct loop_options options = { .connections = 64, .places = 64 };
  struct secret *key;
  enum url_verdict verdict;
  struct client **client, *c;
  int index;

  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  options.user_agent = option(L, "user_agent");
  options.ca_file = option(L, "ca_file");
  options.ca_path = option(L, "ca_path");
  options.connections = count_option(L, "connections", options.connections);
  options.places = (int)count_option(L, "transfers", options.places);
  if (!options.user_agent)
    luaL_error(L, "user_agent is missing");
  client = lua_newuserdatauv(L, sizeof(struct client *), 0);
  index = lua_gettop(L);
  *client = NULL;
  luaL_setmetatable(L, CLIENT_TYPE);
  *client = c = calloc(1, sizeof *c);
  if (!c)
    return luaL_error(L, "not enough memory");
  if (!process_init())
    return luaL_error(L, "libcurl could not be initialized");
  lua_getfield(L, 1, "base_url");
  if (strlen(luaL_checkstring(L, -1)) > BASE_MAXIMUM)
    return luaL_error(L, "base_url is too long");
  verdict = url_parse(lua_tostring(L, -1), true, &c->base);
  if (verdict != URL_OK)
    return luaL_error(L, "base_url %s", url_verdict_text(verdict));
  options.base = c->base;
  if (!url_is_local(c->base, &c->local))
    return luaL_error(L, "not enough memory");
  key = key_option(L);
  options.key_header = secret_text(key);
  c->engine = engine_new(&options, key);
  if (!c->engine) {
    secret_free(key);
    return luaL_error(L, "not enough memory or file descriptors");
  }
  lua_pushvalue(L, index);
  return 1;
}

/* ===} */

/* {=== waiting */

/***
Waits until some request is finished.
@function client:wait
@tparam number seconds at most
@treturn boolean false: a signal came
*/
static int client_wait(lua_State *L)
{
  struct client *c = client_live(L);
  bool waited = engine_wait(c->engine, jogg_milliseconds(L, 2));

  client_collect(c);
  lua_pushboolean(L, waited);
  return 1;
}

/***
Is the API on this machine, so that it may be asked as often as one likes?
@function client:is_local
@treturn boolean
*/
static int client_is_local(lua_State *L)
{
  lua_pushboolean(L, client_live(L)->local);
  return 1;
}

/***
Announces a finished request, each once.  Never waits.
@function client:next
@treturn ?integer its id; nil when there is none
*/
static int client_next(lua_State *L)
{
  struct client *c = client_live(L);
  struct transfer *t;

  if (!c->first)
    client_collect(c);
  t = c->first;
  if (!t)
    return 0;
  client_claim(c, t);
  jogg_push_count(L, (int64_t)t->id);
  return 1;
}

/***
Gives the network a thread of its own, from now on.
@function client:run_thread
@treturn[1] boolean true
@treturn[2] nil
@treturn[2] table error
*/
static int client_run_thread(lua_State *L)
{
  int error = engine_start(client_live(L)->engine);

  if (error)
    return error_push_file(L, error, "the I/O thread could not be started");
  lua_pushboolean(L, 1);
  return 1;
}

/***
A descriptor that is readable when some request is finished, or at the time of
@{tasks.alarm}.
@function client:descriptor
@treturn[1] integer
@treturn[2] nil
@treturn[2] table error
*/
static int client_descriptor(lua_State *L)
{
  int error;
  int descriptor = engine_descriptor(client_live(L)->engine, &error);

  if (descriptor < 0)
    return error_push_file(L, error, "the I/O thread could not be started");
  lua_pushinteger(L, descriptor);
  return 1;
}

static int client_tostring(lua_State *L)
{
  lua_pushfstring(L, "%s (%s)", CLIENT_TYPE,
                  *client_check(L) ? "open" : "closed");
  return 1;
}

/* ===} */

void client_register(lua_State *L)
{
  static const luaL_Reg METHODS[] = {
    { "close", client_close },
    { "create", client_create },
    { "descriptor", client_descriptor },
    { "discard", client_discard },
    { "download", client_download },
    { "is_local", client_is_local },
    { "is_usable", client_is_usable },
    { "look", client_look },
    { "next", client_next },
    { "run_thread", client_run_thread },
    { "start", client_start },
    { "wait", client_wait },
    { NULL, NULL }
  };
  static const luaL_Reg FUNCTIONS[] = {
    { "client", client_new },
    { NULL, NULL }
  };

  jogg_type(L, CLIENT_TYPE, METHODS, client_close, client_tostring);
  jogg_functions(L, FUNCTIONS);
}
