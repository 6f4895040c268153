/* SPDX-License-Identifier: MIT
 *
 * body: moves the body of an answer to a file or to memory, and the body of a
 * request out of a source.
 */
#ifndef JOGG_BODY_H
#define JOGG_BODY_H

#include "transfer.h"

/* libcurl's callbacks; `user` is the transfer. */
size_t body_receive(char *bytes, size_t size, size_t n, void *user);
size_t body_send(char *bytes, size_t size, size_t n, void *user);
int body_seek(void *user, curl_off_t offset, int origin);

/* Must be called before an exchange with a source begins.  False: the transfer
   failed. */
bool body_begin_sending(struct transfer *t);

/* Judges the file, or what was sent of the source, of an exchange that went
   well; the transfer may fail now. */
void body_finish(struct transfer *t);

#endif
