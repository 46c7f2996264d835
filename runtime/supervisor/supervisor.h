/*
 * What limpet does while a sandbox runs: it passes signals and window sizes in, hears how the first program ends, and
 * sees to it that everything is gone afterwards. It trusts no byte from the guest kernel.
 */
#ifndef LIMPET_RUNTIME_SUPERVISOR_H
#define LIMPET_RUNTIME_SUPERVISOR_H

#include "runtime/container/server.h"
#include "runtime/sandbox/sandbox.h"

/* Before the sandbox starts: from now on signals wait for supervisor_run. */
int supervisor_prepare(struct error *err);
/* From sandbox_go until nothing of the sandbox is left. The exit status for a shell; -1 with an error. */
int supervisor_run(struct sandbox *sb, struct error *err);

/* A container's supervisor: besides, it serves the commands that come over its socket. */
struct supervision {
	struct server server;
	bool detached; /* nobody's foreground job: job control signals are for the program as well */
	/* The program was found and waits. -1 with err: the container is given up. */
	int (*ready)(void *arg, struct error *err);
	void *arg;
};
/* As supervisor_run, from before sandbox_go, which the caller has called. The terminal was entered by the caller. */
int supervisor_run_container(struct sandbox *sb, struct supervision *sv, struct error *err);

#endif
