/* Resource limits, getrlimit(2). rlimit() itself is declared in task.h. */
#ifndef LIMPET_PROC_RLIMIT_H
#define LIMPET_PROC_RLIMIT_H

#include "abi/linux/resource.h"
#include "lib/types.h"

struct process;

#define RLIMIT_NOFILE_MAX 1048576ull /* fs.nr_open */

/* Reads into *old and sets to *new (both may be NULL) as one step, checking what the current task may. */
int rlimit_change(struct process *p, u32 which, const struct rlimit *new, struct rlimit *old) __must_check;

#endif
