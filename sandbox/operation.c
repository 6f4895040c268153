/* SPDX-License-Identifier: MIT
 *
 * operation: see operation.h.  The userdata is born empty, filled under the
 * lock, and freed by its finalizer whichever way the coroutine ends.
 */
#include "operation.h"

#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "rules.h"

#define OPERATION_TYPE "sandbox.operation"
#define MAX_ARGUMENTS  200

static int operation_gc(lua_State *L)
{
  struct operation *op = luaL_checkudata(L, 1, OPERATION_TYPE);

  free(op->text);
  free(op->token);
  for (size_t i = 0; op->argv && op->argv[i]; i++) free(op->argv[i]);
  free(op->argv);
  buf_free(&op->bytes);
  page_free(&op->page);
  fetch_free(&op->fetch);
  *op = (struct operation){ .kind = op->kind };
  return 0;
}

/* [-0, +1, m] pushes an empty operation */
static struct operation *operation_new(lua_State *L, enum operation_kind kind)
{
  struct operation *op = lua_newuserdatauv(L, sizeof *op, 0);

  *op = (struct operation){ .kind = kind };
  luaL_setmetatable(L, OPERATION_TYPE);
  return op;
}

static char *copy_text(lua_State *L, const char *text)
{
  char *copy = strdup(text);

  if (!copy) (void)luaL_error(L, "no memory");
  return copy;
}

/* The operation stays at the bottom of the stack while the rule sleeps. */
static int yield_operation(lua_State *L, lua_KFunction after)
{
  int top = lua_gettop(L);

  lua_pushvalue(L, top);
  lua_insert(L, 1);
  lua_settop(L, 1);
  lua_pushvalue(L, 1);
  return lua_yieldk(L, 1, 0, after);
}

/* [-0, +1..4, m] {status, type, url, body} or nil, why */
static int after_fetch(lua_State *L, int status, lua_KContext context)
{
  struct operation *op = luaL_checkudata(L, 1, OPERATION_TYPE);
  struct fetch *f = &op->fetch;

  (void)status;
  (void)context;
  if (!f->ok) {
    lua_pushnil(L);
    lua_pushstring(L, f->error);
    return 2;
  }
  lua_createtable(L, 0, 4);
  lua_pushinteger(L, f->status);
  lua_setfield(L, -2, "status");
  lua_pushstring(L, f->content_type);
  lua_setfield(L, -2, "content_type");
  lua_pushstring(L, f->url);
  lua_setfield(L, -2, "url");
  lua_pushlstring(L, f->body.data ? f->body.data : "", f->body.length);
  lua_setfield(L, -2, "body");
  return 1;
}

/* host.fetch(url, maximum, seconds, file or nil): with a file the body goes
 * there and not into the result */
static int host_fetch(lua_State *L)
{
  const char *url = luaL_checkstring(L, 1);
  lua_Integer limit = luaL_checkinteger(L, 2);
  double seconds = luaL_checknumber(L, 3);
  const char *file = luaL_optstring(L, 4, NULL);
  struct operation *op = operation_new(L, OPERATION_FETCH);

  luaL_argcheck(L, limit > 0, 2, "a size is expected");
  op->text = copy_text(L, url);
  op->token = file ? copy_text(L, file) : NULL;
  op->limit = (size_t)limit;
  op->seconds = seconds;
  return yield_operation(L, after_fetch);
}

/* Copies the list at `index`, of at most MAX_ARGUMENTS strings. */
static void take_list(lua_State *L, int index, struct operation *op)
{
  lua_Integer n = luaL_len(L, index);

  luaL_argcheck(L, n <= MAX_ARGUMENTS, index, "too many");
  op->argv = calloc((size_t)n + 1, sizeof *op->argv);
  if (!op->argv) (void)luaL_error(L, "no memory");
  for (lua_Integer i = 1; i <= n; i++) {
    (void)lua_geti(L, index, i);
    op->argv[i - 1] = copy_text(L, luaL_checkstring(L, -1));
    lua_pop(L, 1);
  }
}

static void take_bytes(lua_State *L, int index, struct operation *op)
{
  size_t length;
  const char *bytes = luaL_checklstring(L, index, &length);

  buf_init(&op->bytes, length);
  if (buf_add(&op->bytes, bytes, length) != BUF_OK)
    (void)luaL_error(L, "no memory");
}

/* host.post(url, headers, body, seconds): {status, ...}, or nil and why */
static int host_post(lua_State *L)
{
  const char *url = luaL_checkstring(L, 1);
  double seconds = luaL_checknumber(L, 4);
  struct operation *op;

  luaL_checktype(L, 2, LUA_TTABLE);
  op = operation_new(L, OPERATION_POST);
  op->text = copy_text(L, url);
  take_list(L, 2, op);
  take_bytes(L, 3, op);
  op->limit = 1; /* what the receiver answers is dropped */
  op->seconds = seconds;
  return yield_operation(L, after_fetch);
}

/* [-0, +2, m] true and the last line that it printed, or nil and why */
static int after_run(lua_State *L, int status, lua_KContext context)
{
  struct operation *op = luaL_checkudata(L, 1, OPERATION_TYPE);

  (void)status;
  (void)context;
  if (op->child.ok) {
    lua_pushboolean(L, 1);
    lua_pushstring(L, op->child.output);
    return 2;
  }
  lua_pushnil(L);
  lua_pushstring(L, op->child.error);
  return 2;
}

