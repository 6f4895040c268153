/* SPDX-License-Identifier: MIT
 *
 * jogg: the module jogg.core.  Its list of openers is the table of contents.
 *
 * Scripts do not use this module; require "jogg" does.
 */

/***
The C core: HTTP and JSON. Scripts use `require "jogg"`, not this module.
@module jogg.core
*/
#include "jogg.h"

#include "clock.h"
#include "transfer.h"
#include "url.h"

#include <curl/curl.h>
#include <math.h>

#define MOMENT_MAXIMUM 9e12 /* s; later is never, and milliseconds fit */

/* {=== shared by the bindings */

void jogg_functions(lua_State *L, const luaL_Reg *functions)
{
  luaL_setfuncs(L, functions, 0);
}

void jogg_type(lua_State *L, const char *name, const luaL_Reg *methods,
               lua_CFunction close, lua_CFunction tostring)
{
  (void)luaL_newmetatable(L, name);
  lua_newtable(L);
  lua_pushvalue(L, -2);
  luaL_setfuncs(L, methods, 1); /* see jogg_self */
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, close);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, close);
  lua_setfield(L, -2, "__close");
  lua_pushcfunction(L, tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

void *jogg_self(lua_State *L, const char *name)
{
  void *userdata = lua_touserdata(L, 1);

  if (userdata && lua_getmetatable(L, 1)) {
    int own = lua_rawequal(L, -1, lua_upvalueindex(1));
    lua_pop(L, 1);
    if (own)
      return userdata;
  }
  return luaL_checkudata(L, 1, name); /* the registry takes its time */
}

int64_t jogg_milliseconds(lua_State *L, int index)
{
  lua_Number seconds;

  if (lua_isnoneornil(L, index))
    return 0;
  seconds = luaL_checknumber(L, index);
  luaL_argcheck(L, seconds >= 0, index, "not a number of seconds");
  seconds = ceil(seconds * 1000);
  return seconds < INT32_MAX ? (int64_t)seconds : INT32_MAX;
}

int64_t jogg_moment(lua_State *L, int index)
{
  lua_Number seconds = luaL_checknumber(L, index);

  luaL_argcheck(L, seconds == seconds, index, "not a number of seconds");
  if (seconds < 0)
    return 0;
  return seconds < MOMENT_MAXIMUM ? (int64_t)(seconds * 1000) + 1
                                  : CLOCK_NEVER;
}

void jogg_push_count(lua_State *L, int64_t n)
{
#if COMPAT_INTEGERS
  lua_pushinteger(L, (lua_Integer)n);
#else
  lua_pushnumber(L, (lua_Number)n);
#endif
}

/* ===} */

/***
Monotonic time.
@function now
@treturn number seconds since some fixed moment
*/
static int now(lua_State *L)
{
  lua_pushnumber(L, clock_seconds());
  return 1;
}

/***
Follows a reference from one address to another.
@function resolve
@tparam string from an absolute URL
@tparam string location absolute or relative
@treturn ?string the absolute URL; nil when it is not one
*/
static int resolve(lua_State *L)
{
  const char *from = luaL_checkstring(L, 1);
  const char *location = luaL_checkstring(L, 2);
  char absolute[8192];

  if (!url_resolve(from, location, absolute, sizeof absolute))
    return 0;
  lua_pushstring(L, absolute);
  return 1;
}

/***
May this address be given to the service or be fetched from?  It has to be
http or https, without credentials.
@function url_fault
@tparam string url
@treturn[1] nil it may
@treturn[2] string why not, to follow its name
*/
static int url_fault(lua_State *L)
{
  CURLU *url;
  enum url_verdict verdict = url_parse(luaL_checkstring(L, 1), true, &url);

  curl_url_cleanup(url);
  if (verdict == URL_OK || verdict == URL_INSECURE)
    return 0; /* a product page may well be plain http */
  lua_pushstring(L, url_verdict_text(verdict));
  return 1;
}

#ifdef __GNUC__
__attribute__((visibility("default")))
#endif
int luaopen_jogg_core(lua_State *L);

int luaopen_jogg_core(lua_State *L)
{
  static const luaL_Reg FUNCTIONS[] = {
    { "now", now },
    { "resolve", resolve },
    { "url_fault", url_fault },
    { NULL, NULL }
  };

  lua_newtable(L);
  jogg_functions(L, FUNCTIONS);
  json_register(L);
  output_register(L);
  request_register(L);
  client_register(L);
  scheduler_register(L);
  lua_pushstring(L, curl_version_info(CURLVERSION_NOW)->version);
  lua_setfield(L, -2, "curl_version");
  lua_pushinteger(L, TRANSFER_BODY_MAXIMUM);
  lua_setfield(L, -2, "body_maximum");
  return 1;
}
