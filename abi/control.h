/*
 * The control socket between the supervisor (runtime) and kserver: SOCK_SEQPACKET, one struct control_msg a packet.
 * The supervisor trusts nothing that comes from the kernel: it reads a message once and checks every field.
 */
#ifndef LIMPET_ABI_CONTROL_H
#define LIMPET_ABI_CONTROL_H

#include <stdint.h>

#define CONTROL_TEXT_MAX 4000

enum control_type {
	/* supervisor -> kernel */
	CONTROL_SIGNAL = 1, /* arg[0] = signal for the container's first process */
	CONTROL_WINSIZE = 2, /* arg[0] rows, arg[1] columns of the controlling terminal */
	CONTROL_SHUTDOWN = 3, /* kill everything and end */
	/* kernel -> supervisor */
	CONTROL_READY = 16, /* the first program was found and loaded */
	CONTROL_EXIT = 17, /* arg[0] = its status as wait(2); the sandbox ends */
	CONTROL_EXEC_ERROR = 18, /* arg[0] = errno: the first program could not be run; text = its path */
	CONTROL_BOOT_ERROR = 19, /* arg[0] = errno; text = one line: what failed */
	CONTROL_PANIC = 20, /* text = reason and backtrace */
	CONTROL_WARN = 21, /* text = one line for the user */
	CONTROL_STATS = 22, /* text = lines for --stats; before CONTROL_EXIT */
};

struct control_msg {
	uint32_t type;
	uint32_t text_len; /* bytes used in text, at most CONTROL_TEXT_MAX */
	int64_t arg[4];
	char text[CONTROL_TEXT_MAX];
};

#endif
