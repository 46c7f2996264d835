/* The numbers of /proc/sys about message queues that can be changed. */
#include "ipc/ipc_sysctl.h"

#include "abi/linux/errno.h"
#include "core/atomic.h"
#include "lib/string.h"

struct ipc_sysctl ipc_sysctl = {
	.msgmax = 8192,
	.msgmnb = 16384,
	.mq_queues = 256,
	.mq_msg_max = 10,
	.mq_msgsize_max = 8192,
	.mq_msg_default = 10,
	.mq_msgsize_default = 8192,
};

static const struct {
	const char *name;
	u32 *value;
	u32 low, high;
} numbers[] = {
	{ "msgmax", &ipc_sysctl.msgmax, 0, 1 << 20 },
	{ "msgmnb", &ipc_sysctl.msgmnb, 0, 1 << 24 },
	{ "queues_max", &ipc_sysctl.mq_queues, 0, 65536 },
	{ "msg_max", &ipc_sysctl.mq_msg_max, 1, MQ_HARD_MSG_MAX },
	{ "msgsize_max", &ipc_sysctl.mq_msgsize_max, 128, MQ_HARD_MSGSIZE_MAX },
	{ "msg_default", &ipc_sysctl.mq_msg_default, 1, MQ_HARD_MSG_MAX },
	{ "msgsize_default", &ipc_sysctl.mq_msgsize_default, 128, MQ_HARD_MSGSIZE_MAX },
};

static int find(const char *name)
{
	for (u32 i = 0; i < ARRAY_SIZE(numbers); i++)
		if (!strcmp(numbers[i].name, name))
			return (int)i;
	return -1;
}

int ipc_sysctl_show(const char *name, u32 *out)
{
	int i = find(name);

	if (i < 0)
		return -ENOENT;
	*out = atomic_load_relaxed(numbers[i].value);
	return 0;
}

int ipc_sysctl_write(const char *name, const char *text)
{
	int i = find(name), err;
	u64 v;

	if (i < 0)
		return -ENOENT;
	err = kstrtou64(text, 10, &v);
	if (!err && (v < numbers[i].low || v > numbers[i].high))
		err = -EINVAL;
	if (!err)
		atomic_store(numbers[i].value, (u32)v);
	return err;
}
