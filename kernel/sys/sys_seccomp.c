/* seccomp(2); prctl(2) comes here for its part of it. */
#include "sys/seccomp.h"
#include "sys/syscall.h"

#define FLAGS_KNOWN                                                                                          \
	(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW |                  \
	 SECCOMP_FILTER_FLAG_TSYNC_ESRCH | SECCOMP_FILTER_FLAG_NEW_LISTENER |                                    \
	 SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)

/* One result cannot be both a descriptor and the number of a thread. */
static bool flags_ok(u32 flags)
{
	if (flags & ~FLAGS_KNOWN)
		return false;
	if ((flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) && !(flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
		return false;
	return !(flags & SECCOMP_FILTER_FLAG_TSYNC) || !(flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) ||
	       (flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH);
}

static long action_avail(struct uptr from)
{
	u32 action;

	if (copy_in(&action, from, sizeof(action)))
		return -EFAULT;
	switch (action) {
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
	case SECCOMP_RET_ERRNO:
	case SECCOMP_RET_USER_NOTIF:
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_ALLOW:
		return 0;
	}
	return -EOPNOTSUPP;
}

static long notif_sizes(struct uptr to)
{
	static const struct seccomp_notif_sizes sizes = { .notif = sizeof(struct seccomp_notif),
							.resp = sizeof(struct seccomp_notif_resp),
							.data = sizeof(struct seccomp_data) };

	return copy_out(to, &sizes, sizeof(sizes)) ? -EFAULT : 0;
}

SYSCALL3(seccomp, u32, op, u32, flags, struct uptr, args)
{
	switch (op) {
	case SECCOMP_SET_MODE_STRICT:
		return flags || !uptr_null(args) ? -EINVAL : seccomp_set_strict();
	case SECCOMP_SET_MODE_FILTER:
		return flags_ok(flags) ? seccomp_set_filter(flags, args) : -EINVAL;
	case SECCOMP_GET_ACTION_AVAIL:
		return flags ? -EINVAL : action_avail(args);
	case SECCOMP_GET_NOTIF_SIZES:
		return flags ? -EINVAL : notif_sizes(args);
	}
	return -EINVAL;
}
