/*
 * Starting a sandbox: from a spec to a running guest kernel. What follows is the supervisor's (supervisor/).
 *
 *	limpet (supervisor)                  child, becomes kserver
 *	  make cgroup, filter, channels
 *	  clone into new namespaces --------> waits
 *	  cgroup, id maps
 *	  terminal raw, "go" ---------------> own mount tree, privileges dropped, boot block at 3
 *	  end of the sync channel <---------- exec of the guest kernel
 */
#ifndef LIMPET_RUNTIME_SANDBOX_H
#define LIMPET_RUNTIME_SANDBOX_H

#include <sys/types.h>

#include "abi/boot.h"
#include "runtime/sandbox/cgroup.h"
#include "runtime/sandbox/spec.h"

struct sandbox {
	pid_t pid; /* kserver, as seen from here */
	int pidfd;
	int control_fd; /* our end, abi/control.h */
	int sync_fd; /* until sandbox_go */
	int pump_fd; /* the strace's pipe when it cannot go to the terminal directly, or -1 */
	int stats_fd; /* --stats=FILE, or -1: stderr */
	int oom_fd; /* see cgroup_open_oom, or -1 */
	bool stats; /* are to be shown */
	bool terminal; /* stdin is a terminal for the guest: it has to be raw */
	struct cgroup cgroup;
};

/* Everything up to a process that waits for sandbox_go. After a failure nothing is left: no process, no cgroup. */
int sandbox_start(struct sandbox *sb, const struct spec *spec, struct error *err);
/* Lets it become kserver. After a failure the caller still has to end the sandbox. */
int sandbox_go(struct sandbox *sb, struct error *err);
/* Kills what is left of the sandbox, waits for it, closes and removes the rest. The wait status of kserver. */
int sandbox_end(struct sandbox *sb);

#endif
