/* SPDX-License-Identifier: MIT
 *
 * body: what becomes of the bytes of an answer: a file, or text in memory.
 */
#ifndef JOGG_BODY_H
#define JOGG_BODY_H

#include "transfer.h"

#define BODY_ANSWER_MAXIMUM (4 * 1024 * 1024)

/* libcurl's callback; `user` is the transfer. */
size_t body_receive(char *bytes, size_t size, size_t n, void *user);

/* Finishes the file of an exchange that went well; its `end` may change. */
void body_conclude(struct transfer *t);

#endif
