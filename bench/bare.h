/* SPDX-License-Identifier: MIT
 *
 * bare: libcurl from C without any library around it, the measure of all
 * others: what a careful program would do, with the same timeouts, headers and
 * checks, but neither JSON nor anything else done to the answer.
 */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <curl/curl.h>
#include <stddef.h>

struct bare_answer {
  size_t length;
  char text[16384];
};

/* Where everything goes: the base URL, and the CA file or NULL. */
struct bare_target {
  const char *base, *ca;
  struct curl_slist *headers;
};

/* The message, and the end. */
_Noreturn void bare_fail(const char *what);

/* An argument as a number; ends the program if it is not a number. */
double bare_number(const char *text);

/* An easy handle for calls; the answer goes to `answer`. */
CURL *bare_easy(const struct bare_target *target, struct bare_answer *answer);

/* Sets the address of one poll. */
void bare_poll_url(CURL *easy, const struct bare_target *target, int project);

/* Makes it a POST on a connection of its own. */
void bare_post(CURL *easy, const struct bare_target *target);

/* Makes it a download of a video of the server's, BYTES or BYTESxRATE, into
   `file`, a FILE; NULL: the bytes are dropped. */
void bare_download(CURL *easy, const struct bare_target *target,
                   const char *video, void *file);

/* The handle of a finished transfer, which has to be a 200; NULL: none. */
CURL *bare_finished(CURLM *multi);

#endif
