/* What the system calls on process groups and sessions ask of kernel/proc. Numbers or -errno. */
#ifndef LIMPET_PROC_SESSION_H
#define LIMPET_PROC_SESSION_H

#include "lib/types.h"

struct pid;
struct process;

int session_setpgid(int pid, int pgid) __must_check;
int session_getpgid(int pid) __must_check;
int session_getsid(int pid) __must_check;
int session_setsid(void) __must_check;
/* As pgrp_is_orphaned, as if ignored were gone. Caller holds tasklist_lock. */
bool pgrp_will_be_orphaned(struct pid *pgrp, const struct process *ignored);

#endif
