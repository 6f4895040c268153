/* SPDX-License-Identifier: MIT
 *
 * What clang-tidy has to know and Lua's headers do not say: these functions
 * never return. Put before each source by `make lint`; not for a compiler.
 */
struct lua_State;
int lua_error(struct lua_State *L) __attribute__((noreturn));
int luaL_error(struct lua_State *L, const char *text, ...)
  __attribute__((noreturn));
int luaL_argerror(struct lua_State *L, int argument, const char *text)
  __attribute__((noreturn));
int luaL_typeerror(struct lua_State *L, int argument, const char *type)
  __attribute__((noreturn));
