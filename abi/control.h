/*
 * The control socket between the supervisor (runtime) and kserver: SOCK_SEQPACKET, one struct control_msg a packet.
 * The supervisor trusts nothing that comes from the kernel: it reads a message once and checks every field.
 */
#ifndef LIMPET_ABI_CONTROL_H
#define LIMPET_ABI_CONTROL_H

#include <stdint.h>

#define CONTROL_TEXT_MAX 4000
#define CONTROL_CODE_MAX 1024
#define CONTROL_TREES_MAX 128 /* of one container */
#define CONTROL_FDS_MAX (CONTROL_TREES_MAX + 4) /* with a message; the host takes 253 */

enum control_type {
	/* supervisor -> kernel */
	CONTROL_SIGNAL = 1, /* arg[0] = signal; arg[1] = for which program, -1 = for every process of the container */
	CONTROL_WINSIZE = 2, /* arg[0] rows, arg[1] columns of the terminal of program arg[2] */
	CONTROL_SHUTDOWN = 3, /* kill everything and end */
	CONTROL_LOCATED = 4, /* arg[0] = id of the request, arg[1] = offset of the instruction or -1, arg[2] = its length; arg[3]: 1 = what follows needs none of
			      * the flags as they are behind it */
	CONTROL_START = 5, /* boot_block.wait_go: the container's first program may run */
	/*
	 * Another program. arg[0] = its id, above 0 and never used twice; arg[1] = size of its block; arg[2] = bits: which of
	 * stdin, stdout, stderr come along, and 8: boot_block.seccomp_fd. SCM_RIGHTS: a memfd that holds a boot block with the
	 * program's part filled in, then the streams, the listener's socket, then those that take the places of boot_block.preserved.
	 */
	CONTROL_EXEC = 6,
	/* The container's limits have changed: arg = memory, quota, period, processes; as boot_block.group_*. INT64_MIN = as it was */
	CONTROL_LIMITS = 7,
	/*
	 * arg[0]: 1 = the user's terminal is ours again, 0 = it is not: nothing may be read from it. arg[1] = 1: the first
	 * program's process group, with which we stopped, goes on.
	 */
	CONTROL_TERMINAL = 8,
	/*
	 * Another container, of the same pod. arg[0] = its number, which is its first program's id, from the same row as those
	 * of CONTROL_EXEC; arg[1], arg[2] as there; arg[3] = number of the container whose processes it sees besides its own,
	 * -1 = none. SCM_RIGHTS: a memfd that holds a boot block with program and world filled in, the streams, then the trees:
	 * boot_mount.host_fd counts those. Answered by JOINED or EXEC_ERROR.
	 */
	CONTROL_JOIN = 9,
	CONTROL_POPULATE = 10, /* the joined container's first process may be made. Then READY or EXEC_ERROR */
	CONTROL_FREEZE = 11, /* arg[0]: 1 = the container's programs pause, 0 = they go on */
	/* kernel -> supervisor */
	CONTROL_READY = 16, /* program arg[1], the first of its container, was found */
	CONTROL_EXIT = 17, /* arg[0] = its status as wait(2); the sandbox ends */
	/* arg[0] = errno: program arg[1] could not be run; arg[2] = enum control_stage; text = its name or directory */
	CONTROL_EXEC_ERROR = 18,
	CONTROL_BOOT_ERROR = 19, /* arg[0] = errno; text = one line: what failed */
	CONTROL_PANIC = 20, /* text = reason and backtrace */
	CONTROL_WARN = 21, /* text = one line for the user */
	/*
	 * Which instruction does the byte at arg[1] of these (text: bytes of code, at most CONTROL_CODE_MAX) belong to?
	 * arg[0] = id, arg[2] = an offset where one is known to begin, or -1. Answered by CONTROL_LOCATED, soon or never.
	 */
	CONTROL_LOCATE = 22,
	CONTROL_EXEC_STARTED = 23, /* arg[0] = guest pid of program arg[1] */
	CONTROL_EXEC_EXIT = 24, /* arg[0] = status as wait(2) of program arg[1], which is not the first */
	CONTROL_STOPPED = 25, /* the first program has stopped on its terminal, and nothing is read from that any more */
	CONTROL_STATS = 26, /* text = lines for --stats; before CONTROL_EXIT */
	/* arg[0] = the process, by its number in the sandbox's PID namespace, that all of container arg[1] descend from */
	CONTROL_JOINED = 27,
};

/* What a program failed at before it ran. */
enum control_stage {
	CONTROL_STAGE_PROGRAM, /* finding or loading it */
	CONTROL_STAGE_CWD, /* its working directory */
	CONTROL_STAGE_START, /* resources */
	CONTROL_STAGE_WORLD, /* the container's mounts and devices; text says which */
	CONTROL_STAGE_CPUS, /* its affinity: the guest sees none of those CPUs */
};

struct control_msg {
	uint32_t type;
	uint32_t text_len; /* bytes used in text, at most CONTROL_TEXT_MAX */
	int64_t arg[4];
	uint32_t container; /* supervisor -> kernel: whom it concerns; 0 = the first */
	uint32_t pad;
	char text[CONTROL_TEXT_MAX];
};

#endif
