/* SPDX-License-Identifier: MIT
 *
 * proxy: the proxy that libcurl takes from the environment.
 *
 * libcurl finds and uses the proxy by itself.  These questions are for
 * messages, and for exchanges that must know whether a proxy is used.  This
 * file knows no Lua.
 */
#ifndef JOGG_PROXY_H
#define JOGG_PROXY_H

#include <stdbool.h>

/* Does the environment name a proxy for any address? */
bool proxy_exists(void);

/* Does it name a proxy for an address with this host? */
bool proxy_serves(bool secure, const char *host);

/* Is the address of the proxy for https, or http, malformed?  libcurl then
   fails in various ways. */
bool proxy_is_malformed(bool secure);

/* Is it a SOCKS proxy?  If the proxy's name cannot be resolved, libcurl reports
   that as if it were the host's name. */
bool proxy_is_socks(bool secure);

#endif
