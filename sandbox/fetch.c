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
  FILE *file;   /* NULL: into fetch->body */
  size_t left;  /* bytes that may still come */
  bool dropped; /* the bytes are */
  bool full;
};

static size_t on_body(char *bytes, size_t size, size_t n, void *ud)
{
  struct sink *sink = ud;
  const size_t length = size * n;

  if (sink->dropped) return length;
  if (length > sink->left) {
    sink->full = true;
    return 0; /* libcurl ends the transfer */
  }
  sink->left -= length;
  if (sink->file) return fwrite(bytes, 1, length, sink->file);
  return buf_add(&sink->fetch->body, bytes, length) == BUF_OK ? length : 0;
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

/* libcurl would ask before it sends a long body, and the receivers of
 * webhooks are not all up to that. */
static bool fetch_prepare_post(CURL *easy, const struct fetch_request *request,
                               struct curl_slist **list)
{
  struct curl_slist *more = curl_slist_append(NULL, "Expect:");

  *list = more;
  for (size_t i = 0; more && request->headers && request->headers[i]; i++) {
    more = curl_slist_append(*list, request->headers[i]);
    if (more) *list = more;
  }
  return more
         && curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                             (curl_off_t)request->length) == CURLE_OK
         && curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body)
              == CURLE_OK
         && curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *list) == CURLE_OK
         && curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
}

static bool fetch_prepare(CURL *easy, struct sink *sink,
                          const struct fetch_request *request, char *error)
{
  long ms = (long)(request->timeout * 1000);

  return curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error) == CURLE_OK
         && curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK
         && curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https")
              == CURLE_OK
         && curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
              == CURLE_OK
         && curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L) == CURLE_OK
         && curl_easy_setopt(easy, CURLOPT_MAXREDIRS, MAX_REDIRECTS)
              == CURLE_OK
         && fetch_choose_proxy(easy, request->url)
         && fetch_end_quickly(easy)
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
#if LIBCURL_VERSION_NUM >= 0x081400 /* it waits for such threads as well */
  (void)curl_multi_setopt(multi, CURLMOPT_QUICK_EXIT, 1L);
#endif
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

/* What the answer says beside its body. */
static void fetch_note(struct fetch *f, CURL *easy)
{
  const char *text = NULL;

  f->ok = curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &f->status)
          == CURLE_OK;
  if (curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &text) == CURLE_OK)
    f->content_type = copy_of(text);
  if (curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &text) == CURLE_OK)
    f->url = copy_of(text);
  if (!f->ok) fetch_fail(f, "no answer");
}

static void fetch_transfer(struct fetch *f, CURL *easy, struct sink *sink,
                           const struct fetch_request *request,
                           struct stop *stop)
{
  char detail[CURL_ERROR_SIZE] = "";
  struct curl_slist *list = NULL;
  CURLcode code;

  if (!fetch_prepare(easy, sink, request, detail)
      || (request->body && !fetch_prepare_post(easy, request, &list))) {
    fetch_fail(f, "libcurl refuses an option (7.85 or later is needed)");
    curl_slist_free_all(list);
    return;
  }
  code = fetch_perform(easy, stop);
  if (code == CURLE_OK)
    fetch_note(f, easy);
  else if (sink->full)
    (void)snprintf(f->error, sizeof f->error, "longer than %zu bytes",
                   request->maximum);
  else
    fetch_fail(f, detail[0] ? detail : curl_easy_strerror(code));
  curl_slist_free_all(list);
}

void fetch_run(struct fetch *f, const struct fetch_request *request,
               struct stop *stop)
{
  struct sink sink = { .fetch = f, .left = request->maximum,
                       .dropped = request->body != NULL };
  CURL *easy;

  *f = (struct fetch){ .ok = false };
  buf_init(&f->body, request->maximum);
  if (request->file) {
    sink.file = fopen(request->file, "we");
    if (!sink.file) {
      fetch_fail(f, "no file can be made for it");
      return;
    }
  }
  easy = curl_easy_init();
  if (easy)
    fetch_transfer(f, easy, &sink, request, stop);
  else
    fetch_fail(f, "no memory");
  curl_easy_cleanup(easy);
  if (sink.file && fclose(sink.file) != 0 && f->ok) {
    f->ok = false;
    fetch_fail(f, "it cannot be written");
  }
}

void fetch_free(struct fetch *f)
{
  free(f->content_type);
  free(f->url);
  f->content_type = f->url = NULL;
  buf_free(&f->body);
}

/* What an address may hold is settled here, for libcurl's parser changes from
   version to version: white space around it is ignored, blanks in it are
   encoded, and control characters make it no address. */
static char *clean_address(const char *address)
{
  static const char white[] = " \t\n\f\r";
  const char *start = address + strspn(address, white);
  size_t length = strlen(start), size = 0;
  char *clean;

  while (length > 0 && strchr(white, start[length - 1])) length--;
  clean = malloc(3 * length + 1);
  for (size_t i = 0; clean && i < length; i++) {
    if ((unsigned char)start[i] < ' ' || start[i] == 0x7f) {
      free(clean);
      return NULL;
    }
    if (start[i] == ' ') {
      memcpy(clean + size, "%20", 3);
      size += 3;
    } else {
      clean[size++] = start[i];
    }
  }
  if (clean) clean[size] = '\0';
  return clean;
}

char *fetch_join(const char *base, const char *address)
{
  CURLU *handle = curl_url();
  char *scheme = NULL, *joined = NULL, *copy = NULL;
  char *clean = clean_address(address);
  const unsigned int flags = CURLU_URLENCODE;

  if (handle && clean
      && (!base
          || curl_url_set(handle, CURLUPART_URL, base, flags) == CURLUE_OK)
      && curl_url_set(handle, CURLUPART_URL, clean, flags) == CURLUE_OK
      && curl_url_get(handle, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK
      && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0)
      && curl_url_set(handle, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK
      && curl_url_get(handle, CURLUPART_URL, &joined, 0) == CURLUE_OK)
    copy = strdup(joined);
  curl_free(scheme);
  curl_free(joined);
  curl_url_cleanup(handle);
  free(clean);
  return copy;
}
