/* SPDX-License-Identifier: MIT
 *
 * module: the module jogg.core.  Its list of families is the table of
 * contents of the bindings.
 *
 * Scripts do not use this module; require "jogg" does.
 */

/***
The C core: HTTP, files and JSON. Scripts use `require "jogg"`, not this module.

A method that hands work to the I/O thread returns a @{request}. Misuse raises.
@module jogg.core
*/
#include "client.h"
#include "clock.h"
#include "download.h"
#include "exchange.h"
#include "hmac.h"
#include "json.h"
#include "lua_util.h"
#include "record_object.h"
#include "request.h"
#include "source_object.h"
#include "transfer.h"
#include "url.h"

#include <curl/curl.h>
#include <string.h>

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
Checks an address that is to be given to the service.  It has to be http or
https, without credentials, and must not lead to this machine.
@function url_fault
@tparam string url
@treturn ?string the fault: `"malformed"`, `"scheme"`, `"credentials"`,
`"local"`; nil: the address may be given to the service
@raise when memory ran out
*/
static int url_fault(lua_State *L)
{
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  CURLU *url = NULL;
  enum url_verdict verdict = URL_MALFORMED; /* a string with a NUL */

  if (strlen(text) == n)
    verdict = url_parse(text, true, &url);
  curl_url_cleanup(url); /* NULL is allowed */
  if (verdict == URL_NO_MEMORY)
    return luaL_error(L, "out of memory");
  if (verdict == URL_OK || verdict == URL_INSECURE)
    return 0; /* a product page may well be plain http */
  lua_pushstring(L, url_verdict_word(verdict));
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
  luaL_setfuncs(L, FUNCTIONS, 0);
  json_register(L);
  hmac_register(L);
  client_register(L);
  request_register(L);
  download_register(L);
  record_object_register(L);
  source_object_register(L);
  exchange_register(L);
  /***
  The version of libcurl, such as `"8.5.0"`.
  @field curl_version
  */
  lua_pushstring(L, curl_version_info(CURLVERSION_NOW)->version);
  lua_setfield(L, -2, "curl_version");
  /***
  The most bytes that the body of a request may have.
  @field body_maximum
  */
  lua_pushinteger(L, TRANSFER_BODY_MAXIMUM);
  lua_setfield(L, -2, "body_maximum");
  return 1;
}
