/* What this machine has, of what limpet needs or can use. */
#ifndef LIMPET_RUNTIME_MACHINE_H
#define LIMPET_RUNTIME_MACHINE_H

#include <stdbool.h>

#include "abi/boot.h"
#include "runtime/lib/error.h"
#include "runtime/sandbox/spec.h"

struct machine {
	char release[128];
	unsigned major, minor; /* of the kernel's version */
	bool pku; /* protection keys: in the CPU, switched on by the kernel, and one to be had */
	bool fsgsbase;
	bool sud; /* syscall user dispatch */
	bool seccomp;
	bool user_ns, mount_ns, pid_ns, net_ns, ipc_ns, uts_ns, cgroup_ns;
};

void machine_probe(struct machine *m);
/* NULL, or why the pkey gate cannot be used here. */
const char *machine_no_pkey(const struct machine *m);
/* The gate for a request; an error when the machine cannot do it. *fallback = why it is not pkey, or NULL. */
int machine_platform(const struct machine *m, enum spec_platform want, enum boot_platform *platform,
		     const char **fallback, struct error *err);

#endif
