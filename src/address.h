/* SPDX-License-Identifier: MIT
 *
 * address: which addresses are public.
 *
 * An address that is not public leads to this machine, into a private network,
 * or to no single machine.  jogg does not connect to such an address because a
 * remote service says so.  This file knows neither Lua nor libcurl.
 */
#ifndef JOGG_ADDRESS_H
#define JOGG_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

/* Is an IPv4 address public?  These are not: 0/8, 10/8, 100.64/10, 127/8,
   169.254/16, 172.16/12, 192.168/16, and all from 224 on. */
bool address_four_is_public(const struct in_addr *four);

/* Is an IPv6 address public?  These are not: ::1, ::, fc00::/7, fe80::/10,
   fec0::/10, ff00::/8, 64:ff9b:1::/48, and each form of an IPv4 address that is
   not public. */
bool address_six_is_public(const struct in6_addr *six);

/* Is an address of `n` bytes an IPv4 or IPv6 address, and public? */
bool address_is_public(const struct sockaddr *address, socklen_t n);

#endif
