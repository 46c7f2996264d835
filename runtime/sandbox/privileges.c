/* See privileges.h. */
#include "runtime/sandbox/privileges.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "runtime/lib/util.h"

bool privileges_is_admin(void)
{
	static const cap_value_t needed[] = {CAP_SYS_ADMIN, CAP_SETPCAP};
	cap_t caps = cap_get_proc();
	bool all = caps != NULL;

	for (size_t i = 0; caps && i < ARRAY_SIZE(needed); i++) {
		cap_flag_value_t on = CAP_CLEAR;

		cap_get_flag(caps, needed[i], CAP_EFFECTIVE, &on);
		all &= on == CAP_SET;
	}
	if (caps)
		cap_free(caps);
	return all;
}

static bool is_kept(cap_value_t cap, enum privileges keep, bool network)
{
	switch (cap) {
	case CAP_NET_BIND_SERVICE:
		return network;
	case CAP_DAC_READ_SEARCH:
		return keep == PRIVILEGES_READ;
	case CAP_CHOWN:
	case CAP_DAC_OVERRIDE:
	case CAP_FOWNER:
	case CAP_FSETID:
		return keep != PRIVILEGES_READ;
	case CAP_SETFCAP:
		return keep == PRIVILEGES_WRITE_FCAPS;
	}
	return false;
}

static int drop_capabilities(enum privileges keep, bool network, struct error *err)
{
	cap_t now = cap_get_proc(), want = cap_init();
	int rc = now && want ? 0 : error_errno(err, "reading capabilities");

	for (cap_value_t cap = 0; !rc && cap < 64; cap++) {
		int bound = cap_get_bound(cap);
		cap_flag_value_t have = CAP_CLEAR;

		if (bound < 0) /* past the last one this kernel has */
			break;
		cap_get_flag(now, cap, CAP_PERMITTED, &have);
		if (have == CAP_SET && is_kept(cap, keep, network)) {
			cap_set_flag(want, CAP_PERMITTED, 1, &cap, CAP_SET);
			cap_set_flag(want, CAP_EFFECTIVE, 1, &cap, CAP_SET);
			cap_set_flag(want, CAP_INHERITABLE, 1, &cap, CAP_SET);
		} else if (bound && cap_drop_bound(cap)) {
			rc = error_errno(err, "dropping capability %d from the bounding set", cap);
		}
	}
	if (!rc && cap_set_proc(want))
		rc = error_errno(err, "dropping capabilities");
	for (cap_value_t cap = 0; !rc && cap_get_bound(cap) >= 0; cap++) {
		cap_flag_value_t have = CAP_CLEAR;

		cap_get_flag(want, cap, CAP_PERMITTED, &have);
		if (have == CAP_SET && cap_set_ambient(cap, CAP_SET))
			rc = error_errno(err, "keeping capability %d over exec", cap);
	}
	cap_free(now);
	cap_free(want);
	return rc;
}

static int set_limits(struct error *err)
{
	for (int r = 0; r < RLIMIT_NLIMITS; r++) {
		struct rlimit rl;

		if (getrlimit(r, &rl))
			continue;
		rl.rlim_cur = rl.rlim_max;
		if (r == RLIMIT_CORE)
			rl.rlim_cur = rl.rlim_max = 0;
		else if (r == RLIMIT_STACK && rl.rlim_cur > 8u << 20) /* unlimited would turn mmap's layout over */
			rl.rlim_cur = 8u << 20;
		if (setrlimit(r, &rl))
			return error_errno(err, "setting resource limit %d", r);
	}
	return 0;
}

int privileges_raise_limits(struct error *err)
{
	static const struct {
		int resource;
		const char *text;
		rlim_t want, need; /* want: RLIM_INFINITY is not possible for descriptors */
	} limits[] = {
		{RLIMIT_AS, "address space (ulimit -v)", RLIM_INFINITY, RLIM_INFINITY},
		{RLIMIT_DATA, "data (ulimit -d)", RLIM_INFINITY, 0},
		{RLIMIT_FSIZE, "the size of files (ulimit -f)", RLIM_INFINITY, RLIM_INFINITY},
		{RLIMIT_NOFILE, "open files (ulimit -n)", 1u << 19, 64},
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct rlimit rl;

		if (getrlimit(limits[i].resource, &rl))
			continue;
		if (rl.rlim_max < limits[i].want)
			setrlimit(limits[i].resource, &(struct rlimit){limits[i].want, limits[i].want});
		if (getrlimit(limits[i].resource, &rl))
			continue;
		rl.rlim_cur = rl.rlim_max;
		setrlimit(limits[i].resource, &rl);
		if (rl.rlim_max < limits[i].need)
			return error_set(err, "the limit on %s is too low for the guest kernel, and not ours to raise",
					 limits[i].text);
	}
	return 0;
}

int privileges_drop(enum privileges keep, bool network, struct error *err)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(0);
	if (personality(ADDR_NO_RANDOMIZE) < 0)
		return error_errno(err, "personality");
	if (set_limits(err))
		return -1;
	if (setgroups(0, NULL) && errno != EPERM) /* EPERM: a map written without privileges forbids it */
		return error_errno(err, "setgroups");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return error_errno(err, "no_new_privs");
	return drop_capabilities(keep, network, err);
}
