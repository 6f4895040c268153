/* SPDX-License-Identifier: MIT
 *
 * client: see client.h.
 *
 * A transfer is, in this order: new, submitted, finished (it came back),
 * listed until client:completed hands its request out.  Its request may be
 * closed at any time; the client then frees the transfer when it comes back.
 */

/*** @module jogg.core */
#include "client.h"

#include "disk_work.h"
#include "error.h"
#include "process.h"
#include "secret.h"
#include "url.h"

#include <stdlib.h>
#include <string.h>

#define KEY_MAXIMUM 4096
#define BASE_MAXIMUM 255 /* easy.c counts on it */
#define SLOTS_DEFAULT 64
#define SLOTS_MAXIMUM 10000

static struct client **client_check(lua_State *L, int index)
{
  return luaL_checkudata(L, index, CLIENT_TYPE);
}

/* Why a client cannot be used, or NULL. */
static const char *fault_of(const struct client *c)
{
  if (!c || !c->io)
    return "attempt to use a closed client";
  if (io_thread_is_forked(c->io))
    return "this client was made before a fork and belongs to the parent "
           "process; make a new one in the child";
  return NULL;
}

struct client *client_live(lua_State *L, int index)
{
  struct client *c = *client_check(L, index);
  const char *fault = fault_of(c);

  if (fault)
    luaL_error(L, "%s", fault);
  return c;
}

/* {=== requests */

void client_add(struct client *c, struct request *r)
{
  r->client = c;
  r->previous = NULL;
  r->next = c->requests;
  if (r->next)
    r->next->previous = r;
  c->requests = r;
}

static void unlink_request(struct client *c, struct request *r)
{
  if (r->previous)
    r->previous->next = r->next;
  else
    c->requests = r->next;
  if (r->next)
    r->next->previous = r->previous;
  r->client = NULL;
}

void client_submit(lua_State *L, int index, struct request *r)
{
  struct client *c;

  index = lua_absindex(L, index);
  lua_getiuservalue(L, index, 1);
  lua_pushlightuserdata(L, r->transfer);
  lua_pushvalue(L, -3);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  c = client_live(L, index); /* the last thing that may raise */
  r->transfer->submitted = true;
  io_thread_submit(c->io, r->transfer);
}

void client_cancel(struct request *r)
{
  if (r->client && !r->transfer->finished)
    io_thread_cancel(r->client->io, r->transfer);
}

void client_remove(struct request *r)
{
  struct transfer *t = r->transfer;
  struct client *c = r->client;

  if (c)
    unlink_request(c, r);
  free(r);
  if (!t)
    return;
  t->abandoned = true;
  if (!c || !t->submitted || (t->finished && !t->listed))
    transfer_free(t);
  else if (!t->finished)
    io_thread_cancel(c->io, t);
}

/* Takes a transfer's request out of the user value of the client at index 1.
   [-0, +1, -] pushes it; nil for work that has no request */
static void take_request(lua_State *L, struct transfer *t)
{
  lua_getiuservalue(L, 1, 1);
  lua_pushlightuserdata(L, t);
  lua_rawget(L, -2);
  if (!lua_isnil(L, -1)) { /* then this takes no memory */
    lua_pushlightuserdata(L, t);
    lua_pushnil(L);
    lua_rawset(L, -4);
  }
  lua_remove(L, -2);
}

/* Takes over what came back to the client at index 1.  [-0, +0, -] */
static void collect(lua_State *L, struct client *c)
{
  struct transfer *t, *next;

  for (t = io_thread_collect(c->io); t; t = next) {
    next = t->next;
    t->finished = true;
    if (t->abandoned) {
      take_request(L, t);
      lua_pop(L, 1);
      transfer_free(t);
    } else {
      t->listed = true;
      transfer_list_add(&c->completed, t);
    }
  }
}

/***
Returns the oldest finished request that was not returned yet.  Never waits.
@function client:completed
@treturn ?request nil: no such request
*/
static int client_completed(lua_State *L)
{
  struct client *c = client_live(L, 1);
  struct transfer *t;

  if (!c->completed.first)
    collect(L, c);
  while ((t = transfer_list_take(&c->completed))) {
    t->listed = false;
    take_request(L, t);
    if (!t->abandoned)
      return 1;
    lua_pop(L, 1);
    transfer_free(t);
  }
  return 0;
}

