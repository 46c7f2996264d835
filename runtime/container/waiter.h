/*
 * The host process that stands for a program, or for a container that has joined another's sandbox: its connection to
 * the supervisor holds the program, signals to it are passed on, and it ends as the program does.
 */
#ifndef LIMPET_RUNTIME_WAITER_H
#define LIMPET_RUNTIME_WAITER_H

#include "runtime/container/exec.h"

struct waiter {
	uint32_t container; /* its number in the pod */
	struct spec *spec;
	const struct exec_options *options;
	json_t *state; /* exec: the container's, for a seccomp agent */
	int fd; /* to the supervisor */
	int signal_fd;
	bool terminal;
};

/* From now on signals wait for waiter_wait. */
int waiter_signals(struct waiter *w, struct error *err);
/* The program's status for a shell. A supervisor that ends first has taken the program along. */
int waiter_wait(struct waiter *w);

#endif
