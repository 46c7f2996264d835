/* Another program in a running container, and the process that stands for it on the host. */
#ifndef LIMPET_RUNTIME_EXEC_H
#define LIMPET_RUNTIME_EXEC_H

#include "runtime/container/container.h"
#include "runtime/sandbox/spec.h"

struct exec_options {
	const char *pid_file, *console_socket; /* or NULL */
	bool detach;
};

/*
 * Runs spec's program in c, which is unlocked before anything is waited for. The exit status of the program; 0 with
 * detach once it runs; -1 with err.
 */
int container_exec(struct container *c, struct spec *spec, const struct exec_options *options, struct error *err);

#endif