void client_own(lua_State *L)
{
  lua_createtable(L, 1, 0); /* Lua 5.1 takes nothing else */
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, 1);
  lua_setiuservalue(L, -2, 1);
}

void client_push(lua_State *L)
{
  lua_getiuservalue(L, 1, 1);
  lua_rawgeti(L, -1, 1);
  lua_remove(L, -2);
}

void client_discard(lua_State *L, struct file *file, struct record *record,
                    struct source *source)
{
  struct client **client;
  struct transfer *t = NULL;

  client_push(L);
  client = luaL_testudata(L, -1, CLIENT_TYPE);
  lua_pop(L, 1); /* the object at index 1 keeps it alive */
  if (client && !fault_of(*client) && io_thread_is_started((*client)->io))
    t = transfer_new();
  if (!t) {
    file_release(file);
    record_release(record);
    source_release(source);
    return;
  }
  t->disk = disk_work_nothing; /* they are let go of when it ends */
  t->file = file;
  t->record = record;
  t->source = source;
  t->submitted = t->abandoned = true;
  io_thread_submit((*client)->io, t);
}

/* ===} */

/* {=== birth and death */

static void came_back(struct transfer *t)
{
  t->finished = true;
  if (t->abandoned)
    transfer_free(t);
}

/***
Ends all requests in flight and releases all that the client holds.  In a forked
child it only releases the child's copy.  May be called any number of times.
@function client:close
*/
static int client_close(lua_State *L)
{
  struct client **client = client_check(L, 1), *c = *client;
  struct transfer *t;

  *client = NULL;
  if (!c)
    return 0;
  io_thread_free(c->io, came_back);
  while ((t = transfer_list_take(&c->completed))) {
    t->listed = false;
    if (t->abandoned)
      transfer_free(t);
  }
  while (c->requests)
    unlink_request(c, c->requests); /* they own their transfers from now on */
  curl_url_cleanup(c->base); /* NULL is allowed */
  free(c);
  return 0;
}

/* A header that carries the key.  [-0, +1, v] */
static struct secret *key_option(lua_State *L)
{
  size_t n, i;
  const char *key = lua_util_field(L, 1, "api_key", &n);
  struct secret *secret;

