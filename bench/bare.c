/* SPDX-License-Identifier: MIT
 *
 * bare: see bare.h.
 */
#include "bare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SET(option, value) \
  do { \
    if (curl_easy_setopt(easy, option, value) != CURLE_OK) \
      bare_fail(#option); \
  } while (0)

void bare_fail(const char *what)
{
  (void)fprintf(stderr, "bare: %s failed\n", what);
  exit(1);
}

double bare_number(const char *text)
{
  char *end;
  double value = strtod(text, &end);

  if (end == text || *end != '\0' || !(value >= 0 && value < 1e15))
    bare_fail(text);
  return value;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *user)
{
  struct bare_answer *answer = user;

  n *= size;
  if (n > sizeof answer->text - answer->length)
    return 0;
  memcpy(answer->text + answer->length, bytes, n);
  answer->length += n;
  return n;
}

static size_t on_video(char *bytes, size_t size, size_t n, void *user)
{
  (void)bytes;
  (void)user;
  return size * n;
}

CURL *bare_easy(const struct bare_target *target, struct bare_answer *answer)
{
  CURL *easy = curl_easy_init();

  if (!easy)
    bare_fail("curl_easy_init");
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_CONNECTTIMEOUT_MS, 10000L);
  SET(CURLOPT_TIMEOUT_MS, 60000L);
  SET(CURLOPT_HTTPHEADER, target->headers);
  SET(CURLOPT_USERAGENT, "bare");
  SET(CURLOPT_WRITEFUNCTION, on_body);
  SET(CURLOPT_WRITEDATA, answer);
  SET(CURLOPT_PRIVATE, answer);
  if (target->ca) {
    SET(CURLOPT_CAINFO, target->ca);
    SET(CURLOPT_CAPATH, NULL);
  }
  return easy;
}

void bare_poll_url(CURL *easy, const struct bare_target *target, int project)
{
  char url[256];

  (void)snprintf(url, sizeof url, "%s/open/prj_info?project_id=%032d",
                 target->base, project);
  SET(CURLOPT_URL, url);
}

void bare_post(CURL *easy, const struct bare_target *target)
{
  char url[256];

  (void)snprintf(url, sizeof url, "%s/open/project/render", target->base);
  SET(CURLOPT_URL, url);
  SET(CURLOPT_FRESH_CONNECT, 1L);
  SET(CURLOPT_POSTFIELDS, "{\"project_id\":\"1\"}");
}

void bare_download(CURL *easy, const struct bare_target *target,
                   const char *video, void *file)
{
  char url[256];

  (void)snprintf(url, sizeof url, "%s/video/%s.mp4", target->base, video);
  SET(CURLOPT_URL, url);
  SET(CURLOPT_TIMEOUT_MS, 600000L);
  SET(CURLOPT_BUFFERSIZE, 262144L);
  if (file)
    SET(CURLOPT_WRITEFUNCTION, NULL); /* libcurl's own: fwrite */
  else
    SET(CURLOPT_WRITEFUNCTION, on_video);
  SET(CURLOPT_WRITEDATA, file);
}

CURL *bare_finished(CURLM *multi)
{
  int queued;
  CURLMsg *message = curl_multi_info_read(multi, &queued);
  CURL *easy;
  long status = 0;

  if (!message)
    return NULL;
  easy = message->easy_handle;
  if (message->data.result != CURLE_OK)
    bare_fail(curl_easy_strerror(message->data.result));
  (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200)
    bare_fail("a call");
  return easy;
}
