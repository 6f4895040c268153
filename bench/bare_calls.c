/* SPDX-License-Identifier: MIT
 *
 * bare_calls: polls, connections and downloads with nothing but libcurl.
 *
 * usage: bare_calls MODE BASE CA|- COUNT [WIDTH|FILE]
 *   polls COUNT          one after the other, one handle
 *   flight COUNT WIDTH   so many at once, by the multi interface
 *   connections COUNT    so many new ones at once, after a first call
 *   download BYTES FILE
 */
#include "bare.h"
#include "meter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WARM_UP 20
#define WIDTH_MAXIMUM 256

static struct bare_answer answers[WIDTH_MAXIMUM];
static CURL *easies[WIDTH_MAXIMUM];

struct span {
  double wall, cpu;
};

static struct span span_begin(void)
{
  return (struct span){ meter_wall(), meter_cpu() };
}

static void span_print(struct span began)
{
  meter_print("cpu", meter_cpu() - began.cpu);
  meter_print("wall", meter_wall() - began.wall);
}

static void perform(CURL *easy, struct bare_answer *answer)
{
  long status = 0;

  answer->length = 0;
  if (curl_easy_perform(easy) != CURLE_OK)
    bare_fail("curl_easy_perform");
  (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200)
    bare_fail("a call");
}

static void polls(const struct bare_target *target, int count)
{
  CURL *easy = bare_easy(target, &answers[0]);
  struct span began = { 0, 0 };
  int i;

  for (i = -WARM_UP; i < count; i++) {
    if (i == 0)
      began = span_begin();
    bare_poll_url(easy, target, i & 63);
    perform(easy, &answers[0]);
  }
  span_print(began);
  curl_easy_cleanup(easy);
}

static void add(CURLM *multi, CURL *easy)
{
  struct bare_answer *answer = NULL;
  char *private = NULL;

  (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
  answer = (struct bare_answer *)(void *)private;
  answer->length = 0;
  if (curl_multi_add_handle(multi, easy) != CURLM_OK)
    bare_fail("curl_multi_add_handle");
}

/* Runs until `count` transfers are finished, each handle again and again. */
static void drive(CURLM *multi, const struct bare_target *target, int *started,
                  int count)
{
  int running, finished = 0;
  CURL *easy;

  while (finished < count) {
    (void)curl_multi_perform(multi, &running);
    while ((easy = bare_finished(multi))) {
      finished++;
      (void)curl_multi_remove_handle(multi, easy);
      if (target && *started < count) {
        bare_poll_url(easy, target, ++*started & 63);
        add(multi, easy);
      }
    }
    if (finished < count)
      (void)curl_multi_poll(multi, NULL, 0, 1000, NULL);
  }
}

static void flight_once(CURLM *multi, const struct bare_target *target,
                        int count, int width)
{
  int started;

  for (started = 0; started < width; started++) {
    bare_poll_url(easies[started], target, started);
    add(multi, easies[started]);
  }
  drive(multi, target, &started, count);
}

static void flight(const struct bare_target *target, int count, int width)
{
  CURLM *multi = curl_multi_init();
  struct span began;
  int i;

  for (i = 0; i < width; i++)
    easies[i] = bare_easy(target, &answers[i]);
  flight_once(multi, target, 4 * width, width); /* all connections are open */
  began = span_begin();
  flight_once(multi, target, count, width);
  span_print(began);
  for (i = 0; i < width; i++)
    curl_easy_cleanup(easies[i]);
  (void)curl_multi_cleanup(multi);
}

static void connections(const struct bare_target *target, int count)
{
  CURLM *multi = curl_multi_init();
  struct span began;
  int i, one = 1;

  for (i = 0; i < count; i++)
    easies[i] = bare_easy(target, &answers[i]);
  bare_poll_url(easies[0], target, 0);
  add(multi, easies[0]);
  drive(multi, NULL, &one, 1);
  began = span_begin();
  for (i = 0; i < count; i++) {
    bare_post(easies[i], target);
    add(multi, easies[i]);
  }
  drive(multi, NULL, &one, count);
  span_print(began);
  for (i = 0; i < count; i++)
    curl_easy_cleanup(easies[i]);
  (void)curl_multi_cleanup(multi);
}

static FILE *file_create(const char *path)
{
  FILE *file = fopen(path, "wb");

  if (!file)
    bare_fail(path);
  return file;
}

static void download(const struct bare_target *target, const char *video,
                     const char *path)
{
  CURL *easy = bare_easy(target, &answers[0]);
  FILE *file = file_create(path);
  struct span began = span_begin();

  bare_download(easy, target, video, file);
  perform(easy, &answers[0]);
  if (fclose(file) != 0)
    bare_fail(path);
  span_print(began);
  meter_print("memory", (double)meter_memory("VmHWM:"));
  curl_easy_cleanup(easy);
}

int main(int argc, char **argv)
{
  struct bare_target target = { NULL, NULL, NULL };
  const char *mode = argc > 4 ? argv[1] : "";
  double count;
  int width = 0;

  if (argc < 5 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    bare_fail("curl_global_init, or the arguments:");
  count = bare_number(argv[4]);
  if (strcmp(mode, "flight") == 0 && argc > 5)
    width = (int)bare_number(argv[5]);
  target.base = argv[2];
  target.ca = strcmp(argv[3], "-") == 0 ? NULL : argv[3];
  target.headers = curl_slist_append(NULL, "x-api-key: bench");
  if (strcmp(mode, "polls") == 0)
    polls(&target, (int)count);
  else if (strcmp(mode, "flight") == 0 && width > 0 && width <= WIDTH_MAXIMUM)
    flight(&target, (int)count, width);
  else if (strcmp(mode, "connections") == 0 && count <= WIDTH_MAXIMUM)
    connections(&target, (int)count);
  else if (strcmp(mode, "download") == 0 && argc > 5)
    download(&target, argv[4], argv[5]);
  else
    bare_fail("the mode");
  curl_slist_free_all(target.headers);
  curl_global_cleanup();
  return 0;
}