/* host.run(arguments, folder, seconds, token or nil) */
static int host_run(lua_State *L)
{
  const char *folder = luaL_checkstring(L, 2);
  double seconds = luaL_checknumber(L, 3);
  const char *token = luaL_optstring(L, 4, NULL);
  struct operation *op;

  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_argcheck(L, luaL_len(L, 1) > 0, 1, "a list is expected");
  op = operation_new(L, OPERATION_RUN);
  op->text = copy_text(L, folder);
  op->token = token ? copy_text(L, token) : NULL;
  op->seconds = seconds;
  take_list(L, 1, op);
  return yield_operation(L, after_run);
}

/* [-0, +1..2, m] a list of {kind, key, value}, or nil and why */
static int after_page(lua_State *L, int status, lua_KContext context)
{
  static const char *const kinds[PAGE_KINDS] = {
    [PAGE_TITLE] = "title", [PAGE_BASE] = "base", [PAGE_META] = "meta",
    [PAGE_JSONLD] = "jsonld", [PAGE_IMAGE] = "image"
  };
  struct operation *op = luaL_checkudata(L, 1, OPERATION_TYPE);

  (void)status;
  (void)context;
  if (!op->is_page) {
    lua_pushnil(L);
    lua_pushliteral(L, "it is not HTML");
    return 2;
  }
  lua_createtable(L, (int)op->page.count, 0);
  for (size_t i = 0; i < op->page.count; i++) {
    const struct page_finding *finding = &op->page.findings[i];

    lua_createtable(L, 0, 3);
    lua_pushstring(L, kinds[finding->kind]);
    lua_setfield(L, -2, "kind");
    lua_pushstring(L, finding->key);
    lua_setfield(L, -2, "key");
    lua_pushstring(L, finding->value);
    lua_setfield(L, -2, "value");
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

/* host.page(html, charset or nil) */
static int host_page(lua_State *L)
{
  const char *charset = luaL_optstring(L, 2, NULL);
  struct operation *op = operation_new(L, OPERATION_PAGE);

  op->text = charset ? copy_text(L, charset) : NULL;
  take_bytes(L, 1, op);
  return yield_operation(L, after_page);
}

/* [-0, +1, -] whether the sandbox stops */
static int after_wait(lua_State *L, int status, lua_KContext context)
{
  struct operation *op = luaL_checkudata(L, 1, OPERATION_TYPE);

  (void)status;
  (void)context;
  lua_pushboolean(L, op->child.ok);
  return 1;
}

/* host.sleep(seconds) */
static int host_sleep(lua_State *L)
{
  double seconds = luaL_checknumber(L, 1);
  struct operation *op = operation_new(L, OPERATION_SLEEP);

  op->seconds = seconds;
  return yield_operation(L, after_wait);
}

/* host.work(seconds or nil): until host.wake() is called after this call
 * began, or so many seconds have gone */
static int host_work(lua_State *L)
{
  double seconds = luaL_optnumber(L, 1, -1);
  struct operation *op = operation_new(L, OPERATION_WORK);

  op->seconds = seconds;
  op->seen = stop_work(rules_of(L)->stop);
  return yield_operation(L, after_wait);
}

void operation_open(lua_State *L)
{
  static const luaL_Reg functions[] = { { "fetch", host_fetch },
                                        { "post", host_post },
                                        { "run", host_run },
                                        { "page", host_page },
                                        { "sleep", host_sleep },
                                        { "work", host_work },
                                        { NULL, NULL } };

  if (luaL_newmetatable(L, OPERATION_TYPE)) {
    lua_pushcfunction(L, operation_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
  }
  lua_pop(L, 1);
  luaL_setfuncs(L, functions, 0);
}

struct listener {
  struct rules *rules;
  const char *token;
};

static bool on_progress(void *ud, long long out_time_us)
{
  struct listener *listener = ud;

  return !listener->token
         || rules_progress(listener->rules, listener->token, out_time_us);
}

static void perform_fetch(struct operation *op, struct stop *stop)
{
  const bool post = op->kind == OPERATION_POST;
  const struct fetch_request request = {
    .url = op->text, .maximum = op->limit, .timeout = op->seconds,
    .file = op->token, .headers = op->argv, .length = op->bytes.length,
    .body = !post ? NULL : op->bytes.data ? op->bytes.data : ""
  };

  fetch_run(&op->fetch, &request, stop);
}

void operation_perform(struct operation *op, struct rules *rules)
{
  struct listener listener = { .rules = rules, .token = op->token };

  switch (op->kind) {
  case OPERATION_FETCH:
  case OPERATION_POST:
    perform_fetch(op, rules->stop);
    break;
  case OPERATION_RUN:
    child_run(&op->child, op->argv, op->text, op->seconds, on_progress,
              &listener, rules->stop);
    break;
  case OPERATION_PAGE:
    op->is_page = page_read(&op->page, op->bytes.data, op->bytes.length,
                            op->text);
    break;
  case OPERATION_SLEEP:
    op->child.ok = stop_sleep(rules->stop, op->seconds);
    break;
  case OPERATION_WORK:
    op->child.ok = stop_wait_work(rules->stop, op->seen, op->seconds);
    break;
  }
}