  if (!key || n == 0 || n > KEY_MAXIMUM)
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

/* [-0, +1, v] */
static void base_option(lua_State *L, struct client *c)
{
  const char *base = lua_util_field(L, 1, "base_url", NULL);
  enum url_verdict verdict;

  if (!base)
    luaL_error(L, "base_url is missing");
  if (strlen(base) > BASE_MAXIMUM)
    luaL_error(L, "base_url is too long");
  verdict = url_parse(base, true, &c->base);
  if (verdict != URL_OK)
    luaL_error(L, "base_url %s", url_verdict_text(verdict));
  if (!url_is_local(c->base, &c->local))
    luaL_error(L, "not enough memory");
}

/* [-0, +1, v] */
static int slots_option(lua_State *L)
{
  lua_Number slots;

  lua_getfield(L, 1, "transfers");
  if (lua_isnil(L, -1))
    return SLOTS_DEFAULT;
  slots = lua_tonumber(L, -1); /* 0 for what is no number */
  if (!(slots >= 1 && slots <= SLOTS_MAXIMUM))
    luaL_error(L, "transfers: out of range");
  return (int)slots;
}

/***
Makes a client.
@function client
@tparam table options `base_url`, `api_key`, `user_agent` (strings); optional
`ca_file`, `ca_path` (strings) and `transfers` (integer: at most so many
exchanges at once)
@treturn client
@raise when an option is not usable
*/
static int client_new(lua_State *L)
{
  struct loop_options options = { .slots = SLOTS_DEFAULT };
  struct secret *key;
  struct client **client, *c;
  int index;

  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  options.user_agent = lua_util_field(L, 1, "user_agent", NULL);
  options.ca_file = lua_util_field(L, 1, "ca_file", NULL);
  options.ca_path = lua_util_field(L, 1, "ca_path", NULL);
  options.slots = slots_option(L);
  if (!options.user_agent)
    luaL_error(L, "user_agent is missing");
  client = lua_newuserdatauv(L, sizeof(struct client *), 1);
  *client = NULL;
  index = lua_gettop(L);
  luaL_setmetatable(L, CLIENT_TYPE);
  lua_newtable(L);
  lua_setiuservalue(L, index, 1);
  *client = c = calloc(1, sizeof *c);
  if (!c)
    return luaL_error(L, "not enough memory");
  if (!process_init())
    return luaL_error(L, "libcurl could not be initialized");
  base_option(L, c);
  options.base = c->base;
  key = key_option(L);
  options.key_header = secret_text(key);
  c->io = io_thread_new(&options, key);
  if (!c->io) {
    secret_free(key);
    return luaL_error(L, "not enough memory or file descriptors");
  }
  lua_pushvalue(L, index);
  return 1;
}

/* ===} */

/* {=== waiting */

/***
Waits until a request is finished.  A client without an I/O thread works only
during this call.
@function client:wait
@tparam number seconds at most
@treturn boolean false: a signal interrupted the wait
*/
static int client_wait(lua_State *L)
{
  struct client *c = client_live(L, 1);
  int64_t milliseconds = lua_util_milliseconds(L, 2, "the time to wait");
  bool waited;

  if (c->completed.first)
    milliseconds = 0; /* there is something already */
  waited = io_thread_wait(c->io, milliseconds);
  collect(L, c);
  lua_pushboolean(L, waited);
  return 1;
}

/***
Starts the I/O thread, on which network and disk run from now on.  Does nothing
if the thread runs already.
@function client:start_thread
@treturn[1] boolean true
@treturn[2] nil
@treturn[2] table failure, see @{request:result}
*/
static int client_start_thread(lua_State *L)
{
  int error = io_thread_start(client_live(L, 1)->io);

  if (error)
    return error_push_system(L, error);
  lua_pushboolean(L, 1);
  return 1;
}

/***
A descriptor that is readable when a request is finished, or at the time of
@{client:wake_at}.  Starts the I/O thread.
@function client:descriptor
@treturn[1] integer
@treturn[2] nil
@treturn[2] table failure, see @{request:result}
*/
static int client_descriptor(lua_State *L)
{
  struct client *c = client_live(L, 1);
  int error = io_thread_start(c->io);

  if (error)
    return error_push_system(L, error);
  lua_pushinteger(L, io_thread_descriptor(c->io));
  return 1;
}

/***
Makes the descriptor readable at a moment.  Each call replaces the moment of the
call before.
@function client:wake_at
@tparam ?number moment of @{now}; a past moment: at once; nil: at no moment
*/
static int client_wake_at(lua_State *L)
{
  struct client *c = client_live(L, 1);

  io_thread_wake_at(c->io, lua_util_moment(L, 2));
  return 0;
}

/* ===} */

/* {=== questions */

/***
Says why the client cannot be used.  Never raises.
@function client:fault
@treturn ?string a sentence: the client is closed, or was made before a fork;
nil: the client can be used
*/
static int client_fault(lua_State *L)
{
  const char *fault = fault_of(*client_check(L, 1));

  if (!fault)
    return 0;
  lua_pushstring(L, fault);
  return 1;
}

/***
Is the API on this machine?
@function client:is_local
@treturn boolean
*/
static int client_is_local(lua_State *L)
{
  lua_pushboolean(L, client_live(L, 1)->local);
  return 1;
}

static int client_tostring(lua_State *L)
{
  lua_pushfstring(L, "%s (%s)", CLIENT_TYPE,
                  *client_check(L, 1) ? "open" : "closed");
  return 1;
}

/* ===} */

void client_register(lua_State *L)
{
  static const luaL_Reg METHODS[] = {
    { "close", client_close },
    { "completed", client_completed },
    { "descriptor", client_descriptor },
    { "fault", client_fault },
    { "is_local", client_is_local },
    { "start_thread", client_start_thread },
    { "wait", client_wait },
    { "wake_at", client_wake_at },
    { NULL, NULL }
  };
  static const luaL_Reg FUNCTIONS[] = {
    { "client", client_new },
    { NULL, NULL }
  };

  lua_util_type(L, CLIENT_TYPE, METHODS, client_close, client_tostring);
  luaL_setfuncs(L, FUNCTIONS, 0);
}
