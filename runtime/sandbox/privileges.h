/* What a process of the sandbox may do on the host: nearly nothing. */
#ifndef LIMPET_RUNTIME_PRIVILEGES_H
#define LIMPET_RUNTIME_PRIVILEGES_H

#include <stdbool.h>

#include "runtime/lib/error.h"

enum privileges {
	PRIVILEGES_READ, /* every host tree is read-only: look at files of any owner */
	PRIVILEGES_WRITE, /* make files in the name of the container's users */
	PRIVILEGES_WRITE_FCAPS, /* and give them file capabilities */
};

/* True when the caller may make namespaces and mounts without a user namespace. */
bool privileges_is_admin(void);

/*
 * Limits of the caller that are for the program alone, and that the guest kernel enforces: the sandbox's own memory and
 * descriptors are freed of them as far as we may. An error when what is left is too little to work with.
 */
int privileges_raise_limits(struct error *err);

/*
 * For the process that becomes kserver, last before exec: no new privileges, only these capabilities (they survive
 * exec, also for another user than 0), no core dumps, every other resource limit as far as it goes, default signals,
 * network: it may bind to low ports, which the guest kernel asks for in the name of programs that it lets do so;
 * fixed addresses (the kernel's regions lie where a random stack or vDSO could be).
 */
int privileges_drop(enum privileges keep, bool network, struct error *err);

#endif
