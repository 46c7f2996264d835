/* Waiting for children, wait4(2), waitid(2): what the system calls ask of kernel/proc. */
#ifndef LIMPET_PROC_WAIT_H
#define LIMPET_PROC_WAIT_H

#include "abi/linux/wait.h"
#include "proc/task.h"

struct wait_request {
	int type; /* P_ALL, P_PID, P_PGID */
	struct pid *pid; /* referenced by the caller; NULL for P_ALL, or when there is no such number */
	u32 options;
	/* out */
	int result; /* the child's number; 0 = none yet (WNOHANG); -ECHILD */
	int status; /* as wait4 shows it */
	int si_status, si_code;
	u32 uid;
	struct rusage_sum usage;
};
/* w->result, or -ERESTARTSYS. */
int do_wait(struct wait_request *w) __must_check;

#endif
