/* mq_overview(7): POSIX message queues. */
#ifndef LIMPET_ABI_LINUX_MQUEUE_H
#define LIMPET_ABI_LINUX_MQUEUE_H

#include <stdint.h>

#define MQ_PRIO_MAX 32768
#define MQUEUE_MAGIC 0x19800202

struct mq_attr {
	int64_t flags, maxmsg, msgsize, curmsgs;
	int64_t reserved[4];
};
_Static_assert(sizeof(struct mq_attr) == 64, "Linux's size");

#endif
