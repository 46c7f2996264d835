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
	CONTROL_SIGNAL = 1, /* arg[0] = signal; arg[1] = for which program, -1 = for every process */
	CONTROL_WINSIZE = 2, /* arg[0] rows, arg[1] columns of the terminal of program arg[2] */
	CONTROL_SHUTDOWN = 3, /* kill everything and end */
	CONTROL_START = 4, /* boot_block.wait_go: the first program may run */
	/*
	 * Another program. arg[0] = its id, above 0 and never used twice; arg[1] = size of its block; arg[2] = bits: which of
	 * stdin, stdout, stderr come along. SCM_RIGHTS: a memfd that holds a boot block with the program's part filled in,
	 * then the streams.
	 */
	CONTROL_EXEC = 5,
	/* The container's limits have changed: arg = memory, quota, period, processes; as boot_block.group_*. INT64_MIN = as it was */
	CONTROL_LIMITS = 6,
	/* kernel -> supervisor */
	CONTROL_READY = 16, /* the first program was found */
	CONTROL_EXIT = 17, /* arg[0] = its status as wait(2); the sandbox ends */
	/* arg[0] = errno: program arg[1] could not be run; arg[2] = enum control_stage; text = its name or directory */
	CONTROL_EXEC_ERROR = 18,
	CONTROL_BOOT_ERROR = 19, /* arg[0] = errno; text = one line: what failed */
	CONTROL_PANIC = 20, /* text = reason and backtrace */
	CONTROL_WARN = 21, /* text = one line for the user */
	CONTROL_EXEC_STARTED = 22, /* arg[0] = guest pid of program arg[1] */
	CONTROL_EXEC_EXIT = 23, /* arg[0] = status as wait(2) of program arg[1], which is not the first */
};

/* What a program failed at before it ran. */
enum control_stage {
	CONTROL_STAGE_PROGRAM, /* finding or loading it */
	CONTROL_STAGE_CWD, /* its working directory */
	CONTROL_STAGE_START, /* resources */
};

struct control_msg {
	uint32_t type;
	uint32_t text_len; /* bytes used in text, at most CONTROL_TEXT_MAX */
	int64_t arg[4];
	char text[CONTROL_TEXT_MAX];
};

#endif
