/* Limits of message queues, System V's and POSIX's, as /proc/sys/kernel and /proc/sys/fs/mqueue have them. */
#ifndef LIMPET_IPC_IPC_SYSCTL_H
#define LIMPET_IPC_IPC_SYSCTL_H

#include "lib/types.h"

/* What nobody passes, whatever the numbers and the capabilities. */
#define MQ_HARD_MSG_MAX 65536
#define MQ_HARD_MSGSIZE_MAX (16 << 20)

struct ipc_sysctl {
	u32 msgmax, msgmnb;
	u32 mq_queues, mq_msg_max, mq_msgsize_max; /* without CAP_SYS_RESOURCE */
	u32 mq_msg_default, mq_msgsize_default;
};
extern struct ipc_sysctl ipc_sysctl; /* each atomic */

/* By the file's name; -ENOENT = not one of these. */
int ipc_sysctl_show(const char *name, u32 *out) __must_check;
int ipc_sysctl_write(const char *name, const char *text) __must_check;

#endif
