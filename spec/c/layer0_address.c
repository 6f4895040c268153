/* SPDX-License-Identifier: MIT
 *
 * layer0_address: the edges of each block of addresses that is not public.
 */
#include "layer0.h"

#include "address.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/un.h>

/* Judges the text of an address, in a block of exactly its size. */
static bool judged(const char *text)
{
  struct sockaddr_in four = { .sin_family = AF_INET };
  struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
  bool is_four = inet_pton(AF_INET, text, &four.sin_addr) == 1;
  size_t n = is_four ? sizeof four : sizeof six;
  char *address;
  bool public;

  CHECK(is_four || inet_pton(AF_INET6, text, &six.sin6_addr) == 1);
  address = exact(is_four ? (char *)&four : (char *)&six, n);
  public = address_is_public((struct sockaddr *)(void *)address, (socklen_t)n);
  CHECK(!address_is_public((struct sockaddr *)(void *)address,
                           (socklen_t)n - 1));
  free(address);
  CHECK(public == (is_four ? address_four_is_public(&four.sin_addr)
                           : address_six_is_public(&six.sin6_addr)));
  return public;
}

void address_public(const char *folder)
{
  static const char *const public[] = {
    "1.0.0.0", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255",
    "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
    "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255",
    "192.169.0.0", "198.18.0.1", "223.255.255.255",
    "2606:4700::1111", "2001:db8::1", "fbff::", "fe00::", "fe7f::1",
    "::ffff:8.8.8.8", "::ffff:0:8.8.8.8", "::8.8.8.8", "64:ff9b::8.8.8.8",
    "2002:808:808::1", "0:1::", "::1:0:0:0", "64:ff9b:2::1",
    "64:ff9b::1:a00:1", "::fffe:a00:1"
  };
  static const char *const closed[] = {
    "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0",
    "100.127.255.255", "127.0.0.1", "127.255.255.255", "169.254.0.0",
    "169.254.169.254", "169.254.255.255", "172.16.0.0", "172.31.255.255",
    "192.168.0.0", "192.168.255.255", "224.0.0.1", "240.0.0.1",
    "255.255.255.255",
    "::", "::1", "::2", "fc00::", "fd00::1", "fdff:ffff::", "fe80::1",
    "febf:ffff::", "fec0::1", "feff::1", "ff02::1", "ffff::",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0.0.0.0",
    "::ffff:169.254.169.254", "::ffff:0:192.168.0.1", "::10.1.2.3",
    "::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1",
    "64:ff9b:1::8.8.8.8", "64:ff9b:1:ffff::", "2002:a00:1::1",
    "2002:7f00:1::", "2002:c0a8:1::"
  };
  struct sockaddr_un path = { .sun_family = AF_UNIX };
  size_t i;

  (void)folder;
  for (i = 0; i < sizeof public / sizeof public[0]; i++) {
    if (!judged(public[i]))
      printf("not public: %s\n", public[i]);
    CHECK(judged(public[i]));
  }
  for (i = 0; i < sizeof closed / sizeof closed[0]; i++) {
    if (judged(closed[i]))
      printf("public: %s\n", closed[i]);
    CHECK(!judged(closed[i]));
  }
  CHECK(!address_is_public((struct sockaddr *)(void *)&path, sizeof path));
}
