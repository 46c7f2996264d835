/* See machine.h. */
#include "runtime/sandbox/machine.h"

#include <cpuid.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#define HWCAP2_FSGSBASE_BIT 2ul
#define PKEY_MIN_MAJOR 6 /* signal frames on a stack with a key */
#define PKEY_MIN_MINOR 12
#define PR_SUD 59 /* PR_SET_SYSCALL_USER_DISPATCH */

static bool has_pku(void)
{
	unsigned a, b, c = 0, d;
	int key;

	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(c & bit_PKU) || !(c & bit_OSPKE))
		return false;
	key = pkey_alloc(0, 0);
	if (key >= 0)
		pkey_free(key);
	return key >= 0;
}

static bool has_ns(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	return !access(path, F_OK);
}

void machine_probe(struct machine *m)
{
	struct utsname uts;
	unsigned action = SECCOMP_RET_KILL_PROCESS;

	*m = (struct machine){0};
	if (!uname(&uts)) {
		snprintf(m->release, sizeof(m->release), "%s", uts.release);
		sscanf(uts.release, "%u.%u", &m->major, &m->minor);
	}
	m->pku = has_pku();
	m->fsgsbase = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE_BIT;
	m->sud = !prctl(PR_SUD, 0, 0, 0, 0);
	m->seccomp = !syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
	m->user_ns = has_ns("user");
	m->mount_ns = has_ns("mnt");
	m->pid_ns = has_ns("pid");
	m->net_ns = has_ns("net");
	m->ipc_ns = has_ns("ipc");
	m->uts_ns = has_ns("uts");
	m->cgroup_ns = has_ns("cgroup");
}

const char *machine_no_pkey(const struct machine *m)
{
	if (!m->pku)
		return "this machine has no memory protection keys (PKU)";
	if (!m->fsgsbase)
		return "this machine has no FSGSBASE";
	if (m->major < PKEY_MIN_MAJOR || (m->major == PKEY_MIN_MAJOR && m->minor < PKEY_MIN_MINOR))
		return "this kernel is older than Linux 6.12";
	return NULL;
}

int machine_platform(const struct machine *m, enum spec_platform want, enum boot_platform *platform,
		     const char **fallback, struct error *err)
{
	const char *no_pkey = machine_no_pkey(m);

	*fallback = NULL;
	if (!m->sud)
		return error_set(err, "the kernel %s has no syscall user dispatch (Linux 5.11, CONFIG_GENERIC_ENTRY)",
				 m->release);
	if (!m->seccomp)
		return error_set(err, "the kernel %s has no seccomp filters", m->release);
	if (want == SPEC_PLATFORM_PKEY && no_pkey)
		return error_set(err, "--platform pkey: %s", no_pkey);
	*platform = want == SPEC_PLATFORM_PLAIN || no_pkey ? BOOT_PLATFORM_PLAIN : BOOT_PLATFORM_PKEY;
	if (want == SPEC_PLATFORM_AUTO)
		*fallback = no_pkey;
	return 0;
}
