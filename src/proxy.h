/* SPDX-License-Identifier: MIT
 *
 * proxy: the proxy that libcurl takes from the environment.
 *
 * libcurl finds and uses it; what is asked here is for messages, and for
 * exchanges that must know whether it is used.  It knows no Lua.
 */
#ifndef JOGG_PROXY_H
#define JOGG_PROXY_H

#include <stdbool.h>

/* Is there one for some address? */
bool proxy_exists(void);

/* Is there one for an address with this host? */
bool proxy_serves(bool secure, const char *host);

/* Is the address of the one for https, or http, of no use to libcurl?  That
   then fails in various ways. */
bool proxy_is_malformed(bool secure);

/* Is it a SOCKS proxy?  To libcurl its name is that of a host. */
bool proxy_is_socks(bool secure);

#endif
