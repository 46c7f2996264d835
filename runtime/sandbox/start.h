/* Between the two sides of a sandbox's start (start.c, child.c); nobody else's. */
#ifndef LIMPET_RUNTIME_START_H
#define LIMPET_RUNTIME_START_H

#include "runtime/sandbox/boot.h"
#include "runtime/sandbox/sandbox.h"

struct start {
	const struct spec *spec;
	enum boot_platform platform;
	bool user_ns;
	struct filter server_filter, guest_filter;
	int image_fd; /* the guest kernel */
	int control_fd; /* kserver's end */
	int sync_fd; /* "go" from the parent; a struct error to it; closed by exec */
	int log_fd, strace_fd; /* -1 = none */
	bool terminal;
	unsigned rows, cols;
	struct boot_termios termios;
};

/* Never returns: exec, or the error into sync_fd and an exit. */
_Noreturn void start_child(struct start *st);

#endif
