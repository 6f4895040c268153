/* SPDX-License-Identifier: MIT
 *
 * address: see address.h.
 */
#include "address.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* {=== blocks of addresses */

struct block {
  uint8_t start[16];
  unsigned bits; /* of `start` that all addresses in it have in common */
};

static bool is_in(const uint8_t *address, const struct block *b)
{
  unsigned whole = b->bits / 8, rest = b->bits % 8;

  if (memcmp(address, b->start, whole) != 0)
    return false;
  return rest == 0 || (address[whole] ^ b->start[whole]) >> (8 - rest) == 0;
}

static bool is_in_any(const uint8_t *address, const struct block *blocks,
                      size_t count)
{
  size_t i = 0;

  while (i < count && !is_in(address, &blocks[i]))
    i++;
  return i < count;
}

/* ===} */

static bool four_bytes_are_public(const uint8_t *bytes)
{
  static const struct block closed[] = {
    { { 0 }, 8 },          /* this network: some systems take it for us */
    { { 10 }, 8 },         /* private, here and below: RFC 1918 */
    { { 100, 64 }, 10 },   /* shared behind a provider's NAT: RFC 6598 */
    { { 127 }, 8 },        /* loopback */
    { { 169, 254 }, 16 },  /* link-local, and the data of cloud machines */
    { { 172, 16 }, 12 },
    { { 192, 168 }, 16 },
    { { 224 }, 3 },        /* multicast, reserved, broadcast */
  };

  return !is_in_any(bytes, closed, sizeof closed / sizeof closed[0]);
}

bool address_four_is_public(const struct in_addr *four)
{
  uint8_t bytes[sizeof *four];

  memcpy(bytes, four, sizeof bytes); /* they are in network order */
  return four_bytes_are_public(bytes);
}

/* Where in an IPv6 address the IPv4 address is that it stands for; -1: it
   stands for none. */
static int four_in(const uint8_t *six)
{
  static const struct {
    struct block block;
    int at;
  } forms[] = {
    { { { 0 }, 96 }, 12 },                                 /* compatible */
    { { { [10] = 0xFF, [11] = 0xFF }, 96 }, 12 },          /* mapped */
    { { { [8] = 0xFF, [9] = 0xFF }, 96 }, 12 },            /* translated */
    { { { 0x00, 0x64, 0xFF, 0x9B }, 96 }, 12 },            /* NAT64 */
    { { { 0x20, 0x02 }, 16 }, 2 },                         /* 6to4 */
  };
  size_t i;

  for (i = 0; i < sizeof forms / sizeof forms[0]; i++) {
    if (is_in(six, &forms[i].block))
      return forms[i].at;
  }
  return -1;
}

bool address_six_is_public(const struct in6_addr *six)
{
  static const struct block closed[] = {
    { { 0x00, 0x64, 0xFF, 0x9B, 0x00, 0x01 }, 48 }, /* NAT64 of a network's
                                                       own: RFC 8215 */
    { { 0xFC }, 7 },                                /* private */
    { { 0xFE, 0x80 }, 10 },                         /* link-local */
    { { 0xFE, 0xC0 }, 10 },                         /* private, once */
    { { 0xFF }, 8 },                                /* multicast */
  };
  const uint8_t *bytes = six->s6_addr;
  int at = four_in(bytes);

  if (at >= 0) /* :: and ::1 are among them, as 0.0.0.0 and 0.0.0.1 */
    return four_bytes_are_public(bytes + at);
  return !is_in_any(bytes, closed, sizeof closed / sizeof closed[0]);
}

bool address_is_public(const struct sockaddr *address, socklen_t n)
{
  struct sockaddr_in four;
  struct sockaddr_in6 six;

  if (n >= sizeof four && address->sa_family == AF_INET) {
    memcpy(&four, address, sizeof four);
    return address_four_is_public(&four.sin_addr);
  }
  if (n >= sizeof six && address->sa_family == AF_INET6) {
    memcpy(&six, address, sizeof six);
    return address_six_is_public(&six.sin6_addr);
  }
  return false;
}
