/* SPDX-License-Identifier: MIT
 *
 * fetch: see fetch.h.  A handle lives for one exchange: a sandbox has no
 * need of connection reuse, and nothing is shared between its threads.
 */
#include "fetch.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "url.h"

#define MAX_REDIRECTS 5L
#define TICK_MS       50

struct sink {
  struct fetch *fetch;
  bool full;
};

static size_t on_body(char *bytes, size_t size, size_t n, void *ud)
{
  struct sink *sink = ud;

  if (buf_add(&sink->fetch->body, bytes, size * n) == BUF_OK)
    return size * n;
  sink->full = true;
  return 0; /* libcurl ends the transfer */
}

/* A name that is being looked up in a thread must not keep us from ending. */
static bool fetch_end_quickly(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075700
  return curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK;
#else
  (void)easy;
  return true;
#endif
}

/* Our own pages are not to be asked for at the proxy of the environment. */
static bool fetch_choose_proxy(CURL *easy, const char *url)
{
  CURLU *handle = curl_url();
  bool local = false, ok = true;

  if (handle && curl_url_set(handle, CURLUPART_URL, url, 0) == CURLUE_OK)
    ok = url_is_local(handle, &local);
  curl_url_cleanup(handle);
  if (ok && local)
    ok = curl_easy_setopt(easy, CURLOPT_NOPROXY, "*") == CURLE_OK;
  return ok;
}

static bool fetch_prepare(CURL *easy, struct sink *sink, const char *url,
                          double timeout, char *error)
{
  long ms = (long)(timeout * 1000);

  return curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error) == CURLE_OK
         && curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK
         && curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https")
              == CURLE_OK
         && curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
              == CURLE_OK
         && curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L) == CURLE_OK
         && curl_easy_setopt(easy, CURLOPT_MAXREDIRS, MAX_REDIRECTS)
              == CURLE_OK
         && fetch_choose_proxy(easy, url) && fetch_end_quickly(easy)
         && curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK
         && curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, ms) == CURLE_OK
         && curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                             ms < 10000L ? ms : 10000L) == CURLE_OK
         && curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "") == CURLE_OK
         && curl_easy_setopt(easy, CURLOPT_USERAGENT, "jogg-sandbox")
              == CURLE_OK
         && curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK
         && curl_easy_setopt(easy, CURLOPT_WRITEDATA, sink) == CURLE_OK;
}

/* curl_easy_perform(), but for one thing: it ends when the sandbox stops. */
static CURLcode fetch_perform(CURL *easy, struct stop *stop)
{
  CURLM *multi = curl_multi_init();
  CURLcode code = CURLE_ABORTED_BY_CALLBACK;
  CURLMcode result;
  CURLMsg *message;
  int running = 1, left;

  if (!multi) return CURLE_OUT_OF_MEMORY;
  result = curl_multi_add_handle(multi, easy);
  while (result == CURLM_OK && !stop_requested(stop)) {
    result = curl_multi_perform(multi, &running);
    if (result != CURLM_OK || !running) break;
    result = curl_multi_poll(multi, NULL, 0, TICK_MS, NULL);
  }
  if (result != CURLM_OK) code = CURLE_OUT_OF_MEMORY;
  while ((message = curl_multi_info_read(multi, &left)) != NULL)
    if (message->msg == CURLMSG_DONE) code = message->data.result;
  (void)curl_multi_remove_handle(multi, easy);
  (void)curl_multi_cleanup(multi);
  return code;
}

static char *copy_of(const char *text)
{
  return text ? strdup(text) : NULL;
}

static void fetch_fail(struct fetch *f, const char *why)
{
  (void)snprintf(f->error, sizeof f->error, "%s", why);
}

void fetch_get(struct fetch *f, const char *url, size_t maximum,
               double timeout, struct stop *stop)
{
  char detail[CURL_ERROR_SIZE] = "";
  struct sink sink = { .fetch = f, .full = false };
  const char *text = NULL;
  CURLcode code;
  CURL *easy;

  *f = (struct fetch){ .ok = false };
  buf_init(&f->body, maximum);
  easy = curl_easy_init();
  if (!easy) {
    fetch_fail(f, "no memory");
    return;
  }
  if (!fetch_prepare(easy, &sink, url, timeout, detail)) {
    fetch_fail(f, "libcurl refuses an option (7.85 or later is needed)");
    curl_easy_cleanup(easy);
    return;
  }
  code = fetch_perform(easy, stop);
  if (code == CURLE_OK) {
    f->ok = curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &f->status)
            == CURLE_OK;
    if (curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &text) == CURLE_OK)
      f->content_type = copy_of(text);
    if (curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &text) == CURLE_OK)
      f->url = copy_of(text);
    if (!f->ok) fetch_fail(f, "no answer");
  } else if (sink.full) {
    (void)snprintf(f->error, sizeof f->error, "longer than %zu bytes",
                   maximum);
  } else {
    fetch_fail(f, detail[0] ? detail : curl_easy_strerror(code));
  }
  curl_easy_cleanup(easy);
}

void fetch_free(struct fetch *f)
{
  free(f->content_type);
  free(f->url);
  f->content_type = f->url = NULL;
  buf_free(&f->body);
}

char *fetch_join(const char *base, const char *address)
{
  CURLU *handle = curl_url();
  char *scheme = NULL, *joined = NULL, *copy = NULL;
  const unsigned int flags = CURLU_URLENCODE;

  if (handle
      && (!base
          || curl_url_set(handle, CURLUPART_URL, base, flags) == CURLUE_OK)
      && curl_url_set(handle, CURLUPART_URL, address, flags) == CURLUE_OK
      && curl_url_get(handle, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK
      && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0)
      && curl_url_set(handle, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK
      && curl_url_get(handle, CURLUPART_URL, &joined, 0) == CURLUE_OK)
    copy = strdup(joined);
  curl_free(scheme);
  curl_free(joined);
  curl_url_cleanup(handle);
  return copy;
}
