/*
 * The control socket between the supervisor (runtime) and kserver: SOCK_SEQPACKET, one struct control_msg a packet.
 * The supervisor trusts nothing that comes from the kernel: it reads a message once and checks every field.
 */
#ifndef LIMPET_ABI_CONTROL_H
#define LIMPET_ABI_CONTROL_H

#include <stdint.h>

#define CONTROL_TEXT_MAX 4000
#define CONTROL_CODE_MAX 1024

enum control_type {
	/* supervisor -> kernel */
	CONTROL_SIGNAL = 1, /* arg[0] = signal for the container's first process */
	CONTROL_WINSIZE = 2, /* arg[0] rows, arg[1] columns of the controlling terminal */
	CONTROL_SHUTDOWN = 3, /* kill everything and end */
	CONTROL_LOCATED = 4, /* arg[0] = id of the request, arg[1] = offset of the instruction or -1, arg[2] = its length; arg[3]: 1 = what follows needs none of
			      * the flags as they are behind it */
	/* kernel -> supervisor */
	CONTROL_READY = 16, /* the first program was found and loaded */
	CONTROL_EXIT = 17, /* arg[0] = its status as wait(2); the sandbox ends */
	CONTROL_EXEC_ERROR = 18, /* arg[0] = errno: the first program could not be run; text = its path */
	CONTROL_BOOT_ERROR = 19, /* arg[0] = errno; text = one line: what failed */
	CONTROL_PANIC = 20, /* text = reason and backtrace */
	CONTROL_WARN = 21, /* text = one line for the user */
	/*
	 * Which instruction does the byte at arg[1] of these (text: bytes of code, at most CONTROL_CODE_MAX) belong to?
	 * arg[0] = id, arg[2] = an offset where one is known to begin, or -1. Answered by CONTROL_LOCATED, soon or never.
	 */
	CONTROL_LOCATE = 22,
	CONTROL_STATS = 23, /* text = lines for --stats; before CONTROL_EXIT */
};

struct control_msg {
	uint32_t type;
	uint32_t text_len; /* bytes used in text, at most CONTROL_TEXT_MAX */
	int64_t arg[4];
	char text[CONTROL_TEXT_MAX];
};

#endif
