/*
 * A seccomp listener outside the sandbox: a SOCK_SEQPACKET socket between the guest kernel and the process that serves the
 * listener's descriptor (runtime/notify), one struct notify_msg a packet. CALL is sent by the host process that runs the
 * calling program, so that the socket's credentials say which that is.
 */
#ifndef LIMPET_ABI_NOTIFY_H
#define LIMPET_ABI_NOTIFY_H

#include <stdint.h>

enum notify_type {
	/* kernel -> server */
	NOTIFY_CALL = 1, /* nr, ip, args: a call waits, under id */
	NOTIFY_CANCEL = 2, /* it does not wait any more */
	NOTIFY_GONE = 3, /* no program has the filter any more */
	NOTIFY_ADDED = 4, /* id of the ADDFD's token; val = the descriptor, or -errno */
	/* server -> kernel; calls that do not wait are ignored, but for ADDFD */
	NOTIFY_TOLD = 5, /* somebody is dealing with it */
	NOTIFY_ANSWER = 6, /* val, error, flags as in struct seccomp_notif_resp */
	NOTIFY_ADDFD = 7, /* flags, newfd, newfd_flags; token; SCM_RIGHTS: the file */
};

struct notify_msg {
	uint32_t type;
	int32_t error;
	uint64_t id;
	int64_t val;
	uint32_t flags, newfd, newfd_flags;
	int32_t nr;
	uint64_t token;
	uint64_t ip, args[6];
};
_Static_assert(sizeof(struct notify_msg) == 104, "notify_msg layout");

#endif
