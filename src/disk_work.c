/* SPDX-License-Identifier: MIT
 *
 * disk_work: see disk_work.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "disk_work.h"

#include "failure.h"

#include <string.h>

void disk_work_do(struct transfer *t)
{
  t->system_error = t->disk(t);
  t->failure = failure_of_disk(t->system_error);
}

int disk_work_check(struct transfer *t)
{
  return file_check(t->file);
}

int disk_work_commit(struct transfer *t)
{
  int error = file_commit(t->file);
  const char *temporary;

  if (!error)
    return 0;
  file_keep(t->file);
  temporary = file_temporary(t->file);
  if (temporary)
    t->failed_path = strdup(temporary); /* without memory the file is kept, but
                                           the failure does not name it */
  return error;
}

int disk_work_keep(struct transfer *t)
{
  file_keep(t->file);
  return 0;
}

int disk_work_open(struct transfer *t)
{
  return record_open(t->record, &t->answer, &t->exists);
}

int disk_work_write(struct transfer *t)
{
  return record_write(t->record, t->body.data ? t->body.data : "",
                      t->body.length);
}

int disk_work_source(struct transfer *t)
{
  int error = source_open(t->source);

  if (!error)
    atomic_store(&t->expected, source_size(t->source));
  return error;
}

int disk_work_nothing(struct transfer *t)
{
  (void)t;
  return 0;
}
